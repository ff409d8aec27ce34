"""A storm on a virtual clock: alerts in thousands through the real decision, in seconds.

Nothing of the decision is imitated: the same batch as in the lane, the same view, the guards asked
again right before each act as the outbox asks them. What is made up is the world: which service
breaks when, which restarts help, when the others recover by themselves. The same seed plays the
same storm again.
"""

from __future__ import annotations

import heapq
import random  # noqa: TID251 - the made-up world, with a seed; nothing is decided by it
from collections.abc import Callable, Mapping
from functools import partial
from itertools import count

import msgspec

from agent.core.fingerprint import fingerprint
from agent.core.guard import recheck
from agent.core.view import View
from agent.model.alert import Alert, AlertStatus
from agent.model.command import Command, CommandKind
from agent.model.decision import Decision
from agent.model.effect import Outcome, OutcomeStatus
from agent.model.event import CommandFinished, Event, TimerFired
from agent.model.policy import Policy
from agent.model.product import EntityKind, Registry
from agent.model.reason import Reason
from agent.ports.plugin import Plugin
from agent.runtime.folding import Recalled
from agent.runtime.intake import event_of
from agent.runtime.lane import Batch
from agent.runtime.simulation_company import KNOWN, NOVEL, view_of
from agent.runtime.simulation_record import Recording
from agent.runtime.view_state import ViewState

START = 1_767_225_600.0
"""Midnight, so that times of a simulation read well."""
ACT_SECONDS = 5.0
CLEARS_AFTER_SECONDS = 20.0
"""So long after a restart that helps, its alert is over."""
READ_SECONDS = 0.2


class Storm(msgspec.Struct, frozen=True, kw_only=True):
    """What is played. Times in seconds."""

    alerts: int
    over_seconds: float = 60.0
    """All of them begin within so long."""
    lasts_seconds: float = 1_800.0
    """What nothing heals is over by itself about then."""
    for_seconds: float = 7_200.0
    """How long is watched."""
    helps: float = 0.7
    """Share of restarts that help."""
    returns: float = 0.1
    """Share of healed ones that break again within minutes."""
    seed: int = 1


class Fault(msgspec.Struct):
    """One broken service, as the world knows it."""

    alert: Alert
    target: str
    is_healable: bool
    returns_after: float | None
    is_over: bool = False


