"""Half a year in virtual time: the world breaks, the real decision decides, people answer.

Nothing of the product is imitated: the same batch as in the lane decides each event, the same view
is kept by the same rules, the guards are asked again right before each act, proposals are tried out
by the code the daemon uses, and runbooks are files that are written, read back and matched. What is
made up is the world (world.py) and its people (people.py).
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from agent.catalog.runbook_owners import of_their_owners
from agent.catalog.runbooks import load_files, load_text
from agent.core.guard import recheck
from agent.core.matching import MatchIndex
from agent.model.alert import Alert
from agent.model.command import Command, CommandKind
from agent.model.decision import Decision
from agent.model.effect import Outcome, OutcomeStatus
from agent.model.event import (
    CommandFinished,
    Event,
    PromotionDelivered,
    RunbooksRead,
    TimerFired,
)
from agent.model.learning import Delivered, Promotion, PromotionState
from agent.model.on_call import Telling
from agent.model.reason import Reason
from agent.model.runbook import Runbook
from agent.runtime.folding import Recalled
from agent.runtime.intake import event_of
from agent.runtime.lane import Batch
from agent.runtime.reading import write_promoted
from agent.runtime.trying_out import try_out
from agent.runtime.view_state import ViewState, replaced
from tests.proof.learning import company
from tests.proof.learning.families import all_families
from tests.proof.learning.past import Past
from tests.proof.learning.people import People
from tests.proof.learning.record import Acted, Diary
from tests.proof.learning.words import Family
from tests.proof.learning.world import World

START = 1_767_225_600.0
DAY = 86_400.0
READ_SECONDS = (0.2, 1.5)
ACT_SECONDS = (2.0, 12.0)
TRIED_SECONDS = 20.0
"""So long a try-out takes until it is told."""
FAILS = 0.005
"""Share of actions that fail for reasons of their own."""
WAYS_BACK = {
    "process.start": "process.stop",
    "process.stop": "process.start",
    "files.trash": "files.restore",
}
"""Actions that are taken back by another one."""


class Play:
    """One company, one seed."""

    def __init__(self, seed: int, *, days: int, folder: Path) -> None:
        self.now = START
        self.days = days
        self.until = START + days * DAY
        self.view = company.view()
        self.state = ViewState(self.view)
        self.past = Past()
        self.diary = Diary()
        self._folder = folder
        self._recalled = Recalled(entries={}, episodes={}, closed={})
        self._numbers = count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._chance = random.Random(f"{seed}/outside")
        self._read: dict[str, tuple[Runbook, ...]] = {}
        self._is_stale = False
        self.world = World(seed, self, self.view.registry, company.plugins())
        self.people = People(seed, self)
        for family in all_families():
            self._arrivals(family, random.Random(f"{seed}/arrivals/{family.id}"))

    def play(self, told: Callable[[float], None] = lambda _share: None) -> None:
        steps, day = 0, 0.0
        while self._due and self._due[0][0] <= self.until:
            at, _, happens = heapq.heappop(self._due)
            self.now = max(self.now, at)
            happens()
            if self._is_stale:
                self._reload()
            steps += 1
            if self.now - START >= day:
                told(day / (self.until - START))
                day += DAY
                self.state.forget_old_acts(self.now)

    def later(self, seconds: float, happens: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.now + seconds, next(self._numbers), happens))

    def send(self, alert: Alert) -> None:
        self.tell(event_of(alert, at=self.now, view=self.view))

    # what breaks when

    def _arrivals(self, family: Family, chance: random.Random) -> None:
        """All moments of the half year, and on what; one after the other, as chance has it."""
        every = family.every_days * chance.uniform(0.75, 1.35) * DAY
        at = chance.expovariate(1 / every)
        while at < self.days * DAY:
            self.later(at, partial(self._break, family, chance))
            at += chance.expovariate(1 / every)

    def _break(self, family: Family, chance: random.Random) -> None:
        day = (self.now - START) / DAY
        cause = chance.choices(family.causes, [c.weight for c in family.causes])[0]
        if family.breaks_on_day is not None and day >= family.breaks_on_day:
            cause = family.causes[-1]
        entity = f"{chance.choice(family.products)}-{chance.choice(family.roles)}"
        if not any(f.entity == entity and f.family is family for f in self.world.active):
            self.world.break_(family, cause, entity)

    # the decision, and what it asks for

    def tell(self, event: Event) -> Decision:
        batch = Batch(self.state, self._recalled)
        first = batch.decide(event)
        self.state.keep()
        for decision in batch.decisions:
            self._take(decision)
        return first

    def _take(self, decision: Decision) -> None:
        self.past.take(decision)
        for timer in decision.timers:
            if timer.due is not None:
                wait = max(0.0, timer.due - self.now)
                self.later(wait, partial(self._timer, timer.subject, timer.name))
        for command in decision.commands:
            self.later(max(0.0, command.not_before - self.now), partial(self._begin, command))
        for record in decision.records:
            if record.kind == "promotion" and isinstance(record.body, Promotion):
                self._promotion(record.body)
        self.people.hear(decision)
        self.diary.take(decision, self.now)

    def _timer(self, subject: str, name: str) -> None:
        fired = TimerFired(at=self.now, subject=subject, name=name)
        if self.state.is_due(fired):
            self.tell(fired)

    def _begin(self, command: Command) -> None:
        chance = self._chance
        if command.kind is CommandKind.ACT:
            self._act(command)
        elif command.kind is CommandKind.NOTIFY:
            self._notify(command)
        elif command.kind is CommandKind.PROBE:
            self._answer(command, 0.5, {"probed": "happened"})
        else:
            seconds = chance.uniform(*READ_SECONDS)
            self.later(seconds, partial(self._look, command))

    def _look(self, command: Command) -> None:
        value = self.world.look(command.use, command.params)
        if value is None:
            failed = Outcome(status=OutcomeStatus.FAILED, reason=Reason.STEP_FAILED, detail="none")
            self.tell(CommandFinished(at=self.now, command=command, outcome=failed))
        else:
            self._answer(command, 0.0, value)

    def _notify(self, command: Command) -> None:
        self._answer(command, 1.0, {"receipt": "heard"})
        if command.params.get("telling", Telling.PAGE.value) == Telling.PAGE.value:
            self.diary.paged(command, self.now)
            self.later(2.0, partial(self.people.paged, command.subject))

    def _act(self, command: Command) -> None:
        """As the outbox does it: an act is asked for once more, right before it happens."""
        incident = self.view.incidents.get(command.subject)
        stop = recheck(command, incident, self.view, at=self.now)
        if stop is not None:
            refused = Outcome(
                status=OutcomeStatus.REFUSED,
                reason=stop.reason,
                detail=stop.text,
                after_seconds=stop.after_seconds,
            )
            self.tell(CommandFinished(at=self.now, command=command, outcome=refused))
            return
        assert incident is not None
        if command.by == "agent":
            self.diary.acted(Acted.of(command, incident, self.view, self.now))
        seconds = self._chance.uniform(*ACT_SECONDS)
        if self._chance.random() < FAILS:
            failed = Outcome(status=OutcomeStatus.FAILED, reason=Reason.STEP_FAILED, detail="no")
            self.later(
                seconds,
                lambda: self._finish(CommandFinished(at=self.now, command=command, outcome=failed)),
            )
            return
        self.later(seconds, partial(self._done, command))

    def _done(self, command: Command) -> None:
        self.world.act(command.use, command.params)
        self._answer(command, 0.0, self._undo(command))

    def _undo(self, command: Command) -> dict[str, object]:
        """The way back, where the action says that there is one."""
        if self.view.plugins[command.use].reversal != "snapshot":
            return {}
        use = WAYS_BACK.get(command.use, command.use)
        way: dict[str, object] = {"target": command.target}
        if command.use == "files.trash":
            way["batch"] = command.id[-12:]
        elif command.use in ("config.restore", "process.rollback_version"):
            way["to"] = "as-before"
        return {"undo": {"use": use, "with": way}}

    def _answer(self, command: Command, seconds: float, value: dict[str, object]) -> None:
        outcome = Outcome(status=OutcomeStatus.DONE, reason=Reason.STEP_DONE, value=value)
        self.later(
            seconds,
            lambda: self._finish(CommandFinished(at=self.now, command=command, outcome=outcome)),
        )

    def _finish(self, event: CommandFinished) -> None:
        self.tell(event)
        if event.command.kind is CommandKind.ACT and event.command.by != "agent":
            self.people.acted(event)

    # proposals become files, and files runbooks

    def _promotion(self, promotion: Promotion) -> None:
        self.diary.promotion(promotion, self.now)
        self._is_stale = True
        if promotion.state is PromotionState.TRYING:
            self.later(TRIED_SECONDS, partial(self._try_out, promotion))
        elif promotion.state is PromotionState.PROPOSED:
            self.people.proposed(promotion)
        elif promotion.state is PromotionState.APPROVED and promotion.delivered is None:
            self.later(1.0, partial(self._deliver, promotion.name))

    def _try_out(self, promotion: Promotion) -> None:
        if self.view.promotions.get(promotion.name) != promotion:
            return  # a newer one is on its way
        self.tell(
            try_out(
                promotion,
                plugins=company.plugins(),
                policy=self.view.policy,
                registry=self.view.registry,
                other_runbooks=self.view.runbooks.runbooks,
                history=self.past,
                resolutions=self.view.resolutions,
                at=self.now,
            )
        )

    def _deliver(self, name: str) -> None:
        path = str(self._folder / f"{name}.yaml")
        delivered = Delivered(path=path, at=self.now)
        self.tell(PromotionDelivered(at=self.now, subject=name, delivered=delivered))

    def _reload(self) -> None:
        """Files as the daemon writes them, read as it reads them."""
        self._is_stale = False
        write_promoted(self._folder, self.view.promotions.values())
        runbooks: list[Runbook] = []
        for path in sorted(self._folder.glob("*.yaml")):
            text = path.read_text()
            if text not in self._read:
                found = load_files([(str(path), text)], company.plugins())
                platform = self.view.policy.platform
                found = of_their_owners(found, self.view.registry, platform=platform)
                self.diary.faults += [str(fault) for fault in found.faults]
                self._read[text] = found.runbooks
            runbooks += self._read[text]
        known = {r.digest for r in self.view.runbooks.runbooks}
        if {r.digest for r in runbooks} == known:
            return
        pinned = [
            load_text(text, path=f"pinned:{digest}", plugins=company.plugins())
            for digest, text in self.state.pinned.items()
            if digest not in {r.digest for r in runbooks}
        ]
        replaced(self.view, runbooks=MatchIndex(tuple(runbooks), pinned))
        self.tell(RunbooksRead(at=self.now))
