"""The page of what would break unseen, by who can mend it, and of what signals cost people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.console.frame import live, sent_to
from agent.interface.console.signals_pictures import bar
from agent.interface.http.backlog_api import BacklogReader
from agent.interface.http.blindspots_api import SURVEY, found, survey
from agent.interface.http.desk import Desk
from agent.interface.http.replies import Refused
from agent.model.principal import Principal

HERE = "/blindspots"
CALM_SECONDS = 5
MOST_SPOTS = 300
MOST_ITEMS = 12
"""Of one product; `homeostat backlog` lists the rest."""


class BlindSpotsPage:
    def __init__(self) -> None:
        self._backlog = BacklogReader()

    async def show(self, desk: Desk, request: Request, who: Principal) -> Response:
        return await self._page(desk, request, who)

    async def look(self, desk: Desk, request: Request, who: Principal) -> Response:
        """Looks now. A look that takes longer than the request goes on, and the page says so."""
        try:
            await survey(desk, request, who)
        except Refused as refused:
            notice = f"{refused.error}. {refused.remedy}"
            return await self._page(desk, request, who, notice=notice, status=refused.status)
        return sent_to(HERE)

    async def _page(
        self, desk: Desk, request: Request, who: Principal, *, notice: str = "", status: int = 200
    ) -> Response:
        told = found(desk, who, {})
        backlog = await self._backlog.told(desk, who)
        return live(
            desk,
            request,
            who,
            fragment="_blindspots.html",
            here="blindspots",
            title="Blind spots",
            status=status,
            back=HERE,
            notice=notice,
            calm_seconds=CALM_SECONDS,
            told=told,
            owners=by_owner(told["blind_spots"][:MOST_SPOTS]),
            more=max(0, len(told["blind_spots"]) - MOST_SPOTS),
            may_look=SURVEY.admits(who),
            backlog=backlog,
            products=by_product(backlog["items"]),
        )


def by_owner(spots: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """In order of names; of each the oldest first."""
    owners: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for spot in spots:
        owners[spot["owner"]].append(spot)
    return [(owner, sorted(owners[owner], key=lambda s: s["since"])) for owner in sorted(owners)]


def by_product(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The backlog of each product, the dearest product first. Its sum is of what is known alone."""
    products: dict[str | None, list[Mapping[str, Any]]] = defaultdict(list)
    for item in items:
        products[item["product"]].append(item)
    most = max((_minutes(item) or 0.0 for item in items), default=0.0)
    made = [_of_product(name, mine, most) for name, mine in products.items()]
    return sorted(made, key=lambda p: (-(p["minutes"] or 0.0), p["minutes"] is None, p["name"]))


def _of_product(
    name: str | None, items: Sequence[Mapping[str, Any]], most: float
) -> dict[str, Any]:
    known = [minutes for item in items if (minutes := _minutes(item)) is not None]
    return {
        "name": name or "",
        "minutes": sum(known) if known else None,
        "unknown": len(items) - len(known),
        "items": [{**item, "bar": _bar(item, most)} for item in items[:MOST_ITEMS]],
        "more": max(0, len(items) - MOST_ITEMS),
    }


def _minutes(item: Mapping[str, Any]) -> float | None:
    minutes: float | None = item["minutes_per_month"]
    return minutes


def _bar(item: Mapping[str, Any], most: float) -> str:
    minutes = _minutes(item)
    if minutes is None:
        return bar(None, label="how many minutes is not known")
    label = f"{minutes:.0f} minutes of people a month"
    return bar(minutes / most if most else 0.0, label=label, is_cost=True)
