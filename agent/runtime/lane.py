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
from contextlib import suppress

import msgspec
import structlog

from agent.core.advance import advance
from agent.model.command import Command
from agent.model.decision import Decision, LedgerEntry, Timer
from agent.model.errors import HomeostatError, StoreUnavailable
from agent.model.event import (
    AlertReceived,
    CommandFinished,
    Event,
    HeartbeatReceived,
    MeasureReceived,
    ReferenceAnswered,
    SloRead,
    SourceChecked,
    TelemetryReceived,
    TimerFired,
)
from agent.model.incident import Incident
from agent.ports.clock import Clock
from agent.ports.store import Episode, Repeat, Store
from agent.runtime.answering import Undecidable as Undecidable
from agent.runtime.answering import Waiting, all_of, tell
from agent.runtime.folding import Fold, Recalled, fold
from agent.runtime.view_state import ViewState

log = structlog.get_logger("lane")

MOST_WAITING_EVENTS = 50_000
"""Beyond this a sender is told to come back (503), never silently dropped."""
BATCH_EVENTS = 2_000
MOST_FOLLOW_UPS = 200_000
"""Events one event may lead to within its commit: a systemic incident holds back many."""

GATHER_SECONDS = 0.05
"""So long a commit waits for more, where all there is are readings. A thousand members that beat
each for itself would otherwise be a commit each, and a commit costs more than deciding forty."""
MOST_GATHERED = 50
READINGS = frozenset(
    {
        HeartbeatReceived,
        TelemetryReceived,
        MeasureReceived,
        ReferenceAnswered,
        SloRead,
        SourceChecked,
    }
)
"""What comes over and over, and nobody waits for."""

Committed = Callable[[Sequence[Decision]], None]


CANNOT_BE_STORED = (ValueError, TypeError, OverflowError)
"""What a store raises for a value that no store can hold (agent/store/rows.py)."""


