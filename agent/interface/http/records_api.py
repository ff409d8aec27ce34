"""The post-incident record, and near misses, for people's tools."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.http.desk import Desk, belongs
from agent.interface.http.replies import SECURITY_HEADERS, Refused, json_reply
from agent.interface.incident_record import near_miss_json, record_json
from agent.interface.record_words import as_markdown
from agent.model.decision import JournalEntry
from agent.model.principal import Principal
from agent.ports.store import Store

FORMATS = ("json", "md")
AT_A_TIME = 1_000
MOST_ENTRIES = 10_000
MOST_NEAR_MISSES = 500


async def record(desk: Desk, request: Request, who: Principal) -> Response:
    style = request.query_params.get("format", FORMATS[0])
    if style not in FORMATS:
        raise Refused(400, f"no format {style[:20]!r}", remedy="json or md")
    found = await record_of(desk, request.path_params["id"], who)
    if style == "json":
        return json_reply(found)
    media = "text/markdown; charset=utf-8"
    return Response(as_markdown(found), headers=dict(SECURITY_HEADERS), media_type=media)


async def record_of(desk: Desk, incident_id: str, who: Principal) -> dict[str, Any]:
    """Raises Refused (404) where the incident is not there, or not theirs."""
    incident = await desk.incident(incident_id, who)
    journal = await whole_journal(desk.facade.store, incident.id)
    return record_json(
        incident,
        journal,
        desk.facade.view,
        now=desk.facade.now(),
        sees=lambda product: belongs(who, product),
    )


async def whole_journal(store: Store, subject: str) -> list[JournalEntry]:
    """Everything about it, oldest first; of a very long one the beginning."""
    found: list[JournalEntry] = []
    after = 0
    while len(found) < MOST_ENTRIES:
        rows = await store.journal(subject=subject, after=after, limit=AT_A_TIME)
        found += [entry for _, entry in rows]
        if len(rows) < AT_A_TIME:
            break
        after = rows[-1][0]
    return found


async def near_misses(desk: Desk, _request: Request, who: Principal) -> Response:
    return json_reply(seen_near_misses(desk, who))


def seen_near_misses(desk: Desk, who: Principal) -> list[dict[str, Any]]:
    """Newest first."""
    known = [n for n in desk.facade.view.near_misses.values() if belongs(who, n.product)]
    known.sort(key=lambda n: (-n.at, n.incident, n.runbook))
    return [near_miss_json(one) for one in known[:MOST_NEAR_MISSES]]
