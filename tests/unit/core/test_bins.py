"""Readings of a leadership metric become bins."""

from __future__ import annotations

import math

from agent.core.bins import begin, grid_of, put
from agent.model.series import OpenBin
from agent.model.signals import Motion

HOUR, DAY = 3600.0, 86_400.0
GRID = grid_of(Motion(cadence_seconds=DAY, season_seconds=7 * DAY))


def binned(*readings: tuple[float, float], is_count: bool = True) -> list[float | None]:
    """What was closed by readings at so many hours."""
    open: OpenBin | None = None
    closed: list[float | None] = []
    for hours, value in readings:
        at = hours * HOUR
        if open is None:
            open = begin(at, value, GRID)
        else:
            more, open = put(open, GRID, is_count=is_count, at=at, value=value)
            closed += more
    return closed


def test_a_week_is_cut_into_hours_and_a_cadence_into_twentyfour() -> None:
    assert (GRID.seconds, GRID.season, GRID.cadence) == (HOUR, 168, 24)
    short = grid_of(Motion(cadence_seconds=HOUR))
    assert (short.seconds, short.season, short.has_season) == (150.0, 24, False)


def test_a_season_is_always_a_whole_number_of_bins() -> None:
    for cadence in (600.0, 5_000.0, 7 * HOUR, 30 * HOUR, 40 * DAY):
        for season in (DAY, 7 * DAY):
            grid = grid_of(Motion(cadence_seconds=cadence, season_seconds=season))
            assert math.isclose(grid.seconds * grid.season, season)
            assert grid.season <= 168
            assert grid.cadence >= 1
            assert grid.most <= 700


def test_a_bin_of_a_count_holds_what_it_grew_by() -> None:
    closed = binned((0, 100), (0.5, 110), (1, 120), (1.5, 150), (2, 150), (3, 157))
    # Nothing is known of what was before the first reading.
    assert closed == [None, 30, 7]


def test_what_grew_between_two_readings_is_shared_out_over_their_bins() -> None:
    assert binned((0, 0), (1, 0), (1.75, 0), (2.25, 8), (3, 8)) == [None, 4, 4]


def test_a_bin_without_a_reading_is_not_known_whatever_grew_over_it() -> None:
    closed = binned((0, 0), (1, 0), (1.5, 6), (4.5, 42), (5, 48))
    assert closed == [None, 12, None, None, 12]


def test_a_count_that_fell_back_counts_from_nothing() -> None:
    assert binned((0, 500), (1, 500), (1.5, 510), (1.75, 4), (2, 4)) == [None, 14]


def test_a_bin_of_a_level_holds_its_mean() -> None:
    assert binned((0, 4), (0.5, 6), (1, 7), (1.5, 9), (2, 1), is_count=False) == [None, 8]


def test_a_level_that_stays_the_same_is_the_same_in_each_bin_to_the_last_bit() -> None:
    readings = [(n / 7, 0.1) for n in range(30)]
    closed = binned(*readings, is_count=False)
    assert set(closed[1:]) == {0.1}


def test_what_comes_late_or_twice_or_is_no_number_changes_nothing() -> None:
    open = begin(0.0, 5.0, GRID)
    for at, value in ((0.0, 9.0), (-60.0, 9.0), (60.0, math.nan), (60.0, math.inf)):
        assert put(open, GRID, is_count=True, at=at, value=value) == ([], open)


def test_years_without_a_reading_close_no_more_bins_than_are_kept() -> None:
    closed, _ = put(begin(0.0, 1.0, GRID), GRID, is_count=True, at=9e8, value=2.0)
    assert len(closed) <= GRID.most + 1


def test_a_first_reading_that_is_no_number_is_none() -> None:
    assert begin(0.0, math.nan, GRID).last is None
