"""Puts a sub-agent or proxy into quarantine: it goes on observing and does nothing any more.

The first thing to do about a member that does harm; it repairs nothing. What it did before stays
done, and its work is left undone until somebody releases it: that is a loss of its own where nobody
else does this work. It is a word the member has to follow: whether it did is said by the mode in
its next heartbeat (`agent.state`, `mode_said`). One that follows no word is stopped
(`process.stop`).

Told twice it is as told once. The way back releases it, unless it was in quarantine before,
or somebody has put it there or let it out since.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.model.signals import Mode
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Quarantine(Params):
    target: str = Field(description="Name of the registered sub-agent or proxy.")
    instead_of: str = Field(
        default="",
        max_length=500,
        description="Key of the act that this takes back: not done where somebody told the member"
        " otherwise since.",
    )


@action(
    name="agent.quarantine",
    params=Quarantine,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    undone_by="agent.release",
    availability=Availability.REMOVES,
    contains=True,
    summary="Tells a sub-agent or proxy to go on observing and to do nothing",
)
async def quarantine(kit: ActKit, params: Quarantine) -> Mapping[str, Any]:
    entity = kit.entity(params.target)
    before = await kit.members.tell(
        entity.name, key=kit.key, mode=Mode.OBSERVE, instead_of=params.instead_of
    )
    kit.log.info("member_quarantined", target=entity.name, before=before.mode.value)
    result: dict[str, Any] = {"mode": Mode.OBSERVE.value, "before": before.mode.value}
    if before.mode is Mode.ACT:
        told = {"target": entity.name, "instead_of": kit.key}
        result["undo"] = {"use": "agent.release", "with": told}
    return result
