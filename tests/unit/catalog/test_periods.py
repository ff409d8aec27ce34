"""Windows that come once or stand in a calendar, and when each kind opens and closes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.policy import load_policy
from agent.model.policy import Policy, Window
from tests.support.ics import calendar, event, ics_file, seconds

Read = Callable[[str], Policy]
DAY = 86_400.0


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_policy(text: str) -> Policy:
        file = tmp_path / "policy.yaml"
        file.write_text(text)
        return load_policy(file)

    return read_policy


def window(read: Read, written: str) -> Window:
    return read(f"windows: {{w: {written}}}\n").windows["w"]


OFFICE = '{days: [mon, tue, wed, thu, fri], from: "09:00", to: "17:00", zone: Europe/Berlin}'


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2026-11-20T08:00", "2026-11-20T09:00"),
        ("2026-11-20T09:00", "2026-11-20T17:00"),
        ("2026-11-20T17:00", "2026-11-23T09:00"),
        ("2026-11-21T12:00", "2026-11-23T09:00"),
        ("2026-10-23T18:00", "2026-10-26T09:00"),
    ],
)
def test_a_weekly_window_says_when_it_turns(read: Read, at: str, until: str) -> None:
    assert window(read, OFFICE).until(seconds(at)) == seconds(until)


def test_a_window_that_never_closes_has_no_end(read: Read) -> None:
    always = window(read, '{from: "00:00", to: "24:00", zone: UTC}')
    assert always.until(seconds("2026-11-20T12:00")) is None


@pytest.mark.parametrize(
    ("zone", "day", "before", "opens"),
    [
        ("Europe/Berlin", "2026-03-29", "2026-03-28T20:00", ('"02:15"', '"04:00"')),
        ("America/New_York", "2026-03-08", "2026-03-07T20:00", ('"02:15"', '"04:00"')),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T20:00", ('"02:15"', '"04:00"')),
    ],
)
def test_a_weekly_window_that_begins_in_a_gap_begins_after_it(
    read: Read, zone: str, day: str, before: str, opens: tuple[str, str]
) -> None:
    """F-TM-02"""
    found = window(read, f"{{from: {opens[0]}, to: {opens[1]}, zone: {zone}}}")
    begins = found.until(seconds(before, zone))
    assert begins is not None
    assert found.is_open(begins)
    assert not found.is_open(begins - 1)
    after_gap = seconds(f"{day}T0{'2:30' if zone == 'Australia/Lord_Howe' else '3:00'}", zone)
    assert begins == after_gap
    assert found.until(begins) == seconds(f"{day}T04:00", zone)


def test_a_weekly_window_within_the_gap_does_not_come_that_week(read: Read) -> None:
    """F-TM-02"""
    found = window(read, '{days: [sun], from: "02:10", to: "02:50", zone: Europe/Berlin}')
    assert found.until(seconds("2026-03-28T12:00")) == seconds("2026-04-05T02:10")


def test_a_weekly_window_in_an_hour_that_comes_twice_is_open_both_times(read: Read) -> None:
    """F-TM-02"""
    found = window(read, '{from: "02:30", to: "03:30", zone: Europe/Berlin}')
    first, second = (seconds("2026-10-25T02:30", fold=fold) for fold in (0, 1))
    back = seconds("2026-10-25T02:00", fold=1)
    assert found.until(seconds("2026-10-25T01:00")) == first
    assert found.until(first) == back
    assert found.until(back) == second
    assert found.until(second) == seconds("2026-10-25T03:30")


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Kolkata"])
def test_without_summer_time_a_weekly_window_is_always_as_long(read: Read, zone: str) -> None:
    """F-TM-02"""
    found = window(read, f'{{from: "22:00", to: "04:00", zone: {zone}}}')
    at, lengths = seconds("2026-01-01T12:00", zone), set()
    for _ in range(365):
        begins = found.until(at)
        assert begins is not None
        at = found.until(begins) or 0.0
        lengths.add(at - begins)
    assert lengths == {6 * 3600.0}


def test_a_time_with_a_date_comes_once(read: Read) -> None:
    found = window(read, '{from: "2026-11-26T00:00", to: "2026-11-30T00:00", zone: Europe/Berlin}')
    begins, ends = seconds("2026-11-26T00:00"), seconds("2026-11-30T00:00")
    assert [found.is_open(at) for at in (begins - 1, begins, ends - 1, ends)] == [
        False, True, True, False,
    ]  # fmt: skip
    assert [found.until(at) for at in (begins - DAY, begins, ends)] == [begins, ends, None]
    assert found.text == "2026-11-26T00:00 to 2026-11-30T00:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("zone", "gap", "after", "twice"),
    [
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T03:00", "2026-10-25T02:30"),
        ("America/New_York", "2026-03-08T02:30", "2026-03-08T03:00", "2026-11-01T01:30"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-04T02:30", "2026-04-05T01:45"),
        ("America/Sao_Paulo", "2026-03-29T02:30", "2026-03-29T02:30", "2026-10-25T02:30"),
        ("Asia/Kolkata", "2026-03-29T02:30", "2026-03-29T02:30", "2026-10-25T02:30"),
    ],
)
def test_a_freeze_is_rather_longer_and_a_change_window_rather_shorter(
    read: Read, zone: str, gap: str, after: str, twice: str
) -> None:
    """F-TM-02"""
    gap_in = f'from: "{gap}", to: "2027-01-01T00:00", zone: {zone}'
    out_twice = f'from: "2026-01-01T00:00", to: "{twice}", zone: {zone}'
    policy = read(
        f"windows: {{a: {{{gap_in}}}, b: {{{out_twice}}}}}\n"
        f"freezes: [{{name: a, {gap_in}}}, {{name: b, {out_twice}}}]\n"
    )
    first, second = policy.freezes
    for begins in (policy.windows["a"], first.period):
        assert begins.until(seconds("2026-01-01T00:00", zone)) == seconds(after, zone)
    at = seconds("2026-02-01T00:00", zone)
    assert policy.windows["b"].until(at) == seconds(twice, zone)
    assert second.period.until(at) == seconds(twice, zone, fold=1)


def test_a_calendar_is_relative_to_the_policy_and_among_its_files(
    read: Read, tmp_path: Path
) -> None:
    nightly = event(
        "DTSTART;TZID=Europe/Berlin:20260101T220000", "DURATION:PT6H", "RRULE:FREQ=DAILY"
    )
    file = ics_file(tmp_path, calendar(nightly), "cal/nightly.ics")
    policy = read("windows: {nightly: {ics: cal/nightly.ics, zone: Europe/Berlin}}\n")
    found = policy.windows["nightly"]
    assert found.is_open(seconds("2026-11-20T23:00"))
    assert found.until(seconds("2026-11-20T23:00")) == seconds("2026-11-21T04:00")
    assert found.until(seconds("2026-11-21T12:00")) == seconds("2026-11-21T22:00")
    assert found.text == "cal/nightly.ics Europe/Berlin"
    assert policy.files == (str(tmp_path / "policy.yaml"), str(file))


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('{from: "24:00", to: "09:00", zone: UTC}', ("HS420", "w.from", "a day begins at 00:00")),
        ('{from: "2026-11-30T00:00", to: "2026-11-26T00:00", zone: UTC}',
         ("HS422", "w", "ends before it begins")),
        ('{from: "2026-11-30T00:00", to: "2026-11-30T00:00", zone: UTC}',
         ("HS422", "w", "ends before it begins")),
        ('{from: "2026-11-26", to: "2026-11-30", zone: UTC}',
         ("HS420", "w.from", "a date without a time")),
        ('{from: "2026-02-30T00:00", to: "2026-11-30T00:00", zone: UTC}',
         ("HS420", "w.from", "does not exist")),
        ('{from: "2026-11-26T00:00+01:00", to: "2026-11-30T00:00", zone: UTC}',
         ("HS420", "w.from", "more than a date and a time")),
        ('{from: "2026-11-26T00:00", to: "2026-11-27T24:00", zone: UTC}',
         ("HS420", "w.to", "does not exist")),
        ('{from: "09:00", to: "2026-11-30T00:00", zone: UTC}',
         ("HS420", "w", "one of the times has a date")),
        ('{days: [mon], from: "2026-11-26T00:00", to: "2026-11-30T00:00", zone: UTC}',
         ("HS420", "w", "days do not go with dates")),
        ('{from: "09:00", zone: UTC}', ("HS420", "w", 'key "to" is missing')),
        ("{zone: UTC}", ("HS420", "w", 'key "from" is missing')),
        ("{ics: cal.ics}", ("HS420", "w.zone", 'key "zone" is missing')),
        ('{ics: cal.ics, from: "09:00", to: "10:00", zone: UTC}',
         ("HS420", "w", "a calendar has its own times")),
        ("{ics: 'webcal://example.org/x', zone: UTC}", ("HS420", "w.ics", "not an address")),
    ],
)  # fmt: skip
def test_a_time_that_cannot_be_meant_is_a_fault_with_its_place(
    read: Read, written: str, told: tuple[str, str, str]
) -> None:
    """F-TM-07"""
    with pytest.raises(FaultsError) as caught:
        window(read, written)
    fault = caught.value.faults[0]
    code, path, message = told
    assert (fault.code, fault.path) == (code, f"windows.{path}")
    assert message in fault.message
    assert (fault.line, fault.column > 1, bool(fault.remedy)) == (1, True, True)


def test_an_unquoted_time_is_told_where_it_stands(read: Read) -> None:
    """F-TM-07"""
    with pytest.raises(FaultsError) as caught:
        read("freezes:\n  - {name: night, from: 22:00, to: 23:00, zone: UTC}\n")
    assert [(f.line, f.column, f.code) for f in caught.value.faults] == [
        (2, 25, "HS112"), (2, 36, "HS112"),
    ]  # fmt: skip


def test_what_is_wrong_in_calendars_is_told_together_and_in_their_own_files(
    read: Read, tmp_path: Path
) -> None:
    """F-TM-07"""
    ics_file(tmp_path, "BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "open.ics")
    with pytest.raises(FaultsError) as caught:
        read(
            "windows: {w: {ics: open.ics, zone: UTC}}\n"
            "freezes: [{name: f, ics: none.ics, zone: UTC}]\n"
        )
    assert [(Path(f.file).name, f.line, f.code) for f in caught.value.faults] == [
        ("none.ics", 1, "HS423"),
        ("open.ics", 2, "HS423"),
    ]
