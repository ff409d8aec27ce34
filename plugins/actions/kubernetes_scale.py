"""Sets the number of replicas of a workload, as an absolute number of one or more.

Not for a workload that an autoscaler scales: it is refused, because the autoscaler would set its
own number again. Never to nothing: taking a service away is no remedy.

Conditional on the version of the object that was read. The way back is the number there was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.cluster import Right
from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent, Temporary
from agent.ports.cluster import How, Json
from agent.ports.cluster_acting import judged, merged, rights_of
from agent.ports.cluster_kinds import KINDS, Ref
from agent.ports.cluster_walking import name_of, text, whole
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action

SCALED = ("deployment", "statefulset")


class Scale(Params):
    target: str = Field(
        description=(
            "Workload of the inventory, as in `prod-a/deployment/web`, or a registered entity "
            "that is one workload."
        ),
    )
    replicas: int = Field(
        ge=1, le=1000, description="The number there shall be, not the difference."
    )


@action(
    name="kubernetes.scale",
    params=Scale,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.KEEPS,
    summary="Sets the number of replicas of a workload",
    needs="kubernetes",
    rights=(
        *rights_of(SCALED, "get"),
        *(Right(kind=kind, part="scale", verbs=("patch",)) for kind in SCALED),
        Right(kind="horizontalpodautoscaler", verbs=("list",)),
    ),
    declares=True,
)
async def scale(kit: ActKit, params: Scale) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=SCALED)

    async def act(found: Json) -> Mapping[str, Any]:
        before = whole(found, "spec", "replicas")
        if before is None:
            raise Temporary(f"{ref.text} does not say how many replicas it has")
        if before == params.replicas:
            return {"changed": False, "replicas": before}
        if before == 0:
            raise Permanent(f"{ref.text} was scaled to nothing: whoever did that has a reason")
        await _no_autoscaler(kit, ref)
        body = merged(found, {"spec": {"replicas": params.replicas}})
        await kit.cluster.patch(ref, body, how=How.MERGE, part="scale")
        way_back = {"target": params.target, "replicas": before}
        return {
            "changed": True,
            "replicas": params.replicas,
            "replaced": before,
            "undo": {"use": "kubernetes.scale", "with": way_back},
        }

    result = await judged(kit.cluster, ref, act, declares=True)
    kit.log.info("scaled", target=ref.text, replicas=params.replicas)
    return result


async def _no_autoscaler(kit: ActKit, ref: Ref) -> None:
    aim = (KINDS[ref.kind].title, ref.name)
    for scaler in await kit.cluster.list("horizontalpodautoscaler", namespace=ref.namespace):
        scaled = ("spec", "scaleTargetRef")
        if (text(scaler, *scaled, "kind"), text(scaler, *scaled, "name")) == aim:
            raise Permanent(
                f"{ref.text} is scaled by the autoscaler {name_of(scaler)}, which would set its "
                "own number again: change its limits"
            )