class Lane:
    def __init__(
        self, *, store: Store, state: ViewState, clock: Clock, committed: Committed
    ) -> None:
        self._store, self._state, self._clock = store, state, clock
        self._committed = committed
        self._queue: deque[Waiting] = deque()
        self._waiting_events = 0
        self._wake = asyncio.Event()
        self._urgent = asyncio.Event()
        """Something waits that is more than a few readings."""
        self._closing = False
        self._busy_since: float | None = None
        self.commits = 0
        self.commit_seconds = 0.0
        self.settled: Sequence[Waiting] = ()
        """Those that were answered last: how long they waited, and what could not be decided."""

    @property
    def stuck_seconds(self) -> float:
        """For how long something has waited without any batch being finished; 0 while idle."""
        if self._busy_since is None:
            return 0.0
        return self._clock.monotonic() - self._busy_since

    async def submit(self, events: Sequence[Event | Decision]) -> list[Decision]:
        """Decides the events in order; returns when all of it is on disk. A ready decision
        (a silence, a watch) is written as it is.

        Raises StoreUnavailable where it is not, or where too much is waiting already.
        """
        if self._closing:
            raise StoreUnavailable("the agent is stopping; send again")
        if self._waiting_events and self._waiting_events + len(events) > MOST_WAITING_EVENTS:
            raise StoreUnavailable("too many events are waiting; send again")
        if not events:
            return []
        # A post larger than a batch is several: the loop is not held up by one sender.
        starts = range(0, len(events), BATCH_EVENTS)
        now = self._clock.monotonic()
        parts = [Waiting(events[at : at + BATCH_EVENTS], since=now) for at in starts]
        if self._busy_since is None:
            self._busy_since = now
        self._queue.extend(parts)
        self._waiting_events += len(events)
        if not self._may_gather(events):
            self._urgent.set()
        self._wake.set()
        if len(parts) == 1:
            return await parts[0].done
        return await all_of(parts)

    async def run(self) -> None:
        try:
            while not (self._closing and not self._queue):
                if not self._queue:
                    self._busy_since = None
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                await self._gather()
                await self._batch()
                self._busy_since = self._clock.monotonic()
        finally:
            # However it ends, nobody is left waiting for an answer that will not come.
            self._busy_since = None
            self._closing = True
            tell(self._queue, StoreUnavailable("the agent is stopping; send again"))
            self._queue.clear()

    def close(self) -> None:
        """No new events; what waits is still decided."""
        self._closing = True
        self._wake.set()
        self._urgent.set()

    def _may_gather(self, events: Sequence[Event | Decision]) -> bool:
        return self._waiting_events <= MOST_GATHERED and all(type(e) in READINGS for e in events)

    async def _gather(self) -> None:
        """Readings wait a moment for others of their kind; whatever else comes ends that at once.
        By the clock of the loop: it is about this machine's time and nobody's story."""
        if self._urgent.is_set():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(GATHER_SECONDS):
                await self._urgent.wait()

    async def _batch(self) -> None:
        taken: list[Waiting] = []
        size = 0
        while self._queue and (not taken or size + len(self._queue[0].events) <= BATCH_EVENTS):
            taken.append(self._queue.popleft())
            size += len(taken[-1].events)
        self._waiting_events -= size
        if not self._queue and not self._closing:
            self._urgent.clear()
        await self._settle(taken)

    async def _settle(self, taken: Sequence[Waiting]) -> None:
        """Decides, commits and answers; whoever cannot be answered is told why."""
        try:
            decisions = await self._decide_and_commit(taken)
        except StoreUnavailable as error:
            self._state.take_back()
            tell(taken, error)
            return
        except CANNOT_BE_STORED as error:
            # Something in the batch cannot be stored at all. It must not take the others along.
            self._state.take_back()
            await self._isolate(taken, error)
            return
        except BaseException:  # also where the task is cancelled: nobody may wait for ever
            self._state.take_back()
            tell(taken, StoreUnavailable("the agent is stopping; send again"))
            raise
        self._state.keep()
        for waiting in taken:
            waiting.tell()
        self.settled = taken
        self._committed(decisions)

    async def _isolate(self, taken: Sequence[Waiting], error: Exception) -> None:
        """Everything of the batch again, each event for itself."""
        if len(taken) == 1 and len(taken[0].events) == 1:
            log.error("cannot_be_stored", exc_info=error)
            taken[0].fail(Undecidable(f"{type(error).__name__}: {error}", taken[0].events))
            taken[0].undecidable = list(taken[0].events)
            self.settled = taken
            self._committed([])
            return
        for waiting in taken:
            alone = [Waiting([event], since=waiting.since) for event in waiting.events]
            for part in alone:
                await self._settle([part])
            try:
                waiting.answer = await all_of(alone)
                waiting.tell()
            except HomeostatError as failed:
                waiting.fail(failed)

    async def _decide_and_commit(self, taken: Sequence[Waiting]) -> list[Decision]:
        recalled = await self._recall([e for w in taken for e in w.events])
        batch = Batch(self._state, recalled)
        for waiting in taken:
            self._decide(batch, waiting)
        if batch.decisions or batch.repeats:
            began = self._clock.monotonic()
            await self._store.commit(batch.decisions, tuple(batch.repeats.values()))
            self.commit_seconds = self._clock.monotonic() - began
            self.commits += 1
        return batch.decisions

    def _decide(self, batch: Batch, waiting: Waiting) -> None:
        waiting.answer, waiting.undecidable = [], []
        for event in waiting.events:
            try:
                waiting.answer.append(batch.decide(event))
            except Exception as error:  # a defect of ours must not end the lane for everybody
                log.exception("undecidable", event_kind=type(event).__name__)
                waiting.undecidable.append(event)
                waiting.why = f"{type(error).__name__}: {error}"

    async def _recall(self, events: Sequence[Event | Decision]) -> Recalled:
        """What the store knows of alerts that are not live, and of incidents that are closed."""
        view = self._state.view
        unknown = self._not_live(events)
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

    def _not_live(self, events: Sequence[Event | Decision]) -> list[AlertReceived]:
        """Alerts that memory does not know, or may not know any more once it is their turn: what
        is before them in the batch may close the incident they are in."""
        live = self._state.view.live
        moved = {subject_of(e) for e in events}
        return [
            e
            for e in events
            if isinstance(e, AlertReceived)
            and ((known := live.get(e.alert.identity)) is None or known in moved)
        ]


class Batch:
    """The decisions of one commit, each seeing those before it."""

    def __init__(self, state: ViewState, recalled: Recalled) -> None:
        self._state, self._recalled = state, recalled
        self.decisions: list[Decision] = []
        self.repeats: dict[str, Repeat] = {}

    def decide(self, event: Event | Decision) -> Decision:
        """The decision of one event; what it emits is decided right after it. Where that raises,
        nothing of the event is kept."""
        mark, before = self._state.mark(), len(self.decisions)
        try:
            first = self._with_follow_ups(event)
        except Exception:  # whatever a decision raises is raised again, with nothing left behind
            self._state.take_back(mark)
            del self.decisions[before:]
            raise
        for decision in self.decisions[before:]:
            for entry in decision.entries:
                self._recalled.remember(entry)
        return first

    def _with_follow_ups(self, event: Event | Decision) -> Decision:
        if isinstance(event, Decision):
            self._take(event)
            return event
        first = self._one(event)
        follow = deque(first.emits)
        for _ in range(MOST_FOLLOW_UPS):
            if not follow:
                return first
            follow.extend(self._one(follow.popleft()).emits)
        raise RuntimeError(f"one event led to more than {MOST_FOLLOW_UPS} others")

    def _one(self, event: Event) -> Decision:
        if isinstance(event, AlertReceived):
            decision = self._alert(event)
        elif isinstance(event, TimerFired) and not self._state.is_due(event):
            return Decision()  # moved or taken away while the event was on its way here
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
