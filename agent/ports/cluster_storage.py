"""Reading claims of storage: which a workload has, how they stand, and to what they may grow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.ports.cluster_walking import amount, condition_of, items, mapping, moment, text, whole

Json = Mapping[str, Any]
GIB = 2**30
GROWTH = 1.25
MOST_CLAIMS = 50
"""Of one workload that are looked at."""


class ClaimSeen(msgspec.Struct, frozen=True, kw_only=True):
    phase: str
    storage_class: str
    capacity_bytes: int | None
    asked_bytes: int | None
    is_resizing: bool
    made_at: float | None

    @property
    def is_bound(self) -> bool:
        return self.phase == "Bound"


def claim_seen(claim: Json) -> ClaimSeen:
    capacity = amount(claim, "status", "capacity", "storage")
    asked = amount(claim, "spec", "resources", "requests", "storage")
    going = any(
        text(condition_of(claim, kind), "status") == "True"
        for kind in ("Resizing", "FileSystemResizePending")
    )
    short = capacity is not None and asked is not None and asked > capacity
    return ClaimSeen(
        phase=text(claim, "status", "phase"),
        storage_class=text(claim, "spec", "storageClassName", most=253),
        capacity_bytes=None if capacity is None else int(capacity),
        asked_bytes=None if asked is None else int(asked),
        is_resizing=going or short,
        made_at=moment(claim, "metadata", "creationTimestamp"),
    )


def claims_declared(workload: Json, name: str) -> tuple[str, ...]:
    """Names of claims by what is declared: those its template names, and those that are made for
    each replica of a StatefulSet."""
    names = list(claims_used(mapping(workload, "spec", "template")))
    first = whole(workload, "spec", "ordinals", "start") or 0
    for each in items(workload, "spec", "volumeClaimTemplates"):
        base = text(each, "metadata", "name", most=253)
        count = whole(workload, "spec", "replicas")
        count = min(1 if count is None else count, MOST_CLAIMS)
        names += [f"{base}-{name}-{first + number}" for number in range(max(0, count))]
    return tuple(dict.fromkeys(names))


def claims_used(pod: Json) -> tuple[str, ...]:
    """Of a pod, or of a template of pods."""
    names = []
    for volume in items(pod, "spec", "volumes"):
        named = text(volume, "persistentVolumeClaim", "claimName", most=253)
        pod_name = text(pod, "metadata", "name", most=253)
        if named:
            names.append(named)
        elif mapping(volume, "ephemeral") and pod_name:
            names.append(f"{pod_name}-{text(volume, 'name', most=63)}")
    return tuple(dict.fromkeys(names))


def is_mounted(pods: Iterable[Json], claim: str) -> bool:
    return any(text(p, "status", "phase") == "Running" and claim in claims_used(p) for p in pods)


def next_bytes(claim: ClaimSeen, *, left: float | None, expandable: bool | None) -> int | None:
    """A quarter more than there is, in whole GiB. None: that is more than may be asked for, or
    nobody knows whether it is."""
    if claim.capacity_bytes is None or left is None or not expandable:
        return None
    size = math.ceil(claim.capacity_bytes * GROWTH / GIB) * GIB
    more = size - (claim.asked_bytes or claim.capacity_bytes)
    return size if more <= left else None
