"""Alertmanager API v2: the routes; shapes stand in alertmanager_api.py."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.http import alertmanager_api as am
from agent.interface.http.desk import (
    Desk,
    belongs,
    query_flag,
)
from agent.interface.http.replies import Refused, json_reply
from agent.model.incident import Incident
from agent.model.principal import Principal
from agent.model.records import Silence


async def alerts(desk: Desk, request: Request, who: Principal) -> Response:
    return json_reply([a for _, alerts in _groups(desk, request, who) for a in alerts])


async def groups(desk: Desk, request: Request, who: Principal) -> Response:
    return json_reply([am.group_body(i, alerts) for i, alerts in _groups(desk, request, who)])


def _groups(
    desk: Desk, request: Request, who: Principal
) -> list[tuple[Incident, list[dict[str, Any]]]]:
    query = request.query_params
    matchers = am.parse_filters(query.getlist("filter"))
    flags = {name: query_flag(query, name) for name in ("active", "silenced", "inhibited")}
    now = desk.facade.now()
    found = []
    for incident in desk.facade.view.incidents.values():
        if not belongs(who, incident.product):
            continue
        alerts = am.alerts_of(
            incident, matchers, flags=flags, receiver=query.get("receiver", ""), now=now
        )
        if alerts:
            found.append((incident, alerts))
    return found


async def silences(desk: Desk, request: Request, who: Principal) -> Response:
    wanted = am.parse_filters(request.query_params.getlist("filter"))
    now = desk.facade.now()
    return json_reply(
        [
            am.silence_body(s, now=now)
            for s in desk.facade.view.silences.values()
            if am.silence_matches(s, wanted) and not am.is_foreign(s.matchers, who)
        ]
    )


async def silence(desk: Desk, request: Request, who: Principal) -> Response:
    found = _silence(desk, request.path_params["id"], who)
    return json_reply(am.silence_body(found, now=desk.facade.now()))


def _silence(desk: Desk, silence_id: str, who: Principal) -> Silence:
    found = am.silence_named(desk.facade.view, silence_id)
    if found is None or am.is_foreign(found.matchers, who):
        raise Refused(404, f"no silence {silence_id}", remedy="GET /api/v2/silences")
    return found


async def put_silence(desk: Desk, request: Request, who: Principal) -> Response:
    asked, replaces = am.read_silence(await desk.body(request), who=who, now=desk.facade.now())
    if am.silence_named(desk.facade.view, replaces) is not None:
        # It ends the other one, so it needs the right to end it.
        replaced = _silence(desk, replaces, who)
        am.check_products(replaced.matchers, who)
        am.refuse_foreign(replaced)
    await desk.facade.put_silence(asked)
    if replaces and replaces != asked.id:
        await desk.facade.expire_silence(replaces)
    return json_reply({"silenceID": asked.id})


async def expire_silence(desk: Desk, request: Request, who: Principal) -> Response:
    found = _silence(desk, request.path_params["id"], who)
    am.check_products(found.matchers, who)
    am.refuse_foreign(found)
    if not await desk.facade.expire_silence(found.id):
        raise Refused(409, "the silence is over already", remedy="see GET /api/v2/silences")
    return json_reply({})


async def status(desk: Desk, _request: Request, _who: Principal) -> Response:
    return json_reply(am.status_body(started_at=desk.started_at))


async def receivers(desk: Desk, _request: Request, who: Principal) -> Response:
    return json_reply(am.receivers(desk.facade.view, who))
