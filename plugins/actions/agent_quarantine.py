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

from agent.model.effect import Availability, Effect, Reversal
from agent.model.signals import Mode
from agent.ports.kit import ActKit
from agent.ports.member_question import MemberWord, tell_mode
from agent.ports.plugin import action

BACK = "agent.release"


@action(
    name="agent.quarantine",
    params=MemberWord,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    undone_by=BACK,
    availability=Availability.REMOVES,
    contains=True,
    summary="Tells a sub-agent or proxy to go on observing and to do nothing",
)
async def quarantine(kit: ActKit, params: MemberWord) -> Mapping[str, Any]:
    return await tell_mode(kit, params, Mode.OBSERVE, undone_by=BACK)
