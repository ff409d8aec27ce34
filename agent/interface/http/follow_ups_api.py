"""Follow-ups for people's tools: what is to be done after incidents, and saying that it is done."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.core import follow_ups as kept
from agent.interface.http.desk import Desk, belongs, query_flag, require_on, words
from agent.interface.http.replies import Refused, json_reply
from agent.interface.incident_record import follow_up_json
from agent.interface.times import from_rfc3339
from agent.model.event import FollowUpPut
from agent.model.learning import FollowUp
from agent.model.principal import Principal, Role

MOST_FOLLOW_UPS = 500
FORMS = "write it like 2026-01-31 (the end of that day, UTC) or 2026-01-31T09:00:00Z"


class Add(msgspec.Struct, forbid_unknown_fields=True):
    incident: str
    what: str
    owner: str
    due: str


class Alter(msgspec.Struct, forbid_unknown_fields=True):
    """What is left out stays as it is."""

    what: str | None = None
    owner: str | None = None
    due: str | None = None


async def follow_ups(desk: Desk, request: Request, who: Principal) -> Response:
    query, now = request.query_params, desk.facade.now()
    found = seen_follow_ups(desk, who)
    if not query_flag(query, "done"):
        found = [one for one in found if one.done_at is None]
    if query_flag(query, "overdue", default=False):
        found = [one for one in found if kept.is_overdue(one, now)]
    if incident := query.get("incident"):
        found = [one for one in found if one.incident == incident]
    return json_reply(shown(desk, found[:MOST_FOLLOW_UPS]))


def seen_follow_ups(desk: Desk, who: Principal) -> list[FollowUp]:
    """Overdue ones first, then what is due next, then what is done."""
    now = desk.facade.now()
    known = [f for f in desk.facade.view.follow_ups.values() if belongs(who, f.product)]
    return sorted(
        known,
        key=lambda f: (f.done_at is not None, not kept.is_overdue(f, now), f.due_at, f.id),
    )


def shown(desk: Desk, follow_ups: Iterable[FollowUp]) -> list[dict[str, Any]]:
    view, now = desk.facade.view, desk.facade.now()
    return [follow_up_json(one, view, now=now) for one in follow_ups]


async def add_follow_up(desk: Desk, request: Request, who: Principal) -> Response:
    asked = await desk.json(request, Add)
    made = await add(
        desk, who, incident=asked.incident, what=asked.what, owner=asked.owner, due=asked.due
    )
    return json_reply(made, status=201)


async def add(
    desk: Desk, who: Principal, *, incident: str, what: str, owner: str, due: str
) -> dict[str, Any]:
    found = await desk.incident(incident, who)
    require_on(who, Role.RESPONDER, found.product)
    at = desk.facade.now()
    given = FollowUp(
        id="",
        incident=found.id,
        product=found.product,
        what=words(what),
        owner=words(owner),
        due_at=due_of(due),
        made_by=who.name,
        made_at=at,
    )
    if why := kept.fault(given, at=at):
        raise Refused(400, why, remedy=FORMS if "date" in why else "say what, who and by when")
    await _put(desk, who, given)
    view = desk.facade.view
    own = [f for f in kept.of_incident(found.id, view) if (f.made_by, f.made_at) == (who.name, at)]
    return follow_up_json(own[-1] if own else given, view, now=at)


async def alter_follow_up(desk: Desk, request: Request, who: Principal) -> Response:
    known = follow_up_of(desk, request.path_params["id"], who)
    require_on(who, Role.RESPONDER, known.product)
    asked = await desk.json(request, Alter)
    changed = msgspec.structs.replace(
        known,
        what=known.what if asked.what is None else words(asked.what),
        owner=known.owner if asked.owner is None else words(asked.owner),
        due_at=known.due_at if asked.due is None else due_of(asked.due),
    )
    now = desk.facade.now()
    is_moved = changed.due_at != known.due_at
    if why := kept.fault(changed, at=now if is_moved else None):
        raise Refused(400, why, remedy=FORMS if "date" in why else "say what, who and by when")
    await _put(desk, who, changed)
    return _reply(desk, known.id)


async def finish_follow_up(desk: Desk, request: Request, who: Principal) -> Response:
    await mark(desk, who, request.path_params["id"], is_done=True)
    return _reply(desk, request.path_params["id"])


async def reopen_follow_up(desk: Desk, request: Request, who: Principal) -> Response:
    await mark(desk, who, request.path_params["id"], is_done=False)
    return _reply(desk, request.path_params["id"])


async def mark(desk: Desk, who: Principal, follow_up_id: str, *, is_done: bool) -> None:
    known = follow_up_of(desk, follow_up_id, who)
    require_on(who, Role.RESPONDER, known.product)
    done_at = (known.done_at or desk.facade.now()) if is_done else None
    await _put(desk, who, msgspec.structs.replace(known, done_at=done_at))


def follow_up_of(desk: Desk, follow_up_id: str, who: Principal) -> FollowUp:
    """One that belongs to others is answered like one that does not exist."""
    found = desk.facade.view.follow_ups.get(follow_up_id)
    if found is None or not belongs(who, found.product):
        raise Refused(404, f"no follow-up {follow_up_id}", remedy="see GET /api/v1/follow-ups")
    return found


def due_of(text: str) -> float:
    """Seconds since the epoch; of a mere date, the end of that day in UTC. Raises Refused (400)."""
    try:
        if len(text) == len("2026-01-31"):
            start = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
            return (start + timedelta(days=1)).timestamp() - 1
        return from_rfc3339(text)
    except (ValueError, OverflowError):
        raise Refused(400, f"{text[:40]!r} is no due date", remedy=FORMS) from None


async def _put(desk: Desk, who: Principal, given: FollowUp) -> None:
    await desk.ask(
        FollowUpPut(at=desk.facade.now(), subject=given.incident, who=who.name, follow_up=given)
    )


def _reply(desk: Desk, follow_up_id: str) -> Response:
    view = desk.facade.view
    found = view.follow_ups[follow_up_id]
    return json_reply(follow_up_json(found, view, now=desk.facade.now()))
