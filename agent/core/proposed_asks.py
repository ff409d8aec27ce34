"""What a proposal asks people for: parameters that nothing in its incidents explains.

An answer is plain data. It goes into the place of the parameter and nowhere else, and no text that
reads like an expression is one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import msgspec

from agent.core.generalising import is_plain, with_answer
from agent.core.proposed_document import plain
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.event import PromotionAnswered
from agent.model.learning import Ask, Promotion, PromotionState
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle

OPEN = (PromotionState.TRYING, PromotionState.PROPOSED)
MOST_NAMED = 10


def take_answer(event: PromotionAnswered, view: View) -> Decision:
    """A person said what a parameter has to be; it is tried once more. Whoever resolved one of the
    incidents may answer: they know. Said again, it is corrected, until somebody has approved."""
    promotion = view.promotions.get(event.subject)
    if promotion is None:
        return _no(f"there is no proposal {plain(event.subject, longest=80)}")
    if promotion.state not in OPEN:
        return _no(f"{promotion.name} is {promotion.state.value}: it asks nothing any more")
    if event.who in ("agent", ""):
        text = "a person has to answer"
        return Decision(refused=Reason.NOT_ALLOWED, refused_text=text)
    asked = {f"{a.step}.{a.param}": a for a in promotion.asks}
    if event.param not in asked:
        known = ", ".join(plain(name, longest=80) for name in list(asked)[:MOST_NAMED])
        wrong = plain(event.param, longest=80)
        return _no(f"it does not ask for {wrong}; it asks for {known or 'nothing'}")
    fault = fault_in(event.answer)
    if fault:
        return _no(f"{plain(event.param, longest=80)}: {fault}")
    ask = msgspec.structs.replace(
        asked[event.param], answer=event.answer, answered_by=event.who[:100]
    )
    changed = _with(promotion, (ask,))
    entry = JournalEntry(
        at=event.at,
        subject=promotion.name,
        kind="promotion",
        reason=Reason.PROMOTION_ANSWERED,
        text=plain(f"{event.param} is {event.answer}"),
        who=event.who,
        data={"param": event.param[:200], "answer": event.answer},
    )
    record = Record(kind="promotion", key=promotion.name, body=changed)
    return Decision(journal=(entry,), records=(record,))


def fault_in(answer: Any) -> str:
    """Why this is no answer; empty where it is one."""
    if isinstance(answer, float) and not math.isfinite(answer):
        return "no number"
    if not isinstance(answer, str | bool | int | float):
        return "a text, a number, true or false is expected"
    if answer == "":
        return "an empty text says nothing"
    if not is_plain(answer):
        return "a text may not begin with =, hold ${ or control characters, or be longer than 500"
    return ""


def carried_over(promotion: Promotion, before: Promotion) -> Promotion:
    """What was answered for the runbook it replaces is not asked again: its steps come first, and
    have the same names."""
    known = {(a.step, a.param): a for a in before.asks if a.answered_by is not None}
    asks = [known[a.step, a.param] for a in promotion.asks if (a.step, a.param) in known]
    return _with(promotion, asks) if asks else promotion


def _with(promotion: Promotion, answers: tuple[Ask, ...] | list[Ask]) -> Promotion:
    """The proposal with these answers in its document, to be tried again. What anybody approved so
    far was another one."""
    named = {(a.step, a.param): a for a in answers}
    asks = tuple(named.get((a.step, a.param), a) for a in promotion.asks)
    is_open = any(a.answered_by is None for a in asks)
    lifecycle = (Lifecycle.DRAFT if is_open else Lifecycle.SHADOW).value
    document = dict(promotion.document)
    document["plans"] = {
        name: {**plan, "steps": [_filled(step, named) for step in plan["steps"]]}
        for name, plan in document["plans"].items()
    }
    document["lifecycle"] = {**document["lifecycle"], "state": lifecycle}
    return msgspec.structs.replace(
        promotion,
        state=PromotionState.TRYING,
        lifecycle=lifecycle,
        document=document,
        asks=asks,
        is_clean=False,
        approvals=(),
        wanted="",
    )


def _filled(step: Mapping[str, Any], answers: Mapping[tuple[str, str], Ask]) -> Mapping[str, Any]:
    params = dict(step["with"])
    for ask in answers.values():
        if ask.step == step["id"]:
            params = with_answer(params, ask.param, ask.answer)
    return {**step, "with": params}


def _no(text: str) -> Decision:
    return Decision(refused=Reason.MOVE_REFUSED, refused_text=text)
