"""What pods take of what they may have: limits from their declaration, use from metrics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.ports.cluster_walking import amount, items, moment, name_of, text

Json = Mapping[str, Any]
Where = tuple[str, str]
"""Pod and container."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Of one container; memory in bytes, CPU in cores. None: there is none."""

    memory: float | None
    cpu: float | None
    since: float | None
    """When it was started."""


def limits_of(pods: Iterable[Json]) -> dict[Where, Limits]:
    found = {}
    for pod in pods:
        started = {
            text(s, "name"): moment(s, "state", "running", "startedAt")
            for s in items(pod, "status", "containerStatuses")
        }
        for container in items(pod, "spec", "containers"):
            name = text(container, "name")
            found[name_of(pod), name] = Limits(
                memory=amount(container, "resources", "limits", "memory"),
                cpu=amount(container, "resources", "limits", "cpu"),
                since=started.get(name),
            )
    return found


class Use(msgspec.Struct, frozen=True, kw_only=True):
    memory: float | None = None
    cpu: float | None = None


def use_of(metrics: Iterable[Json]) -> dict[Where, Use]:
    """By the metrics server."""
    found = {}
    for pod in metrics:
        for container in items(pod, "containers"):
            found[name_of(pod), text(container, "name")] = Use(
                memory=amount(container, "usage", "memory"),
                cpu=amount(container, "usage", "cpu"),
            )
    return found


class Fullest(msgspec.Struct, frozen=True, kw_only=True):
    where: Where | None = None
    share: float | None = None


def fullest(limits: Mapping[Where, Limits], use: Mapping[Where, Use], what: str) -> Fullest:
    """The container nearest to its own limit of `memory` or `cpu`. Where what one of them takes is
    not known, which is nearest is not known either."""
    best = Fullest()
    for where, limit in sorted(limits.items()):
        bound = getattr(limit, what)
        if not bound:
            continue
        taken = getattr(use.get(where, Use()), what)
        if taken is None:
            if limit.since is None:
                continue  # it does not run, so it takes nothing
            return Fullest()
        share = taken / bound
        if best.share is None or share > best.share:
            best = Fullest(where=where, share=share)
    return best
