"""The pages of what is left to do after incidents, and of what people are called for most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.core.follow_ups import is_overdue
from agent.interface.console.frame import live, sent_to
from agent.interface.drivers_drawing import draw
from agent.interface.http.desk import Desk, may_on
from agent.interface.http.drivers_api import DriversReader
from agent.interface.http.follow_ups_api import mark, seen_follow_ups, shown
from agent.interface.http.records_api import seen_near_misses
from agent.interface.http.replies import Refused
from agent.model.principal import Principal, Role

HERE = "/follow-ups"
MOST_TO_DO = 300
MOST_DONE = 30
MOST_NEAR_MISSES = 30


async def show_follow_ups(desk: Desk, request: Request, who: Principal) -> Response:
    return _page(desk, request, who)


async def change_follow_up(wish: str, desk: Desk, request: Request, who: Principal) -> Response:
    """`done` or `reopen`."""
    try:
        await mark(desk, who, request.path_params["id"], is_done=wish == "done")
    except Refused as refused:
        if refused.status != 409:
            raise
        notice = f"{refused.error}. {refused.remedy}"
        return _page(desk, request, who, notice=notice, status=refused.status)
    return sent_to(HERE)


def _page(
    desk: Desk, request: Request, who: Principal, *, notice: str = "", status: int = 200
) -> Response:
    found, now = seen_follow_ups(desk, who), desk.facade.now()
    to_do = [f for f in found if f.done_at is None]
    done = sorted(
        (f for f in found if f.done_at is not None), key=lambda f: f.done_at or 0.0, reverse=True
    )

    def may_mark(one: Mapping[str, Any]) -> bool:
        return may_on(who, Role.RESPONDER, one["product"])

    return live(
        desk,
        request,
        who,
        fragment="_follow_ups.html",
        here="follow-ups",
        title="Follow-ups",
        status=status,
        back=HERE,
        notice=notice,
        overdue=shown(desk, [f for f in to_do[:MOST_TO_DO] if is_overdue(f, now)]),
        ahead=shown(desk, [f for f in to_do[:MOST_TO_DO] if not is_overdue(f, now)]),
        more=max(0, len(to_do) - MOST_TO_DO),
        done=shown(desk, done[:MOST_DONE]),
        near_misses=seen_near_misses(desk, who)[:MOST_NEAR_MISSES],
        may_mark=may_mark,
    )


class DriversPage:
    def __init__(self) -> None:
        self._reader = DriversReader()

    async def show(self, desk: Desk, request: Request, who: Principal) -> Response:
        found = await self._reader.told(desk, who)
        named = [{**d, "name": _family(d)} for d in found["families"]]
        return live(
            desk,
            request,
            who,
            fragment="_drivers.html",
            here="drivers",
            title="Drivers",
            found=found,
            families=named,
            picture=draw(named),
        )


def _family(driver: Mapping[str, Any]) -> str:
    name = driver["alertname"] or "(no name)"
    return f"{name} · {driver['kind']}" if driver["kind"] else str(name)
