"""Whose turn it is: people who take turns, or a calendar, and whoever stands in for them.

Turns are counted on the clock on the wall: a week is from Monday 09:00 to Monday 09:00, also in
the week the clocks change, which is an hour longer or shorter then. A handover in the gap of the
spring is at the first instant after it, one that comes twice in the autumn at the first of both, so
there is always just one person and never none (catalog/wall_clock.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from agent.catalog.calendar import IcsCalendar, Occasion
from agent.catalog.wall_clock import instant

DAY = 86_400.0
LOOKAHEAD_SECONDS = 60 * DAY
"""So far ahead the next handover of a calendar is looked for."""


class Override(msgspec.Struct, frozen=True, kw_only=True):
    person: str
    starts_at: float
    ends_at: float


class Turns:
    """Implements `agent.model.on_call.Rotation`: one after the other, for ever."""

    def __init__(self, people: tuple[str, ...], *, first: datetime, every: float, zone: str):
        self._people, self._first = people, first
        self._every = timedelta(seconds=every)
        self._zone = ZoneInfo(zone)
        days = every / DAY
        length = f"{days:g}d" if days >= 1 else f"{every / 3600:g}h"
        self.text = f"{', '.join(people)}: {length} from {first:%Y-%m-%d %H:%M} {zone}"

    def on_call(self, at: float) -> str | None:
        number = self._number(at)
        return self._people[number % len(self._people)] if number >= 0 else None

    def until(self, at: float) -> float | None:
        return self._begins(max(self._number(at), -1) + 1)

    def _begins(self, number: int) -> float:
        return instant(self._first + number * self._every, self._zone)

    def _number(self, at: float) -> int:
        """Of the turn at this time; below 0: before the first one."""
        wall = datetime.fromtimestamp(at, UTC).astimezone(self._zone).replace(tzinfo=None)
        number = (wall - self._first) // self._every
        while number >= 0 and self._begins(number) > at:
            number -= 1
        while self._begins(number + 1) <= at:
            number += 1
        return max(number, -1)


class ByCalendar:
    """Implements `Rotation`: an event's summary is the person, or one of its attendees is. Where
    events overlap, the one that began last is meant: that is how people write who stands in."""

    def __init__(self, calendar: IcsCalendar, people: Mapping[str, str]) -> None:
        """`people`: their names, by how calendars may write them (in small letters)."""
        self._calendar, self._people = calendar, people
        self.text = f"calendar {calendar.path.name}"

    def on_call(self, at: float) -> str | None:
        on = self._calendar.at(at)
        if not on:
            return None
        return self._named(max(on, key=lambda o: (o.starts_at, -o.ends_at)))

    def until(self, at: float) -> float | None:
        now = self.on_call(at)
        ahead = self._calendar.events(at, at + LOOKAHEAD_SECONDS)
        marks = sorted({m for o in ahead for m in (o.starts_at, o.ends_at) if m > at})
        return next((mark for mark in marks if self.on_call(mark) != now), None)

    def _named(self, occasion: Occasion) -> str:
        """The first word that is somebody's name; else what is written there, which is nobody's."""
        written = [occasion.summary.strip()]
        written += [a.partition("@")[0] for a in occasion.attendees] + list(occasion.attendees)
        known = (self._people.get(word.lower()) for word in written)
        return next((name for name in known if name), written[0] or "somebody without a name")


class WithOverrides:
    """Implements `Rotation`: a rotation in which others stand in."""

    def __init__(self, rotation: Turns | ByCalendar, overrides: tuple[Override, ...]) -> None:
        self._rotation = rotation
        self._overrides = overrides
        self.text = f"{rotation.text}, {len(overrides)} overrides"

    def on_call(self, at: float) -> str | None:
        stands_in = self._override(at)
        return stands_in.person if stands_in is not None else self._rotation.on_call(at)

    def until(self, at: float) -> float | None:
        stands_in = self._override(at)
        if stands_in is not None:
            return stands_in.ends_at
        ahead = [o.starts_at for o in self._overrides if o.starts_at > at]
        own = self._rotation.until(at)
        return min([*ahead, *([own] if own is not None else [])], default=None)

    def _override(self, at: float) -> Override | None:
        return next((o for o in self._overrides if o.starts_at <= at < o.ends_at), None)
