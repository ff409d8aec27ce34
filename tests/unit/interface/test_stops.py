"""Stops of the last hour, found in a journal that is only numbered."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.interface.stops import HOUR_SECONDS, Lately, count
from agent.model.decision import Decision, JournalEntry
from agent.model.reason import Reason
from agent.store.memory import MemoryStore
from tests.support.decisions import make_journal


class Counted(MemoryStore):
    """Counts how many lines were read."""

    read = 0

    async def journal(
        self, *, subject: str | None = None, after: int = 0, limit: int = 1000
    ) -> tuple[tuple[int, JournalEntry], ...]:
        rows = await super().journal(subject=subject, after=after, limit=limit)
        self.read += len(rows)
        return rows


@asynccontextmanager
async def store_with(*entries: JournalEntry) -> AsyncIterator[Counted]:
    store = Counted()
    await store.open(now=0.0)
    try:
        await store.commit([Decision(journal=entries)])
        yield store
    finally:
        await store.close()


def stop(at: float, reason: Reason = Reason.COOLDOWN, kind: str = "stopped") -> JournalEntry:
    return make_journal(at=at, kind=kind, reason=reason)


@pytest.mark.parametrize("total", [0, 1, 2, 3, 7, 64, 65])
@pytest.mark.parametrize("since", [-1.0, 0.0, 1.5, 6.0, 30.0, 63.0, 100.0])
async def test_exactly_the_lines_since_then_are_counted(total: int, since: float) -> None:
    async with store_with(*(stop(float(n)) for n in range(total))) as store:
        found = await count(store, since=since)
    assert found.by_rail["cooled_down"] == sum(n >= since for n in range(total))
    assert found.is_whole


async def test_only_stops_of_rails_count_by_rail() -> None:
    entries = (
        stop(1),
        stop(1, Reason.RATE_EXHAUSTED, "waiting_for_rail"),
        stop(1, Reason.FREEZE, "step"),
        stop(1, Reason.STEP_DONE, "step"),
        stop(1, Reason.STORM_FLEET, "storm"),
        stop(1, Reason.NO_RUNBOOK, "matched"),
        stop(1, Reason.RISK_NEEDS_APPROVAL, "guard"),
    )
    async with store_with(*entries) as store:
        found = await count(store, since=0)
    assert found.by_rail == Counter(cooled_down=1, rate=1, freeze=1, risk_approval=1)


async def test_of_too_many_the_newest_are_counted_and_it_says_so() -> None:
    async with store_with(*(stop(float(n)) for n in range(50))) as store:
        found = await count(store, since=0, most=10)
        assert (found.by_rail["cooled_down"], found.is_whole) == (10, False)


async def test_a_long_past_is_not_read() -> None:
    async with store_with(*(stop(float(n)) for n in range(5000))) as store:
        assert (await count(store, since=4990)).by_rail["cooled_down"] == 10
        assert store.read < 100


async def test_the_count_is_kept_for_a_moment() -> None:
    async with store_with(stop(10.0), stop(20.0)) as store:
        lately = Lately(store)
        now = 15.0 + HOUR_SECONDS
        assert (await lately.stops(now)).by_rail["cooled_down"] == 1
        read = store.read
        await lately.stops(now + 5)
        assert store.read == read
        assert (await lately.stops(now + 11)).by_rail["cooled_down"] == 0
        assert (await lately.stops(now - 100)).by_rail["cooled_down"] == 2  # the clock was set back
