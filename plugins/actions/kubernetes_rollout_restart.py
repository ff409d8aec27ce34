"""Replaces the pods of a workload one after the other, by its own rollout strategy.

Not for a bad release (it comes back just as bad: `kubernetes.rollout_undo`), nor for a single bad
pod (`kubernetes.evict_pod`). What the pods hold in memory is gone; what is declared stays as
it was, so there is nothing to take back.

Conditional: the annotation that starts it carries the key of the step and is written against the
version of the object that was read. Done twice, it finds its own key there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.ports.cluster import How, Json
from agent.ports.cluster_acting import (
    RESTARTED_BY,
    ROLLED_OUT,
    judged,
    merged,
    replaces_pods,
    rights_of,
)
from agent.ports.cluster_walking import mapping
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Restart(Params):
    target: str = Field(
        description=(
            "Workload of the inventory, as in `prod-a/deployment/web`, or a registered entity "
            "that is one workload."
        ),
    )


@action(
    name="kubernetes.rollout_restart",
    params=Restart,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.NOTHING,
    availability=Availability.KEEPS,
    summary="Replaces the pods of a workload one after the other, as it is declared",
    needs="kubernetes",
    rights=rights_of(ROLLED_OUT, "get", "patch"),
)
async def restart(kit: ActKit, params: Restart) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=ROLLED_OUT)

    async def act(found: Json) -> Mapping[str, Any]:
        notes = mapping(found, "spec", "template", "metadata", "annotations")
        if notes.get(RESTARTED_BY) == kit.key:
            return {"changed": True, "restarted": ref.text}
        replaces_pods(found, ref)
        template = {"metadata": {"annotations": {RESTARTED_BY: kit.key}}}
        await kit.cluster.patch(ref, merged(found, {"spec": {"template": template}}), how=How.MERGE)
        return {"changed": True, "restarted": ref.text}

    result = await judged(kit.cluster, ref, act)
    kit.log.info("restarted", target=ref.text)
    return result
