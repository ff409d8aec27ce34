"""Why this radius, why this route, why this action, and why not: the answers in words.

Pure functions over an incident, its journal and, where there is one, the view it lives in. The
page, the terminal and the JSON tell the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from agent.core.graph import graph_of
from agent.core.signs import FLEET, HELD
from agent.core.view import View, signs
from agent.interface.remedies import RAIL_OF, remedy_of
from agent.interface.times import rfc3339
from agent.model.decision import JournalEntry
from agent.model.incident import Incident, Radius
from agent.model.reason import Reason

Sees = Callable[[str | None], bool]
"""Whether whoever asks may know of what belongs to this product."""


class Question(StrEnum):
    RADIUS = "radius"
    ROUTE = "route"
    ACTION = "action"
    NOT = "not"


class Because(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an answer."""

    at: float
    reason: Reason
    text: str = ""
    rail: str = ""
    """Id of the rail that said no."""
    remedy: str = ""
    """What would let it go."""
    is_more: bool = False
    """More about the one before: its reason stands there already."""

    @property
    def sentence(self) -> str:
        if self.is_more:
            return self.text
        return f"{self.reason.sentence}: {self.text}" if self.text else self.reason.sentence

    def as_json(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "at": rfc3339(self.at),
            "reason": self.reason.value,
            "text": self.sentence,
        }
        if self.rail:
            told["rail"] = self.rail
        if self.remedy:
            told["remedy"] = self.remedy
        return told


ANSWERS: Mapping[str, Question] = {
    "storm": Question.RADIUS,
    "cause": Question.RADIUS,
    "widened": Question.RADIUS,
    "released": Question.RADIUS,
    "route": Question.ROUTE,
    "page": Question.ROUTE,
    "climb": Question.ROUTE,
    "severity": Question.ROUTE,
    "told": Question.ROUTE,
    "acknowledged": Question.ROUTE,
    "silenced": Question.ROUTE,
    "silence_ended": Question.ROUTE,
    "inhibited": Question.ROUTE,
    "inhibition_ended": Question.ROUTE,
    "resolved": Question.ROUTE,
    "plan_chosen": Question.ACTION,
    "approved": Question.ACTION,
    "act": Question.ACTION,
    "step": Question.ACTION,
    "settling": Question.ACTION,
    "verifying": Question.ACTION,
    "verdict": Question.ACTION,
    "rollback": Question.ACTION,
    "ladder": Question.ACTION,
    "relapsed": Question.ACTION,
    "person_proof": Question.ACTION,
    "matched": Question.ACTION,
    "guard": Question.NOT,
    "stopped": Question.NOT,
    "waiting_for_rail": Question.NOT,
    "object": Question.NOT,
    "rejected": Question.NOT,
    "flapping": Question.NOT,
    "breaker": Question.NOT,
}
"""Which question a kind of line in the journal answers."""
TOLD_ELSEWHERE = frozenset(
    {"opened", "alert_firing", "alert_resolved", "diagnosed", "finding_failed", "baseline",
     "promotion", "resolution", "credit", "announced", "follow_up", "near_miss",
     "own", "blind_spot", "survey", "slo"}
)  # fmt: skip
"""Kinds that say what was seen and learned, and answer none of the four."""


def question_of(entry: JournalEntry) -> Question | None:
    """Which question a line answers. A runbook that is not there, and a step that a rail stopped at
    the moment of acting, say why not."""
    asked = ANSWERS.get(entry.kind)
    if entry.kind == "matched" and entry.reason is not Reason.MATCHED:
        return Question.NOT
    if entry.kind == "step" and entry.reason in RAIL_OF:
        return Question.NOT
    return asked


def answers(
    incident: Incident, journal: Sequence[JournalEntry], view: View | None = None
) -> dict[Question, list[Because]]:
    """All four, each in the order of time."""
    found: dict[Question, list[Because]] = {asked: [] for asked in Question}
    for entry in journal:
        asked = question_of(entry)
        if asked is not None:
            found[asked].append(_because(entry, asked))
    found[Question.RADIUS] += _radius(incident, journal, view)
    found[Question.RADIUS].sort(key=lambda because: because.at)
    return found


def as_json(found: Mapping[Question, Sequence[Because]]) -> dict[str, list[dict[str, Any]]]:
    return {asked.value: [because.as_json() for because in told] for asked, told in found.items()}


def last_no(found: Mapping[Question, Sequence[Because]]) -> Because | None:
    """What stopped it last, where something did."""
    told = found[Question.NOT]
    return told[-1] if told else None


def _because(entry: JournalEntry, asked: Question) -> Because:
    text = entry.text if entry.who == "agent" else _by(entry)
    if asked is not Question.NOT:
        return Because(at=entry.at, reason=entry.reason, text=text)
    return Because(
        at=entry.at,
        reason=entry.reason,
        text=text,
        rail=RAIL_OF.get(entry.reason, ""),
        remedy=remedy_of(entry.reason),
    )


def _by(entry: JournalEntry) -> str:
    return f"{entry.who}: {entry.text}" if entry.text else entry.who


# radius


def _radius(
    incident: Incident, journal: Sequence[JournalEntry], view: View | None
) -> Iterator[Because]:
    """The class as it stands, the path that made it, and what of it is in doubt."""
    if incident.radius is None:
        return
    at = next((e.at for e in reversed(journal) if e.kind in ("route", "widened", "act")), None)
    at = incident.opened_at if at is None else at
    reason = radius_reason(incident, view)
    yield Because(at=at, reason=reason, text=_about(incident))
    if len(incident.radius_path) > 1:
        path = " → ".join(incident.radius_path)
        yield Because(at=at, reason=reason, text=f"by the path {path}", is_more=True)
    for doubt in incident.radius_doubt:
        yield Because(at=at, reason=reason, text=f"in doubt: {doubt}", is_more=True)


def radius_reason(incident: Incident, view: View | None) -> Reason:
    """Why it is of this class, told from what is kept of it."""
    if incident.radius is Radius.ROUTINE:
        return Reason.ALLOWED
    if incident.radius is Radius.PRODUCT:
        return Reason.HELD_IN_STORM if incident.held_by else Reason.RADIUS_PRODUCT
    if incident.storm is not None and incident.held_by:
        return Reason.HELD_IN_STORM
    if incident.storm == FLEET:
        return Reason.STORM_FLEET
    if incident.suspect is None:
        is_known = incident.product is not None or incident.entity is not None
        return Reason.RADIUS_SYSTEMIC if is_known else Reason.PRODUCT_UNKNOWN
    if view is None:
        return Reason.RADIUS_SYSTEMIC
    graph = graph_of(view.registry)
    is_shared = bool(graph.bit(incident.suspect) & ~graph.owned)
    return Reason.RADIUS_SYSTEMIC if is_shared else Reason.RADIUS_CROSSES


def _about(incident: Incident) -> str:
    if incident.radius is Radius.ROUTINE:
        return "a runbook holds it, so nobody is told"
    if incident.suspect is not None:
        return f"suspect {incident.suspect}"
    return incident.product or incident.entity or "the alert names nothing that is registered"


# who speaks for whom


def holds(incident: Incident, view: View, sees: Sees = lambda _product: True) -> list[str]:
    """Ids of the open incidents that its page speaks for, oldest first."""
    found = [view.incidents[i] for i in signs(view).ids(HELD, incident.id) if i in view.incidents]
    seen = [held for held in found if sees(held.product)]
    return [held.id for held in sorted(seen, key=lambda held: (held.opened_at, held.id))]
