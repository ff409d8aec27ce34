"""Lets the volume behind a claim grow to a size. It never shrinks again, and it costs from then on.

Not for a volume that something fills by mistake: it would fill the larger one too. A class of
storage that cannot grow, and a size below the present one, are refused.

Idempotent: the size is absolute, so doing it twice grows it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.cluster import Right
from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.cluster import How, Json
from agent.ports.cluster_acting import judged, merged, rights_of
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_walking import amount, text, walk
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action

CLAIM = "persistentvolumeclaim"


class Expand(Params):
    target: str = Field(
        description="Claim of the inventory, as in `prod-a/persistentvolumeclaim/data`."
    )
    to_bytes: int = Field(
        ge=2**20,
        le=2**50,
        description="The size it shall have, as `kubernetes.volume` proposes it.",
    )


@action(
    name="kubernetes.expand_volume",
    params=Expand,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NONE,
    availability=Availability.KEEPS,
    summary="Lets a volume grow to a size; it never shrinks again",
    needs="kubernetes",
    rights=(
        *rights_of((CLAIM,), "get", "patch"),
        Right(kind="storageclass", verbs=("get",)),
    ),
    declares=True,
)
async def expand(kit: ActKit, params: Expand) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=(CLAIM,))

    async def act(found: Json) -> Mapping[str, Any]:
        asked = amount(found, "spec", "resources", "requests", "storage")
        has = amount(found, "status", "capacity", "storage")
        if asked is None or has is None:
            raise Permanent(f"{ref.text} does not say how large it is")
        if params.to_bytes == int(asked):
            return {"changed": False, "bytes": params.to_bytes}
        if params.to_bytes < max(asked, has):
            raise Permanent(
                f"{ref.text} has {has:.0f} bytes and asks for {asked:.0f}: it never shrinks"
            )
        await _can_grow(kit, ref, found)
        size = {"requests": {"storage": str(params.to_bytes)}}
        body = merged(found, {"spec": {"resources": size}})
        await kit.cluster.patch(ref, body, how=How.MERGE)
        return {"changed": True, "bytes": params.to_bytes, "replaced": int(asked)}

    result = await judged(kit.cluster, ref, act, declares=True)
    kit.log.info("volume_grows", target=ref.text, bytes=params.to_bytes)
    return result


async def _can_grow(kit: ActKit, ref: Ref, claim: Json) -> None:
    name = text(claim, "spec", "storageClassName")
    found = await kit.cluster.get(Ref("storageclass", name)) if name else None
    if walk(found, "allowVolumeExpansion") is not True:
        raise Permanent(f"{ref.text}: its class of storage ({name or 'none'}) cannot grow")
