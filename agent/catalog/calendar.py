"""Calendars of people (`.ics`): what is on at a time, worked out only for the time asked about.

An event with a zone (or in UTC) keeps it. One without (floating), and one of whole days, is in the
zone the calendar was declared with. What a wall time means in the nights the clocks change is said
in `wall_clock`. Cancelled events, and cancelled or moved ones of a series, are as people see them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec

from agent.catalog.calendar_lines import (
    CALENDAR,
    EVENT,
    WrittenEvent,
    fault,
    read_calendar,
)
from agent.catalog.faults import FaultsError, shown
from agent.catalog.wall_clock import span
from agent.model.fault import Fault

if TYPE_CHECKING:
    import icalendar

DAY = 86_400.0
CHUNK = 28 * DAY
"""What is worked out at a time, and kept."""
KEPT_CHUNKS = 16
MARGIN = timedelta(days=2)
"""Wall times of any zone, read as if in UTC, are off by less."""
HORIZON = 400 * DAY
"""So far ahead the next event is looked for."""
FIRST_YEAR, LAST_YEAR = 2000, 2100
LONGEST_REPEATED = timedelta(days=31)


class Occasion(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One event at one time, in seconds since 1970; it is not on any more at `ends_at`."""

    starts_at: float
    ends_at: float
    summary: str = ""
    attendees: tuple[str, ...] = ()
    """Their addresses, without `mailto:`."""
    uid: str = ""


