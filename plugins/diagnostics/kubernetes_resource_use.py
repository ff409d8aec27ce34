"""What a workload's pods take of what they may have: memory, CPU, and how that moves.

Shares are of the limit, of the pod that is nearest to its own. Growth that goes on for hours at the
same traffic and began when the pod started is what a leak looks like.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Used(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )


class ResourceUse(Result):
    memory: float | None = Field(
        default=None, description="Share of its memory limit; left out where there is none."
    )
    memory_full_in: Span | None = Field(
        default=None, description="When that is used up at the pace of the last hour."
    )
    growing_for: Span | None = Field(
        default=None, description="How long memory has grown without falling back."
    )
    running_for: Span | None = Field(default=None, description="How long the pod has been running.")
    cpu: float | None = Field(
        default=None, description="Share of its CPU limit; left out where there is none."
    )
    throttled: float | None = Field(
        default=None,
        description="Share of periods within the last 5 minutes in which it was held back.",
    )


@diagnostic(
    name="kubernetes.resource_use",
    params=Used,
    result=ResourceUse,
    summary="Memory and CPU of a workload's pods against their limits, and growth",
    needs="kubernetes",
)
async def resource_use(kit: ReadKit, params: Used) -> ResourceUse:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
