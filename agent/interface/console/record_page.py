"""The page of an incident's record: to be read, to be copied as Markdown, and to add follow-ups."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.console.frame import form, live, sent_to
from agent.interface.http.desk import Desk, may_on
from agent.interface.http.follow_ups_api import add
from agent.interface.http.records_api import record_of
from agent.interface.http.replies import Refused
from agent.interface.record_words import as_markdown, heading, introduction, safe, sections
from agent.model.principal import Principal, Role


async def show_record(desk: Desk, request: Request, who: Principal) -> Response:
    return await _page(desk, request, who)


async def add_from_record(desk: Desk, request: Request, who: Principal) -> Response:
    """A follow-up of this incident; where it cannot be taken the page says why."""
    name = request.path_params["id"]
    given = await form(desk, request)
    try:
        await add(
            desk,
            who,
            incident=name,
            what=given.get("what", ""),
            owner=given.get("owner", ""),
            due=given.get("due", ""),
        )
    except Refused as refused:
        if refused.status not in (400, 409):
            raise
        notice = f"{refused.error}. {refused.remedy}"
        return await _page(desk, request, who, notice=notice, status=refused.status)
    return sent_to(_path(name))


def _path(incident_id: str) -> str:
    return f"/incidents/{quote(incident_id)}/record"


async def _page(
    desk: Desk, request: Request, who: Principal, *, notice: str = "", status: int = 200
) -> Response:
    found = await record_of(desk, request.path_params["id"], who)
    return live(
        desk,
        request,
        who,
        fragment="_record.html",
        here="incidents",
        title=f"Record of {found['incident']}",
        status=status,
        back=f"/incidents/{found['incident']}/record",
        incident=found["incident"],
        heading=safe(heading(found)),
        introduction=[safe(line) for line in introduction(found)],
        sections=sections(found),
        markdown=as_markdown(found),
        notice=notice,
        may_respond=may_on(who, Role.RESPONDER, found["impact"]["product"]),
    )
