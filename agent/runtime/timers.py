"""Durable timers: rows in the store, a heap in memory, one task that sleeps until the next is due.

Due times are wall clock and survive a restart; what fell due while the agent was down fires at
once. The sleep is capped, so that a jump of the wall clock is noticed within seconds.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Mapping, Sequence

from agent.model.decision import Timer
from agent.model.event import TimerFired
from agent.ports.clock import Clock

LONGEST_SLEEP_SECONDS = 5.0

Key = tuple[str, str]


class Timers:
    def __init__(
        self, *, clock: Clock, fire: Callable[[Sequence[TimerFired]], Awaitable[None]]
    ) -> None:
        self._clock, self._fire = clock, fire
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._changed = asyncio.Event()

    def load(self, timers: Mapping[Key, float]) -> None:
        for (subject, name), due in timers.items():
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
                await self._fire(
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

    def _ready(self, now: float) -> list[Key]:
        ready: list[Key] = []
        while self._heap and self._heap[0][0] <= now:
            due, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                ready.append(key)
        return ready
