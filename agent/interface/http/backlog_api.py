"""What signals cost, and what would end that (measure/signal_costs.py, measure/backlog.py)."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.catalog.quantities import parse_duration
from agent.interface.http.desk import Desk, belongs
from agent.interface.http.promotions_api import promotions_for
from agent.interface.http.replies import Refused, json_reply
from agent.interface.times import rfc3339
from agent.measure.backlog import Item, backlog
from agent.measure.signal_costs import Cost, Spent, costs, spent_on
from agent.model.principal import Principal

DEFAULT_SINCE = "90d"
SHORTEST_SECONDS = 3600.0
LONGEST_SECONDS = 2 * 366 * 86_400.0
AT_A_TIME = 500
MOST_PAGES = 100
"""Pages of the past that are read, and kept for a moment: 50,000 incidents."""
FRESH_SECONDS = 60.0
MOST_KEPT = 16
NOBODY_ACTED = 5
"""So many incidents without any act make an alert superfluous; as `survey.incidents`."""

Read = tuple[float, list[Spent], bool]


class BacklogReader:
    """What was read is kept for a moment, and one reads at a time, as with the drivers."""

    def __init__(self) -> None:
        self._kept: dict[float, Read] = {}
        self._lock = asyncio.Lock()

    async def asked(self, desk: Desk, request: Request, who: Principal) -> Response:
        """`GET /api/v1/backlog`: `?product=` and `?since=`, a duration."""
        query = request.query_params
        told = await self.told(
            desk, who, product=query.get("product") or None, since=query.get("since", "")
        )
        return json_reply(told)

    async def told(
        self, desk: Desk, who: Principal, *, product: str | None = None, since: str = ""
    ) -> dict[str, Any]:
        """Raises Refused: 400 for what is no duration, 404 for a product that nobody registered or
        that is somebody else's."""
        seconds, view = _seconds(since or DEFAULT_SINCE), desk.facade.view
        if product is not None and (
            product not in view.registry.products or not belongs(who, product)
        ):
            raise Refused(404, f"no product {product[:100]}", remedy="see GET /api/v1/products")
        now = desk.facade.now()
        spent, is_whole = await self._read(desk, seconds, now)
        mine = [
            one for one in spent if belongs(who, one.product) and product in (None, one.product)
        ]
        found = await asyncio.to_thread(costs, mine, since=now - seconds, until=now)
        items = backlog(
            found,
            least=NOBODY_ACTED,
            promotions=promotions_for(view, who),
            spots=[
                spot
                for spot in view.blind_spots.values()
                if spot.gone_at is None
                and belongs(who, spot.product)
                and product in (None, spot.product)
            ],
        )
        return {
            "since": rfc3339(now - seconds),
            "until": rfc3339(now),
            "is_whole": is_whole,
            "items": [_item_json(item) for item in items],
            "signals": [_cost_json(cost) for cost in found],
        }

    async def _read(self, desk: Desk, seconds: float, now: float) -> tuple[list[Spent], bool]:
        """Of all products; and whether all of them were read."""
        async with self._lock:
            at, spent, is_whole = self._kept.get(seconds, (-inf, [], True))
            if not 0 <= now - at < FRESH_SECONDS:
                spent, is_whole = await _spent(desk, since=now - seconds)
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                self._kept[seconds] = (now, spent, is_whole)
            return spent, is_whole


async def _spent(desk: Desk, *, since: float) -> tuple[list[Spent], bool]:
    facade = desk.facade
    found: list[Spent] = []
    after = (since, -1)
    for _ in range(MOST_PAGES):
        page = await facade.store.past(after=after, limit=AT_A_TIME)
        found += [spent_on(i, facade.view.resolutions.get(i.id)) for i in page.incidents]
        if page.next is None:
            return found, True
        after = page.next
    return found, False


def _seconds(since: str) -> float:
    try:
        seconds = parse_duration(since)
    except ValueError:
        seconds = 0.0
    if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
        raise Refused(
            400, f"{since[:40]!r} is no time to look back", remedy="write it like 1h, 7d or 90d"
        )
    return seconds


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _item_json(item: Item) -> dict[str, Any]:
    return {
        "product": item.product,
        "subject": item.subject,
        "remedy": item.remedy.value,
        "text": item.text,
        "minutes_per_month": _rounded(item.minutes_per_month),
        "agent_minutes": _rounded(item.agent_minutes),
        "incidents": item.incidents,
        "pages": item.pages,
        "latest": list(item.latest),
    }


def _cost_json(cost: Cost) -> dict[str, Any]:
    return {
        "alertname": cost.name,
        "product": cost.product,
        "incidents": cost.incidents,
        "pages": cost.pages,
        "minutes": _rounded(cost.minutes),
        "unknown": cost.unknown,
        "minutes_per_month": _rounded(cost.per_month),
        "agent_minutes": _rounded(cost.agent_minutes),
        "acted": round(cost.acted, 4) if cost.over else None,
        "by_people": cost.by_people,
        "by_agent": cost.by_agent,
        "causes": {cause.value: count for cause, count in cost.causes.items()},
        "runbook": cost.runbook,
        "last_at": rfc3339(cost.last_at),
        "latest": list(cost.latest),
    }
