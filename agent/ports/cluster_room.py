"""Whether pods find room: reading those that wait for a node."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from agent.ports.cluster_walking import condition_of, moment, text

Json = Mapping[str, Any]
MOST_REASONS = 10
_COUNTED = re.compile(r"([0-9]{1,6}) (.{1,200})")


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    since: float | None
    """Since when the first of them has waited; None: none does, or it does not say."""
    reasons: tuple[str, ...] | None
    """None: counted by somebody who does not say why."""


def waiting_pods(pods: Iterable[Json]) -> Waiting:
    reasons: Counter[str] = Counter()
    times: list[float | None] = []
    for pod in pods:
        scheduled = condition_of(pod, "PodScheduled")
        if text(scheduled, "status") != "False" or text(scheduled, "reason") != "Unschedulable":
            continue
        if moment(pod, "metadata", "deletionTimestamp") is not None:
            continue
        made = moment(pod, "metadata", "creationTimestamp")
        times.append(moment(scheduled, "lastTransitionTime") or made)
        reasons.update(set(why(text(scheduled, "message", most=2000))))
    known = [at for at in times if at is not None]
    return Waiting(
        count=len(times),
        since=min(known) if known and len(known) == len(times) else None,
        reasons=tuple(reason for reason, _ in reasons.most_common(MOST_REASONS)),
    )


def why(message: str) -> tuple[str, ...]:
    """Of `0/3 nodes are available: 2 Insufficient cpu, 1 node(s) had untolerated taint {a: b}.
    preemption: ...`; one that reads otherwise is a reason as it stands."""
    _, found, rest = message.partition("nodes are available: ")
    if not found:
        return (message[:200],) if message else ()
    said = rest.partition(". preemption:")[0].rstrip(".")
    parts = (_COUNTED.fullmatch(part.strip()) for part in said.split(","))
    return tuple(part[2] for part in parts if part is not None) or (said[:200],)
