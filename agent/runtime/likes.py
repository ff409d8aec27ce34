"""Which resolutions are remembered, and how they are found: by what makes them alike, and by what
they were about.

Ten thousand in a day must not make the next one slower. So each is found by its signature, where
it stands behind those that ended before it, and of each signature only so many are remembered; the
store has all of them. What is given up first says least: what went away by itself before anybody
would have acted, then what went away with nothing done, then what is oldest. What is still to be
judged stays, unless there is far too much of it; then nobody acted in what goes first.

An index is never changed in place: each of its rows is written anew, so that what a batch changed
can be taken back with the order it had.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agent.core.aftermath import about_of
from agent.model.learning import Credit, Resolution

MOST_ALIKE = 200
"""Judged resolutions of one signature."""
MOST_PENDING = 500
"""Resolutions of one signature that are still to be judged, besides."""
TRIM_EVERY = 50
"""So many more may be there for a while: looking for what to give up takes time."""
MOST_IN_ALL = 100_000
MOST_ON_ONE = 1_000
"""Resolutions about one thing that people were told of."""

Put = Callable[[dict[Any, Any], Any, Any], None]
"""Changes one key so that it can be taken back; None deletes it."""
Index = dict[str, dict[str, bool]]


class Likes:
    """The resolutions in memory, with both indices."""

    def __init__(self, kept: dict[str, Resolution], put: Put) -> None:
        self.kept, self._change = kept, put
        self.by_signature: Index = {}
        self.by_place: Index = {}

    def put(self, key: str, body: Resolution | None, *, dwell_seconds: float) -> None:
        """Remembers it, or another state of it; None forgets it. Whatever went away by itself
        within the dwell time is what says least."""
        before = self.kept.get(key)
        self._change(self.kept, key, body)
        self._index(self.by_signature, key, _signature(before), _signature(body))
        self._index(self.by_place, key, _place(before), _place(body), most=MOST_ON_ONE)
        if body is None or before is not None:
            return
        alike = self.by_signature[body.signature]
        if len(alike) > MOST_ALIKE and len(alike) % TRIM_EVERY == 0:
            for name in superfluous(alike, self.kept, dwell_seconds):
                self.put(name, None, dwell_seconds=dwell_seconds)
        if len(self.kept) > MOST_IN_ALL:
            self.put(next(iter(self.kept)), None, dwell_seconds=dwell_seconds)

    def _index(
        self, index: Index, key: str, old: str | None, new: str | None, most: int = MOST_IN_ALL
    ) -> None:
        if old is not None and old != new and key in index.get(old, ()):
            rest = dict(index[old])
            del rest[key]
            self._change(index, old, rest or None)
        if new is None or key in index.get(new, ()):
            return
        row = dict(index.get(new, {}))
        latest = next(reversed(row), None)
        row[key] = True
        if latest is not None and self.kept[latest].at > self.kept[key].at:
            row = dict.fromkeys(sorted(row, key=lambda name: (self.kept[name].at, name)), True)
        if len(row) > most:
            del row[next(iter(row))]
        self._change(index, new, row)


def superfluous(
    alike: Mapping[str, bool], kept: Mapping[str, Resolution], dwell_seconds: float
) -> list[str]:
    """Those that are given up where there are too many of one signature."""
    ones = [kept[name] for name in alike]
    judged = [one for one in ones if one.credit is not Credit.PENDING]
    acted = [one for one in judged if one.deeds]
    # Sorting keeps the order of those that are equal: the oldest go first.
    idle = [one for one in judged if not one.deeds]
    idle.sort(key=lambda one: not _is_short(one, dwell_seconds))
    pending = [one for one in ones if one.credit is Credit.PENDING]
    pending.sort(key=lambda one: bool(one.deeds))
    # However many there are of one sort, half of the places are for the other.
    half = MOST_ALIKE // 2
    return [
        *_first(len(idle) - MOST_ALIKE + min(len(acted), half), idle),
        *_first(len(acted) - MOST_ALIKE + min(len(idle), half), acted),
        *_first(len(pending) - MOST_PENDING, pending),
    ]


def _first(number: int, ones: list[Resolution]) -> list[str]:
    return [one.incident_id for one in ones[: max(number, 0)]]


def _is_short(one: Resolution, dwell_seconds: float) -> bool:
    return one.cleared_at is not None and one.cleared_at - one.fired_at <= dwell_seconds


def _signature(one: Resolution | None) -> str | None:
    return one.signature if one is not None else None


def _place(one: Resolution | None) -> str | None:
    """What it was about, where people were told of it."""
    if one is None or not (one.pages or one.who):
        return None
    return about_of(one)
