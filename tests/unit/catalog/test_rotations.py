"""Whose turn it is, in five zones and through the nights the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from agent.catalog.calendar import IcsCalendar
from agent.catalog.rotations import ByCalendar, Override, Turns, WithOverrides

WEEK = 7 * 86_400.0
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Kolkata",
)


def at(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def turns(*people: str, every: float = WEEK, zone: str = "Europe/Berlin", clock: str = "09:00"):  # type: ignore[no-untyped-def]
    first = datetime.fromisoformat(f"2026-01-05T{clock}")
    return Turns(people, first=first, every=every, zone=zone)


@pytest.mark.parametrize("zone", ZONES)
def test_a_week_begins_at_the_same_time_on_the_wall_all_year(zone: str) -> None:
    rotation = turns("ann", "bob", zone=zone)
    moment = at("2026-01-05T09:00", zone)
    for number in range(60):
        assert rotation.on_call(moment) == ("ann", "bob")[number % 2]
        assert rotation.on_call(moment - 1) == ("bob", "ann")[number % 2] if number else True
        after = rotation.until(moment)
        assert after is not None
        there = datetime.fromtimestamp(after, ZoneInfo(zone))
        assert (there.weekday(), there.hour, there.minute) == (0, 9, 0)
        moment = after


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("clock", "every"), [("02:30", 86_400.0), ("01:30", 43_200.0)])
def test_there_is_always_just_one_and_time_goes_forwards(
    zone: str, clock: str, every: float
) -> None:
    """Handovers within the hours that never come, or come twice."""
    rotation = turns("ann", "bob", "cy", zone=zone, clock=clock, every=every)
    moment, end = at("2026-01-06T00:00", zone), at("2027-01-06T00:00", zone)
    while moment < end:
        who, after = rotation.on_call(moment), rotation.until(moment)
        assert who is not None
        assert after is not None
        assert after > moment
        assert rotation.on_call(after - 0.001) == who
        moment = after


def test_before_the_first_turn_nobody_is_on_call() -> None:
    rotation = turns("ann")
    first = at("2026-01-05T09:00", "Europe/Berlin")
    assert rotation.on_call(first - 1) is None
    assert rotation.until(first - 1) == first
    assert rotation.on_call(first) == "ann"


def test_who_stands_in_is_on_call_and_hands_back() -> None:
    week = turns("ann", "bob")
    begin, end = at("2026-01-06T12:00"), at("2026-01-07T12:00")
    rotation = WithOverrides(week, (Override(person="cy", starts_at=begin, ends_at=end),))
    assert [rotation.on_call(t) for t in (begin - 1, begin, end - 1, end)] == [
        "ann", "cy", "cy", "ann",
    ]  # fmt: skip
    assert rotation.until(begin - 60) == begin
    assert rotation.until(begin) == end
    assert rotation.until(end) == week.until(end)


EVENT = """\
BEGIN:VEVENT
UID:{uid}
SUMMARY:{who}
DTSTART:{begin}
DTEND:{end}
{more}END:VEVENT
"""


def calendar(folder: Path, *events: str) -> IcsCalendar:
    file = folder / "platform.ics"
    text = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + "".join(events) + "END:VCALENDAR\n"
    file.write_text(text.replace("\n", "\r\n"))
    return IcsCalendar(file, zone="Europe/Berlin", is_longer=True)


def event(who: str, begin: str, end: str, more: str = "") -> str:
    return EVENT.format(uid=f"{who}{begin}", who=who, begin=begin, end=end, more=more)


PEOPLE = {"alice": "alice", "bob": "bob"}


def test_an_event_of_a_calendar_is_a_turn(tmp_path: Path) -> None:
    found = calendar(
        tmp_path,
        event("Alice", "20260105T090000", "20260112T090000"),
        event("bob", "20260114T090000", "20260119T090000"),
    )
    rotation = ByCalendar(found, PEOPLE)
    zone = "Europe/Berlin"
    assert rotation.on_call(at("2026-01-05T09:00", zone)) == "alice"
    assert rotation.until(at("2026-01-05T09:00", zone)) == at("2026-01-12T09:00", zone)
    assert rotation.on_call(at("2026-01-13T00:00", zone)) is None
    assert rotation.until(at("2026-01-13T00:00", zone)) == at("2026-01-14T09:00", zone)
    assert rotation.on_call(at("2026-01-14T09:00", zone)) == "bob"
    assert rotation.until(at("2026-01-20T09:00", zone)) is None


def test_an_attendee_may_be_the_person_and_a_later_event_stands_in(tmp_path: Path) -> None:
    found = calendar(
        tmp_path,
        event("On call", "20260105T090000", "20260112T090000", "ATTENDEE:mailto:bob@example.org\n"),
        event("alice", "20260106T090000", "20260106T180000"),
        event("mallory", "20260107T090000", "20260107T180000"),
    )
    rotation = ByCalendar(found, PEOPLE)
    assert rotation.on_call(at("2026-01-05T12:00")) == "bob"
    assert rotation.on_call(at("2026-01-06T12:00")) == "alice"
    assert rotation.on_call(at("2026-01-07T12:00")) == "mallory", "nobody's name: nobody's channel"
    assert rotation.on_call(at("2026-01-08T12:00")) == "bob"


def test_a_time_with_a_zone_of_its_own_is_not_needed() -> None:
    assert turns("ann").on_call(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) == "ann"
