"""The kill switch by HTTP: whoever responds may set it, only the platform lifts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.core.halting import Place
from agent.interface.facade import Facade
from agent.interface.http.desk import Desk, Why, words
from agent.interface.http.needs import Need
from agent.interface.http.replies import Refused, json_reply
from agent.interface.times import rfc3339_or_none
from agent.model.event import HaltAsked, HaltLifted
from agent.model.principal import Principal, Role

SET_HALT = Need((Role.RESPONDER, Role.PLATFORM), changes=True)
"""Also for those who are limited to products: to stop is the safe side, and they may be the ones
who see what goes wrong."""


def halt_json(facade: Facade) -> dict[str, Any]:
    """What people look at. A file that says on counts before it is kept."""
    halt, places = facade.view.halt, facade.halt_places()
    on = [place for place in places if place.is_on]
    return {
        "on": halt is not None or bool(on),
        "since": rfc3339_or_none(halt.at if halt is not None else None),
        "who": halt.who if halt is not None else f"file:{on[0].path}" if on else None,
        "why": halt.why if halt is not None else on[0].why if on else None,
        "places": [{"path": p.path, "says": p.says.value, "why": p.why} for p in places],
    }


async def state(desk: Desk, _request: Request, _who: Principal) -> Response:
    return json_reply(halt_json(desk.facade))


async def halt(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Why)
    await desk.ask(HaltAsked(at=desk.facade.now(), who=who.name, why=words(asked.why)))
    return json_reply(halt_json(desk.facade))


async def unhalt(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Why)
    if not asked.why.strip():
        raise Refused(400, "no reason is given", remedy='send {"why": "..."}; it is kept')
    no_file_says_on(desk.facade.halt_places())
    await desk.ask(HaltLifted(at=desk.facade.now(), who=who.name, why=words(asked.why)))
    return json_reply(halt_json(desk.facade))


def no_file_says_on(places: Sequence[Place]) -> None:
    """Lifted here it would be set again at once, by the file."""
    on = [place for place in places if place.is_on]
    if on:
        raise Refused(
            409,
            f"a file still says on: {'; '.join(place.sentence for place in on)}",
            remedy="take the file HALT away, or write `off` into one of `halt_files`; then again",
        )
