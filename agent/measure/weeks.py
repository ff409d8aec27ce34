"""ISO weeks in UTC, and whether a share goes up or down over them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from math import sqrt

import msgspec

from agent.model.past import week_start

LEAST_WEEKS = 4
LEAST_CASES = 20
"""With fewer of either nothing is said of a trend."""
SURE = 1.96
"""So many standard errors a slope must be away from none: by chance it is so once in twenty."""
WORTH_SAYING = 0.01
"""A change by less than this from the first week to the last is none for people."""


def label_of(week: int) -> str:
    """`2026-W05`."""
    year, number, _ = datetime.fromtimestamp(week_start(week), UTC).isocalendar()
    return f"{year}-W{number:02d}"


class Direction(StrEnum):
    BETTER = "better"
    WORSE = "worse"
    FLAT = "flat"
    UNKNOWN = "too little to say"


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    direction: Direction
    per_week: float | None = None
    """Change of the share from one week to the next; None: nothing can be said."""
    why: str


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One whole week: in `good` of `cases` it was so."""

    week: int
    good: int
    cases: int


def trend(points: Sequence[Point]) -> Trend:
    """The slope of a share over whole weeks, each weighing as much as it has cases.

    It is called better or worse where the slope differs from none by more than chance explains
    (Cochran and Armitage's test for a trend in shares), and the change is worth saying.
    """
    told = [p for p in points if p.cases]
    cases = sum(p.cases for p in told)
    if len(told) < LEAST_WEEKS or cases < LEAST_CASES:
        why = (
            f"{cases} incidents in {len(told)} whole weeks; it takes {LEAST_CASES} in {LEAST_WEEKS}"
        )
        return Trend(direction=Direction.UNKNOWN, why=why)
    share = sum(p.good for p in told) / cases
    middle = sum(p.week * p.cases for p in told) / cases
    spread = sum(p.cases * (p.week - middle) ** 2 for p in told)
    slope = sum((p.week - middle) * (p.good - p.cases * share) for p in told) / spread
    change = slope * (told[-1].week - told[0].week)
    why = f"{change:+.0%} over {told[-1].week - told[0].week + 1} weeks, {cases} incidents"
    is_sure = abs(slope) > SURE * sqrt(share * (1 - share) / spread)
    if not is_sure or abs(change) < WORTH_SAYING:
        why = f"{why}: no more than chance" if not is_sure else why
        return Trend(direction=Direction.FLAT, per_week=slope, why=why)
    direction = Direction.BETTER if slope > 0 else Direction.WORSE
    return Trend(direction=direction, per_week=slope, why=why)
