"""What scales a workload horizontally, and whether it can still do so.

`use` is the metric it looks at over its target: 1.0 is on target, more is too little capacity. An
autoscaler that cannot read its metric scales nothing and says so in `reads_metric`.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster import Gone, Json
from agent.ports.cluster_kinds import WORKLOADS, ref_of
from agent.ports.cluster_scalers import scaler_seen, scalers_of
from agent.ports.cluster_walking import ago
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

SCALER = "horizontalpodautoscaler"


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
    rights=(Right(kind="horizontalpodautoscaler", verbs=("get", "list")),),
)
async def autoscaler(kit: ReadKit, params: Scaled) -> Autoscaler:
    found = await _scalers(kit, params.target)
    if len(found) != 1:
        return Autoscaler(exists=bool(found))
    seen = scaler_seen(found[0])
    return Autoscaler(
        exists=True,
        minimum=seen.minimum,
        maximum=seen.maximum,
        current=seen.current,
        wanted=seen.wanted,
        use=seen.use,
        reads_metric=seen.reads_metric,
        able=seen.able,
        scaled_ago=ago(kit.cluster.now(), seen.scaled_at),
    )


async def _scalers(kit: ReadKit, target: str) -> tuple[Json, ...]:
    named = ref_of(target)
    if named is not None and named.kind == SCALER:
        scaler = await kit.cluster.get(named)
        if scaler is None:
            raise Gone(f"{target} is not there")
        return (scaler,)
    ref = await kit.cluster.find(target, kinds=WORKLOADS)
    return scalers_of(await kit.cluster.list(SCALER, namespace=ref.namespace), ref)
