"""Change windows: when things may be changed, in the words and the time zone of the people.

    windows:
      business-safe: {days: [mon, tue, wed, thu], from: "09:00", to: "16:00", zone: Europe/Berlin}
      nightly: {from: "22:00", to: "04:00", zone: UTC}

A window is what a clock on the wall says in its zone. So it is an hour longer or shorter in the
night the clocks change, and a window that ends after midnight belongs to the day it began on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from agent.catalog.faults import nearest, shown, suggest, wrong
from agent.catalog.validation import Written
from agent.model.fault import Fault
from agent.model.policy import Policy
from agent.model.runbook import Runbook

UNKNOWN_ZONE = "HS421"
"""A change window is in a time zone nobody knows."""
NEVER_OPEN = "HS422"
"""A change window begins when it ends."""
UNDECLARED = "HS225"
"""A runbook names a change window the policy does not declare, and so would never act."""

DayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[DayName, ...] = get_args(DayName)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|24:00")


class ChangeWindow(msgspec.Struct, kw_only=True):
    """`agent.model.policy.Window`. Minutes are counted from midnight on the wall; where `closes`
    is not after `opens`, it closes on the next day."""

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


def _clock(text: object) -> str:
    if not isinstance(text, str) or not _CLOCK.fullmatch(text):
        raise wrong("a time of day is expected here", 'write it like "09:00", with quotes')
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        remedy = 'write it like Europe/Berlin or UTC; "tzdata" of the system knows them'
        raise wrong(f"unknown time zone {shown(name)}", remedy, code=UNKNOWN_ZONE) from None
    return name


def _day(word: object) -> object:
    if isinstance(word, str) and word not in DAYS:
        near = nearest(word.lower()[:3], DAYS)
        remedy = f'write "{near}"' if near else f"one of: {', '.join(DAYS)}"
        raise wrong(f"{shown(word)} is not a day of the week", remedy)
    return word


Day = Annotated[DayName, BeforeValidator(_day, json_schema_input_type=DayName)]
Clock = Annotated[
    str,
    BeforeValidator(_clock),
    Field(
        json_schema_extra={"pattern": r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$", "examples": ["09:00"]}
    ),
]


class WindowKeys(Written):
    """One change window. What is not open is closed."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    days: Annotated[list[Day], Field(min_length=1)] = list(DAYS)
    """Days it opens on; every day where they are left out."""
    from_: Clock = Field(alias="from")
    """Time of day it opens at."""
    to: Clock
    """Time of day it closes at; where that is earlier, on the next day."""
    zone: Annotated[str, Field(min_length=1, examples=["Europe/Berlin"]), AfterValidator(_zone)]
    """Time zone the times are in."""

    @model_validator(mode="after")
    def _is_open_sometimes(self) -> WindowKeys:
        if self.from_ == self.to:
            remedy = 'write from: "00:00" and to: "24:00" for the whole day'
            raise wrong("the window closes when it opens", remedy, code=NEVER_OPEN)
        return self


def compile_window(keys: WindowKeys) -> ChangeWindow:
    days = [day for day in DAYS if day in keys.days]
    return ChangeWindow(
        text=f"{' '.join(days)} {keys.from_}-{keys.to} {keys.zone}",
        zone=ZoneInfo(keys.zone),
        days=frozenset(DAYS.index(day) for day in days),
        opens=_minutes(keys.from_),
        closes=_minutes(keys.to),
    )


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
