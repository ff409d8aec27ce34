"""What people are told of a cluster: how well it is seen, and what runs in it for whom."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from agent.model.signals import ChangePhase


class Sight(StrEnum):
    """How one kind of object in one namespace is seen."""

    WATCHED = "watched"
    FORBIDDEN = "forbidden"
    NOT_SERVED = "not served"
    BROKEN = "broken"


class PodWord(StrEnum):
    """What a pod is like, the worst first."""

    FAILING = "failing"
    """It ends again and again, or cannot be started."""
    STARTING = "not ready"
    ENDING = "ending"
    READY = "ready"
    DONE = "done"


class WatchState(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    """As people write it: `deployments.apps`."""
    namespace: str
    """Empty: all of them, or none."""
    sight: Sight
    said: str = ""
    """Why it is not seen."""
    silent_seconds: float = 0.0
    """Since the last sign that nothing was missed."""
    lists: int = 0
    """How often everything was listed since the start."""
    is_needed: bool = True
    """Without it the cluster counts as not seen."""


class PodState(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    word: PodWord
    restarts: int = 0


class ReleaseState(msgspec.Struct, frozen=True, kw_only=True):
    """One rollout, as changes tell of it."""

    revision: str
    version: str
    phase: ChangePhase
    by: str
    began_at: float
    at: float
    """Of its latest phase."""
    undone_for: str = ""
    """The incident it was rolled back for."""


class AlertInCluster(msgspec.Struct, frozen=True, kw_only=True):
    """One that the cluster's own source tells, and that is firing."""

    name: str
    summary: str
    since: float
    incident: str
    product: str | None
    """Of the incident: people who are limited to products see theirs."""


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """The last write of a person, in the last day or as long as it holds the agent back."""

    by: str
    at: float
    held_until: float
    """So long the agent keeps off it."""


class WorkloadState(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    """In the inventory: `shop/deployment/web`."""
    product: str | None
    entity: str
    wanted: int
    ready: int
    updated: int
    available: int
    revision: str
    """Empty: its controller has not told one."""
    images: str
    phase: ChangePhase
    """How the rollout of what is declared goes, as its controller tells."""
    is_paused: bool = False
    is_ignored: bool = False
    kept_by: str = ""
    """What declares it in a repository: `argocd application shop`."""
    pods: tuple[PodState, ...] = ()
    """The worst first."""
    releases: tuple[ReleaseState, ...] = ()
    """Begun or told of in the last day, oldest first."""
    rollout: ReleaseState | None = None
    """The latest there is, however long ago."""
    watched_until: float | None = None
    """So long what breaks is held against the latest rollout. None: no longer."""
    alerts: tuple[AlertInCluster, ...] = ()
    edited: Edited | None = None

    @property
    def is_well(self) -> bool:
        return not self.alerts and self.phase is ChangePhase.DONE and self.ready >= self.wanted


class AbsentState(msgspec.Struct, frozen=True, kw_only=True):
    """What the catalog says and the cluster has not: mostly a misspelt name."""

    name: str
    """As the inventory would call it."""
    entity: str
    product: str | None


class ClusterState(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    version: str
    """Of the API server. Empty: it was not asked yet, or did not say."""
    seen_at: float | None
    """Up to when nothing was missed; None: it is not known what was."""
    trouble: str
    has_begun: bool
    watches: tuple[WatchState, ...] = ()
    workloads: tuple[WorkloadState, ...] = ()
    """Of registered entities, in order of their names."""
    objects: Mapping[str, int] = {}
    """How many are seen, by product; those of none under the empty name."""
    nobodys: tuple[str, ...] = ()
    """What no other object made and that belongs to no registered entity, by its name in the
    inventory."""
    absent: tuple[AbsentState, ...] = ()
    """Declared by name, and not there."""
    products: Mapping[str, frozenset[str]] = {}
    """Which products are in a namespace."""
