"""What comes and goes by itself."""

from __future__ import annotations

import math

import pytest

from agent.core.season import between, median, phase_of, phases_of, spread_of, usual

DAY = [0.0, 2.0, 8.0, 2.0]


def test_the_usual_is_what_was_at_the_same_time_of_earlier_seasons() -> None:
    assert usual(DAY * 3, 4, known=12, first=12, last=16) == DAY


def test_growth_from_season_to_season_is_usual() -> None:
    values = [*DAY, *(1.2 * v for v in DAY), *(1.44 * v for v in DAY)]
    told = usual(values, 4, known=12, first=12, last=16)
    assert told == pytest.approx([1.728 * v for v in DAY])


@pytest.mark.parametrize("days", [1, 2, 3])
def test_a_launch_is_not_usual_when_it_is_over(days: int) -> None:
    values = [*DAY * 7, *[8 * v for v in DAY] * days]
    known = len(values)
    told = usual(values, 4, known=known, first=known, last=known + 4)
    assert told == pytest.approx([1.25 * v for v in DAY])


def test_a_new_level_is_usual_once_it_is_that_of_half_of_the_seasons() -> None:
    values = [*DAY * 4, *[8 * v for v in DAY] * 4]
    assert usual(values, 4, known=32, first=32, last=36) == [8 * v for v in DAY]


def test_one_holiday_is_not_usual() -> None:
    values = [*DAY * 2, 0.0, 0.0, 0.0, 0.0, *DAY * 2]
    assert usual(values, 4, known=20, first=20, last=24) == DAY


def test_what_came_after_it_stood_still_says_nothing_of_the_usual() -> None:
    assert usual([*DAY * 3, *[0.0] * 8], 4, known=12, first=16, last=20) == DAY


def test_where_no_season_before_is_known_nothing_is_told() -> None:
    values: list[float | None] = [None, 2.0, 8.0, 2.0] * 2
    assert usual(values, 4, known=8, first=8, last=12) == [None, 2.0, 8.0, 2.0]
    assert usual(DAY, 4, known=0, first=0, last=4) == [None] * 4


def test_phases_are_hours_of_a_day_or_of_a_week() -> None:
    assert (phases_of(86_400.0), phases_of(7 * 86_400.0)) == (24, 168)
    assert phase_of(86_400.0 * 5 + 3_601, 86_400.0, 24) == 1
    assert phase_of(math.nextafter(86_400.0, 0), 86_400.0, 24) == 23


def test_between_the_middles_of_two_phases_the_profile_is_a_line() -> None:
    flat = (2.0,) * 6
    assert between(flat, 12_345.0, 86_400.0) == 2.0
    slope = (0.0, 0.0, 0.0, 8.0, 8.0, 8.0)
    at = [between(slope, part * 86_400.0, 86_400.0) for part in (0.40, 0.45, 0.5, 0.55, 0.6)]
    assert at == sorted(at)
    assert at[2] == pytest.approx(4.0)


def test_half_of_the_values_may_be_wild() -> None:
    assert median([3.0, 1.0, 900.0]) == 3.0
    assert median([1.0, 2.0, 3.0, 900.0]) == 2.5
    assert spread_of([1.0, 2.0, 3.0, 4.0, 900.0]) < 3.0
