"""What is counted of the past, and the weeks it is counted by."""

from __future__ import annotations

import msgspec

from agent.model.decision import LedgerState
from agent.model.reason import Reason

WEEK_SECONDS = 7 * 86_400.0
MONDAY_SECONDS = 3 * 86_400.0
"""The epoch began on a Thursday: so long after a Monday, 00:00 UTC."""


class LedgerCount(msgspec.Struct, frozen=True, kw_only=True):
    """So many messages, received in one week, of one incident, that ended alike."""

    week: int
    """Number of the week (Monday 00:00 UTC to Monday) since that of the epoch."""
    incident_id: str | None
    product: str | None
    state: LedgerState
    reason: Reason
    messages: int
    """Different ones: a repeat of the same message is not counted again."""
    first_at: float


def week_of(at: float) -> int:
    """Number of the week a moment is in."""
    return int((at + MONDAY_SECONDS) // WEEK_SECONDS)


def week_start(week: int) -> float:
    """Its Monday, 00:00 UTC, in seconds since the epoch."""
    return week * WEEK_SECONDS - MONDAY_SECONDS
