"""The parts of the control plane, asked directly and not through what is scraped of them.

The scheduler and the controller manager renew a lease every few seconds. So a missing target in
Prometheus can be told from a component that is gone. Evidence for people: nobody heals the control
plane from inside. Leases, nodes and aggregated APIs are unknown where the agent may not read them.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster import Json, RightsMissing
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_questions import got_if_may, listed_if_may
from agent.ports.cluster_upkeep import readiness, renewed_at, unavailable
from agent.ports.cluster_walking import ago, holds
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class ControlPlane(Params):
    pass


class ControlPlaneState(Result):
    api_ready: bool | None = Field(
        default=None, description="The API server says that it is ready."
    )
    api_failing: list[str] | None = Field(default=None, description="Its checks that fail.")
    scheduler_seen_ago: Span | None = Field(
        default=None, description="How long ago the scheduler renewed its lease."
    )
    controller_manager_seen_ago: Span | None = Field(
        default=None, description="The same of the controller manager."
    )
    nodes: int | None = Field(default=None, description="Nodes it knows.")
    nodes_ready: int | None = Field(default=None, description="How many of them are ready.")
    unavailable_apis: list[str] | None = Field(
        default=None, description="Aggregated APIs that do not answer."
    )


@diagnostic(
    name="kubernetes.control_plane",
    params=ControlPlane,
    result=ControlPlaneState,
    summary="API server, scheduler and controller manager, by their own signs of life",
    needs="kubernetes",
    rights=(
        Right(kind="lease", verbs=("get",), namespace="kube-system", optional=True),
        Right(kind="node", verbs=("list",), optional=True),
        Right(kind="apiservice", verbs=("list",), optional=True),
    ),
)
async def control_plane(kit: ReadKit, params: ControlPlane) -> ControlPlaneState:
    ready = readiness(await _readyz(kit))
    nodes = await listed_if_may(kit.cluster, "node")
    apis = await listed_if_may(kit.cluster, "apiservice")
    return ControlPlaneState(
        api_ready=ready.is_ready,
        api_failing=None if ready.is_ready is None else list(ready.failing),
        scheduler_seen_ago=await _seen_ago(kit, "kube-scheduler"),
        controller_manager_seen_ago=await _seen_ago(kit, "kube-controller-manager"),
        nodes=None if nodes is None else len(nodes),
        nodes_ready=None if nodes is None else sum(holds(n, "Ready") is True for n in nodes),
        unavailable_apis=None if apis is None else list(unavailable(apis))[:50],
    )


async def _readyz(kit: ReadKit) -> Json:
    try:
        return await kit.cluster.question("/readyz?verbose")
    except RightsMissing:
        return {}


async def _seen_ago(kit: ReadKit, component: str) -> timedelta | None:
    lease = await got_if_may(kit.cluster, Ref("lease", component, "kube-system"))
    return ago(kit.cluster.now(), renewed_at(lease))
