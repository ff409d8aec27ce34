"""The page of runbooks: what each may do, how far it is trusted, and why some do nothing."""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.console.frame import form, live, sent_to
from agent.interface.http.desk import Desk
from agent.interface.http.replies import Refused
from agent.interface.http.runbooks_api import (
    may_steer,
    readable_runbooks,
    runbook_json,
    steer_runbook,
)
from agent.model.principal import Principal

HERE = "/runbooks"
MOST_SHOWN = 300
FIRST = {"suspended": 0, "assisted": 1, "shadow": 2, "active": 3}
"""What a person may have to do something about comes first."""


async def runbooks(desk: Desk, request: Request, who: Principal) -> Response:
    return _page(desk, request, who)


def _page(
    desk: Desk, request: Request, who: Principal, *, notice: str = "", status: int = 200
) -> Response:
    view = desk.facade.view
    readable = readable_runbooks(desk, who)
    books = [(runbook_json(r, view), may_steer(who, r)) for r in readable]
    books.sort(key=lambda told: _order(told[0]))
    return live(
        desk,
        request,
        who,
        fragment="_runbooks.html",
        here="runbooks",
        title="Runbooks",
        status=status,
        back=HERE,
        notice=notice,
        runbooks=books[:MOST_SHOWN],
        count=len(books),
    )


def _order(told: dict[str, Any]) -> tuple[int, bool, str]:
    standing = told["standing"]
    return FIRST.get(standing["state"], len(FIRST)), not standing["runs"], told["name"]


async def change_runbook(wish: str, desk: Desk, request: Request, who: Principal) -> Response:
    given, name = await form(desk, request), request.path_params["name"]
    is_suspend = wish == "suspend"
    try:
        await steer_runbook(desk, name, who, suspend=is_suspend, why=given.get("why", ""))
    except Refused as refused:
        if refused.status == 404:
            raise
        notice = f"{refused.error}. {refused.remedy}"
        return _page(desk, request, who, notice=notice, status=refused.status)
    return sent_to(HERE)


suspend = partial(change_runbook, "suspend")
resume = partial(change_runbook, "resume")
