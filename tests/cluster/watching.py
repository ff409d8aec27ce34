"""The watch of a cluster and its sources as the daemon runs them, without the daemon.

async with watching(plane.kubeconfig, shop(namespace)) as seen:
    await seen.in_sync()
    ...
    await seen.until(lambda: seen.firing("KubePodCrashLooping"))
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from agent.catalog.cluster_document import ClusterSettings
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.alert import Alert, AlertStatus, Change, Signal
from agent.model.cluster import ClusterPlace
from agent.model.errors import StoreUnavailable
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Product, Registry
from agent.model.signals import ChangePhase
from agent.ports.kit import SourceKit
from agent.runtime.cluster import Cluster
from agent.runtime.kit import LentToSource, StructLog
from plugins.sources.kubernetes_level import firing
from plugins.sources.kubernetes_watch import Watched, listen
from tests.support.kits import RealClock
from tests.support.waiting import eventually


def shop(namespace: str, *more: ClusterPlace, **named: ClusterPlace) -> Registry:
    """Product `shop` with `web`, the Deployment of that name, and whatever else is named."""
    web = ClusterPlace(namespace=namespace, kind="deployment", name="web")
    places = {"web": (web, *more), **{name: (place,) for name, place in named.items()}}
    entities = {
        name: Entity(
            name=name, kind=EntityKind.SERVICE, product="shop", owner="team-shop", places=p
        )
        for name, p in places.items()
    }
    return Registry(
        products={"shop": Product(name="shop", builder="ana", tier="low")}, entities=entities
    )


class Watching:
    def __init__(self, kubeconfig: Path, registry: Registry, **settings: Any) -> None:
        self.clock = RealClock()
        self.view = View(policy=Policy(), registry=registry, runbooks=MatchIndex(()), plugins={})
        made = ClusterSettings(kubeconfig=kubeconfig, **settings)
        self.cluster = Cluster(made, clock=self.clock, view=self.view)
        self.signals: list[Signal] = []
        self.store_is_down = False
        self.params = Watched()

    @property
    def kit(self) -> SourceKit:
        return LentToSource(
            http=None,  # type: ignore[arg-type]
            processes=None,  # type: ignore[arg-type]
            products=lambda: self.view.registry,
            log=StructLog({}),
            emit_signals=self._emit,
            keep=None,  # type: ignore[arg-type]
            clock=self.clock,
            watched=self.cluster,
        )

    async def _emit(self, signals: Sequence[Signal]) -> None:
        if self.store_is_down:
            raise StoreUnavailable
        self.signals += signals

    async def level(self) -> Sequence[Alert]:
        """Once everything is listed; before that it is no answer."""
        await self.in_sync()
        return await self.level_now()

    async def level_now(self) -> Sequence[Alert]:
        return await firing.firing(self.kit, self.params)

    @property
    def changes(self) -> list[Change]:
        return [signal for signal in self.signals if isinstance(signal, Change)]

    def phases(self, version: str) -> list[ChangePhase]:
        return [change.phase for change in self.changes if change.version == version]

    def firing(self, name: str) -> list[Alert]:
        """Alerts of this name that were told and are not over."""
        now: dict[tuple[tuple[str, str], ...], Alert] = {}
        for signal in self.signals:
            if isinstance(signal, Alert) and signal.name == name:
                key = tuple(sorted(signal.labels.items()))
                now.pop(key, None)
                if signal.status is AlertStatus.FIRING:
                    now[key] = signal
        return list(now.values())

    async def until(self, look: Callable[[], Any], what: str = "", *, within: float = 60) -> Any:
        return await eventually(look, within=within, what=what or f"seen: {self.signals[-5:]}")

    async def in_sync(self, *, within: float = 40) -> None:
        def seen_whole() -> bool:
            sight = self.view.cluster
            return sight is not None and sight.seen_at is not None and not sight.trouble

        await eventually(seen_whole, within=within, what=f"in sync: {self.cluster.unsynced()[:3]}")


@asynccontextmanager
async def watching(
    kubeconfig: Path, registry: Registry, *, source: bool = True, **settings: Any
) -> AsyncIterator[Watching]:
    """With `source=False` the watch alone."""
    made = Watching(kubeconfig, registry, **settings)
    running: list[asyncio.Future[None]] = [asyncio.create_task(made.cluster.run())]
    if source:
        running.append(asyncio.ensure_future(listen.run(made.kit, made.params)))
    try:
        yield made
        for task in running:
            if task.done():
                task.result()  # it ends by an error only
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await made.cluster.connection.close()
