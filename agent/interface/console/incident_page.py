"""The page of one incident, and what people do there: take it, decide, act, resolve it."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from agent.core.approval import NOTHING_SHOWN, fingerprint_of_asked
from agent.core.told import done_by_people
from agent.interface import why
from agent.interface.console.drawing import path_picture, timeline_strip
from agent.interface.console.frame import form, live, sent_to
from agent.interface.console.incident_forms import MOST_FIELDS, parameters_of, resolve_of
from agent.interface.console.rendering import page
from agent.interface.http.desk import Desk, belongs, may_on, require_on, words
from agent.interface.http.halt_api import halt_json
from agent.interface.http.previewing import foreseen, previewed, require_shown
from agent.interface.http.replies import Refused
from agent.interface.http.resolving import KINDS, actions_of, require_aim, resolution
from agent.interface.learned import what_follows
from agent.interface.radius_path import hops_of, nodes_of, would_widen
from agent.interface.rungs import climbed
from agent.model.event import Acknowledged, ActionRequested, Approved, Event, Rejected
from agent.model.incident import Ending, Incident
from agent.model.principal import Principal, Role

HELD_SHOWN = 20
APPROVING = ("approve", "reject")


async def one_incident(desk: Desk, request: Request, who: Principal) -> Response:
    return await _page(desk, request, who)


async def _page(
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
        **_what_people_can_do(desk, incident, who),
    )


def _what_people_can_do(desk: Desk, incident: Incident, who: Principal) -> dict[str, Any]:
    view = desk.facade.view
    return {
        "may_respond": may_on(who, Role.RESPONDER, incident.product),
        "may_approve": may_on(who, Role.APPROVER, incident.product),
        "may_resolve": incident.is_open
        or (incident.outcome is Ending.ROUTED and incident.resolved_by is None),
        "actions": actions_of(view),
        "aim": incident.target or incident.entity or "",
        "kinds": KINDS,
        "done": done_by_people(incident),
        "learned": what_follows(incident.id, view),
    }


def _wish(
    wish: str, given: dict[str, str], incident: Incident, desk: Desk, who: Principal
) -> Event:
    """Raises Refused for what makes no sense."""
    subject, name, at = incident.id, who.name, desk.facade.now()
    if wish == "ack":
        return Acknowledged(at=at, subject=subject, who=name)
    if wish == "approve":
        # A form that does not say what was shown approves nothing.
        shown = words(given.get("fingerprint", ""), most=100) or NOTHING_SHOWN
        return Approved(at=at, subject=subject, who=name, shown=shown)
    if wish == "reject":
        return Rejected(at=at, subject=subject, who=name, why=words(given.get("why", "")))
    if wish == "run":
        params = parameters_of(given.get("with", ""))
        require_aim(desk.facade.view, who, params)
        use = words(given.get("use", ""), most=200)
        require_shown(desk, incident, who, use, params, given.get("fingerprint", ""))
        return ActionRequested(at=at, subject=subject, who=name, use=use, params=params)
    if wish == "resolve":
        return resolution(resolve_of(given, at), incident, desk.facade.view, who, at)
    raise Refused(404, f"nobody can {wish} an incident")


async def change_incident(wish: str, desk: Desk, request: Request, who: Principal) -> Response:
    """A form of the page was sent; where it is refused the page says why."""
    incident = await desk.incident(request.path_params["id"], who)
    require_on(who, Role.APPROVER if wish in APPROVING else Role.RESPONDER, incident.product)
    given = await form(desk, request, most=MOST_FIELDS)
    try:
        await desk.ask(_wish(wish, given, incident, desk, who))
    except Refused as refused:
        if wish == "run":
            return await _preview_page(desk, request, who, incident, given, refused)
        notice = f"{refused.error}. {refused.remedy}"
        return await _page(desk, request, who, notice=notice, status=refused.status)
    return sent_to(f"/incidents/{quote(incident.id)}")


async def preview(desk: Desk, request: Request, who: Principal) -> Response:
    """What an action would be, before it is: a page of its own, which no news takes away."""
    incident = await desk.incident(request.path_params["id"], who)
    require_on(who, Role.RESPONDER, incident.product)
    return await _preview_page(desk, request, who, incident, await form(desk, request), None)


async def _preview_page(
    desk: Desk,
    request: Request,
    who: Principal,
    incident: Incident,
    given: dict[str, str],
    refused: Refused | None,
) -> Response:
    use, text = words(given.get("use", ""), most=200), given.get("with", "")
    found: dict[str, Any] | None = None
    try:
        params = parameters_of(text)
        require_aim(desk.facade.view, who, params)
        found = await foreseen(desk, previewed(desk, incident, who, use, params))
    except Refused as wrong:
        refused = refused or wrong
    return page(
        "preview.html",
        status=refused.status if refused is not None else 200,
        who=who,
        here="incidents",
        has_session=desk.door.session_of(request.headers) is not None,
        halt=halt_json(desk.facade),
        notice=f"{refused.error}. {refused.remedy}" if refused is not None else "",
        i=incident,
        p=found,
        use=use,
        given=text,
        actions=actions_of(desk.facade.view),
    )
