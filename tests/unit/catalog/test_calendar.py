from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.calendar import DAY, IcsCalendar
from agent.catalog.faults import FaultsError
from tests.support.ics import calendar, event, ics_file, seconds

BERLIN = "Europe/Berlin"
NIGHTLY = event(
    "DTSTART;TZID=Europe/Berlin:20260601T220000",
    "DTEND;TZID=Europe/Berlin:20260602T040000",
    "RRULE:FREQ=DAILY",
    "SUMMARY:Nightly",
)


def read(folder: Path, *events: str, zone: str = BERLIN, is_longer: bool = True) -> IcsCalendar:
    file = ics_file(folder, calendar(*events))
    return IcsCalendar(file, zone=zone, is_longer=is_longer)


def spans(found: IcsCalendar, begin: float, end: float) -> list[tuple[float, float]]:
    return [(o.starts_at, o.ends_at) for o in found.events(begin, end)]


def test_a_series_is_on_at_its_times_whatever_the_season(tmp_path: Path) -> None:
    nightly = read(tmp_path, NIGHTLY)
    for day in ("2026-07-10", "2026-12-10", "2031-03-05"):
        assert nightly.at(seconds(f"{day}T22:00"))
        assert nightly.at(seconds(f"{day}T23:59"))
        assert nightly.at(seconds(f"{day}T03:59"))
        assert not nightly.at(seconds(f"{day}T21:59"))
        assert not nightly.at(seconds(f"{day}T04:00"))


def test_events_come_in_order_with_what_was_written_and_each_once(tmp_path: Path) -> None:
    anna = "ATTENDEE;CN=Anna:mailto:anna@example.org"
    ben = "ATTENDEE;CN=Ben:MAILTO:ben@example.org"
    found = read(
        tmp_path,
        event("DTSTART:20260605T080000Z", "DTEND:20260612T080000Z", "SUMMARY:Second", anna, ben,
              uid="two"),
        event("DTSTART:20260529T080000Z", "DTEND:20260605T080000Z", "SUMMARY:First", anna,
              uid="one"),
    )  # fmt: skip
    begin = seconds("2026-06-01T00:00", "UTC")
    both = found.events(begin, begin + 60 * DAY)
    assert [(o.summary, o.uid) for o in both] == [("First", "one"), ("Second", "two")]
    assert both[1].attendees == ("anna@example.org", "ben@example.org")
    assert found.events(begin, begin + DAY) == both[:1]
    assert found.events(begin - 9 * DAY, begin - 8 * DAY) == ()


def test_floating_times_and_whole_days_are_in_the_zone_of_the_calendar(tmp_path: Path) -> None:
    floating = event("DTSTART:20260601T090000", "DTEND:20260601T100000", uid="floating")
    whole = event("DTSTART;VALUE=DATE:20260603", "DTEND;VALUE=DATE:20260605", uid="whole")
    fixed = event(
        "DTSTART;TZID=Asia/Kolkata:20260608T090000", "DURATION:PT1H", uid="with a zone of its own"
    )
    for zone in (BERLIN, "Australia/Lord_Howe", "America/New_York"):
        found = read(tmp_path, floating, whole, fixed, zone=zone)
        begin = seconds("2026-05-31T00:00", zone)
        assert spans(found, begin, begin + 20 * DAY) == [
            (seconds("2026-06-01T09:00", zone), seconds("2026-06-01T10:00", zone)),
            (seconds("2026-06-03T00:00", zone), seconds("2026-06-05T00:00", zone)),
            (seconds("2026-06-08T09:00", "Asia/Kolkata"),
             seconds("2026-06-08T10:00", "Asia/Kolkata")),
        ]  # fmt: skip


def test_one_day_taken_out_moved_or_cancelled_is_as_people_see_it(tmp_path: Path) -> None:
    series = event(
        "DTSTART;TZID=Europe/Berlin:20260601T090000",
        "DTEND;TZID=Europe/Berlin:20260601T100000",
        "RRULE:FREQ=DAILY;COUNT=5",
        "EXDATE;TZID=Europe/Berlin:20260602T090000",
    )
    moved = event(
        "RECURRENCE-ID;TZID=Europe/Berlin:20260603T090000",
        "DTSTART;TZID=Europe/Berlin:20260603T150000",
        "DTEND;TZID=Europe/Berlin:20260603T160000",
    )
    cancelled = event(
        "RECURRENCE-ID;TZID=Europe/Berlin:20260604T090000",
        "DTSTART;TZID=Europe/Berlin:20260604T090000",
        "DTEND;TZID=Europe/Berlin:20260604T100000",
        "STATUS:CANCELLED",
    )
    found = read(tmp_path, series, moved, cancelled)
    begin = seconds("2026-05-30T00:00")
    assert [start for start, _ in spans(found, begin, begin + 20 * DAY)] == [
        seconds("2026-06-01T09:00"),
        seconds("2026-06-03T15:00"),
        seconds("2026-06-05T09:00"),
    ]


