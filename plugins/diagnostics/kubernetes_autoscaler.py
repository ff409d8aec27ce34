"""What scales a workload horizontally, and whether it can still do so.

`use` is the metric it looks at over its target: 1.0 is on target, more is too little capacity. An
autoscaler that cannot read its metric scales nothing and says so in `reads_metric`.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Scaled(Params):
    target: str = Field(
        description=(
            "Autoscaler or workload of the inventory, or a registered entity that is one workload."
        ),
    )


class Autoscaler(Result):
    exists: bool | None = Field(default=None, description="Something scales this workload.")
    minimum: int | None = Field(default=None, description="Least replicas it may go down to.")
    maximum: int | None = Field(default=None, description="Most replicas it may go up to.")
    current: int | None = Field(default=None, description="Replicas there are.")
    wanted: int | None = Field(default=None, description="Replicas it would have.")
    use: float | None = Field(
        default=None, description="Its metric over the target of it; 1.0 is on target."
    )
    reads_metric: bool | None = Field(default=None, description="It can read what it scales by.")
    able: bool | None = Field(default=None, description="It can change the number of replicas.")
    scaled_ago: Span | None = Field(
        default=None, description="How long ago it changed the number of replicas last."
    )


@diagnostic(
    name="kubernetes.autoscaler",
    params=Scaled,
    result=Autoscaler,
    summary="The horizontal autoscaler of a workload: bounds, wish, and use over target",
    needs="kubernetes",
)
async def autoscaler(kit: ReadKit, params: Scaled) -> Autoscaler:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
