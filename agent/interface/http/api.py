"""The routes of people's tools and of Prometheus: JSON in and out (CONTRACT.md, HTTP)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from agent.interface.http import alertmanager_routes as am
from agent.interface.http import incidents_api as on
from agent.interface.http import steering_api as steer
from agent.interface.http.desk import (
    Desk,
    require_platform,
)
from agent.interface.http.identity import require, require_viewer
from agent.interface.http.replies import SECURITY_HEADERS, Refused, json_reply
from agent.model.principal import Principal, Role

Handler = Callable[[Desk, Request, Principal], Awaitable[Response]]


def routes(desk: Desk) -> list[Route]:
    """Every route with what it needs of whoever asks. The matrix of tests/unit walks this list."""

    def route(method: str, path: str, handler: Handler, need: Callable[[Principal], None]) -> Route:
        async def endpoint(request: Request) -> Response:
            who = desk.who(request)
            need(who)
            return await handler(desk, request, who)

        return Route(path, endpoint, methods=[method])

    def role(needed: Role) -> Callable[[Principal], None]:
        return lambda who: require(who, needed)

    def anybody(_who: Principal) -> None:
        """Any proven principal: orchestrators ask with whatever token they have."""

    view, respond, approve = require_viewer, role(Role.RESPONDER), role(Role.APPROVER)
    incident, promotion = "/api/v1/incidents/{id}", "/api/v1/promotions/{name}"
    return [
        route("GET", "/-/healthy", healthy, anybody),
        route("GET", "/-/ready", ready, anybody),
        route("POST", "/-/reload", reload, require_platform),
        route("GET", "/metrics", metrics, view),
        route("GET", "/api/v2/alerts", am.alerts, view),
        route("GET", "/api/v2/alerts/groups", am.groups, view),
        route("GET", "/api/v2/silences", am.silences, view),
        route("POST", "/api/v2/silences", am.put_silence, respond),
        route("GET", "/api/v2/silence/{id}", am.silence, view),
        route("DELETE", "/api/v2/silence/{id}", am.expire_silence, respond),
        route("GET", "/api/v2/status", am.status, view),
        route("GET", "/api/v2/receivers", am.receivers, view),
        route("GET", "/api/v1/incidents", on.incidents, view),
        route("GET", incident, on.one_incident, view),
        route("POST", incident + "/ack", on.acknowledge, respond),
        route("POST", incident + "/resolve", on.resolve, respond),
        route("POST", incident + "/run", on.run, respond),
        route("POST", incident + "/approve", on.approve_incident, approve),
        route("POST", incident + "/reject", on.reject_incident, approve),
        route("GET", "/api/v1/ledger", steer.ledger, view),
        route("GET", "/api/v1/runbooks", steer.runbooks, view),
        route("GET", "/api/v1/products", steer.products, view),
        route("GET", "/api/v1/promotions", steer.promotions, view),
        route("GET", promotion, steer.one_promotion, view),
        route("POST", promotion + "/approve", steer.approve_promotion, approve),
        route("POST", promotion + "/reject", steer.reject_promotion, approve),
        route("GET", "/api/v1/events", steer.events, view),
    ]


# Prometheus conventions


async def healthy(desk: Desk, _request: Request, _who: Principal) -> Response:
    return _light("the decision loop makes no progress", is_on=desk.facade.is_healthy())


async def ready(desk: Desk, _request: Request, _who: Principal) -> Response:
    return _light("not ready yet", is_on=desk.facade.is_ready())


def _light(otherwise: str, *, is_on: bool) -> Response:
    text, status = ("ok\n", 200) if is_on else (otherwise + "\n", 503)
    return Response(text, status, dict(SECURITY_HEADERS), "text/plain")


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
