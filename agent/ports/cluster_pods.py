"""What the API server tells of pods: ready or not and since when, restarted how often, and how
their containers ended last. What it does not tell is unknown.

Of each container only the last two ends are told, and a counter of restarts that never goes back.
So how often it was restarted within a while is known for certain only in part.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from agent.ports.cluster import Json
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_walking import (
    condition_of,
    holds,
    items,
    mapping,
    moment,
    name_of,
    text,
    whole,
)

ENDED = ("Succeeded", "Failed")
STARTING = ("ContainerCreating", "PodInitializing")
"""Reasons of a container that just comes up."""
OOM_KILLED = "OOMKilled"
KILLED_SIGNAL_EXIT = 137


class End(NamedTuple):
    """How a container ended."""

    reason: str
    exit_code: int | None
    at: float | None
    began_at: float | None


class Restarts(NamedTuple):
    """Within a while. `exactly` None: only the least is known."""

    least: int
    exactly: int | None


class PodSeen:
    """One pod, read when it is asked for; `now` in seconds since the epoch."""

    def __init__(self, pod: Json, now: float) -> None:
        self.pod, self._now = pod, now
        self.node = text(pod, "spec", "nodeName")
        self.phase = text(pod, "status", "phase", most=40)
        self.ready = holds(pod, "Ready") is True
        self.containers = items(pod, "status", "containerStatuses")
        self._all = (*self.containers, *items(pod, "status", "initContainerStatuses"))

    @property
    def name(self) -> str:
        """In the inventory."""
        return Ref("pod", name_of(self.pod), text(self.pod, "metadata", "namespace")).text

    @property
    def is_leaving(self) -> bool:
        return mapping(self.pod, "metadata").get("deletionTimestamp") is not None

    @property
    def has_ended(self) -> bool:
        return self.phase in ENDED

    @property
    def ready_since(self) -> float | None:
        """None: it is not ready, or nobody told since when."""
        found = condition_of(self.pod, "Ready")
        return moment(found, "lastTransitionTime") if self.ready else None

    @property
    def unready_for(self) -> float:
        """Seconds; 0: it is ready. Before its kubelet told anything: since it was made."""
        if self.ready:
            return 0.0
        since = moment(condition_of(self.pod, "Ready"), "lastTransitionTime")
        if since is None:
            since = moment(self.pod, "metadata", "creationTimestamp")
        return max(0.0, self._now - since) if since is not None else 0.0

    @property
    def restarts(self) -> int:
        return sum(_count(each) for each in self._all)

    def restarts_since(self, cutoff: float) -> Restarts:
        began = moment(self.pod, "metadata", "creationTimestamp")
        is_young = began is not None and began >= cutoff
        each = [_restarts(c, cutoff, is_young=is_young) for c in self._all]
        known = [r.exactly for r in each if r.exactly is not None]
        return Restarts(sum(r.least for r in each), sum(known) if len(known) == len(each) else None)

    @property
    def is_unscheduled(self) -> bool:
        """The scheduler looked for a node and found none."""
        found = condition_of(self.pod, "PodScheduled")
        return text(found, "status") == "False" and text(found, "reason") == "Unschedulable"

    @property
    def waiting(self) -> str:
        """Why a container does not run: what went wrong before what just takes its time."""
        reasons = [text(each, "state", "waiting", "reason", most=80) for each in self._all]
        named = sorted((r for r in reasons if r), key=lambda reason: reason in STARTING)
        return named[0] if named else ""

    @property
    def last_end(self) -> End | None:
        """The newest of its containers; init containers that came to their end are no ends."""
        found = [end for c in self._all for end in ends(c) if end.reason != "Completed"]
        found = found or [end for c in self.containers for end in ends(c)]
        return max(found, key=lambda end: end.at or 0.0, default=None)

    @property
    def troubled_container(self) -> str:
        """Name of the container that a look into the log is about: one that waits, ended or was
        restarted, else what its owners call the default one, else the first."""

        def rank(container: Json) -> tuple[bool, int]:
            is_bad = container.get("ready") is not True and bool(mapping(container, "state"))
            return is_bad, _count(container)

        ill = [c for c in self.containers if any(rank(c))]
        if ill:
            return text(max(ill, key=rank), "name", most=80)
        waiting = [
            c
            for c in items(self.pod, "status", "initContainerStatuses")
            if c.get("ready") is not True and not self.ready
        ]
        if waiting and (ends(waiting[0]) or _count(waiting[0])):
            return text(waiting[0], "name", most=80)
        key = "kubectl.kubernetes.io/default-container"
        named = text(mapping(self.pod, "metadata", "annotations"), key, most=80)
        names = [text(c, "name", most=80) for c in items(self.pod, "spec", "containers")]
        return named if named in names else next(iter(names), "")

    def oom_killed_since(self, cutoff: float) -> bool | None:
        """None: one was, and when is not told."""
        at = [end.at for c in self._all for end in ends(c) if end.reason == OOM_KILLED]
        if any(t is not None and t >= cutoff for t in at):
            return True
        return None if None in at else False


def ends(container: Json) -> tuple[End, ...]:
    """Newest first."""
    found = []
    for state in ("state", "lastState"):
        ended = mapping(container, state, "terminated")
        if ended:
            found.append(
                End(
                    reason=text(ended, "reason", most=80),
                    exit_code=whole(ended, "exitCode"),
                    at=moment(ended, "finishedAt"),
                    began_at=moment(ended, "startedAt"),
                )
            )
    return tuple(found)


def _count(container: Json) -> int:
    return max(0, whole(container, "restartCount") or 0)


def _restarts(container: Json, cutoff: float, *, is_young: bool) -> Restarts:
    """The start of the run before the last one stands in `lastState`: by the two starts that are
    told, up to two restarts can be placed in time."""
    count = _count(container)
    if count == 0 or is_young:
        return Restarts(count, count)
    starts = [moment(container, "state", "running", "startedAt")]
    starts += [end.began_at for end in ends(container)]
    # While it waits for its next start, the newest start that is told is that of a run that ended.
    known = sorted((s for s in starts if s is not None), reverse=True)[:count]
    recent = [s for s in known if s >= cutoff]
    if not known:
        return Restarts(0, None)
    if len(recent) < len(known):
        return Restarts(len(recent), len(recent))
    return Restarts(len(recent), count if len(recent) == count else None)


def worst_first(pods: Iterable[PodSeen]) -> tuple[PodSeen, ...]:
    """The longest not ready, then the one with most restarts; the name decides between equals."""
    return tuple(sorted(pods, key=lambda p: (p.ready, -p.unready_for, -p.restarts, p.name)))
