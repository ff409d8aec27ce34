"""Times: when things may be changed, or must not be, in the words and the zone of the people.

    windows:
      business-safe: {days: [mon, tue, wed, thu], from: "09:00", to: "16:00", zone: Europe/Berlin}
      nightly: {from: "22:00", to: "04:00", zone: UTC}
      migration: {from: "2026-11-07T20:00", to: "2026-11-08T04:00", zone: Europe/Berlin}
      calendar: {ics: cal/changes.ics, zone: Europe/Berlin}

Times that come every week are what a clock on the wall says in their zone. So such a window is an
hour longer or shorter in the night the clocks change (and does not come at all where its times are
skipped), and one that ends after midnight belongs to the day it began on.

A time with a date happens once. One that the clocks skip is the first instant after the gap; of one
that comes twice, the one is meant that makes a freeze or a maintenance longer, and a change window
shorter: `wall_clock`. The same holds for events of calendars.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

import msgspec
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from agent.catalog.faults import nearest, shown, suggest, wrong
from agent.catalog.validation import Written
from agent.catalog.wall_clock import (
    change_between,
    changes_clock,
    instant,
    span,
    zone_name,
)
from agent.model.fault import Fault
from agent.model.policy import Policy, Window
from agent.model.runbook import Runbook

NEVER_OPEN = "HS422"
"""A change window, a freeze or a maintenance ends when it begins, or before."""
UNDECLARED = "HS225"
"""A runbook names a change window the policy does not declare, and so would never act."""

DayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[DayName, ...] = get_args(DayName)
LOOK_AHEAD = 16
"""Days within which a window of every week opens and closes, also where one of its days is the one
the clocks skip it on."""
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")
_DATED = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}")
_DATE_ONLY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = r"^(20\d\d-\d\d-\d\dT)?([01]\d|2[0-3]):[0-5]\d$"


class ChangeWindow(msgspec.Struct, kw_only=True):
    """`agent.model.policy.Window` of every week. Minutes are counted from midnight on the wall;
    where `closes` is not after `opens`, it closes on the next day."""

    text: str
    zone: ZoneInfo
    days: frozenset[int]
    """0 is Monday: the days it opens on."""
    opens: int
    closes: int

    def is_open(self, at: float) -> bool:
        """Whether it is open at this time (seconds since 1970)."""
        there = datetime.fromtimestamp(at, self.zone)
        day, minute = there.weekday(), there.hour * 60 + there.minute
        if self.opens < self.closes:
            return day in self.days and self.opens <= minute < self.closes
        began_today = day in self.days and minute >= self.opens
        began_yesterday = (day - 1) % 7 in self.days and minute < self.closes
        return began_today or began_yesterday

    def until(self, at: float) -> float | None:
        """When it is not as it is now any more; None: never."""
        is_open = self.is_open(at)
        later = (moment for moment in sorted(self._turns(at)) if moment > at)
        return next((moment for moment in later if self.is_open(moment) is not is_open), None)

    def _turns(self, at: float) -> Iterator[float]:
        """Every time at which it may open or close, in the days to come: its own, and those the
        clocks are changed at."""
        today = datetime.fromtimestamp(at, self.zone).date()
        for ahead in range(-1, LOOK_AHEAD):
            day = today + timedelta(days=ahead)
            midnight, next_one = (self._instant(d, 0) for d in (day, day + timedelta(days=1)))
            if changes_clock(midnight, next_one, self.zone):
                yield change_between(midnight, next_one, self.zone)
            for minute in (self.opens, self.closes):
                yield self._instant(day, minute)
                yield self._instant(day, minute, later=True)

    def _instant(self, day: date, minute: int, *, later: bool = False) -> float:
        wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)  # noqa: DTZ001
        return instant(wall, self.zone, later=later)


class OnePeriod(msgspec.Struct, kw_only=True):
    """`agent.model.policy.Window` that comes once."""

    text: str
    starts_at: float
    ends_at: float

    def is_open(self, at: float) -> bool:
        return self.starts_at <= at < self.ends_at

    def until(self, at: float) -> float | None:
        if at < self.starts_at:
            return self.starts_at
        return self.ends_at if at < self.ends_at else None


def _moment(text: object) -> str:
    if isinstance(text, str) and _CLOCK.fullmatch(text):
        return text
    if isinstance(text, str) and _DATED.fullmatch(text):
        try:
            datetime.fromisoformat(text)
        except ValueError as error:
            raise wrong(f"{shown(text)} does not exist: {error}", "check the date") from None
        return text
    if isinstance(text, str) and _DATE_ONLY.fullmatch(text):
        raise wrong(f"{shown(text)} is a date without a time", f'write it like "{text}T00:00"')
    if isinstance(text, str) and _DATED.match(text):
        remedy = f'write "{text[:16]}"; the zone is a key of its own'
        raise wrong(f"{shown(text)} says more than a date and a time", remedy)
    if text == "24:00":
        raise wrong("a day begins at 00:00", 'write "00:00"; only `to` may be "24:00"')
    message = "a time of day, or a date and a time of day, is expected here"
    raise wrong(message, 'write it like "09:00" or "2026-11-26T00:00", with quotes')


def _last_moment(text: object) -> str:
    return "24:00" if text == "24:00" else _moment(text)


def _day(word: object) -> object:
    if isinstance(word, str) and word not in DAYS:
        near = nearest(word.lower()[:3], DAYS)
        remedy = f'write "{near}"' if near else f"one of: {', '.join(DAYS)}"
        raise wrong(f"{shown(word)} is not a day of the week", remedy)
    return word


def _ics(name: str) -> str:
    if "://" in name:
        raise wrong("a calendar is a file, not an address", "fetch it into a file beside this one")
    return name


Day = Annotated[DayName, BeforeValidator(_day, json_schema_input_type=DayName)]
From = Annotated[
    str,
    BeforeValidator(_moment),
    Field(json_schema_extra={"pattern": _MOMENT, "examples": ["09:00", "2026-11-26T00:00"]}),
]
To = Annotated[
    str,
    BeforeValidator(_last_moment),
    Field(
        json_schema_extra={
            "pattern": f"{_MOMENT}|^24:00$",
            "examples": ["16:00", "2026-11-30T00:00"],
        }
    ),
]


class WindowKeys(Written):
    """A time: every week (`from` and `to` are times of day), once (they have dates), or as a
    calendar has it (`ics`). What is not open is closed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    days: Annotated[list[Day], Field(min_length=1)] | None = None
    """Days it opens on; every day where they are left out."""
    from_: From | None = Field(None, alias="from")
    """When it begins: a time of day, or a date with one."""
    to: To | None = None
    """When it ends: a time of day, where that is earlier on the next day; or a date with one."""
    ics: Annotated[str, Field(min_length=1), AfterValidator(_ics)] | None = None
    """Calendar file whose events it is, relative to this file."""
    zone: Annotated[str, Field(min_length=1, examples=["Europe/Berlin"]), AfterValidator(zone_name)]
    """Time zone of the times; of a calendar, of those that have none."""

    @model_validator(mode="after")
    def _is_one_kind(self) -> WindowKeys:
        if self.ics is not None:
            if self.days or self.from_ is not None or self.to is not None:
                raise wrong("a calendar has its own times", "keep either ics, or from and to")
            return self
        if self.from_ is None or self.to is None:
            missing = "from" if self.from_ is None else "to"
            raise wrong(f'key "{missing}" is missing', "add it, or name a calendar with ics")
        if _is_dated(self.from_) is not _is_dated(self.to):
            raise wrong("one of the times has a date, the other has none", "write both alike")
        if _is_dated(self.from_) and self.days is not None:
            raise wrong("days do not go with dates", "take days away, or the dates")
        self._is_open_sometimes(self.from_, self.to)
        return self

    def _is_open_sometimes(self, begins: str, ends: str) -> None:
        if begins == ends and not _is_dated(begins):
            remedy = 'write from: "00:00" and to: "24:00" for the whole day'
            raise wrong("the window closes when it opens", remedy, code=NEVER_OPEN)
        if _is_dated(begins) and ends <= begins:
            raise wrong("it ends before it begins", "swap from and to", code=NEVER_OPEN)


