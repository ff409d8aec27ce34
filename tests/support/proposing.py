"""A proposal with all that people judge it by, and a daemon that decides about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from agent.core.promotion import decide_promotion
from agent.core.view import View
from agent.model.event import Event, PromotionAnswered, PromotionDecided
from agent.model.learning import (
    Ask,
    Backtested,
    CauseKind,
    Credit,
    Deed,
    Harm,
    Mark,
    Promotion,
    PromotionState,
    Resolution,
)
from tests.support.facade import NOW, FakeAnswer, FakeFacade

NAME = "learned-slow"
THREE = ("i-1", "i-2", "i-3")
RESOLVERS = ("ann", "bob")
DAY = 86_400.0
DOCUMENT: dict[str, Any] = {
    "apiVersion": "homeostat/v1",
    "kind": "Runbook",
    "metadata": {"name": NAME, "owner": "team-shop", "tier": "low"},
    "match": {"alert": "Slow", "product": "shop"},
    "plans": {
        "as-resolved": {
            "steps": [
                {"id": "step-1", "use": "process.restart", "with": {"target": "=entity.name"}}
            ]
        }
    },
}


def resolution(incident: str, began: float = 300.0, **fields: Any) -> Resolution:
    """Fired, acted upon after `began` seconds, over 40 s after that."""
    number = int(incident.rpartition("-")[2])
    fired = NOW - number * DAY
    who = RESOLVERS[number % 2]
    deed = Deed(
        use="process.restart",
        params={"target": "web"},
        target="web",
        by=who,
        mark=Mark.SEEN,
        began_at=fired + began,
        ended_at=fired + began + 5,
        origins={"target": ("entity.name",)},
    )
    given: dict[str, Any] = {
        "signature": "product|service|Slow",
        "recipe": "process.restart(target=entity.name)",
        "at": fired + began + 100,
        "opened_at": fired + 5,
        "fired_at": fired,
        "cleared_at": fired + began + 40,
        "who": who,
        "alertname": "Slow",
        "layer": "product",
        "product": "shop",
        "entity": "web",
        "labels": {"alertname": "Slow"},
        "deeds": (deed,),
        "by": (who,),
        "cause": "it leaks",
        "cause_kind": CauseKind.CODE,
        "minutes": 12.0,
        "credit": Credit.CREDITED,
    }
    return Resolution(incident_id=incident, **(given | fields))


def proposal(**fields: Any) -> Promotion:
    given: dict[str, Any] = {
        "name": NAME,
        "state": PromotionState.PROPOSED,
        "lifecycle": "shadow",
        "signature": "product|service|Slow",
        "recipe": "process.restart(target=entity.name)",
        "product": "shop",
        "products": ("shop",),
        "alertname": "Slow",
        "incidents": THREE,
        "contrast": ("i-8", "i-9"),
        "resolvers": RESOLVERS,
        "document": DOCUMENT,
        "separated_by": "findings.status.leaks == true",
        "backtest": Backtested(
            at=NOW - 60,
            incidents=120,
            matched=9,
            would_act=7,
            agreed=5,
            agreement={"yes": 5, "no": 1, "nobody": 1},
            harm=(
                Harm(
                    incident="i-8", at=NOW - DAY, would="process.restart on web", people="nothing"
                ),
            ),
            harm_count=2,
        ),
        "chance": 0.0004,
        "not_clean": ("the back-test found harm in 2 incidents",),
        "decider": "team-shop",
        "decider_why": "it builds shop",
        "proposed_at": NOW - 60,
    }
    return Promotion(**(given | fields))


def asking(**fields: Any) -> Promotion:
    """One of its parameters differs, and nothing explains it."""
    return proposal(asks=(Ask(step="step-1", param="grace", seen=(5, 10, 30)),), **fields)


def learned(view: View, *promotions: Promotion) -> None:
    """Puts the proposals into the view, with the incidents behind them."""
    view.promotions = {p.name: p for p in promotions}
    gone = {
        "i-8": resolution("i-8", deeds=(), recipe="", who="", by=(), cause="",
                          credit=Credit.NOTHING_DONE),
        "i-9": resolution("i-9", product="pay", credit=Credit.TOO_LATE),
    }  # fmt: skip
    began = dict(zip(THREE, (300.0, 1500.0, 700.0), strict=True))
    view.resolutions = {**{i: resolution(i, began[i]) for i in THREE}, **gone}
    view.approvers = {"shop": frozenset({"ann", "the-approver"}), "": frozenset()}


@dataclass
class Proposing(FakeFacade):
    """Its answers about proposals are those of the decision."""

    answers: list[PromotionAnswered] = field(default_factory=list)

    async def ask(self, event: Event) -> FakeAnswer:
        self.asked.append(event)
        if not isinstance(event, PromotionDecided):
            return self.answer
        decision = decide_promotion(event, self.view)
        if decision.refused is None:
            changed = {r.key: r.body for r in decision.records if isinstance(r.body, Promotion)}
            self.view.promotions = {**self.view.promotions, **changed}
        return FakeAnswer(decision.refused, decision.refused_text)


def renamed(promotion: Promotion, name: str) -> Promotion:
    return msgspec.structs.replace(promotion, name=name)
