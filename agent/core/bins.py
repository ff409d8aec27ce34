"""Readings of a leadership metric become bins of equal length.

A bin of a count holds by how much the count grew in it, a bin of a level its mean. What was grown
between two readings is shared out evenly over the time between them; a bin without any reading of
its own is not known (None), whatever was grown over it: nobody knows when in the gap that was. A
count that is lower than before began anew, and what it shows is what it has counted since.
"""

from __future__ import annotations

import math
from functools import lru_cache

import msgspec

from agent.model.series import MotionSeries, OpenBin
from agent.model.signals import Motion

IN_CADENCE = 24
"""Bins in one cadence, where the season allows."""
SHORTEST = 60.0
IN_SEASON = 168
"""Most bins in one season: hours of a week."""
MOST = 700
SEASONS = 14
CADENCES = 20
"""As much is remembered, where MOST allows."""


class Grid(msgspec.Struct, frozen=True, kw_only=True):
    """How a metric is cut into bins."""

    seconds: float
    """Of one bin."""
    season: int
    """Bins of a season; of a cadence, where there is no season."""
    cadence: int
    has_season: bool = True

    @property
    def most(self) -> int:
        return min(MOST, max(SEASONS * self.season, CADENCES * self.cadence))


@lru_cache(maxsize=4096)
def grid_of(motion: Motion) -> Grid:
    """A season is a whole number of bins, so that a bin has a counterpart in each of them."""
    seconds = max(SHORTEST, motion.cadence_seconds / IN_CADENCE)
    season = motion.season_seconds
    if season:
        bins = max(1, min(IN_SEASON, int(season / seconds)))
        seconds = season / bins
    cadence = max(1, round(motion.cadence_seconds / seconds))
    return Grid(
        seconds=seconds,
        season=bins if season else cadence,
        cadence=cadence,
        has_season=bool(season),
    )


def begin(at: float, value: float, grid: Grid) -> OpenBin:
    """The first reading: nothing is known of what was before it."""
    if not math.isfinite(value):
        return OpenBin(began_at=_start(at, grid), last_at=at, is_whole=False)
    return OpenBin(
        began_at=_start(at, grid),
        count=1,
        total=0.0,
        last=value,
        last_at=at,
        low=value,
        high=value,
        is_whole=False,
    )


def put(
    open: OpenBin, grid: Grid, *, is_count: bool, at: float, value: float
) -> tuple[list[float | None], OpenBin]:
    """The bins that were closed by a reading, oldest first, and the one that is open after it. A
    reading that is not later than the last one, or is no number, changes nothing."""
    if not math.isfinite(value) or at <= open.last_at or open.last is None:
        return [], open
    grown = value - open.last
    if grown < 0.0:
        grown = value if value >= 0.0 else 0.0
    end = open.began_at + grid.seconds
    if at < end:
        return [], OpenBin(
            began_at=open.began_at,
            count=open.count + 1,
            total=open.total + (grown if is_count else value),
            last=value,
            last_at=at,
            low=min(open.low, value) if open.count else value,
            high=max(open.high, value) if open.count else value,
            is_whole=open.is_whole,
        )
    speed = grown / (at - open.last_at)
    started = _start(at, grid)
    missed = round((started - end) / grid.seconds)
    before, since = (
        (speed * (end - open.last_at), speed * (at - started)) if is_count else (0.0, value)
    )
    closed = [_close(open, before, is_count=is_count)] + [None] * min(missed, grid.most)
    return closed, OpenBin(
        began_at=started, count=1, total=since, last=value, last_at=at, low=value, high=value
    )


def _close(open: OpenBin, rest: float, *, is_count: bool) -> float | None:
    if not open.count or not open.is_whole:
        return None
    if is_count:
        return open.total + rest
    # A mean of equal numbers is that number, to the last bit: what is frozen has to be seen to be.
    return open.low if open.low == open.high else open.total / open.count


def _start(at: float, grid: Grid) -> float:
    return math.floor(at / grid.seconds) * grid.seconds


def kept(
    series: MotionSeries, closed: list[float | None], grid: Grid, *, end: float
) -> MotionSeries:
    """The series with bins more, of which the last one ended at `end`."""
    values = (*series.values, *closed)[-grid.most :]
    began = end - len(values) * grid.seconds
    return msgspec.structs.replace(series, bin_seconds=grid.seconds, began_at=began, values=values)
