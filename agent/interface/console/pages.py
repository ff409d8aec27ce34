"""The console: pages for people, rendered here, kept fresh by server-sent events.

Each page is one fragment in one frame: the browser gets the whole page once and fetches the
fragment again (`?fragment=1`) whenever the stream says that something changed. Without scripts the
pages still work; every button is a plain form. What a person may do is checked where the API
checks it; the templates only leave out the buttons that would be refused.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from agent.catalog.draft import draft
from agent.interface.console.drawing import timeline_strip
from agent.interface.console.rendering import HERE, page
from agent.interface.facade import Facade
from agent.interface.health import product_layers
from agent.interface.http.desk import Desk, belongs, may_on, require_on, words
from agent.interface.http.events import EventStream
from agent.interface.http.identity import (
    COOKIE,
    SESSION_SECONDS,
    origin_agrees,
    require,
    require_viewer,
)
from agent.interface.http.replies import SECURITY_HEADERS, Refused
from agent.interface.http.steering_api import APPROVABLE, decide_promotion
from agent.model.event import Acknowledged, Approved, Event, Rejected, ResolvedByPerson
from agent.model.incident import Ending, Incident
from agent.model.principal import Principal, Role
from agent.model.records import Promotion
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


def routes(desk: Desk) -> list[Route]:
    def route(method: str, path: str, handler: Handler) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                who = desk.who(request)
            except Refused as refused:
                if refused.status == 401 and _is_page(request):
                    return RedirectResponse("/login", 303, dict(SECURITY_HEADERS))
                raise
            require_viewer(who)
            return await handler(desk, request, who)

        return Route(path, endpoint, methods=[method])

    async def sign_in_page(request: Request) -> Response:
        return page("login.html", who=None, here="", notice="")

    async def sign_in(request: Request) -> Response:
        return await _sign_in(desk, request)

    async def sign_out(request: Request) -> Response:
        desk.who(request)
        desk.door.sessions.end(desk.door.session_of(request.headers) or "")
        reply = RedirectResponse("/login", 303, dict(SECURITY_HEADERS))
        reply.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return reply

    return [
        route("GET", "/", incidents),
        route("GET", "/incidents/{id}", one_incident),
        route("POST", "/incidents/{id}/{wish}", change_incident),
        route("GET", "/products", products),
        route("GET", "/promotions", promotions),
        route("POST", "/promotions/{name}/{wish}", change_promotion),
        route("GET", "/console/events", events),
        Route("/login", sign_in_page, methods=["GET"]),
        Route("/login", sign_in, methods=["POST"]),
        Route("/logout", sign_out, methods=["POST"]),
        Route("/static/{name}", static, methods=["GET"]),
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


async def _form(desk: Desk, request: Request) -> dict[str, str]:
    body = (await desk.body(request)).decode("utf-8", "replace")
    return {name: values[-1] for name, values in parse_qs(body, max_num_fields=20).items()}


async def _sign_in(desk: Desk, request: Request) -> Response:
    facade = desk.facade
    if facade.principals is None:
        return RedirectResponse("/", 303, dict(SECURITY_HEADERS))
    if "origin" in request.headers and not origin_agrees(request.headers):
        raise Refused(403, "another site cannot sign anybody in", remedy="use /login")
    try:
        token = (await _form(desk, request)).get("token", "").strip()
    except ValueError:
        token = ""
    known = facade.principals.by_token(token) if token else None
    if known is None:
        return page("login.html", status=401, who=None, here="", notice="This token is not known.")
    reply = RedirectResponse("/", 303, dict(SECURITY_HEADERS))
    reply.set_cookie(
        COOKIE,
        desk.door.sessions.begin(token, now=facade.now()),
        max_age=int(SESSION_SECONDS),
        path="/",
        httponly=True,
        samesite="strict",
        secure=facade.view.link.startswith("https://"),
    )
    return reply


# Pages


def _live(
    desk: Desk,
    request: Request,
    who: Principal,
    *,
    fragment: str,
    here: str,
    title: str,
    status: int = 200,
    **values: Any,
) -> Response:
    path = quote(request.url.path if request.method != "POST" else values.pop("back"))
    return page(
        fragment if request.query_params.get("fragment") else "page.html",
        status=status,
        fragment=fragment,
        fragment_url=f"{path}?fragment=1",
        here=here,
        title=title,
        who=who,
        has_session=desk.door.session_of(request.headers) is not None,
        now=desk.facade.now(),
        **values,
    )


def _urgency(incident: Incident) -> tuple[int, float]:
    return SEVERITIES.get(incident.severity, 3), -incident.opened_at


async def incidents(desk: Desk, request: Request, who: Principal) -> Response:
    store, view = desk.facade.store, desk.facade.view
    open_ones = sorted(
        (i for i in view.incidents.values() if belongs(who, i.product)), key=_urgency
    )
    resolved = await store.incidents(IncidentFilter(state="resolved", limit=RESOLVED_SHOWN))
    return _live(
        desk,
        request,
        who,
        fragment="_incidents.html",
        here="incidents",
        title="Incidents",
        open=open_ones[:500],
        resolved=[i for i in resolved if belongs(who, i.product)],
        totals=await store.totals(),
    )


async def one_incident(desk: Desk, request: Request, who: Principal) -> Response:
    return await _incident_page(desk, request, who)


async def _incident_page(
    desk: Desk, request: Request, who: Principal, *, notice: str = "", status: int = 200
) -> Response:
    incident = await desk.incident(request.path_params["id"], who)
    journal = await desk.facade.store.journal(subject=incident.id)
    marks = [entry.at for _, entry in journal]
    return _live(
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
        strip=timeline_strip(incident, marks, now=desk.facade.now()),
        may_respond=may_on(who, Role.RESPONDER, incident.product),
        may_approve=may_on(who, Role.APPROVER, incident.product),
        may_resolve=incident.is_open
        or (incident.outcome is Ending.ROUTED and incident.resolved_by is None),
    )


def _wish(
    wish: str, form: dict[str, str], incident: Incident, who: Principal, at: float
) -> tuple[Role, Event]:
    subject, name = incident.id, who.name
    if wish == "ack":
        return Role.RESPONDER, Acknowledged(at=at, subject=subject, who=name)
    if wish == "approve":
        return Role.APPROVER, Approved(at=at, subject=subject, who=name)
    if wish == "reject":
        why = words(form.get("why", ""))
        return Role.APPROVER, Rejected(at=at, subject=subject, who=name, why=why)
    if wish == "resolve":
        action = words(form.get("action", ""))
        return Role.RESPONDER, ResolvedByPerson(
            at=at,
            subject=subject,
            who=name,
            cause=words(form.get("cause", "")),
            actions=(action,) if action else (),
        )
    raise Refused(404, f"nobody can {wish} an incident")


async def change_incident(desk: Desk, request: Request, who: Principal) -> Response:
    incident = await desk.incident(request.path_params["id"], who)
    form = await _form(desk, request)
    role, event = _wish(request.path_params["wish"], form, incident, who, desk.facade.now())
    require_on(who, role, incident.product)
    try:
        await desk.ask(event)
    except Refused as refused:
        notice = f"{refused.error}. {refused.remedy}"
        return await _incident_page(desk, request, who, notice=notice, status=refused.status)
    return RedirectResponse(f"/incidents/{quote(incident.id)}", 303, dict(SECURITY_HEADERS))


async def products(desk: Desk, request: Request, who: Principal) -> Response:
    view = desk.facade.view
    names = sorted(n for n in view.registry.products if belongs(who, n))
    return _live(
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

    return _live(
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


async def change_promotion(desk: Desk, request: Request, who: Principal) -> Response:
    form = await _form(desk, request)
    wish = request.path_params["wish"]
    state = form.get("state", APPROVABLE[0]) if wish == "approve" else "rejected"
    if wish not in ("approve", "reject") or (wish == "approve" and state not in APPROVABLE):
        raise Refused(404, f"nobody can {wish} a promotion as {state}")
    name = request.path_params["name"]
    require(who, Role.APPROVER)
    try:
        await decide_promotion(desk, name, who, state=state, why=form.get("why", ""))
    except Refused as refused:
        notice = f"{refused.error}. {refused.remedy}"
        return _promotions_page(desk, request, who, notice=notice, status=refused.status)
    return RedirectResponse("/promotions", 303, dict(SECURITY_HEADERS))


async def events(desk: Desk, _request: Request, _who: Principal) -> Response:
    return EventStream(desk.facade.subscribe(), desk.closing, is_folded=True)
