"""What people are called for, ranked (measure/drivers.py), read from the store by pages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from math import inf
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.catalog.quantities import parse_duration
from agent.core.view import View
from agent.interface.http.desk import Desk, belongs
from agent.interface.http.promotions_api import promotions_for
from agent.interface.http.replies import Refused, json_reply
from agent.interface.http.steering_api import loaded_runbooks
from agent.interface.times import rfc3339
from agent.measure.drivers import Case, Driver, Drivers, case_of, drivers
from agent.measure.families import Family, explained
from agent.model.incident import Incident
from agent.model.learning import CauseKind
from agent.model.principal import Principal

DEFAULT_SINCE = "90d"
SHORTEST_SECONDS = 3600.0
LONGEST_SECONDS = 2 * 366 * 86_400.0
AT_A_TIME = 500
FRESH_SECONDS = 60.0
MOST_KEPT = 64
MOST_PAGES = 400
"""Pages of the past that are read: 200,000 incidents."""


class DriversReader:
    """What was read is kept for a moment, since a page is fetched anew with every change anywhere;
    and one reads at a time: a long past must not keep the store from everybody else."""

    def __init__(self) -> None:
        self._kept: dict[tuple[frozenset[str], float], tuple[float, dict[str, Any]]] = {}
        self._lock = asyncio.Lock()

    async def asked(self, desk: Desk, request: Request, who: Principal) -> Response:
        """`GET /api/v1/drivers`: `?since=`, a duration."""
        since = request.query_params.get("since", "")
        return json_reply(await self.told(desk, who, since=since))

    async def told(self, desk: Desk, who: Principal, *, since: str = "") -> dict[str, Any]:
        """`since`: a duration, as in `90d`. Raises Refused (400) for another word."""
        key = (who.products, _seconds(since or DEFAULT_SINCE))
        async with self._lock:
            now = desk.facade.now()
            at, found = self._kept.get(key, (-inf, {}))
            if not 0 <= now - at < FRESH_SECONDS:
                found = await drivers_json(desk, who, key[1])
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                self._kept[key] = (now, found)
            return found


async def drivers_json(desk: Desk, who: Principal, seconds: float) -> dict[str, Any]:
    """Of the latest so many seconds."""
    now = desk.facade.now()
    cases, is_whole = await _cases(desk, who, since=now - 2 * seconds, at=now)
    known_from = await _first(desk)
    found = await asyncio.to_thread(
        drivers, cases, since=now - seconds, until=now, known_from=known_from
    )
    why = _why(desk, who, found)
    return {
        "since": rfc3339(found.since),
        "until": rfc3339(found.until),
        "incidents": found.incidents,
        "pages": found.pages,
        "minutes": round(found.minutes, 1),
        "pages_before": found.pages_before if found.has_before else None,
        "minutes_before": round(found.minutes_before, 1) if found.has_before else None,
        "change": found.change.value,
        "is_whole": is_whole,
        "families": [
            {
                "alertname": d.alertname,
                "kind": d.kind or None,
                **_driver_json(d, found),
                "runbook": d.runbook,
                "why": why.get((d.alertname, d.kind), ""),
            }
            for d in found.families
        ],
        "causes": [{"cause": d.cause, **_driver_json(d, found)} for d in found.causes],
    }


def _driver_json(driver: Driver, found: Drivers) -> dict[str, Any]:
    return {
        "incidents": driver.incidents,
        "pages": driver.pages,
        "minutes": round(driver.minutes, 1),
        "share_of_pages": round(driver.share_of_pages, 4),
        "share_of_minutes": round(driver.share_of_minutes, 4),
        "pages_before": driver.pages_before if found.has_before else None,
        "minutes_before": round(driver.minutes_before, 1) if found.has_before else None,
        "change": driver.change.value,
        "products": list(driver.products),
        "last_at": rfc3339(driver.last_at),
        "latest": list(driver.latest),
    }


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


async def _cases(desk: Desk, who: Principal, *, since: float, at: float) -> tuple[list[Case], bool]:
    """Those whoever asks may see, and whether all of them were read."""
    view, found = desk.facade.view, []
    after = (since, -1)
    for _ in range(MOST_PAGES):
        page = await desk.facade.store.past(after=after, limit=AT_A_TIME)
        known = [i for i in page.incidents if belongs(who, i.product)]
        found += [case for case in (_case(i, view, at) for i in known) if case is not None]
        if page.next is None:
            return found, True
        after = page.next
    return found, False


def _case(incident: Incident, view: View, at: float) -> Case | None:
    entity = view.registry.entities.get(incident.entity or "")
    said = view.resolutions.get(incident.id)
    return case_of(
        incident,
        kind=entity.kind.value if entity is not None else "",
        cause=said.cause_kind if said is not None else CauseKind.UNKNOWN,
        minutes=said.minutes if said is not None else None,
        at=at,
    )


async def _first(desk: Desk) -> float | None:
    """When the oldest incident that is kept opened."""
    page = await desk.facade.store.past(after=(0.0, -1), limit=1)
    return page.incidents[0].opened_at if page.incidents else None


def _why(desk: Desk, who: Principal, found: Drivers) -> Mapping[tuple[str, str], str]:
    """Why each family is still people's: what handles it, or what is proposed."""
    view = desk.facade.view
    families = [
        Family(
            alertname=d.alertname,
            kind=d.kind,
            products=d.products,
            incidents=d.incidents,
            pages=d.pages,
            minutes=d.minutes,
            runbook=d.runbook,
            verdict=d.verdict,
        )
        for d in found.families
    ]
    told = explained(
        families,
        promotions=promotions_for(view, who),
        standings=view.standings,
        lifecycles={r.name: r.lifecycle for r in loaded_runbooks(desk)},
    )
    return {(f.alertname, f.kind): f.why for f in told}
