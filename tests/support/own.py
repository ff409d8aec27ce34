"""The agent's own record, with plain answers where a test does not care."""

from __future__ import annotations

from typing import Any

from agent.model.own import OwnDay, OwnState, OwnTerms
from tests.support.cases import START

DAY = 86_400.0
TODAY = int(START // DAY)


def terms(**fields: Any) -> OwnTerms:
    """As declared by default: 43.2 bad minutes in 30 days."""
    return OwnTerms(**{"version": "1.0", "digest": "d1", "started_at": START, **fields})


def day(ago: int = 0, **counts: int) -> OwnDay:
    return OwnDay(day=TODAY - ago, **counts)


def state(*days: OwnDay, **fields: Any) -> OwnState:
    return OwnState(**{"at": START, "terms": terms(), "days": days, **fields})