@pytest.mark.parametrize(
    ("zone", "day", "twice"),
    [
        (BERLIN, "2026-10-25", "02:30"),
        ("America/New_York", "2026-11-01", "01:30"),
        ("Australia/Lord_Howe", "2026-04-05", "01:45"),
    ],
)
def test_in_the_autumn_an_event_is_longer_or_shorter_as_it_was_asked(
    tmp_path: Path, zone: str, day: str, twice: str
) -> None:
    """F-TM-02"""
    clock, short = twice.replace(":", "") + "00", day.replace("-", "")
    until = event(f"DTSTART:{short}T000000", f"DTEND:{short}T{clock}")
    for is_longer in (True, False):
        found = read(tmp_path, until, zone=zone, is_longer=is_longer)
        (only,) = found.events(seconds(f"{day}T00:00", zone), seconds(f"{day}T12:00", zone))
        assert only.ends_at == seconds(f"{day}T{twice}", zone, fold=int(is_longer))


def test_in_the_spring_an_event_begins_at_the_first_instant_after_the_gap(tmp_path: Path) -> None:
    """F-TM-02"""
    found = read(tmp_path, event("DTSTART:20260329T023000", "DTEND:20260329T050000"))
    (only,) = found.events(seconds("2026-03-29T00:00"), seconds("2026-03-29T12:00"))
    assert only.starts_at == seconds("2026-03-29T01:00", "UTC")
    assert only.ends_at == seconds("2026-03-29T05:00")


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Asia/Kolkata"])
def test_without_summer_time_every_night_is_as_long(tmp_path: Path, zone: str) -> None:
    """F-TM-02"""
    nightly = event("DTSTART:20260101T220000", "DTEND:20260102T040000", "RRULE:FREQ=DAILY")
    found = read(tmp_path, nightly, zone=zone)
    begin = seconds("2026-01-01T12:00", zone)
    nights = spans(found, begin, begin + 365 * DAY)
    assert len(nights) == 365
    assert {end - start for start, end in nights} == {6 * 3600.0}


def test_it_says_when_it_ends_and_when_it_begins(tmp_path: Path) -> None:
    first = event("DTSTART:20260601T080000Z", "DTEND:20260601T100000Z", uid="first")
    next_to_it = event("DTSTART:20260601T100000Z", "DTEND:20260601T120000Z", uid="next")
    later = event("DTSTART:20270101T000000Z", "DTEND:20270102T000000Z", uid="later")
    found = read(tmp_path, first, next_to_it, later)
    during = seconds("2026-06-01T09:00", "UTC")
    assert found.ends_after(during) == seconds("2026-06-01T12:00", "UTC")
    assert found.begins_after(during + DAY) == seconds("2027-01-01T00:00", "UTC")
    assert found.ends_after(during + DAY) is None
    assert found.begins_after(seconds("2027-02-01T00:00", "UTC")) is None


def test_what_follows_on_itself_for_ever_has_no_known_end(tmp_path: Path) -> None:
    always = event("DTSTART:20260101T000000Z", "DURATION:P1D", "RRULE:FREQ=DAILY")
    assert read(tmp_path, always).ends_after(seconds("2026-06-01T00:00", "UTC")) is None


def test_folded_lines_bare_newlines_and_windows_zones_are_read(tmp_path: Path) -> None:
    text = calendar(
        event(
            "DTSTART;TZID=W. Europe Standard Time:20260601T090000",
            "DTEND;TZID=W. Europe Standard Time:2026060",
            " 1T100000",
            "SUMMARY:A long summary that is fol",
            " ded",
        )
    ).replace("\r\n", "\n")
    found = IcsCalendar(ics_file(tmp_path, text), zone="UTC", is_longer=True)
    (only,) = found.events(seconds("2026-06-01T00:00"), seconds("2026-06-02T00:00"))
    assert only.starts_at == seconds("2026-06-01T09:00")
    assert only.ends_at == seconds("2026-06-01T10:00")
    assert only.summary == "A long summary that is folded"


TIMES = ("DTSTART:20260601T080000Z", "DTEND:20260601T100000Z")


