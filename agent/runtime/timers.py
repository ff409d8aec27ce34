"""Durable timers: rows in the store, a heap in memory, one task that sleeps until the next is due.

Due times are wall clock and survive a restart; what fell due while the agent was down fires at
once. The sleep is capped, so that a jump of the wall clock is noticed within seconds. A timer that
could not be handed on is not lost: it is due again.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from agent.model.decision import Timer
from agent.model.errors import StoreUnavailable
from agent.model.event import TimerFired
from agent.ports.clock import Clock
from agent.runtime.lane import Undecidable

log = structlog.get_logger("timers")

LONGEST_SLEEP_SECONDS = 5.0
STORE_PAUSE_SECONDS = 1.0
DEFECT_PAUSE_SECONDS = 60.0
"""Until a timer that could not be decided about is tried again."""
MOST_AT_ONCE = 200
"""What fell due together is handed on in parts, each once the one before is on disk: after a long
stop with thousands of open incidents a new alert waits for one part, and not for all of them."""

Key = tuple[str, str]


class Timers:
    def __init__(
        self, *, clock: Clock, fire: Callable[[Sequence[TimerFired]], Awaitable[None]]
    ) -> None:
        self._clock, self._fire = clock, fire
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._changed = asyncio.Event()

    def load(
        self, timers: Mapping[Key, float], *, not_before: Mapping[str, float] | None = None
    ) -> None:
        """All that stand. `not_before`: by name, the earliest moment such a timer may run out."""
        earliest = not_before or {}
        for (subject, name), due in timers.items():
            due = max(due, earliest.get(name, due))
            self.set(Timer(subject=subject, name=name, due=due))

    def set(self, timer: Timer) -> None:
        key = (timer.subject, timer.name)
        if timer.due is None:
            self._due.pop(key, None)
        else:
            self._due[key] = timer.due
            heapq.heappush(self._heap, (timer.due, key))
        self._changed.set()

    async def run(self) -> None:
        while True:
            now = self._clock.now()
            ready = self._ready(now)
            if ready:
                await self._hand_on(
                    [TimerFired(at=now, subject=subject, name=name) for subject, name in ready]
                )
                continue
            self._changed.clear()
            wait = LONGEST_SLEEP_SECONDS
            if self._heap:
                wait = min(wait, max(self._heap[0][0] - now, 0.001))
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _hand_on(self, fired: Sequence[TimerFired]) -> None:
        try:
            await self._fire(fired)
        except StoreUnavailable as error:
            log.warning("timers_not_stored", timers=len(fired), error=str(error)[:300])
            self._again(fired, after=0.0)
            await self._clock.sleep(STORE_PAUSE_SECONDS)
        except Undecidable as error:
            stuck = [e for e in error.events if isinstance(e, TimerFired)]
            for event in stuck:
                log.error("timer_stuck", subject=event.subject, timer=event.name)
            self._again(stuck, after=DEFECT_PAUSE_SECONDS)

    def _again(self, fired: Sequence[TimerFired], *, after: float) -> None:
        for event in fired:
            if (event.subject, event.name) not in self._due:  # not moved in the meantime
                self.set(Timer(subject=event.subject, name=event.name, due=event.at + after))

    def _ready(self, now: float) -> list[Key]:
        ready: list[Key] = []
        while self._heap and self._heap[0][0] <= now and len(ready) < MOST_AT_ONCE:
            due, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                ready.append(key)
        return ready
