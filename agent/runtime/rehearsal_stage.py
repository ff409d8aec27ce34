"""One test on the stage: events in the order of a virtual clock, until nothing is due any more.

Nothing is imitated but the outside. The alert goes through the same door, `advance` decides, the
view changes by the same rules; only the outbox is replaced by the world of the test. Time jumps to
whatever is due next, so that a proof over ten minutes takes no time. Of what is due at one moment,
the world changes first, and what a test expects of that moment is looked at last.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import msgspec

from agent.catalog.runbook_test_document import Moment
from agent.core.advance import advance
from agent.core.view import RunbookIndex, View
from agent.model.alert import Alert, AlertStatus
from agent.model.command import Command
from agent.model.decision import Decision, JournalEntry
from agent.model.event import AlertReceived, Approved, CommandFinished, Event, TimerFired
from agent.model.incident import Incident, State
from agent.model.policy import PluginFacts
from agent.model.reason import Reason
from agent.runtime.intake import event_of
from agent.runtime.rehearsal_given import START
from agent.runtime.rehearsal_world import World
from agent.runtime.view_state import ViewState

CLEARS_AFTER_SECONDS = 1.0
"""So long after the steps are done the alert clears, where the test says nothing else."""
REVIEWERS = ("a reviewer", "another reviewer")
"""They approve whatever is asked, where the test is not about being asked."""
MAX_EVENTS = 5_000
MAX_SECONDS = 7 * 86_400.0

CHANGE, ANSWER, CLEAR, TIMER, LOOK = range(5)
"""What may be due, in the order it comes in where it is due at the same time."""


@dataclass(frozen=True)
class Ended:
    """A condition that ended a proof, and of which plan, or its way back, the proof was."""

    plan: str
    is_back: bool
    reason: Reason
    text: str


@dataclass(order=True)
class _Due:
    at: float
    number: int
    command: Command = field(compare=False)


class Stage:
    """Plays one test, once."""

    def __init__(
        self,
        world: World,
        runbooks: RunbookIndex,
        plugins: Mapping[str, PluginFacts],
        moments: Sequence[Moment] = (),
        *,
        approves: bool = False,
    ) -> None:
        view = View(
            policy=world.policy,
            registry=world.with_more(),
            runbooks=runbooks,
            plugins=plugins,
            inventory=world.inventory(),
        )
        self.journal: list[JournalEntry] = []
        self.ended: list[Ended] = []
        self.seen: dict[int, Incident | None] = {}
        """The incident as it was at each moment, by the moment's number."""
        self.stuck = ""
        self.last: Incident | None = None
        self._world = world
        self._state = ViewState(view)
        self._now = START
        self._numbers = count()
        self._due: list[_Due] = []
        self._cases: dict[str, Incident] = {}
        self._episode = world.alert.starts_at
        self._moments = moments
        self._approves = approves
        self._changed = self._looked = 0
        self._clears = world.clears and (
            world.says_so or not any(moment.alert for moment in moments)
        )
        self._cleared_at: float | None = None
        self._is_done = False
        last = moments[-1].time if moments else 0.0
        self._until = START + last + MAX_SECONDS
        for decision in world.past():
            self._state.apply(decision)

    @property
    def incidents(self) -> Sequence[Incident]:
        """Every incident of the test as it is now; nearly always it is one."""
        return tuple(self._cases.values())

    def play(self) -> Incident | None:
        """The incident at the end: the latest, where the alert came again after the first."""
        self._take(event_of(self._world.alert, at=self._now, view=self._state.view))
        for _ in range(MAX_EVENTS):
            if not self._step():
                return self.last
        self.stuck = f"still going on after {MAX_EVENTS} events"
        return self.last

    def _step(self) -> bool:
        """Lets happen what is due next; False where that is nothing."""
        due = min(self._options(), key=lambda option: option[:2], default=None)
        if due is None:
            return False
        at, kind, what = due
        self._now = max(self._now, at)
        if self._now > self._until:
            self.stuck = "still going on after a week"
            return False
        if kind == CHANGE:
            self._change()
        elif kind == LOOK:
            self.seen[self._looked] = self.last
            self._looked += 1
        elif kind == ANSWER:
            heapq.heappop(self._due)
            answer = self._world.answer(what)
            self._take(CommandFinished(at=self._now, command=what, outcome=answer))
        elif kind == CLEAR:
            self._cleared_at = what
            self._tell(AlertStatus.RESOLVED)
        else:
            del self._state.timers[what]
            self._take(TimerFired(at=self._now, subject=what[0], name=what[1]))
        return True

    def _options(self) -> list[tuple[float, int, Any]]:
        options: list[tuple[float, int, Any]] = []
        if self._changed < len(self._moments):
            options.append((START + self._moments[self._changed].time, CHANGE, None))
        if self._looked < len(self._moments):
            options.append((START + self._moments[self._looked].time, LOOK, None))
        incident = self.last
        if not options and (incident is None or incident.state is State.RESOLVED):
            return options
        if self._due:
            options.append((self._due[0].at, ANSWER, self._due[0].command))
        if incident is not None and self._clears and incident.is_open and incident.is_firing:
            began = incident.verify_started_at
            if began is not None and began != self._cleared_at:
                options.append((began + CLEARS_AFTER_SECONDS, CLEAR, began))
        options.extend((due, TIMER, key) for key, due in self._state.timers.items())
        return options

    def _change(self) -> None:
        moment = self._moments[self._changed]
        self._changed += 1
        if moment.facts:
            self._world.shows(moment.facts)
        if moment.alert is not None:
            self._tell(AlertStatus(moment.alert))

    def _tell(self, status: AlertStatus) -> None:
        """The source says so: of the episode it told of before, or of a new one."""
        is_live = self.last is not None and self.last.is_open
        if status is AlertStatus.FIRING and not (is_live and self.last and self.last.is_firing):
            self._episode = self._now
        elif not is_live:
            return
        alert: Alert = msgspec.structs.replace(
            self._world.alert,
            status=status,
            starts_at=self._episode,
            ends_at=self._now if status is AlertStatus.RESOLVED else None,
        )
        self._take(event_of(alert, at=self._now, view=self._state.view))

    def _take(self, event: Event) -> None:
        if isinstance(event, AlertReceived):
            incident = self.last if self.last is not None and self.last.is_open else None
        else:
            incident = self._cases.get(str(getattr(event, "subject", "")))
            if incident is None:
                return
        decision = advance(incident, event, self._state.view)
        self._state.apply(decision)
        self._state.keep()
        self._note(decision, incident)
        if decision.incident is not None:
            self._cases[decision.incident.id] = decision.incident
            if self.last is None or decision.incident.opened_at >= self.last.opened_at:
                self.last = decision.incident
            self._follow(incident, decision.incident)
        for command in decision.commands:
            at = max(self._now, command.not_before)
            heapq.heappush(self._due, _Due(at, next(self._numbers), command))
        self._approve(event)

    def _approve(self, event: Event) -> None:
        case = self._cases.get(self.last.id) if self.last is not None else None
        if not self._approves or case is None or isinstance(event, Approved):
            return
        for who in REVIEWERS:
            if self._cases[case.id].state is State.AWAITING_APPROVAL:
                self._take(Approved(at=self._now, subject=case.id, who=who))

    def _note(self, decision: Decision, before: Incident | None) -> None:
        self.journal.extend(decision.journal)
        if before is None or not before.plan:
            return
        for entry in decision.journal:
            if entry.kind == "verdict":
                plan, is_back = before.plan, before.is_taken_back
                self.ended.append(Ended(plan, is_back, entry.reason, entry.text))

    def _follow(self, before: Incident | None, after: Incident) -> None:
        """What the world shows follows the plan: its steps are done, or its way back is."""
        if sum(run.rolled_back for run in after.plans) > (
            sum(run.rolled_back for run in before.plans) if before is not None else 0
        ):
            self._world.shows_restored()
            self._is_done = False
        began = after.verify_started_at
        if began is not None and not after.is_taken_back and not self._is_done:
            self._world.shows_after()
            self._is_done = True
