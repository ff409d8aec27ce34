"""How much needs nobody any more, for people's tools; the console reads it here too.

The past is read page by page, each beside the loop, and counted as it comes. What was counted is
kept for a minute, for everybody who asks: of all products, and each sees only their own. It is
numbers by week and product, however many incidents there were, and nothing changes it any more.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.core.matching import MatchIndex
from agent.interface.facade import Facade
from agent.interface.http.desk import Desk, belongs
from agent.interface.http.promotions_api import promotions_for
from agent.interface.http.replies import Refused, json_reply
from agent.interface.times import rfc3339
from agent.measure.absorbed import FORMULA, Absorbed, Counts, Tally, Week
from agent.measure.families import explained
from agent.model.errors import StoreUnavailable
from agent.model.incident import Incident
from agent.model.past import WEEK_SECONDS
from agent.model.principal import Principal

DEFAULT_WEEKS = 12
MOST_WEEKS = 104
KEPT_SECONDS = 60.0


class AbsorbedReader:
    """Reads and counts the past, once a minute at most. A question for fewer weeks than were
    counted is answered from the same numbers."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._kept: Tally | None = None
        self._weeks = 0

    async def asked(self, desk: Desk, request: Request, who: Principal) -> Response:
        """`GET /api/v1/absorbed`: `?weeks=`, the latest so many, and `?product=`."""
        given = request.query_params.get("weeks", str(DEFAULT_WEEKS))
        if not given.isascii() or not given.isdigit() or not 1 <= int(given[:6]) <= MOST_WEEKS:
            raise Refused(
                400, f"no number of weeks: {given[:20]}", remedy=f"from 1 to {MOST_WEEKS}"
            )
        product = request.query_params.get("product", "")
        found = await self.told(desk.facade, who, weeks=int(given), product=product)
        return json_reply(absorbed_json(found))

    async def told(
        self, facade: Facade, who: Principal, *, weeks: int = DEFAULT_WEEKS, product: str = ""
    ) -> Absorbed:
        """Raises Refused: 404 for a product that this person cannot see, 503 where the past cannot
        be read now."""
        if product and not (product in facade.view.registry.products and belongs(who, product)):
            raise Refused(404, f"no product {product}", remedy="see GET /api/v1/products")
        try:
            tally = await self._counted(facade, weeks)
        except StoreUnavailable as error:
            raise Refused(
                503,
                f"the past cannot be read now: {error}",
                remedy="ask again",
                headers={"retry-after": "1"},
            ) from None
        found = await asyncio.to_thread(
            tally.told, lambda of: belongs(who, of), weeks=weeks, product=product
        )
        view = facade.view
        books = view.runbooks.runbooks if isinstance(view.runbooks, MatchIndex) else ()
        families = explained(
            found.families,
            promotions=promotions_for(view, who),
            standings=view.standings,
            lifecycles={r.name: r.lifecycle for r in books},
        )
        return msgspec.structs.replace(found, families=families)

    async def _counted(self, facade: Facade, weeks: int) -> Tally:
        async with self._lock:
            at = facade.now()
            kept = self._kept
            if kept is not None and weeks <= self._weeks and 0 <= at - kept.at < KEPT_SECONDS:
                return kept
            self._kept, self._weeks = await counted(facade, weeks=weeks, at=at), weeks
            return self._kept


async def counted(facade: Facade, *, weeks: int, at: float) -> Tally:
    """Everything from the first of these weeks on."""
    tally = Tally(weeks=weeks, at=at)
    place: tuple[float, int] | None = (tally.reads_from, -1)
    while place is not None:
        page = await facade.store.past(after=place)
        for incident in page.incidents:
            _take(tally, incident, facade)
        place = page.next
    tally.finish(remembers_from=await _count_ledger(tally, facade))
    return tally


def _take(tally: Tally, incident: Incident, facade: Facade) -> None:
    view = facade.view
    entity = view.registry.entities.get(incident.entity or "")
    resolution = view.resolutions.get(incident.id)
    tally.take(
        incident,
        kind=entity.kind.value if entity is not None else "",
        minutes=resolution.minutes if resolution is not None else None,
    )


async def _count_ledger(tally: Tally, facade: Facade) -> float:
    """From its end backwards; returns when the first message came, where that was reached."""
    before: int | None = None
    oldest = tally.at
    while True:
        page = await facade.store.ledger_counts(before=before)
        tally.count(page.counts)
        oldest = min([oldest, *(count.first_at for count in page.counts)])
        if page.next is None:
            return oldest
        # A clock that was set may have put a few rows out of order: a week is margin enough.
        if oldest < tally.begins_at - WEEK_SECONDS:
            return 0.0
        before = page.next


def absorbed_json(found: Absorbed) -> dict[str, Any]:
    return {
        "formula": FORMULA,
        "at": rfc3339(found.at),
        "incidents": counts_json(found.incidents),
        "alerts": counts_json(found.alerts),
        "trend": msgspec.to_builtins(found.trend),
        "weeks": [week_json(week) for week in found.weeks],
        "products": [
            {
                "product": each.product,
                "incidents": counts_json(each.incidents),
                "trend": msgspec.to_builtins(each.trend),
                "weeks": [week_json(week) for week in each.weeks],
            }
            for each in found.products
        ],
        "families": [
            {**msgspec.to_builtins(family), "minutes": round(family.minutes, 1)}
            for family in found.families
        ],
    }


def counts_json(counts: Counts) -> dict[str, Any]:
    return {**msgspec.to_builtins(counts), "needed": counts.needed, "share": counts.share}


def week_json(week: Week) -> dict[str, Any]:
    return {
        "week": week.week,
        "from": rfc3339(week.start),
        "is_partial": week.is_partial,
        "incidents": counts_json(week.incidents),
        "alerts": counts_json(week.alerts),
        "pages": week.pages,
    }
