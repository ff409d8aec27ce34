"""Opens a node for new pods again.

Not for a node that somebody else than the agent closed: whoever did, person or machine, has a
reason, unless a person opens it. Opening an open one changes
nothing. The way back closes it again, unless it was open before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.cluster import How, Json
from agent.ports.cluster_acting import CORDONED_BY, judged, merged, note_of, rights_of
from agent.ports.cluster_walking import items, text, walk
from agent.ports.cluster_writers import OURS, is_person
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Uncordon(Params):
    target: str = Field(description="Node of the inventory.")


@action(
    name="kubernetes.uncordon",
    params=Uncordon,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.KEEPS,
    undone_by="kubernetes.cordon",
    summary="Opens a node for new pods again",
    needs="kubernetes",
    rights=rights_of(("node",), "get", "patch"),
)
async def uncordon(kit: ActKit, params: Uncordon) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=("node",))

    async def act(found: Json) -> Mapping[str, Any]:
        if walk(found, "spec", "unschedulable") is not True:
            return {"changed": False}
        if not kit.cluster.asked.by_person and (by := _other_who_closed(found, kit)):
            raise Permanent(f"{ref.text} was closed by {by}, who has a reason")
        notes = {"annotations": {CORDONED_BY: None}}
        opened = merged(found, {"metadata": notes, "spec": {"unschedulable": None}})
        await kit.cluster.patch(ref, opened, how=How.MERGE)
        way_back = {"target": params.target}
        return {"changed": True, "undo": {"use": "kubernetes.cordon", "with": way_back}}

    result = await judged(kit.cluster, ref, act)
    kit.log.info("uncordoned", target=ref.text, changed=result["changed"])
    return result


def _other_who_closed(node: Json, kit: ActKit) -> str:
    """Empty: the agent did. What writes over nodes all the time (the controller of a
    provider) may be recorded in its place: then its own mark tells."""
    managers = [
        text(entry, "manager", most=128)
        for entry in items(node, "metadata", "managedFields")
        if walk(entry, "fieldsV1", "f:spec", "f:unschedulable") is not None
    ]
    if not managers:  # nobody keeps count of who wrote it
        return "" if note_of(node, CORDONED_BY) else "somebody"
    others = [name for name in managers if name != OURS]
    if note_of(node, CORDONED_BY):
        others = [name for name in others if is_person(name, kit.cluster.machines())]
    return next(iter(others), "")
