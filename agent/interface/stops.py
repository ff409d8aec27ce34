"""How often each rail said no lately, counted from the journal.

The journal is numbered, and its numbers rise with time, so the hour is found by halving: few single
lines are read, and then those of the hour. In a storm those are many; then the newest are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from agent.interface.remedies import RAIL_OF
from agent.interface.why import Question, question_of
from agent.model.decision import JournalEntry
from agent.ports.store import Store

HOUR_SECONDS = 3600.0
MOST_LINES = 20_000
AT_A_TIME = 1_000
FRESH_SECONDS = 10.0
LARGEST = 2**53


@dataclass(frozen=True)
class Stops:
    """Stops by id of the rail. `is_whole` False: there were more lines than were looked at."""

    by_rail: Counter[str]
    is_whole: bool


@dataclass
class Lately:
    """The count of the last hour, kept for a moment: pages are fetched anew with every change."""

    store: Store
    _at: float = float("-inf")
    _found: Stops | None = None

    async def stops(self, now: float) -> Stops:
        if self._found is None or not 0 <= now - self._at < FRESH_SECONDS:
            self._found = await count(self.store, since=now - HOUR_SECONDS)
            self._at = now
        return self._found


async def count(store: Store, *, since: float, most: int = MOST_LINES) -> Stops:
    """Every no of a rail since then, of the newest `most` lines at most."""
    end = await _first(store, lambda entry: entry is None)
    begin = await _first(store, lambda entry: entry is None or entry.at >= since)
    after = max(begin, end - most)
    found: Counter[str] = Counter()
    while rows := await store.journal(after=after, limit=AT_A_TIME):
        after = rows[-1][0]
        found.update(
            RAIL_OF[entry.reason]
            for _, entry in rows
            if entry.at >= since and entry.reason in RAIL_OF and question_of(entry) is Question.NOT
        )
        if after >= end:
            break
    return Stops(found, is_whole=begin >= end - most)


async def _first(store: Store, is_so: Callable[[JournalEntry | None], bool]) -> int:
    """The least number after which the next line is so; of lines behind it all are."""

    async def asked(number: int) -> bool:
        rows = await store.journal(after=number, limit=1)
        return is_so(rows[0][1] if rows else None)

    if await asked(0):
        return 0
    low, high = 0, 1
    while not await asked(high) and high < LARGEST:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if await asked(middle):
            high = middle
        else:
            low = middle
    return high
