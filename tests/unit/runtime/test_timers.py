"""Durable timers: each fires once, at its time, and none is lost where it cannot be handed on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from agent.model.decision import Timer
from agent.model.errors import StoreUnavailable
from agent.model.event import TimerFired
from agent.runtime.lane import Undecidable
from agent.runtime.timers import Timers
from tests.support.kits import RealClock
from tests.support.waiting import eventually

SOON = 0.03


class Taker:
    """What the lane would do: takes what fired, or says why not."""

    def __init__(self) -> None:
        self.fired: list[tuple[str, str]] = []
        self.answers: list[Exception | None] = []
        self.told = 0

    async def take(self, fired: Sequence[TimerFired]) -> None:
        self.told += 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Undecidable):
            stuck = [f for f in fired if f.subject == "i-bad"]
            self.fired += [(f.subject, f.name) for f in fired if f not in stuck]
            raise Undecidable("a defect", stuck)
        if answer is not None:
            raise answer
        self.fired += [(f.subject, f.name) for f in fired]


class Hasty(RealClock):
    """Pauses are noted and hardly kept."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.001)


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Timers, Taker, Hasty]]:
    taker, clock = Taker(), Hasty()
    timers = Timers(clock=clock, fire=taker.take)
    work = asyncio.create_task(timers.run())
    try:
        yield timers, taker, clock
        assert not work.done(), "it goes on whatever happens"
    finally:
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)


def timer(clock: RealClock, subject: str, after: float | None, name: str = "look") -> Timer:
    return Timer(subject=subject, name=name, due=None if after is None else clock.now() + after)


async def fires(taker: Taker, *subjects: str) -> None:
    await eventually(
        lambda: [s for s, _ in taker.fired] == list(subjects), within=2, what="fires", every=0.005
    )


async def test_each_fires_once_in_the_order_of_its_time() -> None:
    async with running() as (timers, taker, clock):
        timers.set(timer(clock, "late", 2 * SOON))
        timers.set(timer(clock, "early", SOON))
        timers.set(timer(clock, "past", -100))
        await fires(taker, "past", "early", "late")
        await asyncio.sleep(2 * SOON)
        assert len(taker.fired) == 3


async def test_set_again_it_moves_and_taken_away_it_is_gone() -> None:
    async with running() as (timers, taker, clock):
        timers.set(timer(clock, "moved", SOON))
        timers.set(timer(clock, "gone", SOON))
        timers.set(timer(clock, "sooner", 60))
        timers.set(timer(clock, "moved", 4 * SOON))
        timers.set(timer(clock, "gone", None))
        timers.set(timer(clock, "sooner", SOON))
        await fires(taker, "sooner", "moved")


async def test_what_fell_due_while_nobody_looked_fires_at_once() -> None:
    async with running() as (timers, taker, clock):
        at = clock.now()
        timers.load({("a", "look"): at - 5000, ("b", "expiry"): at - 5000, ("c", "look"): at + 99})
        await fires(taker, "a", "b")


async def test_some_timers_may_not_fire_at_once_after_a_start() -> None:
    async with running() as (timers, taker, clock):
        at = clock.now()
        due = {("a", "expiry"): at - 5000, ("b", "look"): at - 1}
        timers.load(due, not_before={"expiry": at + 2 * SOON})
        await fires(taker, "b")
        await fires(taker, "b", "a")


async def test_a_store_that_cannot_write_loses_no_timer() -> None:
    async with running() as (timers, taker, clock):
        taker.answers = [StoreUnavailable("full"), StoreUnavailable("still full")]
        timers.set(timer(clock, "a", 0))
        timers.set(timer(clock, "b", 0))
        await eventually(lambda: len(taker.fired) == 2, within=2, what="both")
        assert taker.told == 3
        assert clock.slept == [1.0, 1.0], "with a pause between"


async def test_one_moved_while_it_could_not_be_handed_on_keeps_its_new_time() -> None:
    async with running() as (timers, taker, clock):

        async def refuse(fired: Sequence[TimerFired]) -> None:
            timers.set(timer(clock, "a", 3600))
            timers._fire = taker.take
            raise StoreUnavailable("full")

        timers._fire = refuse
        timers.set(timer(clock, "a", 0))
        await asyncio.sleep(2 * SOON)
        assert taker.fired == []
        assert timers._due["a", "look"] > clock.now() + 3000


async def test_one_that_cannot_be_decided_about_holds_up_no_other() -> None:
    async with running() as (timers, taker, clock):
        taker.answers = [Undecidable("a defect")]
        timers.set(timer(clock, "i-bad", 0))
        timers.set(timer(clock, "i-good", 0))
        await fires(taker, "i-good")
        timers.set(timer(clock, "i-next", 0))
        await fires(taker, "i-good", "i-next")
        assert timers._due["i-bad", "look"] > clock.now() + 30, "it is tried again, not at once"
