"""A word to one sub-agent or proxy, as the actions say it that tell members what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.signals import Mode
from agent.ports.kit import ActKit
from agent.ports.plugin import Params


class MemberWord(Params):
    """Parameters of an action that tells a member something."""

    target: str = Field(description="Name of the registered sub-agent or proxy.")
    instead_of: str = Field(
        default="",
        max_length=500,
        description="Key of the act that this takes back: not done where somebody told the member"
        " otherwise since.",
    )


async def tell_mode(
    kit: ActKit, params: MemberWord, mode: Mode, *, undone_by: str
) -> Mapping[str, Any]:
    """What was told and what stood there before; `undo` names the way back where that was not the
    same already."""
    entity = kit.entity(params.target)
    before = await kit.members.tell(
        entity.name, key=kit.key, mode=mode, instead_of=params.instead_of
    )
    kit.log.info("member_told", target=entity.name, mode=mode.value, before=before.mode.value)
    result: dict[str, Any] = {"mode": mode.value, "before": before.mode.value}
    if before.mode is not mode:
        told = {"target": entity.name, "instead_of": kit.key}
        result["undo"] = {"use": undone_by, "with": told}
    return result
