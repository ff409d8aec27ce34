"""The pages of what is learned: every proposal, and each one with what a person needs to decide."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.console.frame import form, live, sent_to
from agent.interface.console.learning_pictures import agreement_picture, recovery_picture
from agent.interface.http.desk import Desk, belongs, may_on
from agent.interface.http.promotions_api import (
    APPROVABLE,
    REJECTED,
    answer,
    decide,
    listed_promotions,
    promotion_of,
    seen_promotions,
    shown,
)
from agent.interface.http.replies import Refused
from agent.interface.proposals import did, in_minutes, in_short
from agent.interface.told import data_of
from agent.model.learning import Promotion
from agent.model.principal import Principal, Role

HERE = "/promotions"
TITLE = "Learning"


async def promotions(desk: Desk, request: Request, who: Principal) -> Response:
    view, count = desk.facade.view, len(seen_promotions(desk, who))
    found = listed_promotions(desk, who)
    return live(
        desk,
        request,
        who,
        fragment="_promotions.html",
        here="promotions",
        title=TITLE,
        back=HERE,
        promotions=[in_short(p, view, partial(belongs, who)) for p in found],
        count=count,
    )


async def one_promotion(desk: Desk, request: Request, who: Principal) -> Response:
    return _page(desk, request, who)


def _page(
    desk: Desk, request: Request, who: Principal, *, notice: str = "", status: int = 200
) -> Response:
    promotion = promotion_of(desk, request.path_params["name"], who)
    body = shown(desk, who, promotion)
    return live(
        desk,
        request,
        who,
        fragment="_promotion.html",
        here="promotions",
        title=promotion.name,
        status=status,
        back=_address(promotion.name),
        notice=notice,
        p=body,
        diff=[(_kind(line), line) for line in body["diff"].splitlines()],
        did=did,
        in_minutes=in_minutes,
        recoveries=recovery_picture(body["incidents_detail"], desk.facade.view),
        agreement=agreement_picture(body["backtest"]) if body["backtest"] else "",
        may_answer=may_on(who, Role.RESPONDER, promotion.product),
        states=[state for state in APPROVABLE if state != promotion.lifecycle],
        reasons=_reasons(body["may_approve"]["states"], promotion.lifecycle),
    )


def _reasons(states: dict[str, str], lifecycle: str) -> list[tuple[str, str]]:
    """Why this person cannot decide in some way, each sentence once, with the ways it is about."""
    found: dict[str, list[str]] = {}
    for state, why in states.items():
        if why and state != lifecycle:
            found.setdefault(why, []).append(state)
    return [(", ".join(ways), why) for why, ways in found.items()]


def _address(name: str) -> str:
    return f"{HERE}/{name}"


def _kind(line: str) -> str:
    """Of a line of a unified diff."""
    if line.startswith(("+++", "---", "@@")):
        return "place"
    return {"+": "added", "-": "removed"}.get(line[:1], "same")


async def change_promotion(wish: str, desk: Desk, request: Request, who: Principal) -> Response:
    """A form of the page was sent; where it is refused the page says why."""
    name = request.path_params["name"]
    promotion = promotion_of(desk, name, who)
    given = await form(desk, request)
    try:
        await _ask(wish, desk, promotion, who, given)
    except Refused as refused:
        notice = f"{refused.error}. {refused.remedy}"
        return _page(desk, request, who, notice=notice, status=refused.status)
    return sent_to(quote(_address(name)))


async def _ask(
    wish: str, desk: Desk, promotion: Promotion, who: Principal, given: dict[str, str]
) -> None:
    name, why = promotion.name, given.get("why", "")
    if wish == "answer":
        param = given.get("param", "")
        value = _value(promotion, param, given.get("value", ""))
        await answer(desk, name, who, param=param, value=value)
        return
    state = given.get("state", APPROVABLE[0]) if wish == "approve" else REJECTED
    if wish == "approve" and state not in APPROVABLE:
        raise Refused(404, f"nobody can {wish} a promotion as {state}", remedy="use its buttons")
    shown_then = given.get("fingerprint", "")
    await decide(desk, name, who, state=state, why=why, fingerprint=shown_then)


def _value(promotion: Promotion, param: str, text: str) -> Any:
    """Text, where it was text in every incident; JSON otherwise."""
    found = next((a for a in promotion.asks if f"{a.step}.{a.param}" == param), None)
    if found is None or all(isinstance(value, str) for value in found.seen):
        return text
    try:
        return data_of(text)
    except (ValueError, RecursionError):
        raise Refused(400, f"{text[:100]!r} is no number", remedy="as it was before") from None
