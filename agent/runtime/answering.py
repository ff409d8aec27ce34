"""Whoever hands events to the decision lane waits for one answer: what was decided about them, once
all of it is on disk."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from agent.model.decision import Decision
from agent.model.errors import HomeostatError, StoreUnavailable
from agent.model.event import Event


class Undecidable(HomeostatError):
    """Homeostat has a defect: `events` cannot be decided about. Nothing of them was kept; what was
    handed in together with them is on disk."""

    def __init__(self, message: str, events: Sequence[Event | Decision] = ()) -> None:
        super().__init__(message)
        self.events = tuple(events)


class Waiting:
    """Events of one caller, and the future it waits for."""

    def __init__(self, events: Sequence[Event | Decision], *, since: float) -> None:
        self.events = events
        self.since = since
        """When they came in, by the monotonic clock."""
        self.done: asyncio.Future[list[Decision]] = asyncio.get_running_loop().create_future()
        self.answer: list[Decision] = []
        self.undecidable: list[Event | Decision] = []
        self.why = ""

    def tell(self) -> None:
        """Once all of it is on disk."""
        if self.done.done():  # the caller went away
            return
        if self.undecidable:
            self.done.set_exception(Undecidable(self.why, self.undecidable))
        else:
            self.done.set_result(self.answer)

    def fail(self, error: HomeostatError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


def tell(taken: Iterable[Waiting], error: HomeostatError) -> None:
    for waiting in taken:
        waiting.fail(error)


async def all_of(parts: Sequence[Waiting]) -> list[Decision]:
    """The answers of all parts, in order, once each of them has one. That the store is gone comes
    before what cannot be decided about: then the sender has to send all of it again."""
    answers: list[Decision] = []
    undecidable: list[Undecidable] = []
    gone: StoreUnavailable | None = None
    for part in parts:
        try:
            answers += await part.done
        except Undecidable as error:
            undecidable.append(error)
        except StoreUnavailable as error:
            gone = error
    if gone is not None:
        raise gone
    if undecidable:
        raise Undecidable(str(undecidable[0]), [e for u in undecidable for e in u.events])
    return answers