class Simulation:
    def __init__(
        self,
        storm: Storm,
        *,
        registry: Registry,
        policy: Policy,
        plugins: Mapping[str, Plugin],
    ) -> None:
        self.view: View = view_of(registry, policy, plugins)
        self.recording = Recording(START, storm.for_seconds, registry)
        self._storm, self._random = storm, random.Random(storm.seed)
        self._state = ViewState(self.view)
        self._recalled = Recalled(entries={}, episodes={}, closed={})
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = count()
        self._now = START
        self._faults: dict[str, list[Fault]] = {}
        self._set_up(registry)

    def _set_up(self, registry: Registry) -> None:
        targets = sorted(
            e.name
            for e in registry.entities.values()
            if e.kind is EntityKind.SERVICE and e.product is not None
        )
        for number in range(self._storm.alerts):
            at = START + self._random.random() * self._storm.over_seconds
            target = self._random.choice(targets)
            self._break(target, number, at)

    def _break(self, target: str, number: int, at: float) -> None:
        chance = self._random
        is_known = number % 2 == 0
        labels = {
            "alertname": KNOWN if is_known else NOVEL,
            "service": target,
            "instance": str(number),
            "severity": "critical",
        }
        alert = Alert(
            source="simulation",
            fingerprint=fingerprint(labels),
            status=AlertStatus.FIRING,
            labels=labels,
            starts_at=at,
        )
        fault = Fault(
            alert=alert,
            target=target,
            is_healable=is_known and chance.random() < self._storm.helps,
            returns_after=60 + 540 * chance.random()
            if chance.random() < self._storm.returns
            else None,
        )
        self._faults.setdefault(target, []).append(fault)
        self._at(at, partial(self._fire, fault))
        over = at + self._storm.lasts_seconds * (0.5 + chance.random())
        self._at(over, partial(self._end, fault))

    def play(self, told: Callable[[float], None] = lambda _share: None) -> Recording:
        """The whole storm; `told` hears from time to time how much of it is done (0 to 1)."""
        until = START + self._storm.for_seconds
        steps = 0
        while self._due and self._due[0][0] <= until:
            at, _, happens = heapq.heappop(self._due)
            self._now = max(self._now, at)
            self.recording.look(self._now, self.view)
            happens()
            steps += 1
            if steps % 1_000 == 0:
                told((self._now - START) / self._storm.for_seconds)
        self.recording.end(until, self.view)
        return self.recording

    def _at(self, at: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._due, (at, next(self._numbers), happens))

    # the world

    def _fire(self, fault: Fault) -> None:
        self.recording.received(self._now)
        self._tell(event_of(fault.alert, at=self._now, view=self.view))

    def _end(self, fault: Fault) -> None:
        if fault.is_over:
            return
        fault.is_over = True
        over = msgspec.structs.replace(
            fault.alert, status=AlertStatus.RESOLVED, ends_at=max(self._now, fault.alert.starts_at)
        )
        self._tell(event_of(over, at=self._now, view=self.view))

    def _restarted(self, target: str) -> None:
        for fault in [f for f in self._faults.get(target, ()) if f.is_healable and not f.is_over]:
            self._at(self._now + CLEARS_AFTER_SECONDS, partial(self._end, fault))
            if fault.returns_after is not None:
                back = self._now + CLEARS_AFTER_SECONDS + fault.returns_after
                self._at(back, partial(self._again, fault))

    def _again(self, fault: Fault) -> None:
        """It comes back, once, and nothing heals it any more."""
        later = msgspec.structs.replace(fault.alert, starts_at=self._now)
        again = Fault(alert=later, target=fault.target, is_healable=False, returns_after=None)
        self._fire(again)
        self._at(self._now + self._storm.lasts_seconds, partial(self._end, again))

    # the decision, and what it asks for

    def _tell(self, event: Event) -> None:
        batch = Batch(self._state, self._recalled)
        batch.decide(event)
        self._state.keep()
        for decision in batch.decisions:
            self._take(decision)

    def _take(self, decision: Decision) -> None:
        self.recording.decided(self._now, decision)
        for timer in decision.timers:
            if timer.due is not None:
                self._at(timer.due, partial(self._timer, timer.subject, timer.name))
        for command in decision.commands:
            at = max(self._now, command.not_before)
            self._at(at, partial(self._begin, command))

    def _timer(self, subject: str, name: str) -> None:
        fired = TimerFired(at=self._now, subject=subject, name=name)
        if self._state.is_due(fired):
            self._tell(fired)

    def _begin(self, command: Command) -> None:
        """As the outbox does it: an act is asked for once more, right before it happens."""
        if command.kind is not CommandKind.ACT:
            status = OutcomeStatus.DONE
            if command.kind is not CommandKind.NOTIFY:
                status = OutcomeStatus.FAILED  # there is nothing to look at in this world
            self._later(command, READ_SECONDS, Outcome(status=status, reason=Reason.STEP_DONE))
            return
        incident = self.view.incidents.get(command.subject)
        stop = recheck(command, incident, self.view, at=self._now)
        if stop is not None:
            self.recording.refused(self._now, stop.reason)
            refused = Outcome(status=OutcomeStatus.REFUSED, reason=stop.reason, detail=stop.text)
            self._later(command, 0.0, refused)
            return
        self.recording.acted(self._now, self._now + ACT_SECONDS, command)
        self._at(self._now + ACT_SECONDS, partial(self._restarted, command.target or ""))
        self._later(
            command, ACT_SECONDS, Outcome(status=OutcomeStatus.DONE, reason=Reason.STEP_DONE)
        )

    def _later(self, command: Command, seconds: float, outcome: Outcome) -> None:
        def answer() -> None:
            self._tell(CommandFinished(at=self._now, command=command, outcome=outcome))

        self._at(self._now + seconds, answer)
