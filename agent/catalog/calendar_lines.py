"""The lines of a calendar file (RFC 5545), with their places.

The library that understands calendars does not say where in the file something is wrong, passes
over what it does not understand, and would follow a rule that repeats every second to the end of
time. So the lines are read here first: what is looked at elsewhere later must be whole and bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from agent.catalog.faults import FaultsError, shown
from agent.catalog.files import read_bytes
from agent.catalog.strict_yaml import MAX_BYTES
from agent.model.fault import Fault

CALENDAR = "HS423"
"""A calendar file cannot be read."""
EVENT = "HS424"
"""An event of a calendar cannot be meant, or has no bounds."""

MAX_EVENTS = 2_000
MAX_PER_DAY = 200
"""So often at most all repeated events of a file happen on one day."""
MAX_DEPTH = 4
LONGEST_LINE = 65_536
"""Characters of one line, unfolded: a long description fits, and to unfold it costs little."""

_NAME = re.compile(r"([A-Za-z0-9-]+)((?:;[^:;\"]*(?:\"[^\"]*\"[^:;\"]*)*)*):(.*)", re.DOTALL)
"""There is one way only to read a line: where a semicolon could belong to two parts, a line of many
and without a colon would be tried in every combination of them."""
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_DAYS_OF_OTHERS = ("BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS")
"""With a daily rule they skip days, maybe all days there will ever be, one by one."""


class Line(NamedTuple):
    """One property, unfolded. `parameters` is empty or begins with a semicolon."""

    number: int
    name: str
    parameters: str
    value: str


class WrittenEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Lines of one VEVENT, without those of what is inside of it."""

    line: int
    """Of its BEGIN."""
    lines: tuple[Line, ...]

    def of(self, name: str) -> tuple[Line, ...]:
        return tuple(line for line in self.lines if line.name == name)

    def place(self, name: str) -> int:
        """Line of this property, or of the event where it has none."""
        return next((line.number for line in self.of(name)), self.line)


def read_calendar(path: Path) -> tuple[bytes, tuple[WrittenEvent, ...]]:
    """The bytes of the file and its events, in their order. Raises FaultsError with all that is
    wrong with its form; what its times mean is not looked at."""
    raw = read_bytes(path, code=CALENDAR)
    file = str(path)
    if len(raw) > MAX_BYTES:
        message = f"the calendar is larger than {MAX_BYTES} bytes"
        raise FaultsError([fault(file, 1, message, "keep only the events that matter here")])
    lines = list(_lines(_decoded(raw, file), file))
    events = tuple(_events(lines, file))
    if not events:
        raise FaultsError([fault(file, 1, "the calendar has no events", "add a VEVENT")])
    faults = list(_unbounded(events, file))
    if faults:
        raise FaultsError(faults)
    return raw, events


def fault(file: str, line: int, message: str, remedy: str, code: str = CALENDAR) -> Fault:
    return Fault(file=file, line=line, column=1, code=code, message=message, remedy=remedy)


def _decoded(raw: bytes, file: str) -> str:
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise FaultsError([fault(file, line, "a byte is not UTF-8", "save it as UTF-8")]) from None
    hidden = _FORBIDDEN.search(text)
    if hidden is not None:
        line = text.count("\n", 0, hidden.start()) + 1
        message = f"character U+{ord(hidden[0]):04X} is not allowed"
        raise FaultsError([fault(file, line, message, "remove it")])
    return text


def _lines(text: str, file: str) -> Iterator[Line]:
    """A line that begins with a blank goes on with the one before."""
    folded: list[tuple[int, str]] = []
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if line[:1] in (" ", "\t") and folded:
            begun, so_far = folded[-1]
            if len(so_far) + len(line) > LONGEST_LINE:
                raise FaultsError([_too_long(file, begun)])
            folded[-1] = (begun, so_far + line[1:])
        elif len(line) > LONGEST_LINE:
            raise FaultsError([_too_long(file, number)])
        elif line.strip():
            folded.append((number, line))
    for number, line in folded:
        found = _NAME.fullmatch(line)
        if found is None:
            message = f"{shown(line)} is no line of a calendar"
            raise FaultsError([fault(file, number, message, "write NAME:VALUE, as in RFC 5545")])
        yield Line(number, found[1].upper(), found[2], found[3])


