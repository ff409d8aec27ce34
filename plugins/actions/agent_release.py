"""Lets a sub-agent or proxy out of quarantine: it may act again.

For its owner, once it is repaired; no shipped runbook does it. Not for a member whose cause nobody
knows: it goes on where it stopped.

Told twice it is as told once. The way back puts it into quarantine again, unless it was in none,
or somebody has put it there or let it out since.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.model.effect import Availability, Effect, Reversal
from agent.model.signals import Mode
from agent.ports.kit import ActKit
from agent.ports.member_question import MemberWord, tell_mode
from agent.ports.plugin import action

BACK = "agent.quarantine"


@action(
    name="agent.release",
    params=MemberWord,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    undone_by=BACK,
    availability=Availability.KEEPS,
    summary="Lets a sub-agent or proxy out of quarantine: it may act again",
)
async def release(kit: ActKit, params: MemberWord) -> Mapping[str, Any]:
    return await tell_mode(kit, params, Mode.ACT, undone_by=BACK)
