"""Six people on call, and two who approve everything they are shown.

They are no machines: they are slow at night, try something else first now and then, sometimes fix
it by hand and tell about it later, sometimes close an incident before its alert is over, and not
all of them write down what it was. What they know of causes is what their habits say
(families_*.py); who approves knows nothing of them.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from agent.core.view import View
from agent.model.decision import Decision
from agent.model.effect import OutcomeStatus
from agent.model.event import (
    Acknowledged,
    ActionRequested,
    Approved,
    CommandFinished,
    Event,
    PromotionAnswered,
    PromotionDecided,
    ResolvedByPerson,
)
from agent.model.incident import Incident, State
from agent.model.learning import CauseKind, Promotion, PromotionState, ToldCall
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle
from tests.proof.learning import company
from tests.proof.learning.families import all_families
from tests.proof.learning.past import Past
from tests.proof.learning.words import Way
from tests.proof.learning.world import Fault, World

DAY = 86_400.0
WEEK = 7 * DAY
MINUTE = 60.0
NIGHT_FACTOR = 2.0
TRIES = 3
"""So often somebody asks for an action that the guards refuse, two minutes apart."""
ODD = (
    'fixed: {now: true}\n- "yes"',
    "=entity.name ${alert.labels.pod} \x1b[31mred\x07",
    "kind: Runbook\nmetadata: {name: mine}\nlifecycle: {state: active}",
)
"""What people paste."""


class Site(Protocol):
    now: float
    view: View
    world: World
    past: Past

    def later(self, seconds: float, happens: Callable[[], None]) -> None: ...

    def tell(self, event: Event) -> Decision: ...


@dataclass
class Hand:
    """One incident in somebody's hands."""

    incident: str
    who: str
    fault: Fault
    ways: tuple[Way, ...]
    way: int = 0
    step: int = 0
    tries: int = 0
    is_outside: bool = False
    told: list[ToldCall] = field(default_factory=list)
    latest: list[str] = field(default_factory=list)
    """Ids of the steps of the way in hand."""
    is_over: bool = False


