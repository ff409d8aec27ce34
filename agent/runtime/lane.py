"""The decision lane: all events, one at a time, one commit per batch.

What arrives while a commit is on its way gathers into the next batch: group commit without a
timer. For each event the lane loads the incident it is about, calls `core.advance`, and applies the
decision to the view at once, so that the next event of the batch sees it. Then everything is
written in one transaction. Only after that is anybody answered and any command handed on; if the
commit fails, the whole batch is taken back and everybody is told to send again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import msgspec
import structlog

from agent.core.advance import advance
from agent.model.command import Command
from agent.model.decision import Decision, LedgerEntry, Timer
from agent.model.errors import HomeostatError, StoreUnavailable
from agent.model.event import AlertReceived, CommandFinished, Event, TimerFired
from agent.model.incident import Incident
from agent.ports.clock import Clock
from agent.ports.store import Episode, Repeat, Store
from agent.runtime.folding import Fold, Recalled, fold
from agent.runtime.view_state import ViewState

log = structlog.get_logger("lane")

MOST_WAITING_EVENTS = 50_000
"""Beyond this a sender is told to come back (503), never silently dropped."""
BATCH_EVENTS = 2_000
MOST_FOLLOW_UPS = 10_000
"""Events one event may lead to within its commit: a systemic incident holds back many."""

Committed = Callable[[Sequence[Decision]], None]


class Waiting(msgspec.Struct):
    events: Sequence[Event | Decision]
    done: asyncio.Future[list[Decision]]


class Undecidable(HomeostatError):
    """Homeostat has a defect: this event cannot be decided about. Nothing of it was kept."""


class Lane:
    def __init__(
        self, *, store: Store, state: ViewState, clock: Clock, committed: Committed
    ) -> None:
        self._store, self._state, self._clock = store, state, clock
        self._committed = committed
        self._queue: deque[Waiting] = deque()
        self._waiting_events = 0
        self._wake = asyncio.Event()
        self._closing = False
        self.progress_at = clock.monotonic()
        """Monotonic time of the last finished batch: health means that this moves."""
        self.commits = 0
        self.commit_seconds = 0.0

    @property
    def is_idle(self) -> bool:
        return not self._queue

    async def submit(self, events: Sequence[Event | Decision]) -> list[Decision]:
        """Decides the events in order; returns when all of it is on disk. A ready decision
        (a silence, a watch) is written as it is.

        Raises StoreUnavailable where it is not, or where too much is waiting already.
        """
        if self._closing or self._waiting_events + len(events) > MOST_WAITING_EVENTS:
            raise StoreUnavailable("too many events are waiting; send again")
        if not events:
            return []
        done: asyncio.Future[list[Decision]] = asyncio.get_running_loop().create_future()
        self._queue.append(Waiting(events, done))
        self._waiting_events += len(events)
        self._wake.set()
        return await done

    async def run(self) -> None:
        while not (self._closing and not self._queue):
            if not self._queue:
                self._wake.clear()
                if self._closing:
                    return
                await self._wake.wait()
                continue
            await self._batch()
            self.progress_at = self._clock.monotonic()

    def close(self) -> None:
        """No new events; what waits is still decided."""
        self._closing = True
        self._wake.set()

    async def _batch(self) -> None:
        taken: list[Waiting] = []
        size = 0
        while self._queue and (not taken or size + len(self._queue[0].events) <= BATCH_EVENTS):
            taken.append(self._queue.popleft())
            size += len(taken[-1].events)
        self._waiting_events -= size
        await self._settle(taken)

    async def _settle(self, taken: list[Waiting]) -> None:
        """Decides, commits and answers; whoever cannot be answered is told why."""
        try:
            answers = await self._decide_and_commit(taken)
        except StoreUnavailable as error:
            self._state.take_back()
            _tell(taken, StoreUnavailable(str(error)))
            return
        except ValueError as error:
            # Something in the batch cannot be stored at all. It must not take the others along.
            self._state.take_back()
            if len(taken) == 1:
                log.exception("cannot_be_stored")
                _tell(taken, Undecidable(str(error)))
                return
            for waiting in taken:
                await self._settle([waiting])
            return
        for waiting, answer in zip(taken, answers, strict=True):
            if not waiting.done.done():
                waiting.done.set_result(answer)

    async def _decide_and_commit(self, taken: list[Waiting]) -> list[list[Decision]]:
        recalled = await self._recall([e for w in taken for e in w.events])
        batch = Batch(self._state, recalled)
        answers = [self._answer(batch, waiting) for waiting in taken]
        if batch.decisions or batch.repeats:
            began = self._clock.monotonic()
            await self._store.commit(batch.decisions, tuple(batch.repeats.values()))
            self.commit_seconds = self._clock.monotonic() - began
            self.commits += 1
        self._state.keep()
        self._committed(batch.decisions)
        return answers

    def _answer(self, batch: Batch, waiting: Waiting) -> list[Decision]:
        answer: list[Decision] = []
        for event in waiting.events:
            try:
                answer.append(batch.decide(event))
            except Exception as error:  # a defect of ours must not end the lane for everybody
                log.exception("undecidable", event_kind=type(event).__name__)
                if not waiting.done.done():
                    waiting.done.set_exception(Undecidable(f"{type(error).__name__}: {error}"))
        return answer

    async def _recall(self, events: Sequence[Event | Decision]) -> Recalled:
        """What the store knows of alerts that are not live, and of incidents that are closed."""
        view = self._state.view
        unknown = [
            e for e in events if isinstance(e, AlertReceived) and e.alert.identity not in view.live
        ]
        entries: Mapping[str, LedgerEntry] = {}
        episodes: Mapping[str, Episode] = {}
        if unknown:
            entries, episodes = await self._store.recall(
                keys=[e.key for e in unknown], identities=[e.alert.identity for e in unknown]
            )
        wanted = {e.incident_id for e in entries.values() if e.incident_id}
        wanted |= {e.incident_id for e in episodes.values() if e.incident_id}
        wanted |= {s for s in map(subject_of, events) if s.startswith("i-")}
        closed: dict[str, Incident] = {}
        for incident_id in wanted:
            if incident_id not in view.incidents:
                incident = await self._store.incident(incident_id)
                if incident is not None:
                    closed[incident_id] = incident
        return Recalled(entries=dict(entries), episodes=dict(episodes), closed=closed)


def _tell(taken: Sequence[Waiting], error: HomeostatError) -> None:
    for waiting in taken:
        if not waiting.done.done():
            waiting.done.set_exception(error)


class Batch:
    """The decisions of one commit, each seeing those before it."""

    def __init__(self, state: ViewState, recalled: Recalled) -> None:
        self._state, self._recalled = state, recalled
        self.decisions: list[Decision] = []
        self.repeats: dict[str, Repeat] = {}

    def decide(self, event: Event | Decision) -> Decision:
        """The decision of one event; what it emits is decided right after it."""
        if isinstance(event, Decision):
            self._take(event)
            return event
        first = self._one(event)
        follow = deque(first.emits)
        for _ in range(MOST_FOLLOW_UPS):
            if not follow:
                break
            follow.extend(self._one(follow.popleft()).emits)
        return first

    def _one(self, event: Event) -> Decision:
        if isinstance(event, AlertReceived):
            decision = self._alert(event)
        else:
            decision = advance(self._incident(event), event, self._state.view)
            decision = _closed_off(decision, event)
        self._take(decision)
        return decision

    def _incident(self, event: Event) -> Incident | None:
        subject = subject_of(event)
        open_one = self._state.incidents.get(subject)
        return open_one or self._recalled.closed.get(subject)

    def _alert(self, event: AlertReceived) -> Decision:
        chosen, incident, decision = fold(event, self._state.view, self._recalled)
        if chosen is Fold.REPEAT:
            before = self.repeats.get(event.key)
            times = before.times + 1 if before else 1
            self.repeats[event.key] = Repeat(key=event.key, at=event.at, times=times)
            return Decision()
        if chosen is Fold.COUNT:
            return decision
        return advance(incident, event, self._state.view)

    def _take(self, decision: Decision) -> None:
        if decision.refused is not None:
            return
        self._state.apply(decision)
        incident = decision.incident
        if incident is not None and not incident.is_open:
            self._recalled.closed[incident.id] = incident
        for entry in decision.entries:
            self._recalled.remember(entry)
        if decision != Decision():
            self.decisions.append(decision)


def subject_of(event: Event | Decision) -> str:
    """Whom the event names; empty for what a source says."""
    return str(getattr(event, "subject", ""))


def _closed_off(decision: Decision, event: Event) -> Decision:
    """A finished command leaves the outbox and a fired timer is gone, whatever was decided."""
    if isinstance(event, CommandFinished):
        return msgspec.structs.replace(decision, finished=(*decision.finished, event.command.id))
    if isinstance(event, TimerFired):
        again = {(t.subject, t.name) for t in decision.timers}
        if (event.subject, event.name) not in again:
            gone = Timer(subject=event.subject, name=event.name, due=None)
            return msgspec.structs.replace(decision, timers=(*decision.timers, gone))
    return decision


def commands_of(decisions: Sequence[Decision]) -> list[Command]:
    return [command for decision in decisions for command in decision.commands]