def _is_dated(moment: str) -> bool:
    return "T" in moment


def compile_window(keys: WindowKeys, *, folder: Path = Path(), is_longer: bool = False) -> Window:
    """`folder`: what the file of a calendar is relative to. `is_longer`: of times that come twice,
    those are meant that make it longer. Raises FaultsError where a calendar cannot be used."""
    if keys.ics is not None:
        # Heavy, and few sites keep their windows in calendars.
        from agent.catalog.calendar import IcsCalendar, IcsPeriod

        calendar = IcsCalendar(folder / keys.ics, zone=keys.zone, is_longer=is_longer)
        return IcsPeriod(text=f"{keys.ics} {keys.zone}", calendar=calendar)
    begins, ends = keys.from_ or "", keys.to or ""
    zone = ZoneInfo(keys.zone)
    if _is_dated(begins):
        walls = datetime.fromisoformat(begins), datetime.fromisoformat(ends)
        starts_at, ends_at = span(*walls, zone, is_longer=is_longer)
        text = f"{begins} to {ends} {keys.zone}"
        return OnePeriod(text=text, starts_at=starts_at, ends_at=ends_at)
    days = [day for day in DAYS if keys.days is None or day in keys.days]
    return ChangeWindow(
        text=f"{' '.join(days)} {begins}-{ends} {keys.zone}",
        zone=zone,
        days=frozenset(DAYS.index(day) for day in days),
        opens=_minutes(begins),
        closes=_minutes(ends),
    )


def calendars_of(windows: Iterable[Window]) -> tuple[str, ...]:
    """Paths of the calendar files behind them."""
    paths = (getattr(window, "path", None) for window in windows)
    return tuple(dict.fromkeys(str(path) for path in paths if path is not None))


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def undeclared_windows(
    runbooks: Iterable[Runbook], policy: Policy, places: Mapping[str, tuple[str, int, int]]
) -> tuple[Fault, ...]:
    """Runbooks whose window the policy does not declare. `places`: by name of the runbook, its
    file, line and column."""
    found = []
    for runbook in runbooks:
        window = runbook.guard.window
        if window is None or window in policy.windows:
            continue
        file, line, column = places.get(runbook.name, (runbook.path, 1, 1))
        known: Mapping[str, Any] = policy.windows
        remedy = suggest(window, known, what="declared are") or "declare it: policy.windows"
        found.append(
            Fault(
                file=file,
                line=line,
                column=column,
                code=UNDECLARED,
                path="guard.window",
                message=f"the policy declares no change window {shown(window)}",
                remedy=remedy,
            )
        )
    return tuple(found)
