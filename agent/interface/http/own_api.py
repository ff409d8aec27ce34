"""The agent itself for people's tools: what it is held to, what spent it, and a person's review."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.core.own_health import (
    BACK_AT,
    KEY,
    LOST_MINUTES,
    WRONG_MINUTES,
    Unreadable,
    day_of,
    spent,
    stops,
    way_back,
)
from agent.interface.facade import Facade
from agent.interface.http.desk import Desk, Why, belongs, words
from agent.interface.http.replies import Refused, json_reply
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.event import OwnReviewed
from agent.model.own import OwnState, Slip
from agent.model.principal import Principal

UNREADABLE = "unreadable"


def own_json(facade: Facade, who: Principal) -> dict[str, Any]:
    """What people look at. Raises Refused (503) in the moment before it is measured first."""
    known = facade.view.own.get(KEY)
    if known is None:
        raise Refused(503, "it has not measured itself yet", remedy="ask again in a second")
    terms, now = known.terms, facade.now()
    told: dict[str, Any] = {
        "name": terms.name,
        "owner": terms.owner,
        "version": terms.version,
        "config_digest": terms.digest,
        "running_since": rfc3339(terms.started_at),
        "review_by": day_of(terms.review_by) if terms.review_by is not None else None,
        "retire": day_of(terms.retire) if terms.retire is not None else None,
        "objective": terms.objective,
        "window_seconds": terms.window_seconds,
        "latency_seconds": terms.latency_seconds,
        "reviewed": _reviewed(known),
        "examples": _examples(known, who),
    }
    try:
        return {**told, **_standing(known, now), "budget": _budget(known, now)}
    except Unreadable as error:
        why = f"what is kept of it cannot be read: {error}"
        unknown = {"mode": "advises_only", "since": None, "reason": UNREADABLE, "why": why}
        back = "correct `agent:` in the settings, or review it: homeostat self review --why REASON"
        return {**told, **unknown, "back": back, "banner": _banner(terms.name, why), "budget": None}


def _standing(known: OwnState, now: float) -> dict[str, Any]:
    found = stops(known, now)
    if found is None:
        nothing = {"since": None, "reason": None, "why": "", "back": "", "banner": ""}
        return {"mode": "acts", **nothing}
    reason, why = found
    return {
        "mode": "advises_only",
        "since": rfc3339_or_none(known.advising_since),
        "reason": reason.value,
        "why": why,
        "back": way_back(reason),
        "banner": _banner(known.terms.name, why),
    }


def _banner(name: str, why: str) -> str:
    return f"{name} only advises: {why}"


def _budget(known: OwnState, now: float) -> dict[str, Any]:
    found = spent(known, now)
    return {
        "minutes": round(found.budget_minutes, 1),
        "spent_minutes": found.minutes,
        "spent": round(found.share, 4),
        "left": round(max(0.0, 1.0 - found.share), 4),
        "acts_again_at": BACK_AT,
        "decisions": found.decisions,
        "late_decisions": found.late,
        "late_minutes": found.late_minutes,
        "verdicts": found.verdicts,
        "wrong_verdicts": found.wrong,
        "lost_alerts": found.lost,
        "minutes_of": {"wrong_verdict": WRONG_MINUTES, "lost_alert": LOST_MINUTES},
    }


def _examples(known: OwnState, who: Principal) -> dict[str, list[dict[str, Any]]]:
    """The latest of each, newest first. What belongs to products of others is left out."""
    seen = [one for one in reversed(known.examples) if belongs(who, one.product)]
    return {
        slip.value: [
            {
                "at": rfc3339(one.at),
                "subject": one.subject,
                "product": one.product,
                "text": one.text,
            }
            for one in seen
            if one.slip is slip
        ]
        for slip in Slip
    }


def _reviewed(known: OwnState) -> dict[str, Any] | None:
    if known.reviewed_at is None:
        return None
    return {
        "at": rfc3339(known.reviewed_at),
        "by": known.reviewed_by,
        "why": known.reviewed_why,
    }


async def own(desk: Desk, _request: Request, who: Principal) -> Response:
    return json_reply(own_json(desk.facade, who))


async def review(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Why)
    if not asked.why.strip():
        raise Refused(400, "no reason is given", remedy='send {"why": "..."}; it is kept')
    await desk.ask(OwnReviewed(at=desk.facade.now(), who=who.name, why=words(asked.why)))
    return json_reply(own_json(desk.facade, who))
