"""What is usual in each bin of a leadership metric, for drawing it beside what was seen.

As the verdict has it: told only from before the stretch that is looked at, and from before a stall
began, so that a stall never looks usual by lasting.
"""

from __future__ import annotations

from agent.core.bins import grid_of
from agent.core.season import Values, usual
from agent.model.product import LeadershipMetric
from agent.model.series import MotionSeries, Moving

SHORTEST_STRETCH = 12
"""Bins that are told together: to tell each by itself would cost more and show the same."""


class UsualBins:
    """Keeps what it told last of each product: a series only changes with a closed bin, and pages
    are drawn again much more often."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], tuple[MotionSeries, LeadershipMetric, Values]] = {}

    def of(
        self, product: str, series: MotionSeries, metric: LeadershipMetric, *, most: int
    ) -> Values:
        """Of the latest bins, at most so many. None: not known."""
        kept = self._kept.get((product, most))
        if kept is None or kept[0] is not series or kept[1] != metric:
            kept = (series, metric, usual_of(series, metric, most=most))
            self._kept[product, most] = kept
        return kept[2]

    def forget_but(self, products: frozenset[str]) -> None:
        """Of products that are gone nothing is kept."""
        for key in [key for key in self._kept if key[0] not in products]:
            del self._kept[key]


def usual_of(series: MotionSeries, metric: LeadershipMetric, *, most: int) -> Values:
    """One value for each of the latest bins, at most so many."""
    values = series.values
    first = max(0, len(values) - most)
    if metric.motion is None:
        return [None] * (len(values) - first)
    grid = grid_of(metric.motion)
    if grid.seconds != series.bin_seconds:
        return [None] * (len(values) - first)
    stretch = max(grid.cadence, grid.season // 4, SHORTEST_STRETCH)
    stood = stood_from(series)
    told: list[float | None] = []
    for start in range(first, len(values), stretch):
        end = min(len(values), start + stretch)
        known = start if stood is None else min(start, stood)
        if known < grid.season:
            told += [None] * (end - start)
        else:
            told += usual(values, grid.season, known=known, first=start, last=end)
    return told


def stood_from(series: MotionSeries) -> int | None:
    """Number of the bin a stall that lasts began with."""
    found = series.found
    if found.verdict is not Moving.STALLED or found.since is None or series.bin_seconds <= 0.0:
        return None
    return max(0, round((found.since - series.began_at) / series.bin_seconds))
