"""Lets a sub-agent or proxy out of quarantine: it may act again.

For its owner, once it is repaired; no shipped runbook does it. Not for a member whose cause nobody
knows: it goes on where it stopped.

Told twice it is as told once. The way back puts it into quarantine again, unless it was in none,
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


class Release(Params):
    target: str = Field(description="Name of the registered sub-agent or proxy.")
    instead_of: str = Field(
        default="",
        max_length=500,
        description="Key of the act that this takes back: not done where somebody told the member"
        " otherwise since.",
    )


@action(
    name="agent.release",
    params=Release,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    undone_by="agent.quarantine",
    availability=Availability.KEEPS,
    summary="Lets a sub-agent or proxy out of quarantine: it may act again",
)
async def release(kit: ActKit, params: Release) -> Mapping[str, Any]:
    entity = kit.entity(params.target)
    before = await kit.members.tell(
        entity.name, key=kit.key, mode=Mode.ACT, instead_of=params.instead_of
    )
    kit.log.info("member_released", target=entity.name, before=before.mode.value)
    result: dict[str, Any] = {"mode": Mode.ACT.value, "before": before.mode.value}
    if before.mode is Mode.OBSERVE:
        told = {"target": entity.name, "instead_of": kit.key}
        result["undo"] = {"use": "agent.quarantine", "with": told}
    return result
