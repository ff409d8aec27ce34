"""Incidents for people's tools: look, take, resolve, approve, act through the agent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.interface.http.desk import Desk, Why, belongs, query_flag, require_on, words
from agent.interface.http.incident_json import incident_json
from agent.interface.http.previewing import foreseen, previewed, require_shown
from agent.interface.http.replies import Refused, json_reply
from agent.interface.http.resolving import Resolve, require_aim, resolution
from agent.interface.learned import what_follows
from agent.interface.why import Sees
from agent.model.alert import Layer
from agent.model.event import (
    Acknowledged,
    ActionRequested,
    Approved,
    Event,
    Rejected,
)
from agent.model.incident import State
from agent.model.principal import Principal, Role
from agent.ports.store import IncidentFilter

MOST_INCIDENTS = 500


class Approve(msgspec.Struct, forbid_unknown_fields=True):
    fingerprint: str = ""
    """`approval.fingerprint` of the incident as it was shown; empty: whatever is asked for now."""


class Run(msgspec.Struct, forbid_unknown_fields=True):
    use: str
    params: dict[str, Any] = msgspec.field(name="with", default_factory=dict)
    preview: bool = False
    """Only tell what would run."""
    fingerprint: str = ""
    """Of the preview; empty: whatever this is now."""


def _chosen(request: Request, name: str, allowed: type[State] | type[Layer]) -> str | None:
    value = request.query_params.get(name) or None
    if value is not None and value not in {member.value for member in allowed}:
        raise Refused(
            400, f"no {name} {value!r}", remedy="one of " + ", ".join(m.value for m in allowed)
        )
    return value


async def incidents(desk: Desk, request: Request, who: Principal) -> Response:
    query = request.query_params
    limit = query.get("limit", str(MOST_INCIDENTS))
    if not limit.isdecimal() or not 1 <= int(limit) <= MOST_INCIDENTS:
        raise Refused(400, f"bad limit {limit!r}", remedy=f"a number from 1 to {MOST_INCIDENTS}")
    where = IncidentFilter(
        state=_chosen(request, "state", State),
        product=query.get("product") or None,
        layer=_chosen(request, "layer", Layer),
        limit=int(limit),
    )
    store, view, now = desk.facade.store, desk.facade.view, desk.facade.now()
    with_timeline = query_flag(query, "timeline")
    found = []
    for incident in await store.incidents(where):
        if not belongs(who, incident.product):
            continue
        journal = await store.journal(subject=incident.id) if with_timeline else None
        found.append(incident_json(incident, journal, view, now=now, sees=_sees(who)))
    return json_reply(found)


async def one_incident(desk: Desk, request: Request, who: Principal) -> Response:
    incident = await desk.incident(request.path_params["id"], who)
    facade = desk.facade
    journal = await facade.store.journal(subject=incident.id)
    now, sees = facade.now(), _sees(who)
    body = incident_json(incident, journal, facade.view, now=now, sees=sees)
    return json_reply({**body, "learning": what_follows(incident.id, facade.view) or None})


def _sees(who: Principal) -> Sees:
    return lambda product: belongs(who, product)


async def _asked(
    desk: Desk, request: Request, who: Principal, role: Role, make: Callable[[str], Event]
) -> Response:
    incident = await desk.incident(request.path_params["id"], who)
    require_on(who, role, incident.product)
    await desk.ask(make(incident.id))
    return await one_incident(desk, request, who)


async def acknowledge(desk: Desk, request: Request, who: Principal) -> Response:
    return await _asked(
        desk,
        request,
        who,
        Role.RESPONDER,
        lambda i: Acknowledged(at=desk.facade.now(), subject=i, who=who.name),
    )


async def resolve(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Resolve)
    incident = await desk.incident(request.path_params["id"], who)
    require_on(who, Role.RESPONDER, incident.product)
    view = desk.facade.view
    await desk.ask(resolution(asked, incident, view, who, desk.facade.now()))
    return await one_incident(desk, request, who)


async def run(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Run)
    incident = await desk.incident(request.path_params["id"], who)
    require_on(who, Role.RESPONDER, incident.product)
    require_aim(desk.facade.view, who, asked.params)
    if asked.preview:
        found = previewed(desk, incident, who, asked.use, asked.params)
        return json_reply({"preview": await foreseen(desk, found)})
    require_shown(desk, incident, who, asked.use, asked.params, asked.fingerprint)
    at = desk.facade.now()
    event = ActionRequested(
        at=at, subject=incident.id, who=who.name, use=asked.use, params=asked.params
    )
    await desk.ask(event)
    return await one_incident(desk, request, who)


async def approve_incident(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Approve)
    return await _asked(
        desk,
        request,
        who,
        Role.APPROVER,
        lambda i: Approved(
            at=desk.facade.now(), subject=i, who=who.name, shown=words(asked.fingerprint, most=100)
        ),
    )


async def reject_incident(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Why)
    return await _asked(
        desk,
        request,
        who,
        Role.APPROVER,
        lambda i: Rejected(at=desk.facade.now(), subject=i, who=who.name, why=words(asked.why)),
    )