@pytest.mark.parametrize(
    ("text", "line", "code", "said"),
    [
        ("", 1, "HS423", "the calendar has no events"),
        ("hello\n", 1, "HS423", "is no line of a calendar"),
        ("BEGIN:VTODO\nEND:VTODO\n", 1, "HS423", "one VCALENDAR"),
        (calendar(), 1, "HS423", "has no events"),
        (calendar(event(*TIMES)) * 2, 11, "HS423", "one VCALENDAR"),
        (calendar(event(*TIMES)).removesuffix("END:VCALENDAR\r\n"), 1, "HS423",
         "the VCALENDAR that begins here has no end"),
        (calendar(event(*TIMES)).replace("END:VEVENT\r\n", ""), 4, "HS423",
         "the VEVENT that begins here has no end"),
        (calendar(event(*TIMES, "SUMMARY:\x07")), 9, "HS423", "U+0007"),
        (calendar(event(*TIMES, "nonsense")), 9, "HS423", '"nonsense" is no line'),
        (calendar(event("DTSTART:2026-06-01", TIMES[1])), 7, "HS424", "DTSTART cannot be read"),
        (calendar(event("DTSTART:20260631T000000Z", TIMES[1])), 7, "HS424", "DTSTART cannot"),
        (calendar(event(*reversed(TIMES)).replace("T08", "T12")), 7, "HS424", "ends when it"),
        (calendar(event(TIMES[0])), 4, "HS424", "ends when it begins"),
        (calendar(event("SUMMARY:no times")), 4, "HS424", "no times to go by"),
        (calendar(event("DTSTART;TZID=Mars/Olympus:20260601T080000",
                        "DTEND;TZID=Mars/Olympus:20260601T090000")), 7, "HS424",
         "in a time zone nobody knows"),
        (calendar(event(*TIMES, "RRULE:FREQ=SECONDLY")), 9, "HS424", 'repeats "secondly"'),
        (calendar(event(*TIMES, "RRULE:FREQ=MINUTELY;UNTIL=20260601T090000Z")), 9, "HS424",
         'repeats "minutely"'),
        (calendar(event(*TIMES, "RRULE:INTERVAL=1")), 9, "HS424", "without FREQ"),
        (calendar(event(*TIMES, "RRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")), 9, "HS424",
         "BYMONTHDAY does not go with FREQ=DAILY"),
        (calendar(event(*TIMES, "RRULE:FREQ=DAILY;BYSECOND=1,2")), 9, "HS424", "by the second"),
        (calendar(event(*TIMES, "RRULE:FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24)))
                        + ";BYMINUTE=" + ",".join(map(str, range(60))))), 9, "HS424",
         "more than 200 times a day"),
        (calendar(event(*TIMES, "EXRULE:FREQ=DAILY")), 9, "HS424", "EXRULE"),
        (calendar(event("DTSTART:16010101T000000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY")), 7,
         "HS424", "not between 2000 and 2100"),
        (calendar(event("DTSTART:20260101T000000Z", "DURATION:P40D", "RRULE:FREQ=DAILY")), 9,
         "HS424", "longer than 31 days"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_a_fault_of_its_line(
    tmp_path: Path, text: str, line: int, code: str, said: str
) -> None:
    """F-TM-07"""
    file = ics_file(tmp_path, text)
    with pytest.raises(FaultsError) as caught:
        IcsCalendar(file, zone="UTC", is_longer=True)
    fault = caught.value.faults[0]
    assert said in fault.message
    assert (fault.file, fault.line, fault.code) == (str(file), line, code)
    assert fault.remedy


def test_a_file_that_is_too_large_or_not_there_is_a_fault(tmp_path: Path) -> None:
    large = ics_file(tmp_path, calendar(event(*TIMES, "SUMMARY:" + "x" * 1_048_576)))
    with pytest.raises(FaultsError, match="HS423 the calendar is larger than 1048576 bytes"):
        IcsCalendar(large, zone="UTC", is_longer=True)
    with pytest.raises(FaultsError, match="HS423 the file does not exist"):
        IcsCalendar(tmp_path / "none.ics", zone="UTC", is_longer=True)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("A" + ";B=C" * 5_000, "is no line of a calendar"),
        ('A;B="' + '";C="' * 5_000, "is no line of a calendar"),
        ("SUMMARY:" + "x" * 70_000, "longer than 65536 characters"),
        ("SUMMARY:" + "x\r\n " * 70_000, "longer than 65536 characters"),
    ],
)
def test_a_line_that_would_take_for_ever_is_a_fault(tmp_path: Path, line: str, said: str) -> None:
    """F-SEC-16: where a semicolon could stand in two places, the first two took years."""
    file = ics_file(tmp_path, calendar(event(*TIMES, line)))
    with pytest.raises(FaultsError, match=said) as caught:
        IcsCalendar(file, zone="UTC", is_longer=True)
    assert [f.line for f in caught.value.faults] == [9]


def test_a_line_of_many_parts_is_read(tmp_path: Path) -> None:
    many = "SUMMARY" + ';X="a;b:c"' * 5_000 + ":Many"
    begin = seconds("2026-05-30T00:00")
    [only] = read(tmp_path, event(*TIMES, many)).events(begin, begin + 30 * DAY)
    assert only.summary == "Many"


def test_all_faults_of_a_file_are_told_together(tmp_path: Path) -> None:
    bad = event("DTSTART:20260602T000000Z", "DTEND:20260601T000000Z")
    with pytest.raises(FaultsError) as caught:
        IcsCalendar(ics_file(tmp_path, calendar(bad, bad)), zone="UTC", is_longer=True)
    assert [f.line for f in caught.value.faults] == [8, 14]