class People:
    def __init__(self, seed: int, site: Site) -> None:
        self._site = site
        self._chance = random.Random(f"{seed}/people")
        self._hands: dict[str, Hand] = {}
        self._reacting: set[str] = set()
        self._answers = {f.alert: f.answers for f in all_families()}
        self.asked: list[tuple[float, str, str, str]] = []
        """Of the approvers: when, which proposal, as what, and what was answered."""

    # on call

    def on_call(self, product: str | None) -> str:
        rota = company.rota_of(product)
        return rota[int(self._site.now // WEEK) % len(rota)]

    def _slow(self, median: float, sigma: float = 0.6) -> float:
        hour = (self._site.now % DAY) / 3_600.0
        factor = NIGHT_FACTOR if hour < 7 or hour > 22 else 1.0
        return factor * median * math.exp(self._chance.gauss(0.0, sigma))

    def paged(self, incident_id: str) -> None:
        if incident_id in self._reacting or incident_id in self._hands:
            return
        self._reacting.add(incident_id)
        self._site.later(self._slow(5 * MINUTE), lambda: self._react(incident_id))

    def _react(self, incident_id: str) -> None:
        self._reacting.discard(incident_id)
        incident = self._site.view.incidents.get(incident_id)
        if incident is None:
            if self._chance.random() < 0.3:
                who = self.on_call(self._site.past.get(incident_id).product)
                self._record(incident_id, who, "gone when I looked", CauseKind.FALSE_ALERT)
            return
        if incident.state is State.AWAITING_APPROVAL:
            self._approve(incident)
        elif incident.state in (State.ACTING, State.VERIFYING):
            self._reacting.add(incident_id)
            self._site.later(3 * MINUTE, lambda: self._react(incident_id))
        elif incident_id not in self._hands:
            self._take(incident)

    def _approve(self, incident: Incident) -> None:
        """One click; where somebody else has to, somebody else."""
        for who in (self.on_call(incident.product), *company.APPROVERS):
            now = self._site.view.incidents.get(incident.id)
            if now is not None and now.state is State.AWAITING_APPROVAL:
                self._site.tell(Approved(at=self._site.now, subject=incident.id, who=who))
        self._reacting.add(incident.id)
        self._site.later(12 * MINUTE, lambda: self._react(incident.id))

    def _take(self, incident: Incident) -> None:
        fault = self._site.world.fault_of(tuple(incident.alerts), self._site.now)
        who = self.on_call(incident.product)
        self._site.tell(Acknowledged(at=self._site.now, subject=incident.id, who=who))
        if fault is None:
            return
        family = fault.family
        habits = family.habits.get(fault.cause.name) or family.habits["*"]
        ways = self._chance.choices([h[1] for h in habits], [h[0] for h in habits])[0]
        hand = Hand(incident.id, who, fault, ways, is_outside=self._chance.random() < family.told)
        self._hands[incident.id] = hand
        self._site.later(self._slow(3 * MINUTE), lambda: self._begin(hand))

    def _begin(self, hand: Hand) -> None:
        """The next way, if it is still needed."""
        if not self._burns(hand):
            self._finish(hand)
        elif hand.way >= len(hand.ways):
            self._site.later(30 * MINUTE, lambda: self._begin(hand))
        else:
            hand.step, hand.latest = 0, []
            self._step(hand)

    def _burns(self, hand: Hand) -> bool:
        """As far as somebody at a console can see."""
        incident = self._site.view.incidents.get(hand.incident)
        return incident is not None and incident.is_firing

    def _step(self, hand: Hand) -> None:
        act = hand.ways[hand.way][hand.step]
        params = hand.fault.params_of(act)
        now = self._site.now
        if hand.is_outside:
            self._site.world.act(act.use, params)
            hand.told.append(ToldCall(use=act.use, params=params, at=now))
            self._site.later(self._chance.uniform(5, 40), lambda: self._stepped(hand))
            return
        incident = self._site.view.incidents.get(hand.incident)
        if incident is None:
            self._finish(hand)
            return
        asked = ActionRequested(
            at=now, subject=hand.incident, who=hand.who, use=act.use, params=params
        )
        if self._site.tell(asked).refused is None:
            hand.latest.append(self._site.past.get(hand.incident).steps[-1].id)
            return  # goes on once it is done
        hand.tries += 1
        if hand.tries > TRIES:
            hand.is_outside = True
        self._site.later(2 * MINUTE, lambda: self._begin(hand))

    def acted(self, event: CommandFinished) -> None:
        hand = self._hands.get(event.subject)
        if hand is None or hand.is_over:
            return
        if event.outcome.status is OutcomeStatus.DONE:
            self._stepped(hand)
        else:
            hand.tries += 1
            hand.is_outside = hand.tries > TRIES
            self._site.later(2 * MINUTE, lambda: self._begin(hand))

    def _stepped(self, hand: Hand) -> None:
        hand.step += 1
        if hand.step < len(hand.ways[hand.way]):
            self._site.later(self._chance.uniform(10, 90), lambda: self._step(hand))
            return
        hand.way += 1
        if self._chance.random() < 0.06:
            self._finish(hand)  # sure of it, and gone
            return
        patience = self._slow(5 * MINUTE, 0.4) + 1.1 * hand.fault.family.looks_back
        self._site.later(60 + patience, lambda: self._begin(hand))

    # writing down

    def _finish(self, hand: Hand) -> None:
        if hand.is_over:
            return
        hand.is_over = True
        if self._chance.random() < 0.08:
            self._hands.pop(hand.incident, None)
            return  # nobody writes down anything
        words = self._chance.choice(ODD) if self._chance.random() < 0.03 else "it works again"
        kind = self._chance.choice(list(CauseKind))
        mattered = None
        if hand.latest and self._chance.random() < 0.8:
            mattered = tuple(hand.latest)
        self._site.later(
            self._slow(3 * MINUTE),
            lambda: self._record(
                hand.incident, hand.who, words, kind, told=tuple(hand.told), mattered=mattered
            ),
        )

    def _record(
        self,
        incident_id: str,
        who: str,
        cause: str,
        kind: CauseKind,
        *,
        told: tuple[ToldCall, ...] = (),
        mattered: tuple[str, ...] | None = None,
    ) -> None:
        self._hands.pop(incident_id, None)
        event = ResolvedByPerson(
            at=self._site.now,
            subject=incident_id,
            who=who,
            cause=cause,
            cause_kind=kind,
            told=told,
            mattered=mattered,
            minutes=round(self._chance.uniform(2, 40), 1),
            page_useful=self._chance.random() < 0.8,
        )
        said = self._site.tell(event)
        if said.refused is not None and mattered:
            # A step of those failed, and so cannot have mattered: then all that were done did.
            self._record(incident_id, who, cause, kind, told=told)

    # approving

    def proposed(self, promotion: Promotion) -> None:
        """Whoever is asked says yes, within the hour."""
        name = promotion.name
        self._site.later(self._chance.uniform(60, 3_600), lambda: self._decide(name))

    def hear(self, decision: Decision) -> None:
        """Whoever is told that a runbook has proven itself asks for it to run alone."""
        for entry in decision.journal:
            if entry.reason is Reason.PROVEN:
                name = entry.subject.partition(":")[2] or entry.subject
                self._site.later(self._chance.uniform(60, 3_600), partial(self._ask_again, name))

    def _ask_again(self, name: str) -> None:
        self._ask(name)

    def _decide(self, name: str) -> None:
        promotion = self._site.view.promotions.get(name)
        if promotion is None or promotion.state is not PromotionState.PROPOSED:
            return
        for ask in promotion.unanswered:
            self._answer(promotion, ask.step, ask.param)
        promotion = self._site.view.promotions[name]
        if promotion.state is PromotionState.PROPOSED and not self._ask(name):
            self._ask(name, Lifecycle.ASSISTED)

    def _answer(self, promotion: Promotion, step: str, param: str) -> None:
        known = self._answers.get(promotion.alertname, {})
        if param in known:
            answered = PromotionAnswered(
                at=self._site.now,
                subject=promotion.name,
                who=company.APPROVERS[0],
                param=f"{step}.{param}",
                answer=known[param],
            )
            self._site.tell(answered)

    def _ask(self, name: str, state: Lifecycle = Lifecycle.ACTIVE) -> bool:
        """Whether it is approved as this, by as many people as it takes."""
        for who in company.APPROVERS:
            promotion = self._site.view.promotions.get(name)
            if promotion is None or promotion.lifecycle == state.value:
                return promotion is not None
            decided = PromotionDecided(
                at=self._site.now,
                subject=name,
                who=who,
                state=state.value,
                why="it looks right",
                is_platform=True,
            )
            said: Any = self._site.tell(decided)
            answer = said.refused_text if said.refused is not None else "yes"
            self.asked.append((self._site.now, name, state.value, answer))
        promotion = self._site.view.promotions[name]
        return promotion.state is PromotionState.APPROVED and promotion.lifecycle == state.value
