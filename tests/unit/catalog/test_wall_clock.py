"""The nights the clocks change, in five zones (F-TM-02)."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from agent.catalog.wall_clock import change_between, changes_clock, instant, span

GAPS = [
    # zone, a wall time that never comes, the first instant after it
    ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T01:00:00Z"),
    ("America/New_York", "2026-03-08T02:30", "2026-03-08T07:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30:00Z"),
]
REPEATS = [
    # zone, a wall time that comes twice, both of its instants
    ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"),
    ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"),
    ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"),
]
STEADY = [
    ("America/Sao_Paulo", "2026-11-01T00:30", "2026-11-01T03:30:00Z"),
    ("Asia/Kolkata", "2026-03-29T02:30", "2026-03-28T21:00:00Z"),
]


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(("zone", "never", "after"), GAPS)
def test_a_time_that_never_comes_is_the_first_instant_after_the_gap(
    zone: str, never: str, after: str
) -> None:
    """F-TM-02"""
    assert instant(wall(never), ZoneInfo(zone)) == at(after)
    assert instant(wall(never), ZoneInfo(zone), later=True) == at(after)


@pytest.mark.parametrize(("zone", "twice", "first", "second"), REPEATS)
def test_of_a_time_that_comes_twice_the_caller_says_which(
    zone: str, twice: str, first: str, second: str
) -> None:
    """F-TM-02"""
    assert instant(wall(twice), ZoneInfo(zone)) == at(first)
    assert instant(wall(twice), ZoneInfo(zone), later=True) == at(second)


@pytest.mark.parametrize(("zone", "once", "when"), STEADY)
def test_where_the_clocks_never_change_a_time_is_one_time(zone: str, once: str, when: str) -> None:
    """F-TM-02"""
    assert instant(wall(once), ZoneInfo(zone)) == at(when)
    assert instant(wall(once), ZoneInfo(zone), later=True) == at(when)
    assert not changes_clock(at(when) - 86_400, at(when) + 86_400, ZoneInfo(zone))


@pytest.mark.parametrize(("zone", "twice", "first", "second"), REPEATS)
def test_a_freeze_takes_the_longest_span_and_a_change_window_the_shortest(
    zone: str, twice: str, first: str, second: str
) -> None:
    """F-TM-02"""
    there = ZoneInfo(zone)
    before, after = wall("2026-01-01T00:00"), wall("2026-12-31T00:00")
    assert span(before, wall(twice), there, is_longer=True)[1] == at(second)
    assert span(before, wall(twice), there, is_longer=False)[1] == at(first)
    assert span(wall(twice), after, there, is_longer=True)[0] == at(first)
    assert span(wall(twice), after, there, is_longer=False)[0] == at(second)


def test_a_span_within_an_hour_that_comes_twice_is_as_long_as_written() -> None:
    """F-TM-02"""
    begin, end = wall("2026-10-25T02:10"), wall("2026-10-25T02:50")
    starts_at, ends_at = span(begin, end, ZoneInfo("Europe/Berlin"), is_longer=False)
    assert ends_at - starts_at == 40 * 60
    starts_at, ends_at = span(begin, end, ZoneInfo("Europe/Berlin"), is_longer=True)
    assert ends_at - starts_at == 100 * 60


def test_the_moment_of_the_change_is_found_to_the_second() -> None:
    found = change_between(
        at("2026-10-24T00:00:00Z"), at("2026-10-26T00:00:00Z"), ZoneInfo("Europe/Berlin")
    )
    assert datetime.fromtimestamp(found, UTC) == datetime(2026, 10, 25, 1, tzinfo=UTC)
