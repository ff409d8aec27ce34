"""Messages that are taken once: what was signed can be sent again by whoever saw it.

Which ones were taken is kept in the store, so that a restart does not open the door to a second
time, and as long as their signature is good for: afterwards the time in it turns them away. The
mark is written after what the message brought and before it is answered. Where the agent dies in
between the sender sends it again, and it is taken again: rather twice than never.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from agent.model.alert import Signal
from agent.model.decision import Decision, Record
from agent.model.errors import StoreUnavailable
from agent.model.event import Event
from agent.model.records import Signed
from agent.ports.clock import Clock
from agent.ports.store import Store

KIND = "signed"
KEPT_SECONDS = 660.0
"""Signatures are good five minutes before and after their time; and one to be sure."""
MOST_KEPT = 100_000
FORGOTTEN_AT_ONCE = 50

Submit = Callable[[Sequence[Event | Decision]], Awaitable[object]]
A = TypeVar("A")


class Once(Generic[A]):
    """`receive` and `ask` of the daemon, each at most once for a key."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        submit: Submit,
        receive: Callable[[Sequence[Signal]], Awaitable[None]],
        ask: Callable[[Event], Awaitable[A]],
    ) -> None:
        self._store, self._clock, self._submit = store, clock, submit
        self._receive, self._ask = receive, ask
        self._taken: dict[str, float] | None = None
        """When each was taken, oldest first; read from the store when the first one comes."""
        self._under_way: set[str] = set()

    async def receive(self, key: str, signals: Sequence[Signal]) -> bool | None:
        if not await self._claim(key):
            return None
        try:
            await self._receive(signals)
            await self._mark(key)
        finally:
            self._under_way.discard(key)
        return True

    async def ask(self, key: str, event: Event) -> A | None:
        if not await self._claim(key):
            return None
        try:
            answer = await self._ask(event)
            await self._mark(key)
        finally:
            self._under_way.discard(key)
        return answer

    async def _claim(self, key: str) -> bool:
        taken = await self._known()
        if key in taken:
            return False
        if key in self._under_way:
            # Whether the first one gets there is not known yet.
            raise StoreUnavailable("the same message is being taken in; send it again")
        if len(taken) + len(self._under_way) >= MOST_KEPT + FORGOTTEN_AT_ONCE:
            raise StoreUnavailable("too many signed messages within ten minutes; send it again")
        self._under_way.add(key)
        return True

    async def _known(self) -> dict[str, float]:
        if self._taken is None:
            rows = await self._store.records(KIND)
            if self._taken is None:  # another one may have been quicker
                found = [(body.at, k) for k, body in rows.items() if isinstance(body, Signed)]
                self._taken = {key: at for at, key in sorted(found)}
        return self._taken

    async def _mark(self, key: str) -> None:
        at, taken = self._clock.now(), await self._known()
        oldest = [k for k, _ in zip(taken, range(FORGOTTEN_AT_ONCE), strict=False)]
        over = [k for k in oldest if at - taken[k] > KEPT_SECONDS]
        gone = [Record(kind=KIND, key=k, body=None) for k in over]
        kept = Record(kind=KIND, key=key, body=Signed(at=at))
        await self._submit([Decision(records=(kept, *gone))])
        taken[key] = at
        for k in over:
            taken.pop(k, None)
