"""Time that passes only when a test lets it, so that an hour costs nothing and nothing is flaky."""

from __future__ import annotations

import asyncio
import heapq
import itertools


class TestClock:
    """Implements `agent.ports.clock.Clock`. Sleepers wake in the order of their times."""

    __test__ = False  # not a class of tests

    def __init__(self, at: float = 1_000_000.0) -> None:
        self.at = at
        self.slept: list[float] = []
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.at + seconds, next(self._order), future))
        await future

    async def pass_time(self, seconds: float) -> None:
        """Lets the time pass, waking who sleeps on the way, and lets them run."""
        end = self.at + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            self.at, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)
            await settle()
        self.at = end
        await settle()


async def settle(turns: int = 20) -> None:
    """Lets everything run that can run now."""
    for _ in range(turns):
        await asyncio.sleep(0)
