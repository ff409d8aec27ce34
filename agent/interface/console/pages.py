"""The console: pages for people, rendered here, kept fresh by server-sent events.

Each page is one fragment in one frame: the browser gets the whole page once and fetches the
fragment again (`?fragment=1`) whenever the stream says that something changed. Without scripts the
pages still work; every button is a plain form. What a person may do is checked where the API
checks it; the templates only leave out the buttons that would be refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from agent.catalog.draft import draft
from agent.core.approval import NOTHING_SHOWN, fingerprint_of_asked
from agent.interface import why
from agent.interface.console.drawing import path_picture, timeline_strip
from agent.interface.console.frame import form, live, sent_to
from agent.interface.console.on_call_page import on_call
from agent.interface.console.rails_page import RailsPage
from agent.interface.console.rendering import HERE, page
from agent.interface.console.storms import half_until, storms_of
from agent.interface.facade import Facade
from agent.interface.health import product_layers
from agent.interface.http.desk import Desk, address_of, belongs, may_on, require_on, words
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
from agent.interface.http.steering_api import APPROVABLE, decide_promotion
from agent.interface.radius_path import hops_of, nodes_of, would_widen
from agent.interface.rungs import climbed
from agent.model.event import Acknowledged, Approved, Event, Rejected, ResolvedByPerson
from agent.model.incident import Ending, Incident
from agent.model.principal import Principal, Role
from agent.model.records import Promotion
from agent.ports.store import IncidentFilter

RESOLVED_SHOWN = 50
HELD_SHOWN = 20
SEVERITIES = {"critical": 0, "warning": 1, "info": 2}
MEDIA_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
STATIC = {
    path.name: path.read_bytes()
    for path in sorted((HERE / "static").iterdir())
    if path.suffix in MEDIA_TYPES
}
Handler = Callable[[Desk, Request, Principal], Awaitable[Response]]


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

    def incident_wish(wish: str, need: Need) -> NeedingRoute:
        return route("POST", f"/incidents/{{id}}/{wish}", partial(change_incident, wish), need)

    def promotion_wish(wish: str, need: Need) -> NeedingRoute:
        return route("POST", f"/promotions/{{name}}/{wish}", partial(change_promotion, wish), need)

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
        route("GET", "/incidents/{id}", one_incident, LOOK_AT_ONE),
        incident_wish("ack", RESPOND),
        incident_wish("resolve", RESPOND),
        incident_wish("approve", APPROVE),
        incident_wish("reject", APPROVE),
        route("GET", "/products", products, LOOK_AT_OWN),
        route("GET", "/promotions", promotions, LOOK_AT_OWN),
        promotion_wish("approve", APPROVE),
        promotion_wish("reject", APPROVE),
        route("GET", "/rails", rails.show, LOOK_AT_OWN),
        route("POST", "/rails/halt", rails.halt, SET_HALT),
        route("POST", "/rails/unhalt", rails.unhalt, PLATFORM),
        route("POST", "/rails/breakers/reset", rails.reset, PLATFORM),
        route("GET", "/on-call", on_call, LOOK),
        route("GET", "/console/events", events, LOOK),
        route("GET", "/console/halt", halt_bar, LOOK),
        NeedingRoute("/login", sign_in_page, methods=["GET"], need=OPEN),
        NeedingRoute("/login", sign_in, methods=["POST"], need=OPEN),
        route("POST", "/logout", sign_out, ANYBODY),
        NeedingRoute("/static/{name}", static, methods=["GET"], need=OPEN),
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


async def one_incident(desk: Desk, request: Request, who: Principal) -> Response:
    return await _incident_page(desk, request, who)


async def _incident_page(
    desk: Desk, request: Request, who: Principal, *, notice: str = "", status: int = 200
) -> Response:
    incident = await desk.incident(request.path_params["id"], who)
    view, now = desk.facade.view, desk.facade.now()
    journal = await desk.facade.store.journal(subject=incident.id)
    entries = [entry for _, entry in journal]
    answers = why.answers(incident, entries, view)
    held = why.holds(incident, view, lambda product: belongs(who, product))
    return live(
        desk,
        request,
        who,
        fragment="_incident.html",
        here="incidents",
        title=incident.title,
        status=status,
        back=f"/incidents/{incident.id}",
        i=incident,
        journal=journal,
        notice=notice,
        strip=timeline_strip(incident, [entry.at for entry in entries], now=now),
        why={asked.value: told for asked, told in answers.items()},
        no=why.last_no(answers),
        path=path_picture(nodes_of(incident, view), hops_of(incident, view, now)),
        hops=hops_of(incident, view, now),
        wider=would_widen(incident, view) if incident.is_open else [],
        ladder=climbed(incident, view, entries, now),
        held=[view.incidents[name] for name in held[:HELD_SHOWN]],
        held_count=len(held),
        fingerprint=fingerprint_of_asked(incident.asked) if incident.asked else NOTHING_SHOWN,
        may_respond=may_on(who, Role.RESPONDER, incident.product),
        may_approve=may_on(who, Role.APPROVER, incident.product),
        may_resolve=incident.is_open
        or (incident.outcome is Ending.ROUTED and incident.resolved_by is None),
    )


def _wish(
    wish: str, given: dict[str, str], incident: Incident, who: Principal, at: float
) -> tuple[Role, Event]:
    subject, name = incident.id, who.name
    if wish == "ack":
        return Role.RESPONDER, Acknowledged(at=at, subject=subject, who=name)
    if wish == "approve":
        # A form that does not say what was shown approves nothing.
        shown = words(given.get("fingerprint", ""), most=100) or NOTHING_SHOWN
        return Role.APPROVER, Approved(at=at, subject=subject, who=name, shown=shown)
    if wish == "reject":
        why = words(given.get("why", ""))
        return Role.APPROVER, Rejected(at=at, subject=subject, who=name, why=why)
    if wish == "resolve":
        action = words(given.get("action", ""))
        return Role.RESPONDER, ResolvedByPerson(
            at=at,
            subject=subject,
            who=name,
            cause=words(given.get("cause", "")),
            actions=(action,) if action else (),
        )
    raise Refused(404, f"nobody can {wish} an incident")


async def change_incident(wish: str, desk: Desk, request: Request, who: Principal) -> Response:
    incident = await desk.incident(request.path_params["id"], who)
    given = await form(desk, request)
    role, event = _wish(wish, given, incident, who, desk.facade.now())
    require_on(who, role, incident.product)
    try:
        await desk.ask(event)
    except Refused as refused:
        notice = f"{refused.error}. {refused.remedy}"
        return await _incident_page(desk, request, who, notice=notice, status=refused.status)
    return sent_to(f"/incidents/{quote(incident.id)}")


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


def _promotions_of(facade: Facade, who: Principal) -> list[tuple[Promotion, str]]:
    found = sorted(facade.view.promotions.values(), key=lambda p: -p.proposed_at)
    return [(p, draft(p.document)) for p in found if belongs(who, p.product)]


async def promotions(desk: Desk, request: Request, who: Principal) -> Response:
    return _promotions_page(desk, request, who)


def _promotions_page(
    desk: Desk, request: Request, who: Principal, *, notice: str = "", status: int = 200
) -> Response:
    def may_approve(promotion: Promotion) -> bool:
        return may_on(who, Role.APPROVER, promotion.product)

    return live(
        desk,
        request,
        who,
        fragment="_promotions.html",
        here="promotions",
        title="Promotions",
        status=status,
        back="/promotions",
        promotions=_promotions_of(desk.facade, who),
        notice=notice,
        may_approve=may_approve,
    )


async def change_promotion(wish: str, desk: Desk, request: Request, who: Principal) -> Response:
    given = await form(desk, request)
    state = given.get("state", APPROVABLE[0]) if wish == "approve" else "rejected"
    if wish == "approve" and state not in APPROVABLE:
        raise Refused(404, f"nobody can {wish} a promotion as {state}")
    name = request.path_params["name"]
    try:
        await decide_promotion(desk, name, who, state=state, why=given.get("why", ""))
    except Refused as refused:
        notice = f"{refused.error}. {refused.remedy}"
        return _promotions_page(desk, request, who, notice=notice, status=refused.status)
    return sent_to("/promotions")


async def halt_bar(desk: Desk, _request: Request, _who: Principal) -> Response:
    return page("_halt.html", halt=halt_json(desk.facade))


async def events(desk: Desk, _request: Request, _who: Principal) -> Response:
    return EventStream(desk.facade.subscribe(), desk.closing, is_folded=True)
