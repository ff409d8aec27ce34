"""The parts of the control plane, asked directly and not through what is scraped of them.

The scheduler and the controller manager renew a lease every few seconds. So a missing target in
Prometheus can be told from a component that is gone. Evidence for people: nobody heals the control
plane from inside.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
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
)
async def control_plane(kit: ReadKit, params: ControlPlane) -> ControlPlaneState:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
