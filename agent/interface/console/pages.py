"""The console: pages for people, rendered here, kept fresh by server-sent events.

Each page is one fragment in one frame: the browser gets the whole page once and fetches the
fragment again (`?fragment=1`) whenever the stream says that something changed. Without scripts the
pages still work; every button is a plain form. What a person may do is checked where the API
checks it; the templates only leave out the buttons that would be refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent.interface.console import runbooks_page
from agent.interface.console.absorbed_page import AbsorbedPage
from agent.interface.console.blindspots_page import BlindSpotsPage
from agent.interface.console.cluster_page import show_cluster
from agent.interface.console.follow_ups_page import (
    DriversPage,
    change_follow_up,
    show_follow_ups,
)
from agent.interface.console.frame import form, live
from agent.interface.console.incident_page import change_incident, one_incident, preview
from agent.interface.console.on_call_page import on_call
from agent.interface.console.promotions_page import change_promotion, one_promotion, promotions
from agent.interface.console.rails_page import RailsPage
from agent.interface.console.record_page import add_from_record, show_record
from agent.interface.console.rendering import HERE, page
from agent.interface.console.signals_page import SignalsPage
from agent.interface.console.storms import half_until, storms_of
from agent.interface.health import product_layers
from agent.interface.http.blindspots_api import SURVEY
from agent.interface.http.desk import Desk, address_of, belongs
from agent.interface.http.events import EventStream
from agent.interface.http.halt_api import SET_HALT, halt_json
from agent.interface.http.identity import (
    COOKIE,
    SESSION_SECONDS,
    origin_agrees,
)
from agent.interface.http.needs import (
    ANYBODY,
    APPROVE,
    LOOK,
    LOOK_AT_ONE,
    LOOK_AT_OWN,
    OPEN,
    PLATFORM,
    RESPOND,
    Need,
    NeedingRoute,
)
from agent.interface.http.replies import SECURITY_HEADERS, Refused
from agent.interface.http.runbooks_api import STEER_RUNBOOK
from agent.model.incident import Incident
from agent.model.principal import Principal
from agent.ports.store import IncidentFilter

RESOLVED_SHOWN = 50
SEVERITIES = {"critical": 0, "warning": 1, "info": 2}
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
STATIC = {
    path.name: path.read_bytes()
    for path in sorted((HERE / "static").iterdir())
    if path.suffix in MEDIA_TYPES
}
Handler = Callable[[Desk, Request, Principal], Awaitable[Response]]
Register = Callable[[str, str, Handler, Need], NeedingRoute]
"""Method, path, what answers, and what it needs of whoever asks."""


def routes(desk: Desk) -> list[NeedingRoute]:
    def route(method: str, path: str, handler: Handler, need: Need) -> NeedingRoute:
        async def endpoint(request: Request) -> Response:
            try:
                who = desk.who(request)
            except Refused as refused:
                if refused.status == 401 and _is_page(request):
                    return RedirectResponse("/login", 303, dict(SECURITY_HEADERS))
                raise
            need.check(who)
            return await handler(desk, request, who)

        return NeedingRoute(path, endpoint, methods=[method], need=need)

    async def sign_in_page(request: Request) -> Response:
        return page("login.html", who=None, here="", notice="")

    async def sign_in(request: Request) -> Response:
        return await _sign_in(desk, request)

    async def sign_out(_desk: Desk, request: Request, _who: Principal) -> Response:
        desk.door.sessions.end(desk.door.session_of(request.headers) or "")
        reply = RedirectResponse("/login", 303, dict(SECURITY_HEADERS))
        reply.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return reply

    rails = RailsPage(desk)
    return [
        route("GET", "/", incidents, LOOK_AT_OWN),
        *_of_incidents(route),
        route("GET", "/products", products, LOOK_AT_OWN),
        *_of_signals(route),
        *_of_what_is_learned(route),
        route("GET", "/rails", rails.show, LOOK_AT_OWN),
        route("POST", "/rails/halt", rails.halt, SET_HALT),
        route("POST", "/rails/unhalt", rails.unhalt, PLATFORM),
        route("POST", "/rails/breakers/reset", rails.reset, PLATFORM),
        route("GET", "/absorbed", AbsorbedPage().show, LOOK_AT_OWN),
        route("GET", "/on-call", on_call, LOOK),
        route("GET", "/console/events", events, LOOK),
        route("GET", "/console/halt", halt_bar, LOOK),
        NeedingRoute("/login", sign_in_page, methods=["GET"], need=OPEN),
        NeedingRoute("/login", sign_in, methods=["POST"], need=OPEN),
        route("POST", "/logout", sign_out, ANYBODY),
        NeedingRoute("/static/{name}", static, methods=["GET"], need=OPEN),
    ]


def _of_incidents(route: Register) -> list[NeedingRoute]:
    def wish(name: str, need: Need) -> NeedingRoute:
        return route("POST", f"/incidents/{{id}}/{name}", partial(change_incident, name), need)

    return [
        route("GET", "/incidents/{id}", one_incident, LOOK_AT_ONE),
        wish("ack", RESPOND),
        wish("resolve", RESPOND),
        route("POST", "/incidents/{id}/preview", preview, RESPOND),
        wish("run", RESPOND),
        wish("approve", APPROVE),
        wish("reject", APPROVE),
        route("GET", "/incidents/{id}/record", show_record, LOOK_AT_ONE),
        route("POST", "/incidents/{id}/follow-ups", add_from_record, RESPOND),
        route("GET", "/follow-ups", show_follow_ups, LOOK_AT_OWN),
        route("POST", "/follow-ups/{id}/done", partial(change_follow_up, "done"), RESPOND),
        route("POST", "/follow-ups/{id}/reopen", partial(change_follow_up, "reopen"), RESPOND),
        route("GET", "/drivers", DriversPage().show, LOOK_AT_OWN),
    ]


def _of_signals(route: Register) -> list[NeedingRoute]:
    signals, blind = SignalsPage(), BlindSpotsPage()
    return [
        route("GET", "/signals", signals.show, LOOK_AT_OWN),
        route("GET", "/signals/{product}", signals.show_one, LOOK_AT_ONE),
        route("GET", "/blindspots", blind.show, LOOK_AT_OWN),
        route("POST", "/blindspots/look", blind.look, SURVEY),
        route("GET", "/cluster", show_cluster, LOOK_AT_OWN),
    ]


def _of_what_is_learned(route: Register) -> list[NeedingRoute]:
    def wish(name: str, need: Need) -> NeedingRoute:
        return route("POST", f"/promotions/{{name}}/{name}", partial(change_promotion, name), need)

    return [
        route("GET", "/promotions", promotions, LOOK_AT_OWN),
        route("GET", "/promotions/{name}", one_promotion, LOOK_AT_ONE),
        wish("answer", RESPOND),
        wish("approve", APPROVE),
        wish("reject", APPROVE),
        route("GET", "/runbooks", runbooks_page.runbooks, LOOK_AT_OWN),
        route("POST", "/runbooks/{name}/suspend", runbooks_page.suspend, STEER_RUNBOOK),
        route("POST", "/runbooks/{name}/resume", runbooks_page.resume, STEER_RUNBOOK),
    ]


def _is_page(request: Request) -> bool:
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


async def static(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in STATIC:
        raise Refused(404, f"no file {name}")
    headers = {**SECURITY_HEADERS, "cache-control": "public, max-age=3600"}
    return Response(STATIC[name], 200, headers, MEDIA_TYPES["." + name.rpartition(".")[2]])


def error_page(request: Request, refused: Refused) -> Response:
    reply = page(
        "error.html",
        status=refused.status,
        error=refused.error,
        remedy=refused.remedy,
        who=None,
        here="",
    )
    reply.status_code = refused.status
    reply.headers.update(refused.headers)
    return reply


# Signing in


async def _sign_in(desk: Desk, request: Request) -> Response:
    facade = desk.facade
    if facade.principals is None:
        return RedirectResponse("/", 303, dict(SECURITY_HEADERS))
    if "origin" in request.headers and not origin_agrees(request.headers):
        raise Refused(403, "another site cannot sign anybody in", remedy="use /login")
    token = (await form(desk, request)).get("token", "").strip()
    session_id = desk.door.sign_in(token, address=address_of(request))
    if session_id is None:
        return page("login.html", status=401, who=None, here="", notice="This token is not known.")
    reply = RedirectResponse("/", 303, dict(SECURITY_HEADERS))
    reply.set_cookie(
        COOKIE,
        session_id,
        max_age=int(SESSION_SECONDS),
        path="/",
        httponly=True,
        samesite="strict",
        secure=facade.view.link.startswith("https://"),
    )
    return reply


# Pages


def _urgency(incident: Incident) -> tuple[bool, int, float]:
    """What another page speaks for comes last: in a storm that is almost everything."""
    is_held = incident.held_by is not None
    return is_held, SEVERITIES.get(incident.severity, 3), -incident.opened_at


async def incidents(desk: Desk, request: Request, who: Principal) -> Response:
    store, view = desk.facade.store, desk.facade.view
    open_ones = sorted(
        (i for i in view.incidents.values() if belongs(who, i.product)), key=_urgency
    )
    resolved = await store.incidents(IncidentFilter(state="resolved", limit=RESOLVED_SHOWN))
    return live(
        desk,
        request,
        who,
        fragment="_incidents.html",
        here="incidents",
        title="Incidents",
        open=open_ones[:500],
        resolved=[i for i in resolved if belongs(who, i.product)],
        totals=await store.totals(),
        storms=storms_of(view, who, desk.facade.now()),
        half_until=half_until(view, desk.facade.now()),
    )


async def products(desk: Desk, request: Request, who: Principal) -> Response:
    view = desk.facade.view
    names = sorted(n for n in view.registry.products if belongs(who, n))
    return live(
        desk,
        request,
        who,
        fragment="_products.html",
        here="products",
        title="Products",
        products=[(view.registry.products[n], product_layers(view, n)) for n in names],
    )


async def halt_bar(desk: Desk, _request: Request, _who: Principal) -> Response:
    return page("_halt.html", halt=halt_json(desk.facade))


async def events(desk: Desk, _request: Request, _who: Principal) -> Response:
    return EventStream(desk.facade.subscribe(), desk.closing, is_folded=True)
