"""Reading quotas, and what was refused for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.ports.cluster_kinds import BY_TITLE, Ref
from agent.ports.cluster_walking import (
    amount,
    condition_of,
    mapping,
    moment,
    name_of,
    text,
    whole,
)

Json = Mapping[str, Any]
HOUR = 3600.0
_REFUSED = re.compile(r"exceeded quota: ([a-z0-9.-]{1,253})")
FULL = 1.0


class QuotaSeen(msgspec.Struct, frozen=True, kw_only=True):
    used: float | None
    resource: str | None


def fullest(quotas: Iterable[Json]) -> QuotaSeen:
    """The fullest resource of all. Without a quota nothing is bounded, so nothing is full."""
    shares: list[tuple[float, str]] = []
    for quota in quotas:
        hard = mapping(quota, "status", "hard")
        for resource in mapping(quota, "spec", "hard"):
            share = _share(amount(hard, resource), amount(quota, "status", "used", resource))
            if share is None:
                return QuotaSeen(used=None, resource=None)  # what is not counted may be full
            shares.append((share, text({"name": resource}, "name", most=200)))
    used, resource = max(shares, default=(0.0, ""))
    return QuotaSeen(used=used, resource=resource or None)


def _share(hard: float | None, used: float | None) -> float | None:
    if hard is None or used is None:
        return None
    if hard <= 0.0:
        # A bound of nothing forbids the resource; it is full where something has it all the same.
        return FULL if used > 0.0 else 0.0
    return round(used / hard, 6)


def storage_left(quotas: Iterable[Json], storage_class: str) -> float | None:
    """Bytes that claims of a class may still ask for; infinite where nothing bounds them. None: it
    is not counted yet."""
    named = (
        "requests.storage",
        f"{storage_class}.storageclass.storage.k8s.io/requests.storage",
    )
    left = float("inf")
    for quota in quotas:
        for resource in set(mapping(quota, "spec", "hard")) & set(named):
            hard = amount(quota, "status", "hard", resource)
            used = amount(quota, "status", "used", resource)
            if hard is None or used is None:
                return None
            left = min(left, hard - used)
    return left


class Refusals(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    """Known for certain: of an event that has gone on for longer than an hour it is one."""
    of: frozenset[Ref]
    """Whose creations they were."""


def refusals(events: Iterable[Json], now: float, *, quota: str | None = None) -> Refusals:
    """Creations that a quota refused within the last hour, by events `FailedCreate`."""
    count, of = 0, set()
    for event in events:
        last, first = _times(event)
        found = _REFUSED.search(text(event, "message", most=2000))
        if found is None or quota not in (None, found[1]) or last is None or last < now - HOUR:
            continue
        told = whole(event, "count") or whole(event, "series", "count") or 1
        count += told if first is not None and first >= now - HOUR else 1
        about = mapping(event, "involvedObject")
        kind = BY_TITLE.get(text(about, "kind"))
        if kind is not None:
            space = text(about, "namespace", most=63)
            of.add(Ref(kind.word, text(about, "name", most=253), space))
    return Refusals(count=count, of=frozenset(of))


def _times(event: Json) -> tuple[float | None, float | None]:
    first = moment(event, "firstTimestamp") or moment(event, "eventTime")
    made = moment(event, "metadata", "creationTimestamp")
    last = moment(event, "lastTimestamp") or moment(event, "series", "lastObservedTime")
    return last or first or made, first or made


def lacks_by_condition(replica_sets: Iterable[Json], *, quota: str | None = None) -> int:
    """Replicas that replica sets could not make for a quota, by their own word."""
    lacking = 0
    for each in replica_sets:
        failed = condition_of(each, "ReplicaFailure")
        found = _REFUSED.search(text(failed, "message", most=2000))
        if text(failed, "status") == "True" and found and quota in (None, found[1]):
            wanted, there = whole(each, "spec", "replicas"), whole(each, "status", "replicas")
            lacking += max(0, (1 if wanted is None else wanted) - (there or 0))
    return lacking


def lacks(workload: Json) -> int | None:
    """Replicas a StatefulSet or a DaemonSet has fewer than it wants. None: it does not say."""
    wanted = whole(workload, "status", "desiredNumberScheduled")
    if wanted is not None:
        there = whole(workload, "status", "currentNumberScheduled")
        return None if there is None else max(0, wanted - there)
    wanted, there = whole(workload, "spec", "replicas"), whole(workload, "status", "replicas")
    return None if wanted is None or there is None else max(0, wanted - there)


def named(quotas: Iterable[Json], name: str | None) -> tuple[Json, ...]:
    return tuple(q for q in quotas if name in (None, name_of(q)))
