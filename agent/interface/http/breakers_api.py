"""Circuit breakers for people's tools: which remedies are left alone, and letting one go again."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.core.breaker import position, who_tries
from agent.core.view import View
from agent.interface.http.desk import Desk, words
from agent.interface.http.replies import json_reply
from agent.interface.http.steering_api import loaded_runbooks, may_read
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.event import BreakerReset
from agent.model.principal import Principal
from agent.model.records import Breaker


class Reset(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    why: str = ""


def breaker_json(key: str, breaker: Breaker, view: View, *, now: float) -> dict[str, Any]:
    rails = view.policy.rails
    opened_at = breaker.opened_at
    return {
        "key": key,
        "runbook": breaker.runbook,
        "action": breaker.use,
        "state": position(breaker, rails, now).value,
        "results": ["held" if held else "failed" for held in breaker.results],
        "opened_at": rfc3339_or_none(opened_at),
        "one_may_try_at": None
        if opened_at is None or breaker.locked
        else rfc3339(opened_at + rails.breaker_open_seconds),
        "opened_within_a_day": len([at for at in breaker.opens if now - at < 86_400]),
        "trying": who_tries(breaker, view),
    }


async def breakers(desk: Desk, _request: Request, who: Principal) -> Response:
    view, now = desk.facade.view, desk.facade.now()
    readable = {r.name for r in loaded_runbooks(desk) if may_read(desk, r, who)}
    return json_reply(
        [
            breaker_json(key, breaker, view, now=now)
            for key, breaker in sorted(view.breakers.items())
            if not who.products or breaker.runbook in readable
        ]
    )


async def reset_breaker(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Reset)
    now = desk.facade.now()
    await desk.ask(BreakerReset(at=now, subject=asked.key, who=who.name, why=words(asked.why)))
    view = desk.facade.view
    found = view.breakers[asked.key]
    return json_reply(breaker_json(asked.key, found, view, now=now))
