"""A cluster that consists of the objects a test tells of: for diagnostics without an API server."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.model.errors import Permanent
from agent.model.product import Registry
from agent.model.signals import ChangeSeen, MemberSeen
from agent.ports.cluster import Json, LogText
from agent.ports.cluster_kinds import WORKLOADS, Ref, ref_of
from agent.ports.cluster_objects import Kept
from agent.runtime.kit import StructLog

RECORDED = Path(__file__).parent.parent / "unit" / "ports" / "recorded"
NAMESPACE = "shop"


def recorded() -> dict[str, Any]:
    """A Deployment `web` of two in the namespace `shop`, as a real API server told of it: rolled
    out, then a second revision whose pod runs out of memory again and again. With it a Job that
    failed, and a node."""
    found: dict[str, Any] = json.loads((RECORDED / "bad_rollout.json").read_text())
    return copy.deepcopy(found)


class ToldCluster:
    """Implements ports.cluster.ClusterReader. Selectors are not looked at: everything of a kind is
    listed, as a hostile label might bring it about."""

    def __init__(self, now: float, **objects: Sequence[Json]) -> None:
        """`objects`: by kind, as `pod=[...]`."""
        self._now, self.objects = now, {kind: list(found) for kind, found in objects.items()}
        self.log_text: LogText | Exception = LogText(lines=(), is_cut=False)
        self.logs_asked: list[tuple[str, str, bool]] = []
        self.watched: dict[str, Kept] = {}

    async def find(self, target: str, *, kinds: Sequence[str] = ()) -> Ref:
        ref = ref_of(target)
        if ref is None or ref.kind not in (kinds or WORKLOADS):
            raise Permanent(f"{target} is no {kinds}")
        return ref

    async def get(self, ref: Ref, *, part: str = "") -> Json | None:
        for each in self.objects.get(ref.kind, ()):
            if _name(each) == ref.name:
                return each
        return None

    async def list(
        self,
        kind: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        most: int = 1000,
    ) -> tuple[Json, ...]:
        return tuple(self.objects.get(kind, ()))

    async def logs(
        self, pod: Ref, *, container: str = "", previous: bool = False, lines: int = 200
    ) -> LogText:
        self.logs_asked.append((pod.name, container, previous))
        if isinstance(self.log_text, Exception):
            raise self.log_text
        return self.log_text

    async def question(self, path: str) -> Json:
        raise Permanent(path)

    def kept(self, name: str) -> Kept | None:
        return self.watched.get(name)

    def all_kept(self, kind: str, *, namespace: str = "") -> tuple[Kept, ...]:
        return tuple(k for k in self.watched.values() if k.ref.kind == kind)

    def made_by(self, name: str) -> tuple[Kept, ...]:
        return ()

    def entity_of(self, name: str) -> str | None:
        return None

    def machines(self) -> Sequence[str]:
        return ("ci",)

    def now(self) -> float:
        return self._now


class ToldKit:
    """As much of a ReadKit as diagnostics of a cluster use."""

    def __init__(self, cluster: ToldCluster, registry: Registry | None = None) -> None:
        self.cluster, self.registry = cluster, registry or Registry()
        self.signals, self.log, self.deadline_seconds = NoChanges(), StructLog({}), 5.0


class NoChanges:
    def member(self, name: str) -> MemberSeen:
        return MemberSeen(name=name, is_known=False)

    def changes(
        self, *, product: str | None = None, entity: str | None = None, since_seconds: float
    ) -> tuple[ChangeSeen, ...]:
        return ()


def _name(thing: Any) -> str:
    meta = thing.get("metadata") if isinstance(thing, dict) else None
    return str(meta.get("name")) if isinstance(meta, dict) else ""
