"""Proposals of the rule of three: look, answer what one asks, approve, reject.

Who may decide is decided in core (core/promotion.py), and `may_approve` asks there: what is shown
beforehand and what is answered to a wish are the same words.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.core.promotion import decide_promotion
from agent.core.proposed_asks import fault_in
from agent.core.view import View
from agent.interface.http.desk import Desk, Why, belongs, require_on, words
from agent.interface.http.identity import require
from agent.interface.http.replies import Refused, json_reply
from agent.interface.proposals import (
    Sees,
    in_full,
    in_short,
    products_of,
    without_foreign_reason,
)
from agent.model.event import PromotionAnswered, PromotionDecided
from agent.model.learning import Promotion, PromotionState
from agent.model.principal import Principal, Role
from agent.model.runbook import Lifecycle

APPROVABLE = (Lifecycle.ASSISTED.value, Lifecycle.ACTIVE.value)
REJECTED = PromotionState.REJECTED.value
OPEN = (PromotionState.TRYING, PromotionState.PROPOSED)
MOST_LISTED = 300


class Decide(msgspec.Struct, forbid_unknown_fields=True):
    state: str = Lifecycle.ASSISTED.value
    why: str = ""
    fingerprint: str = ""
    """`fingerprint` of the proposal as it was shown; empty: whatever it is now."""


class Reply(msgspec.Struct, forbid_unknown_fields=True):
    """What a parameter has to be; `param` as in `restart.replicas`."""

    param: str
    value: Any


def sees(who: Principal, promotion: Promotion) -> bool:
    """Whoever is limited to products sees what is proposed for one of theirs alone."""
    if not who.products:
        return True
    products = products_of(promotion)
    return len(products) == 1 and products <= who.products


def seen_promotions(desk: Desk, who: Principal) -> list[Promotion]:
    """Newest first."""
    found = [p for p in desk.facade.view.promotions.values() if sees(who, p)]
    return sorted(found, key=lambda p: (-p.proposed_at, p.name))


def listed_promotions(desk: Desk, who: Principal) -> list[Promotion]:
    """Newest first; of very many those that wait for somebody, and the newest others."""
    found = seen_promotions(desk, who)
    if len(found) <= MOST_LISTED:
        return found
    kept = sorted(found, key=lambda p: p.state not in OPEN)[:MOST_LISTED]
    return sorted(kept, key=lambda p: (-p.proposed_at, p.name))


def known_to(who: Principal) -> Sees:
    return lambda product: belongs(who, product)


def promotions_for(view: View, who: Principal) -> list[Promotion]:
    """Those this person may see, for whatever tells of them in a sentence: without a reason that
    names incidents of others."""
    known = known_to(who)
    found = [p for p in view.promotions.values() if sees(who, p)]
    return [without_foreign_reason(p, view, known) for p in found]


def promotion_of(desk: Desk, name: str, who: Principal) -> Promotion:
    """One that belongs to others is answered like one that does not exist."""
    found = desk.facade.view.promotions.get(name)
    if found is None or not sees(who, found):
        raise Refused(404, f"no promotion {name}", remedy="see GET /api/v1/promotions")
    return found


def is_platform(who: Principal) -> bool:
    """Whether this person may decide what crosses products."""
    return who.may(Role.PLATFORM) and not who.products


def _wish(desk: Desk, who: Principal, name: str, state: str, why: str) -> PromotionDecided:
    return PromotionDecided(
        at=desk.facade.now(),
        subject=name,
        who=who.name,
        state=state,
        why=words(why),
        is_platform=is_platform(who),
    )


def why_not(desk: Desk, who: Principal, promotion: Promotion, state: str) -> str:
    """Why this person cannot decide so, in the words a refusal would have; empty: they can."""
    try:
        require(who, Role.APPROVER)
        require_on(who, Role.APPROVER, promotion.product)
    except Refused as refused:
        return f"{refused.error} ({refused.remedy})"
    answer = decide_promotion(_wish(desk, who, promotion.name, state, "-"), desk.facade.view)
    if answer.refused is None:
        return ""
    return answer.refused_text or answer.refused.sentence


def may_approve(desk: Desk, who: Principal, promotion: Promotion) -> dict[str, Any]:
    """Whether this person may approve it, and for each way to decide why not (empty: they may)."""
    states = {state: why_not(desk, who, promotion, state) for state in (*APPROVABLE, REJECTED)}
    ways = [states[state] for state in APPROVABLE]
    return {"ok": "" in ways, "why": "" if "" in ways else ways[0], "states": states}


def shown(desk: Desk, who: Principal, promotion: Promotion) -> dict[str, Any]:
    """The whole proposal as this person may see it."""
    body = in_full(promotion, desk.facade.view, known_to(who))
    if body["may_decide"] is not None and promotion.decider == desk.facade.view.policy.platform:
        able = {p.name for p in desk.facade.principals or () if is_platform(p)}
        body["may_decide"] = [name for name in body["may_decide"] if name in able]
    return {**body, "may_approve": may_approve(desk, who, promotion)}


async def promotions(desk: Desk, _request: Request, who: Principal) -> Response:
    view, known = desk.facade.view, known_to(who)
    return json_reply([in_short(p, view, known) for p in listed_promotions(desk, who)])


async def one_promotion(desk: Desk, request: Request, who: Principal) -> Response:
    return json_reply(shown(desk, who, promotion_of(desk, request.path_params["name"], who)))


async def decide(
    desk: Desk, name: str, who: Principal, *, state: str, why: str, fingerprint: str = ""
) -> Promotion:
    """Raises Refused where this person, or nobody, may decide so."""
    promotion = promotion_of(desk, name, who)
    require_on(who, Role.APPROVER, promotion.product)
    wish = _wish(desk, who, name, state, why)
    await desk.ask(msgspec.structs.replace(wish, shown=words(fingerprint, most=100)))
    return promotion_of(desk, name, who)


async def answer(desk: Desk, name: str, who: Principal, *, param: str, value: Any) -> Promotion:
    """What a parameter has to be that nothing in the incidents explains. Raises Refused."""
    promotion = promotion_of(desk, name, who)
    require_on(who, Role.RESPONDER, promotion.product)
    asked = [f"{ask.step}.{ask.param}" for ask in promotion.asks]
    if param not in asked:
        told = f"it asks for {', '.join(asked)}" if asked else "it asks for nothing"
        raise Refused(400, f"{name} does not ask for {words(param, most=100)!r}", remedy=told)
    if fault := fault_in(value):
        raise Refused(400, f"{param}: {fault}", remedy="a parameter is one short value")
    at = desk.facade.now()
    event = PromotionAnswered(at=at, subject=name, who=who.name, param=param, answer=value)
    await desk.ask(event)
    return promotion_of(desk, name, who)


async def approve_promotion(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Decide)
    if asked.state not in APPROVABLE:
        raise Refused(400, f"no state {asked.state!r}", remedy="assisted or active")
    name = request.path_params["name"]
    decided = await decide(
        desk, name, who, state=asked.state, why=asked.why, fingerprint=asked.fingerprint
    )
    return json_reply(shown(desk, who, decided))


async def reject_promotion(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Why)
    name = request.path_params["name"]
    decided = await decide(desk, name, who, state=REJECTED, why=asked.why)
    return json_reply(shown(desk, who, decided))


async def answer_promotion(desk: Desk, request: Request, who: Principal) -> Response:
    name = request.path_params["name"]
    promotion_of(desk, name, who)
    asked = await desk.json(request, Reply)
    answered = await answer(desk, name, who, param=asked.param, value=asked.value)
    return json_reply(shown(desk, who, answered))
