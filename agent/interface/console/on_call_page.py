"""The page of who is on call, and whom each ladder leads to."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.console.frame import live
from agent.interface.http.desk import Desk
from agent.interface.rota import rota
from agent.model.principal import Principal


async def on_call(desk: Desk, request: Request, who: Principal) -> Response:
    view = desk.facade.view
    return live(
        desk,
        request,
        who,
        fragment="_on_call.html",
        here="on-call",
        title="On call",
        rota=rota(view, desk.facade.now()),
        platform=view.policy.platform,
    )
