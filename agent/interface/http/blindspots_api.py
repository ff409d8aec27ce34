"""What would break unseen, with its owner and its remedy (core/survey.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.core.survey import KEY
from agent.interface.http.desk import Desk, belongs, query_flag
from agent.interface.http.needs import Need
from agent.interface.http.replies import Refused, json_reply
from agent.interface.times import rfc3339
from agent.model.errors import StoreUnavailable
from agent.model.principal import Principal, Role
from agent.model.signals import BlindSpot

SURVEY = Need((Role.RESPONDER,), is_for_local=True, changes=True)
"""It changes nothing but what is known, and shows of that what the GET does."""
LOOK_SECONDS = 25.0
"""Whoever asked gets an answer by then, with what is known; the survey goes on."""


async def blind_spots(desk: Desk, request: Request, who: Principal) -> Response:
    return json_reply(found(desk, who, request.query_params))


async def survey(desk: Desk, request: Request, who: Principal) -> Response:
    looking = asyncio.ensure_future(desk.facade.surveying.look())
    done, _ = await asyncio.wait([looking], timeout=LOOK_SECONDS)
    if not done:
        looking.add_done_callback(_forget)
    elif error := looking.exception():
        if isinstance(error, StoreUnavailable):
            raise Refused(503, f"cannot store now: {error}", remedy="ask again")
        raise error
    return json_reply(found(desk, who, request.query_params))


def _forget(looked: asyncio.Future[None]) -> None:
    """Nobody waits for it any more; the next survey tells what this one could not."""
    if not looked.cancelled():
        looked.exception()


def found(desk: Desk, who: Principal, query: Mapping[str, str]) -> dict[str, Any]:
    """As the terminal and the console show it."""
    view = desk.facade.view
    wants_all = query_flag(query, "all", default=False)
    product = query.get("product")
    spots = [
        spot
        for spot in view.blind_spots.values()
        if (wants_all or spot.gone_at is None)
        and belongs(who, spot.product)
        and product in (None, "", spot.product)
    ]
    spots.sort(key=lambda s: (s.gone_at is not None, s.kind.value, s.product or "", s.subject))
    last = view.surveys.get(KEY)
    return {
        "at": rfc3339(last.at) if last is not None else None,
        "seconds": round(last.seconds, 3) if last is not None else None,
        "could_not": list(last.could_not) if last is not None else [],
        "looking": desk.facade.surveying.is_looking,
        "open": sum(spot.gone_at is None for spot in spots),
        "blind_spots": [as_json(spot) for spot in spots],
    }


def as_json(spot: BlindSpot) -> dict[str, Any]:
    return {
        "kind": spot.kind.value,
        "subject": spot.subject,
        "owner": spot.owner,
        "product": spot.product,
        "text": spot.text,
        "remedy": spot.remedy,
        "since": rfc3339(spot.since),
        "last_at": rfc3339(spot.last_at),
        "gone_at": rfc3339(spot.gone_at) if spot.gone_at is not None else None,
        "times": spot.times,
        "found_by": spot.by or "signal",
    }
