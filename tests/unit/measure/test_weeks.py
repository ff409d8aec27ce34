"""Weeks begin on Monday in UTC, and a trend is told only where chance does not explain it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from agent.measure.weeks import Direction, Point, label_of, trend
from agent.model.past import week_of, week_start


@pytest.mark.parametrize(
    ("moment", "label"),
    [
        ("2026-01-01T12:00:00", "2026-W01"),
        ("2024-12-30T00:00:00", "2025-W01"),
        ("2024-12-29T23:59:59", "2024-W52"),
        ("2027-01-03T23:59:59", "2026-W53"),
        ("1970-01-01T00:00:00", "1970-W01"),
    ],
)
def test_a_moment_is_in_its_iso_week(moment: str, label: str) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC).timestamp()
    assert label_of(week_of(at)) == label
    assert week_start(week_of(at)) <= at < week_start(week_of(at) + 1)


def points(*goods: int, cases: int = 20) -> list[Point]:
    return [Point(week=2900 + n, good=good, cases=cases) for n, good in enumerate(goods)]


@pytest.mark.parametrize(
    ("given", "direction"),
    [
        (points(2, 6, 10, 14), Direction.BETTER),
        (points(14, 10, 6, 2), Direction.WORSE),
        (points(10, 11, 10, 9), Direction.FLAT),
        (points(20, 20, 20, 20), Direction.FLAT),
        (points(0, 0, 0, 0), Direction.FLAT),
        (points(2, 6, 18), Direction.UNKNOWN),
        (points(0, 1, 3, 4, cases=4), Direction.UNKNOWN),
        (points(), Direction.UNKNOWN),
        ([*points(2, 6, 18), Point(week=2910, good=0, cases=0)], Direction.UNKNOWN),
    ],
)
def test_the_direction_of_a_share(given: list[Point], direction: Direction) -> None:
    assert trend(given).direction is direction


def test_the_slope_is_that_of_a_line_through_weighted_points() -> None:
    found = trend(points(2, 6, 10, 14))
    assert found.per_week == pytest.approx(0.2)
    assert found.why == "+60% over 4 weeks, 80 incidents"
    heavy = trend([*points(2, 6, 10), Point(week=2903, good=700, cases=1000)])
    assert heavy.per_week == pytest.approx(0.2)


def test_what_chance_explains_is_said_to_be_chance() -> None:
    found = trend(points(9, 11, 10, 12))
    assert found.direction is Direction.FLAT
    assert found.why.endswith("no more than chance")
