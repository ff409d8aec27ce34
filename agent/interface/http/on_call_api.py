"""Who is on call, for people's tools."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from agent.core.audit_escalation import is_at_its_end
from agent.interface.http.desk import Desk, belongs
from agent.interface.http.replies import Refused, json_reply
from agent.interface.rota import rota
from agent.interface.times import from_rfc3339
from agent.model.principal import Principal


async def on_call(desk: Desk, request: Request, who: Principal) -> Response:
    given = request.query_params.get("at")
    try:
        at = from_rfc3339(given) if given is not None else desk.facade.now()
    except (ValueError, OverflowError):
        remedy = "write it like 2026-01-31T09:00:00Z, with a zone"
        raise Refused(400, "at is no time", remedy=remedy) from None
    view = desk.facade.view
    unanswered = sorted(
        incident.id
        for incident in view.incidents.values()
        if is_at_its_end(incident) and belongs(who, incident.product)
    )
    return json_reply({**rota(view, at), "unanswered": unanswered})
