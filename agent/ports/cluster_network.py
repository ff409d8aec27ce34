"""What stands behind Services: reading Services and their EndpointSlices."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec

from agent.ports.cluster_selectors import pairs_match
from agent.ports.cluster_walking import (
    items,
    mapping,
    moment,
    name_of,
    text,
    walk,
    written_at,
)

Json = Mapping[str, Any]
SERVICE_NAME = "kubernetes.io/service-name"
CHANGED = "endpoints.kubernetes.io/last-change-trigger-time"


class EndpointsSeen(msgspec.Struct, frozen=True, kw_only=True):
    services: int
    ready: int
    not_ready: int
    changed_at: float | None


def services_of(services: Iterable[Json], labels: Json) -> tuple[Json, ...]:
    """Those that select pods of these labels."""
    return tuple(s for s in services if pairs_match(mapping(s, "spec", "selector"), labels))


def endpoints_seen(
    services: Iterable[Json], slices: Iterable[Json], pods: Collection[str]
) -> EndpointsSeen:
    """Of these pods only: a Service may select those of others as well. A pod takes requests where
    each Service that has it says so."""
    has_ports = {name_of(s): bool(items(s, "spec", "ports")) for s in services}
    takes: dict[str, bool] = {}
    times: list[float] = []
    for each in slices:
        service = text(each, "metadata", "labels", SERVICE_NAME)
        if service not in has_ports:
            continue
        at = _changed_at(each)
        if at is not None:
            times.append(at)
        # A slice without the ports of its Service is one whose pods do not have the port it asks
        # for: nothing is sent to them.
        leads_somewhere = bool(items(each, "ports")) or not has_ports[service]
        for endpoint in items(each, "endpoints"):
            pod = text(endpoint, "targetRef", "name", most=253)
            if text(endpoint, "targetRef", "kind") != "Pod" or pod not in pods:
                continue
            is_ready = leads_somewhere and walk(endpoint, "conditions", "ready") is not False
            takes[pod] = is_ready and takes.get(pod, True)
    return EndpointsSeen(
        services=len(has_ports),
        ready=sum(takes.values()),
        not_ready=len(takes) - sum(takes.values()),
        changed_at=max(times, default=None),
    )


def _changed_at(slice_: Json) -> float | None:
    told = moment(mapping(slice_, "metadata", "annotations"), CHANGED)
    if told is not None:
        return told
    written = written_at(slice_)
    return written[0] if written is not None else moment(slice_, "metadata", "creationTimestamp")
