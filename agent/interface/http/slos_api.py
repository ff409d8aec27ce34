"""Service level objectives and their error budgets, for people's tools."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.core.burn import budget, duration
from agent.core.objectives import is_unknown, key_of
from agent.core.slo_rules import is_guarded
from agent.core.view import View
from agent.interface.http.desk import Desk, belongs
from agent.interface.http.replies import json_reply
from agent.interface.times import rfc3339_or_none
from agent.model.principal import Principal
from agent.model.product import Product, Slo
from agent.model.signals import SloSigns


class SloState(StrEnum):
    STATED = "stated"
    """It says nothing of what it counts, so nothing watches it."""
    UNKNOWN = "unknown"
    KEPT = "kept"
    SPENT = "spent"


def state_of(slo: Slo, signs: SloSigns | None, *, at: float) -> SloState:
    """What is not known is never told as kept."""
    if slo.sli is None:
        return SloState.STATED
    if signs is None or is_unknown(signs, at=at):
        return SloState.UNKNOWN
    return SloState.SPENT if signs.spent_since is not None else SloState.KEPT


def why_of(state: SloState, signs: SloSigns | None) -> str:
    """In words, where there is something to say."""
    if state is SloState.STATED:
        return "nothing watches it: it has no `sli`"
    if state is SloState.UNKNOWN and signs is None:
        return "nothing reports it: is the source prometheus.slo configured?"
    if state is SloState.UNKNOWN:
        return "nothing reports it any more"
    if signs is not None and signs.events == 0.0:
        return "there were no events"
    return ""


def slo_json(product: Product, slo: Slo, view: View, *, at: float) -> dict[str, Any]:
    signs = view.objectives.get(key_of(product.name, slo.name))
    state = state_of(slo, signs, at=at)
    spent = signs.spent if signs is not None else None
    is_known = state in (SloState.KEPT, SloState.SPENT)
    return {
        "product": product.name,
        "slo": slo.name,
        "journey": slo.journey,
        "objective": slo.objective,
        "window": duration(round(slo.window_seconds)),
        "file": slo.path,
        "state": state.value,
        "why": why_of(state, signs),
        "budget": round(budget(slo), 12),
        "budget_left": round(1.0 - spent, 6) if spent is not None and is_known else None,
        "bad": signs.bad if signs is not None and is_known else None,
        "events": signs.events if signs is not None and is_known else None,
        "burn": dict(signs.burn) if signs is not None and is_known else {},
        "spent_since": rfc3339_or_none(signs.spent_since if signs is not None else None),
        "unknown_since": rfc3339_or_none(signs.unknown_since if signs is not None else None),
        "told_at": rfc3339_or_none(signs.last_at if signs is not None else None),
        "is_guarded": slo.sli is not None and is_guarded(slo.sli),
        "expressions": _expressions(slo),
    }


def _expressions(slo: Slo) -> dict[str, str]:
    sli = slo.sli
    if sli is None:
        return {}
    given = {"bad": sli.bad, "good": sli.good, "total": sli.total, "share": sli.share}
    return {name: text for name, text in given.items() if text}


def slos_json(desk: Desk, who: Principal, *, product: str = "") -> list[dict[str, Any]]:
    """In order of names. Of one product, where one is named."""
    view, at = desk.facade.view, desk.facade.now()
    return [
        slo_json(one, slo, view, at=at)
        for name, one in sorted(view.registry.products.items())
        if belongs(who, name) and product in ("", name)
        for slo in sorted(one.slos, key=lambda slo: slo.name)
    ]


async def slos(desk: Desk, request: Request, who: Principal) -> Response:
    """`GET /api/v1/slos`: `?product=` narrows it."""
    return json_reply(slos_json(desk, who, product=request.query_params.get("product", "")))
