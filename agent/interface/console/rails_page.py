"""The page of everything that holds the agent back: kill switch, storms, breakers, freezes, and
each rail with its numbers and how often it said no."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.core.breaker import Position
from agent.core.guard import RAILS
from agent.interface.console.frame import form, live, sent_to
from agent.interface.console.storms import half_until, storms_of
from agent.interface.freezes import freeze_json
from agent.interface.http.breakers_api import breaker_json
from agent.interface.http.desk import Desk, belongs, words
from agent.interface.http.halt_api import SET_HALT, no_file_says_on
from agent.interface.http.needs import PLATFORM
from agent.interface.http.replies import Refused
from agent.interface.http.steering_api import loaded_runbooks, may_read
from agent.interface.limits import DEFAULT, limits_of
from agent.interface.stops import Lately, Stops
from agent.model.event import BreakerReset, Event, HaltAsked, HaltLifted
from agent.model.principal import Principal

HERE = "/rails"


class RailsPage:
    """Keeps the count of the last hour between two looks at the page."""

    def __init__(self, desk: Desk) -> None:
        self._lately = Lately(desk.facade.store)

    async def show(self, desk: Desk, request: Request, who: Principal) -> Response:
        return await self._page(desk, request, who)

    async def _page(
        self, desk: Desk, request: Request, who: Principal, *, notice: str = "", status: int = 200
    ) -> Response:
        view, now = desk.facade.view, desk.facade.now()
        stops = await self._lately.stops(now)
        breakers = _breakers(desk, who, now)
        return live(
            desk,
            request,
            who,
            fragment="_rails.html",
            here="rails",
            title="Rails",
            status=status,
            back=HERE,
            notice=notice,
            storms=storms_of(view, who, now),
            half_until=half_until(view, now),
            breakers=[b for b in breakers if b["state"] != Position.CLOSED.value],
            closed=[b for b in breakers if b["state"] == Position.CLOSED.value],
            freezes=_freezes(desk, who, now),
            rails=_rails(desk, stops),
            is_whole=stops.is_whole,
            may_halt=SET_HALT.admits(who),
            may_steer=PLATFORM.admits(who),
        )

    async def halt(self, desk: Desk, request: Request, who: Principal) -> Response:
        return await self._ask(
            desk,
            request,
            who,
            lambda given, at: HaltAsked(at=at, who=who.name, why=words(given.get("why", ""))),
        )

    async def unhalt(self, desk: Desk, request: Request, who: Principal) -> Response:
        def lifted(given: dict[str, str], at: float) -> Event:
            why = words(given.get("why", "")).strip()
            if not why:
                raise Refused(400, "no reason is given", remedy="say why it may go on; it is kept")
            no_file_says_on(desk.facade.halt_places())
            return HaltLifted(at=at, who=who.name, why=why)

        return await self._ask(desk, request, who, lifted)

    async def reset(self, desk: Desk, request: Request, who: Principal) -> Response:
        def closed(given: dict[str, str], at: float) -> Event:
            why = words(given.get("why", ""))
            return BreakerReset(at=at, subject=given.get("key", ""), who=who.name, why=why)

        return await self._ask(desk, request, who, closed)

    async def _ask(
        self,
        desk: Desk,
        request: Request,
        who: Principal,
        event: Callable[[dict[str, str], float], Event],
    ) -> Response:
        """A person's wish; where it is refused the page says so."""
        given = await form(desk, request)
        try:
            await desk.ask(event(given, desk.facade.now()))
        except Refused as refused:
            notice = f"{refused.error}. {refused.remedy}"
            return await self._page(desk, request, who, notice=notice, status=refused.status)
        return sent_to(HERE)


def _breakers(desk: Desk, who: Principal, now: float) -> list[dict[str, Any]]:
    """Those of runbooks this person may read."""
    view = desk.facade.view
    readable = {r.name for r in loaded_runbooks(desk) if may_read(desk, r, who)}
    return [
        breaker_json(key, breaker, view, now=now)
        for key, breaker in sorted(view.breakers.items())
        if not who.products or breaker.runbook in readable
    ]


def _freezes(desk: Desk, who: Principal, now: float) -> list[dict[str, Any]]:
    """Of a freeze for several products a person sees theirs."""
    found = []
    for freeze in desk.facade.view.policy.freezes:
        theirs = [product for product in freeze.products if belongs(who, product)]
        if theirs or not freeze.products:
            found.append({**freeze_json(freeze, now), "products": theirs})
    return sorted(found, key=lambda freeze: (not freeze["in_force"], freeze["until"] or ""))


def _rails(desk: Desk, stops: Stops) -> list[dict[str, Any]]:
    policy = desk.facade.view.policy
    return [
        {
            "id": one.id,
            "text": one.text,
            "default": one.default,
            "limits": limits_of(one.id, policy),
            "is_own": any(limit.source != DEFAULT for limit in limits_of(one.id, policy)),
            "lets_go": one.lets_go,
            "holds_people": one.holds_people,
            "stops": stops.by_rail[one.id],
        }
        for one in RAILS
    ]
