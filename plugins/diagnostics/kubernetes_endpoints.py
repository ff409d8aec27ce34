"""What stands behind a Service: how many addresses take requests, and how many cannot.

A workload can be whole while no request reaches it, because a selector or a port is wrong: then
there are pods, and no endpoints.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
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
)
async def endpoints(kit: ReadKit, params: Backed) -> Endpoints:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
