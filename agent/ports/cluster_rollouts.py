"""How far a rollout of a workload has come, as its controller tells it.

What is declared is of a generation, and what the controller tells is of the one it saw last: until
it has seen the newest, its counts are those of the declaration before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from agent.ports.cluster import Json
from agent.ports.cluster_facts import truth
from agent.ports.cluster_walking import (
    condition_of,
    items,
    mapping,
    moment,
    text,
    walk,
    whole,
)

TIMED_OUT = "ProgressDeadlineExceeded"
DEADLINE_SECONDS = 600
"""Of a Deployment that does not say another."""
LONGEST_REASON = 300


class Rollout(NamedTuple):
    wanted: int | None
    ready: int
    updated: int
    available: int
    misplaced: int | None
    is_complete: bool | None
    is_observed: bool
    is_paused: bool
    is_progressing: bool | None
    unchanged_for: float | None
    reason: str


def rollout_of(thing: Json, kind: str, now: float) -> Rollout:
    """Of a Deployment, StatefulSet, DaemonSet or Argo Rollout."""
    status = mapping(thing, "status")
    is_observed = is_observed_now(thing)
    if kind == "daemonset":
        wanted = whole(status, "desiredNumberScheduled")
        counts = ("numberReady", "updatedNumberScheduled", "numberAvailable")
    else:
        wanted = whole(thing, "spec", "replicas")
        wanted = 1 if wanted is None and mapping(thing, "spec") else wanted
        counts = ("readyReplicas", "updatedReplicas", "availableReplicas")
    # A count of 0 is left out by the API server.
    ready, updated, available = (whole(status, name) or 0 for name in counts)
    is_all_there = wanted is not None and _is_all_there(thing, kind, wanted, updated, available)
    return Rollout(
        wanted=wanted,
        ready=ready,
        updated=updated,
        available=available,
        misplaced=(whole(status, "numberMisscheduled") or 0) if kind == "daemonset" else None,
        is_complete=None if wanted is None else is_observed and is_all_there,
        is_observed=is_observed,
        is_paused=_is_paused(thing),
        is_progressing=truth(text(condition_of(thing, "Progressing"), "status")),
        unchanged_for=_unchanged_for(thing, now),
        reason=_reason(thing),
    )


def is_observed_now(thing: Json) -> bool:
    """Whether its controller has seen the newest declaration."""
    seen = whole(thing, "status", "observedGeneration")
    if seen is None:  # an Argo Rollout writes it as text
        told = text(thing, "status", "observedGeneration", most=20)
        seen = int(told) if told.isascii() and told.isdecimal() else 0
    return seen >= (whole(thing, "metadata", "generation") or 0)


def _is_all_there(thing: Json, kind: str, wanted: int, updated: int, available: int) -> bool:
    """As `kubectl rollout status` sees it, and not more of them than wanted."""
    if kind == "daemonset":
        return updated >= wanted and available >= wanted
    replicas = whole(thing, "status", "replicas") or 0
    if kind == "statefulset":
        least = max(0, wanted - _partition(thing))
        return updated >= least and available >= wanted and replicas <= wanted
    return updated >= wanted and replicas <= updated and available >= wanted


def _partition(thing: Json) -> int:
    """Pods with lower numbers are left at the revision before, on purpose."""
    return whole(thing, "spec", "updateStrategy", "rollingUpdate", "partition") or 0


def _is_paused(thing: Json) -> bool:
    by_hand = walk(thing, "spec", "paused") is True
    return by_hand or bool(items(thing, "status", "pauseConditions"))


def _unchanged_for(thing: Json, now: float) -> float | None:
    """A Deployment tells itself when it came forward last; when that is too long ago it tells only
    that its deadline has passed, which began to run with the last change. Of the rest it is known
    when its controller wrote the status last."""
    moves = condition_of(thing, "Progressing")
    if moves is not None:
        at = moment(moves, "lastUpdateTime")
        if at is not None and text(moves, "reason") == TIMED_OUT:
            deadline = whole(thing, "spec", "progressDeadlineSeconds")
            at -= DEADLINE_SECONDS if deadline is None else deadline
        turned = moment(condition_of(thing, "Available"), "lastTransitionTime")
        times = [t for t in (at, turned) if t is not None]
    else:
        times = [
            t
            for entry in items(thing, "metadata", "managedFields")
            if text(entry, "subresource") == "status" and (t := moment(entry, "time")) is not None
        ]
    return max(0.0, now - max(times)) if times else None


def _reason(thing: Json) -> str:
    """What keeps it: pods that cannot be made at all come before a deadline that passed."""
    for kind, bad in (("ReplicaFailure", "True"), ("Progressing", "False"), ("Available", "False")):
        found: Mapping[str, Any] | None = condition_of(thing, kind)
        if text(found, "status") == bad:
            return _words(found)
    return ""


def _words(condition: Any) -> str:
    said = [text(condition, "reason"), text(condition, "message")]
    return ": ".join(word for word in said if word)[:LONGEST_REASON]
