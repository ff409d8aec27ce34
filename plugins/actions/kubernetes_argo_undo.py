"""Brings an earlier revision of an Argo Rollout back, named by its number.

Not for a canary that is under way: `kubernetes.argo_abort` ends it at once. Nor for a release that
changed data which the revision before cannot read. A Rollout that Argo CD or Flux keeps in step is
refused: what is declared there has to change. So is one that takes its template from a Deployment.

Conditional on the version of the object that was read. The way back is the revision that was
replaced, by its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.cluster import Right
from agent.model.effect import Availability, Effect, Reversal
from agent.ports.cluster_acting import rights_of
from agent.ports.cluster_undoing import undone
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Undo(Params):
    target: str = Field(
        description="Rollout, as in `prod-a/rollout/web`, or a registered entity that is one."
    )
    to: int = Field(ge=1, description="Number of the revision, from `kubernetes.rollout_history`.")


@action(
    name="kubernetes.argo_undo",
    params=Undo,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.KEEPS,
    summary="Brings a named earlier revision of an Argo Rollout back",
    needs="kubernetes",
    rights=(
        *rights_of(("rollout",), "get", "patch"),
        Right(kind="replicaset", verbs=("list",)),
    ),
    declares=True,
)
async def undo(kit: ActKit, params: Undo) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=("rollout",))
    result = await undone(kit, ref, target=params.target, to=params.to, use="kubernetes.argo_undo")
    kit.log.info("undone", target=ref.text, to=params.to, replaced=result.get("replaced"))
    return result
