"""What stands behind a Service: how many addresses take requests, and how many cannot.

A workload can be whole while no request reaches it, because a selector or a port is wrong: then
there are pods, and no endpoints.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster_network import SERVICE_NAME, endpoints_seen, services_of
from agent.ports.cluster_questions import GETS_WORKLOADS, LISTS_PODS, workload
from agent.ports.cluster_walking import ago, name_of
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Backed(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )


class Endpoints(Result):
    services: int | None = Field(default=None, description="Services that select its pods.")
    ready: int | None = Field(default=None, description="Addresses that take requests.")
    not_ready: int | None = Field(default=None, description="Addresses that do not.")
    changed_ago: Span | None = Field(default=None, description="How long ago that changed last.")


@diagnostic(
    name="kubernetes.endpoints",
    params=Backed,
    result=Endpoints,
    summary="Addresses behind a workload's Service: ready and not ready",
    needs="kubernetes",
    rights=(
        *GETS_WORKLOADS,
        LISTS_PODS,
        Right(kind="service", verbs=("list",)),
        Right(kind="endpointslice", verbs=("list",)),
    ),
)
async def endpoints(kit: ReadKit, params: Backed) -> Endpoints:
    found = await workload(kit.cluster, params.target)
    space = found.ref.namespace
    services = services_of(await kit.cluster.list("service", namespace=space), found.labels)
    if not services:
        return Endpoints(services=0, ready=0, not_ready=0)
    names = ",".join(sorted(name_of(service) for service in services))
    slices = await kit.cluster.list(
        "endpointslice", namespace=space, labels=f"{SERVICE_NAME} in ({names})"
    )
    pods = {name_of(pod) for pod in await found.pods(kit.cluster)}
    seen = endpoints_seen(services, slices, pods)
    return Endpoints(
        services=seen.services,
        ready=seen.ready,
        not_ready=seen.not_ready,
        changed_ago=ago(kit.cluster.now(), seen.changed_at),
    )
