"""Diagnostics of Kubernetes as the daemon asks them, beside a watch that is in sync.

async with diagnosing(plane.kubeconfig, shop(namespace)) as ask:
    found = await ask("pod_status", target=f"{namespace}/deployment/web")
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agent.model.product import Registry
from agent.model.signals import ChangeSeen, MemberSeen
from agent.ports.plugin import Diagnostic
from agent.runtime.kit import Kits
from tests.cluster.watching import Watching, watching
from tests.support.kits import ToldProcesses
from tests.support.shipped import plugin


class ToldChanges:
    """Signals that say what the test told them to."""

    def __init__(self) -> None:
        self.told: list[ChangeSeen] = []

    def member(self, name: str) -> MemberSeen:
        return MemberSeen(name=name, is_known=False)

    def changes(
        self, *, product: str | None = None, entity: str | None = None, since_seconds: float
    ) -> tuple[ChangeSeen, ...]:
        return tuple(c for c in self.told if c.entity == entity and c.seconds_ago < since_seconds)


class Diagnosing:
    def __init__(self, watch: Watching, kits: Kits, changes: ToldChanges) -> None:
        self.watch, self._kits, self.changes = watch, kits, changes

    async def __call__(self, name: str, /, **params: Any) -> Any:
        """What `kubernetes.NAME` finds."""
        asked = plugin(f"kubernetes.{name}")
        assert isinstance(asked, Diagnostic)
        kit = self._kits.read(deadline_seconds=15.0, use=asked.name, rights=asked.rights)
        return await asked.run(kit, asked.params.model_validate(params))


@asynccontextmanager
async def diagnosing(
    kubeconfig: Path, registry: Registry | None = None, **settings: Any
) -> AsyncIterator[Diagnosing]:
    known = registry or Registry()
    async with watching(kubeconfig, known, source=False, **settings) as watch:
        if known.entities or settings:
            await watch.in_sync()
        processes: Any = ToldProcesses()
        changes = ToldChanges()
        kits = Kits(
            clock=watch.clock,
            processes=processes,
            products=lambda: known,
            signals=changes,
            cluster=watch.cluster,
        )
        try:
            yield Diagnosing(watch, kits, changes)
        finally:
            await kits.close()
