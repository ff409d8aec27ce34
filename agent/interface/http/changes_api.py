"""What was changed on purpose, for people's tools."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.catalog.quantities import parse_duration
from agent.core.changes import MOST_CHANGES, changes_of, late_seconds
from agent.core.view import View
from agent.interface.http.desk import Desk, belongs
from agent.interface.http.replies import Refused, json_reply
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.measure.releases import Releases, releases
from agent.model.principal import Principal
from agent.model.records import ChangeRecord

DEFAULT_SINCE = "24h"
RELEASES_SINCE = "30d"
LONGEST_SECONDS = 2 * 366 * 86_400.0
MOST = 500


def change_json(change: ChangeRecord) -> dict[str, Any]:
    return {
        "at": rfc3339(change.at),
        "began_at": rfc3339_or_none(change.began_at),
        "product": change.product or None,
        "entity": change.entity,
        "kind": change.kind.value,
        "phase": change.phase.value,
        "what": change.what,
        "version": change.version or None,
        "before": change.before or None,
        "by": change.by or None,
        "manual": change.is_manual,
        "late_seconds": round(late_seconds(change), 1),
        "link": change.link or None,
        "undone_for": change.undone_for or None,
    }


def changes_for(
    view: View, who: Principal, *, since: float, product: str = "", entity: str = ""
) -> tuple[ChangeRecord, ...]:
    """Newest first, without what belongs to others."""
    if product or entity:
        found = changes_of(view, product=product or None, entity=entity or None, since=since)
    else:
        every = (c for changes in view.changes.values() for c in changes if c.at >= since)
        found = tuple(sorted(every, key=lambda change: -change.at))
    return tuple(change for change in found if belongs(who, change.product or None))[:MOST]


async def changes(desk: Desk, request: Request, who: Principal) -> Response:
    """`GET /api/v1/changes`: `?since=`, a duration, `?product=` and `?entity=`."""
    asked = request.query_params
    seconds = _seconds(asked.get("since", "") or DEFAULT_SINCE)
    found = changes_for(
        desk.facade.view,
        who,
        since=desk.facade.now() - seconds,
        product=asked.get("product", ""),
        entity=asked.get("entity", ""),
    )
    return json_reply([change_json(change) for change in found])


def release_json(counted: Releases) -> dict[str, Any]:
    rate = counted.failure_rate
    return {
        "product": counted.product,
        "since": rfc3339(counted.since),
        "releases": counted.releases,
        "failed": counted.failed,
        "rolled_back": counted.rolled_back,
        "under_way": counted.under_way,
        "change_failure_rate": round(rate, 4) if rate is not None else None,
        "broken": [change_json(change) for change in counted.broken],
    }


async def release_counts(desk: Desk, request: Request, who: Principal) -> Response:
    """`GET /api/v1/changes/releases`: `?since=`, a duration, and `?product=`."""
    asked = request.query_params
    seconds = _seconds(asked.get("since", "") or RELEASES_SINCE)
    product = asked.get("product", "")
    since = desk.facade.now() - seconds
    found = releases(desk.facade.view.changes, since=since, most_kept=MOST_CHANGES)
    return json_reply(
        [
            release_json(counted)
            for counted in found
            if product in ("", counted.product) and belongs(who, counted.product)
        ]
    )


def _seconds(since: str) -> float:
    try:
        seconds = parse_duration(since)
    except ValueError:
        seconds = 0.0
    if not 0.0 < seconds <= LONGEST_SECONDS:
        raise Refused(
            400, f"{since[:40]!r} is no time to look back", remedy="write it like 30m, 24h or 7d"
        )
    return seconds
