"""The routes of people's tools and of Prometheus: JSON in and out (CONTRACT.md, HTTP)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.http import alertmanager_routes as am
from agent.interface.http import blindspots_api as blind
from agent.interface.http import breakers_api as broken
from agent.interface.http import changes_api as changed
from agent.interface.http import cluster_api, outcomes_api, own_api, records_api, slack_api
from agent.interface.http import follow_ups_api as after
from agent.interface.http import halt_api as halting
from agent.interface.http import incidents_api as on
from agent.interface.http import members_api as machinery
from agent.interface.http import on_call_api as rota
from agent.interface.http import promotions_api as proposed
from agent.interface.http import runbooks_api as books
from agent.interface.http import slos_api as objectives
from agent.interface.http import steering_api as steer
from agent.interface.http.absorbed_api import AbsorbedReader
from agent.interface.http.backlog_api import BacklogReader
from agent.interface.http.desk import Desk
from agent.interface.http.drivers_api import DriversReader
from agent.interface.http.needs import (
    ANYBODY,
    APPROVE,
    LOOK,
    LOOK_AT_ONE,
    LOOK_AT_OWN,
    OPEN,
    PLATFORM,
    RESPOND,
    RESPOND_FOR,
    Need,
    NeedingRoute,
)
from agent.interface.http.replies import SECURITY_HEADERS, Refused, json_reply
from agent.model.principal import Principal

Handler = Callable[[Desk, Request, Principal], Awaitable[Response]]
Register = Callable[[str, str, Handler, Need], NeedingRoute]
"""Method, path, what answers, and what it needs of whoever asks."""


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
    incident = "/api/v1/incidents/{id}"
    return [
        route("GET", "/-/healthy", healthy, anybody),
        NeedingRoute("/-/alive", partial(alive, desk), methods=["GET"], need=OPEN),
        NeedingRoute("/-/ready", partial(ready, desk), methods=["GET"], need=OPEN),
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
        route("GET", incident + "/record", records_api.record, one),
        route("POST", incident + "/ack", on.acknowledge, respond),
        route("POST", incident + "/resolve", on.resolve, respond),
        route("POST", incident + "/run", on.run, respond),
        route("POST", incident + "/approve", on.approve_incident, approve),
        route("POST", incident + "/reject", on.reject_incident, approve),
        route("GET", "/api/v1/halt", halting.state, look),
        route("POST", "/api/v1/halt", halting.halt, halting.SET_HALT),
        route("POST", "/api/v1/unhalt", halting.unhalt, platform),
        route("GET", "/api/v1/self", own_api.own, own),
        route("POST", "/api/v1/self/review", own_api.review, platform),
        route("GET", "/api/v1/breakers", broken.breakers, own),
        route("POST", "/api/v1/breakers/reset", broken.reset_breaker, platform),
        route("GET", "/api/v1/cluster", cluster_api.cluster, own),
        route("GET", "/api/v1/on-call", rota.on_call, look),
        route("GET", "/api/v1/ledger", steer.ledger, look),
        route("GET", "/api/v1/absorbed", AbsorbedReader().asked, own),
        route("GET", "/api/v1/products", steer.products, own),
        route("GET", "/api/v1/members", machinery.all_members, own),
        route("GET", "/api/v1/members/{name}", machinery.one_member, one),
        route("GET", "/api/v1/slos", objectives.slos, own),
        route("GET", "/api/v1/outcomes", outcomes_api.outcomes, own),
        route("GET", "/api/v1/changes", changed.changes, own),
        route("GET", "/api/v1/changes/releases", changed.release_counts, own),
        *_of_what_is_learned(route),
        route("GET", "/api/v1/events", steer.events, own),
        slack_api.route(desk),
    ]


def _of_what_is_learned(route: Register) -> list[NeedingRoute]:
    own, one, respond, approve = LOOK_AT_OWN, LOOK_AT_ONE, RESPOND, APPROVE
    promotion, runbook = "/api/v1/promotions/{name}", "/api/v1/runbooks/{name}"
    follow_up = "/api/v1/follow-ups/{id}"
    return [
        route("GET", "/api/v1/runbooks", books.runbooks, own),
        route("GET", runbook, books.one_runbook, one),
        route("POST", runbook + "/suspend", books.suspend_runbook, books.STEER_RUNBOOK),
        route("POST", runbook + "/resume", books.resume_runbook, books.STEER_RUNBOOK),
        route("GET", "/api/v1/promotions", proposed.promotions, own),
        route("GET", promotion, proposed.one_promotion, one),
        route("POST", promotion + "/approve", proposed.approve_promotion, approve),
        route("POST", promotion + "/reject", proposed.reject_promotion, approve),
        route("POST", promotion + "/answer", proposed.answer_promotion, respond),
        route("GET", "/api/v1/near-misses", records_api.near_misses, own),
        route("GET", "/api/v1/drivers", DriversReader().asked, own),
        route("GET", "/api/v1/backlog", BacklogReader().asked, own),
        route("GET", "/api/v1/blindspots", blind.blind_spots, own),
        route("POST", "/api/v1/blindspots/survey", blind.survey, blind.SURVEY),
        route("GET", "/api/v1/follow-ups", after.follow_ups, own),
        route("POST", "/api/v1/follow-ups", after.add_follow_up, respond),
        route("POST", follow_up, after.alter_follow_up, respond),
        route("POST", follow_up + "/done", after.finish_follow_up, respond),
        route("POST", follow_up + "/reopen", after.reopen_follow_up, respond),
    ]


# Prometheus conventions


async def healthy(desk: Desk, _request: Request, _who: Principal) -> Response:
    why = desk.facade.unhealthy_because()
    return _light(why, is_on=not why)


async def alive(desk: Desk, _request: Request) -> Response:
    """For what restarts it, as a kubelet does, and holds no token: whether that could help."""
    why = desk.facade.unhealthy_because(of_pages=False)
    return _light(why, is_on=not why)


async def ready(desk: Desk, _request: Request) -> Response:
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