class IcsCalendar:
    """Read once; a changed file is read again with the settings."""

    def __init__(self, path: Path, *, zone: str, is_longer: bool) -> None:
        """`is_longer`: which of two times is meant that the clock shows twice: those that make an
        event longer, or shorter. Raises FaultsError with file and line."""
        self.path = path
        self._zone = ZoneInfo(zone)
        self._is_longer = is_longer
        raw, written = read_calendar(path)
        self._query = _queried(raw, written, str(path))
        self._chunks: dict[int, tuple[Occasion, ...]] = {}

    def events(self, begin: float, end: float) -> tuple[Occasion, ...]:
        """What is on at some moment from `begin` until before `end`, in order. The span is at
        most some years: longer ones are cut."""
        end = min(end, begin + 2 * HORIZON)
        found: dict[Occasion, None] = {}
        for number in range(int(begin // CHUNK), int((end - 1e-6) // CHUNK) + 1):
            for occasion in self._chunk(number):
                if occasion.starts_at < end and occasion.ends_at > begin:
                    found[occasion] = None
        return tuple(sorted(found))

    def at(self, moment: float) -> tuple[Occasion, ...]:
        """What is on at this time."""
        on = self._chunk(int(moment // CHUNK))
        return tuple(o for o in on if o.starts_at <= moment < o.ends_at)

    def ends_after(self, moment: float) -> float | None:
        """When everything that is on, and what follows without a gap, is over. None: not soon, or
        nothing is on."""
        end = moment
        while end - moment < HORIZON:
            on = self.at(end)
            if not on:
                return end if end > moment else None
            end = max(o.ends_at for o in on)
        return None

    def begins_after(self, moment: float) -> float | None:
        """When the next event begins; None: not within a year or so."""
        for number in range(int(moment // CHUNK), int((moment + HORIZON) // CHUNK) + 1):
            later = [o.starts_at for o in self._chunk(number) if o.starts_at > moment]
            if later:
                return min(later)
        return None

    def _chunk(self, number: int) -> tuple[Occasion, ...]:
        known = self._chunks.get(number)
        if known is None:
            if len(self._chunks) >= KEPT_CHUNKS:
                self._chunks.clear()
            known = self._chunks[number] = tuple(sorted(set(self._worked_out(number * CHUNK))))
        return known

    def _worked_out(self, begin: float) -> Iterator[Occasion]:
        end = begin + CHUNK
        first = datetime.fromtimestamp(begin, UTC) - MARGIN
        last = datetime.fromtimestamp(end, UTC) + MARGIN
        for event in self._query.between(first, last):
            if str(event.get("STATUS", "")).upper() == "CANCELLED":
                continue
            zone, starts, ends = _walls(event, self._zone)
            starts_at, ends_at = span(starts, ends, zone, is_longer=self._is_longer)
            if starts_at < end and ends_at > begin and ends_at > starts_at:
                yield Occasion(
                    starts_at=starts_at,
                    ends_at=ends_at,
                    summary=str(event.get("SUMMARY", ""))[:200],
                    attendees=_attendees(event),
                    uid=str(event.get("UID", ""))[:200],
                )


class IcsPeriod(msgspec.Struct, kw_only=True):
    """`agent.model.policy.Window`: in force while any event of the calendar is on."""

    text: str
    calendar: IcsCalendar

    @property
    def path(self) -> Path:
        return self.calendar.path

    def is_open(self, at: float) -> bool:
        return bool(self.calendar.at(at))

    def until(self, at: float) -> float | None:
        return self.calendar.ends_after(at) if self.is_open(at) else self.calendar.begins_after(at)


def _walls(event: icalendar.Event, zone: tzinfo) -> tuple[tzinfo, datetime, datetime]:
    """The zone an event is in, and its two times on the wall there."""
    begin, end = event.start, event.end
    own = begin.tzinfo if isinstance(begin, datetime) else None
    if own is not None and isinstance(end, datetime) and end.tzinfo not in (None, own):
        end = end.astimezone(own)
    return own or zone, _wall(begin), _wall(end)


def _wall(moment: date) -> datetime:
    if isinstance(moment, datetime):
        return moment.replace(tzinfo=None, fold=0)
    return datetime(moment.year, moment.month, moment.day)  # noqa: DTZ001 - on the wall


def _attendees(event: icalendar.Event) -> tuple[str, ...]:
    found = event.get("ATTENDEE", [])
    every = found if isinstance(found, list) else [found]
    return tuple(str(one).removeprefix("mailto:").removeprefix("MAILTO:")[:200] for one in every)


def _queried(raw: bytes, written: tuple[WrittenEvent, ...], file: str) -> Any:
    """What answers queries. Every event was understood, and every rule was followed once."""
    # Heavy, and for those who have a calendar: at first use.
    import icalendar
    import recurring_ical_events  # type: ignore[import-untyped] # it has no types

    try:
        calendar = icalendar.Calendar.from_ical(raw)
    except (ValueError, KeyError, IndexError, TypeError) as error:
        message = f"the calendar cannot be read: {str(error)[:120]}"
        raise FaultsError([fault(file, 1, message, "export it again")]) from None
    assert isinstance(calendar, icalendar.Calendar)
    understood = [e for e in calendar.walk("VEVENT") if isinstance(e, icalendar.Event)]
    pairs = zip(understood, written, strict=True)
    faults = [f for event, lines in pairs for f in _faults(event, lines, file)]
    if faults:
        raise FaultsError(faults)
    try:
        query = recurring_ical_events.of(calendar)
        # A rule that never comes is followed to the end of time, once: now, in the reader's thread.
        query.between(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), MARGIN)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        message = f"its repetitions cannot be worked out: {str(error)[:120]}"
        raise FaultsError([fault(file, 1, message, "export it again", CALENDAR)]) from None
    return query


def _faults(event: icalendar.Event, written: WrittenEvent, file: str) -> Iterator[Fault]:
    """What of an event cannot be meant."""
    from icalendar import InvalidCalendar  # the caller has imported it

    if event.errors:
        name, said = event.errors[0]
        name = (name or "").upper()
        message = f"{name or 'the event'} cannot be read: {str(said)[:120]}"
        yield fault(file, written.place(name), message, "write it as in RFC 5545", EVENT)
        return
    for name in ("DTSTART", "DTEND", "RECURRENCE-ID", "RDATE", "EXDATE"):
        for line in written.of(name):
            if "TZID=" in line.parameters.upper() and _has_lost_its_zone(event.get(name)):
                message = f"{name} is in a time zone nobody knows: {shown(line.parameters[1:])}"
                remedy = "write it like TZID=Europe/Berlin, or export it with its VTIMEZONE"
                yield fault(file, line.number, message, remedy, EVENT)
                return
    try:
        starts, ends = _wall(event.start), _wall(event.end)
        _, begin, end = _walls(event, UTC)
    except (ValueError, TypeError, AttributeError, InvalidCalendar) as error:
        message = f"the event has no times to go by: {str(error)[:120]}"
        yield fault(file, written.line, message, "give it DTSTART and DTEND", EVENT)
        return
    yield from _out_of_bounds(written, file, starts, ends, length=end - begin)


def _out_of_bounds(
    written: WrittenEvent, file: str, starts: datetime, ends: datetime, *, length: timedelta
) -> Iterator[Fault]:
    if length <= timedelta(0):
        place = written.place("DTEND") if written.of("DTEND") else written.place("DURATION")
        message = "the event ends when it begins, or before"
        yield fault(file, place, message, "set DTEND after DTSTART", EVENT)
    elif starts.year < FIRST_YEAR or ends.year > LAST_YEAR:
        message = f"the event is not between {FIRST_YEAR} and {LAST_YEAR}"
        yield fault(
            file, written.place("DTSTART"), message, "write the year it is meant for", EVENT
        )
    elif written.of("RRULE") and length > LONGEST_REPEATED:
        message = f"a repeated event lasts longer than {LONGEST_REPEATED.days} days"
        yield fault(file, written.place("RRULE"), message, "write it without RRULE", EVENT)


def _has_lost_its_zone(value: Any) -> bool:
    """Whether a time that names a zone is without: the zone is neither known nor described."""
    found = value if isinstance(value, list) else [value]
    times = [getattr(t, "dt", t) for v in found for t in getattr(v, "dts", [v])]
    return any(isinstance(t, datetime) and t.tzinfo is None for t in times)
