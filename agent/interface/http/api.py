"""The routes of people's tools and of Prometheus: JSON in and out (CONTRACT.md, HTTP)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.http import alertmanager_routes as am
from agent.interface.http import breakers_api as broken
from agent.interface.http import halt_api as halting
from agent.interface.http import incidents_api as on
from agent.interface.http import on_call_api as rota
from agent.interface.http import slack_api
from agent.interface.http import steering_api as steer
from agent.interface.http.desk import Desk
from agent.interface.http.needs import (
    ANYBODY,
    APPROVE,
    LOOK,
    LOOK_AT_ONE,
    LOOK_AT_OWN,
    PLATFORM,
    RESPOND,
    RESPOND_FOR,
    Need,
    NeedingRoute,
)
from agent.interface.http.replies import SECURITY_HEADERS, Refused, json_reply
from agent.model.principal import Principal

Handler = Callable[[Desk, Request, Principal], Awaitable[Response]]


def routes(desk: Desk) -> list[NeedingRoute]:
    """Every route with what it needs of whoever asks (needs.py). The matrix of
    tests/unit/interface/test_access.py walks this list."""

    def route(method: str, path: str, handler: Handler, need: Need) -> NeedingRoute:
        async def endpoint(request: Request) -> Response:
            who = desk.who(request)
            need.check(who)
            return await handler(desk, request, who)

        return NeedingRoute(path, endpoint, methods=[method], need=need)

    anybody, look, own, one = ANYBODY, LOOK, LOOK_AT_OWN, LOOK_AT_ONE
    respond, approve, platform = RESPOND, APPROVE, PLATFORM
    incident, promotion = "/api/v1/incidents/{id}", "/api/v1/promotions/{name}"
    return [
        route("GET", "/-/healthy", healthy, anybody),
        route("GET", "/-/ready", ready, anybody),
        route("POST", "/-/reload", reload, platform),
        route("GET", "/metrics", metrics, look),
        route("GET", "/api/v2/alerts", am.alerts, own),
        route("GET", "/api/v2/alerts/groups", am.groups, own),
        route("GET", "/api/v2/silences", am.silences, own),
        route("POST", "/api/v2/silences", am.put_silence, RESPOND_FOR),
        route("GET", "/api/v2/silence/{id}", am.silence, one),
        route("DELETE", "/api/v2/silence/{id}", am.expire_silence, respond),
        route("GET", "/api/v2/status", am.status, look),
        route("GET", "/api/v2/receivers", am.receivers, own),
        route("GET", "/api/v1/incidents", on.incidents, own),
        route("GET", incident, on.one_incident, one),
        route("POST", incident + "/ack", on.acknowledge, respond),
        route("POST", incident + "/resolve", on.resolve, respond),
        route("POST", incident + "/run", on.run, respond),
        route("POST", incident + "/approve", on.approve_incident, approve),
        route("POST", incident + "/reject", on.reject_incident, approve),
        route("GET", "/api/v1/halt", halting.state, look),
        route("POST", "/api/v1/halt", halting.halt, halting.SET_HALT),
        route("POST", "/api/v1/unhalt", halting.unhalt, platform),
        route("GET", "/api/v1/breakers", broken.breakers, own),
        route("POST", "/api/v1/breakers/reset", broken.reset_breaker, platform),
        route("GET", "/api/v1/on-call", rota.on_call, look),
        route("GET", "/api/v1/ledger", steer.ledger, look),
        route("GET", "/api/v1/runbooks", steer.runbooks, own),
        route("GET", "/api/v1/products", steer.products, own),
        route("GET", "/api/v1/promotions", steer.promotions, own),
        route("GET", promotion, steer.one_promotion, one),
        route("POST", promotion + "/approve", steer.approve_promotion, approve),
        route("POST", promotion + "/reject", steer.reject_promotion, approve),
        route("GET", "/api/v1/events", steer.events, own),
        slack_api.route(desk),
    ]


# Prometheus conventions


async def healthy(desk: Desk, _request: Request, _who: Principal) -> Response:
    why = desk.facade.unhealthy_because()
    return _light(why, is_on=not why)


async def ready(desk: Desk, _request: Request, _who: Principal) -> Response:
    return _light("not ready yet", is_on=desk.facade.is_ready())


def _light(otherwise: str, *, is_on: bool) -> Response:
    said, status = ("ok", 200) if is_on else (otherwise, 503)
    return Response(f"{said}\n", status, dict(SECURITY_HEADERS), "text/plain")


async def reload(desk: Desk, _request: Request, _who: Principal) -> Response:
    faults = await desk.facade.reload()
    if faults:
        raise Refused(
            500,
            f"{len(faults)} faults; where they are the last good version stays",
            remedy="`homeostat check` shows them",
            faults=[str(f) for f in faults],
        )
    return json_reply({"status": "success"})


async def metrics(desk: Desk, _request: Request, _who: Principal) -> Response:
    return Response(
        desk.facade.metrics(),
        headers=dict(SECURITY_HEADERS),
        media_type="text/plain; version=0.0.4; charset=utf-8",
    )
