"""Closes a node for new pods. Those that run on it stay where they are.

Not a remedy for what runs on the node. A node is shared: no runbook of one product may close it.
The way back opens it again, unless it was closed before. Closing a closed one changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.ports.cluster import How, Json
from agent.ports.cluster_acting import CORDONED_BY, judged, merged, note_of, rights_of
from agent.ports.cluster_walking import walk
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Cordon(Params):
    target: str = Field(description="Node of the inventory.")


@action(
    name="kubernetes.cordon",
    params=Cordon,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.REMOVES,
    undone_by="kubernetes.uncordon",
    summary="Closes a node for new pods; those on it stay",
    needs="kubernetes",
    rights=rights_of(("node",), "get", "patch"),
)
async def cordon(kit: ActKit, params: Cordon) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=("node",))

    async def act(found: Json) -> Mapping[str, Any]:
        if walk(found, "spec", "unschedulable") is True:
            if note_of(found, CORDONED_BY) != kit.key:
                return {"changed": False}
        else:
            notes = {"annotations": {CORDONED_BY: kit.key}}
            closed = merged(found, {"metadata": notes, "spec": {"unschedulable": True}})
            await kit.cluster.patch(ref, closed, how=How.MERGE)
        way_back = {"target": params.target}
        return {"changed": True, "undo": {"use": "kubernetes.uncordon", "with": way_back}}

    result = await judged(kit.cluster, ref, act)
    kit.log.info("cordoned", target=ref.text, changed=result["changed"])
    return result
