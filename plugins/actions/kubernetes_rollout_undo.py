"""Brings an earlier revision of a workload back, named by its number.

Not for a fault that is older than the rollout, nor for a release that changed data which the
revision before cannot read. An object that Argo CD or Flux keeps in step is refused: what is
declared there has to change. The revision is named, never "the one before": that would be another
one after the first try.

Conditional on the version of the object that was read. The way back is the revision that was
replaced, by its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.cluster import Right
from agent.model.effect import Availability, Effect, Reversal
from agent.ports.cluster_acting import ROLLED_OUT, rights_of
from agent.ports.cluster_undoing import undone
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Undo(Params):
    target: str = Field(
        description=(
            "Workload of the inventory, as in `prod-a/deployment/web`, or a registered entity "
            "that is one workload."
        ),
    )
    to: int = Field(ge=1, description="Number of the revision, from `kubernetes.rollout_history`.")


@action(
    name="kubernetes.rollout_undo",
    params=Undo,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.KEEPS,
    summary="Brings a named earlier revision of a workload back",
    needs="kubernetes",
    rights=(
        *rights_of(ROLLED_OUT, "get", "patch"),
        Right(kind="replicaset", verbs=("list",)),
        Right(kind="controllerrevision", verbs=("list",)),
    ),
    declares=True,
)
async def undo(kit: ActKit, params: Undo) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=ROLLED_OUT)
    result = await undone(
        kit, ref, target=params.target, to=params.to, use="kubernetes.rollout_undo"
    )
    kit.log.info("undone", target=ref.text, to=params.to, replaced=result.get("replaced"))
    return result