def _too_long(file: str, number: int) -> Fault:
    message = f"the line is longer than {LONGEST_LINE} characters"
    return fault(file, number, message, "shorten it, or take the attachment away")


def _events(lines: list[Line], file: str) -> Iterator[WrittenEvent]:
    stack: list[Line] = []
    inside: list[Line] = []
    is_over = False
    for line in lines:
        if is_over or (not stack and (line.name, line.value.upper()) != ("BEGIN", "VCALENDAR")):
            message = "a calendar is one VCALENDAR, and nothing before or after it"
            raise FaultsError([fault(file, line.number, message, "export one calendar")])
        if line.name == "BEGIN":
            stack.append(line)
            inside = [] if line.value.upper() == "VEVENT" else inside
            if len(stack) > MAX_DEPTH:
                message = f"nested deeper than {MAX_DEPTH} levels"
                raise FaultsError([fault(file, line.number, message, "flatten it")])
        elif line.name == "END":
            opened = stack.pop()
            if opened.value.upper() != line.value.upper():
                raise FaultsError([_unclosed(opened, file)])
            if opened.value.upper() == "VEVENT":
                yield WrittenEvent(line=opened.number, lines=tuple(inside))
            is_over = not stack
        elif stack[-1].value.upper() == "VEVENT":
            inside.append(line)
    if stack:
        raise FaultsError([_unclosed(stack[-1], file)])


def _unclosed(opened: Line, file: str) -> Fault:
    name = opened.value.upper()
    message = f"the {name} that begins here has no end"
    return fault(file, opened.number, message, f"add END:{name}, or export the calendar again")


def _unbounded(events: tuple[WrittenEvent, ...], file: str) -> Iterator[Fault]:
    if len(events) > MAX_EVENTS:
        remedy = "keep only the events that matter here"
        yield fault(file, events[MAX_EVENTS].line, f"more than {MAX_EVENTS} events", remedy, EVENT)
    per_day = 0
    for event in events:
        for line in event.of("EXRULE"):
            yield fault(file, line.number, "EXRULE is not read any more", "use EXDATE", EVENT)
        for line in event.of("RRULE"):
            said = _rule_fault(line)
            if said is not None:
                yield fault(file, line.number, *said, EVENT)
                continue
            per_day += _times_a_day(_parts(line))
            if per_day > MAX_PER_DAY:
                message = f"repeated events happen more than {MAX_PER_DAY} times a day"
                yield fault(file, line.number, message, "write longer events, or fewer", EVENT)
                return


def _parts(line: Line) -> dict[str, str]:
    pairs = (part.partition("=") for part in line.value.upper().split(";") if part)
    return {name: value for name, _, value in pairs}


def _times_a_day(parts: dict[str, str]) -> int:
    hours, minutes = (len(parts.get(key, "0").split(",")) for key in ("BYHOUR", "BYMINUTE"))
    return hours * minutes


def _rule_fault(line: Line) -> tuple[str, str] | None:
    """What is wrong with a rule, and the way out."""
    parts = _parts(line)
    often = parts.get("FREQ", "")
    if often not in _FREQUENCIES:
        what = often.lower() or "without FREQ"
        remedy = "repeat it daily, weekly, monthly or yearly, and write a longer event"
        return f"an event that repeats {shown(what)} has no use here", remedy
    if "BYSECOND" in parts:
        return "an event that repeats by the second has no use here", "take BYSECOND away"
    if often == "DAILY" and (found := [key for key in _DAYS_OF_OTHERS if key in parts]):
        return f"{found[0]} does not go with FREQ=DAILY", "write FREQ=MONTHLY or FREQ=YEARLY"
    return None
