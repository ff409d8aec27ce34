"""Buttons in Slack: acknowledge, approve, reject.

Slack proves itself by its signature over the raw body, and says which of its users pressed. The
token file says who that user is here (`slack_user`); everything else is as if that principal had
asked the API. A message that comes again does nothing again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from agent.core.approval import NOTHING_SHOWN
from agent.interface.http.desk import Desk, address_of, require_on
from agent.interface.http.needs import Need, NeedingRoute, Proof, Reach
from agent.interface.http.replies import Refused, json_reply
from agent.interface.http.signatures import SLACK_SIGNATURE, check_slack_body, check_slack_head
from agent.model.event import Acknowledged, Approved, Event, Rejected
from agent.model.principal import Principal, Role

PATH = "/webhook/slack"
NEED = Need((Role.RESPONDER, Role.APPROVER), Reach.OBJECT, Proof.SIGNATURE, changes=True)
PRESSED = "block_actions"
MOST_FIELDS = 10

Make = Callable[[float, str, str, str], Event]
WISHES: dict[str, tuple[Role, Make]] = {
    "acknowledge": (Role.RESPONDER, lambda at, i, who, _: Acknowledged(at=at, subject=i, who=who)),
    "approve": (
        Role.APPROVER,
        # A button that does not say what was shown approves nothing.
        lambda at, i, who, shown: Approved(
            at=at, subject=i, who=who, shown=shown[:100] or NOTHING_SHOWN
        ),
    ),
    "reject": (
        Role.APPROVER,
        # Whatever it was, nothing runs: a no needs no fingerprint.
        lambda at, i, who, _: Rejected(at=at, subject=i, who=who, why="rejected in Slack"),
    ),
}


class User(msgspec.Struct):
    id: str


class Button(msgspec.Struct):
    action_id: str
    value: str = ""
    """Id of the incident; then the fingerprint of what the message asks to approve."""


class Payload(msgspec.Struct):
    """The part of Slack's interactive payload that is used."""

    type: str
    user: User
    actions: list[Button] = []


def route(desk: Desk) -> NeedingRoute:
    return NeedingRoute(PATH, partial(pressed, desk), methods=["POST"], need=NEED)


async def pressed(desk: Desk, request: Request) -> Response:
    principals = desk.facade.principals
    secret = principals.slack_secret if principals is not None else None
    if principals is None or secret is None:
        raise Refused(404, "Slack is not configured", remedy="set `slack_signing_secret`")
    check_slack_head(request.headers, now=desk.facade.now())
    body = await desk.body(request)
    try:
        check_slack_body(request.headers, body, secret=secret)
    except Refused:
        # Slack is known by its signature alone: who forges one holds up nobody from that address.
        desk.door.note_refused(address_of(request))
        raise
    payload = _payload(body)
    who = principals.by_slack_user(payload.user.id, at=desk.facade.now())
    if who is None:
        raise Refused(
            403,
            f"nobody here is the Slack user {payload.user.id[:40]!r}",
            remedy="add `slack_user` to their principal in the token file, or renew their token",
        )
    NEED.check(who)
    return await _done(desk, payload, who, once=f"slack {request.headers[SLACK_SIGNATURE]}")


async def _done(desk: Desk, payload: Payload, who: Principal, *, once: str) -> Response:
    button = next((b for b in payload.actions if b.action_id in WISHES and b.value), None)
    if payload.type != PRESSED or button is None:
        return json_reply({"text": "nothing to do"})  # a link was opened, or a view was closed
    role, make = WISHES[button.action_id]
    name, _, shown = button.value.partition(" ")
    incident = await desk.incident(name, who)
    require_on(who, role, incident.product)
    if await desk.ask_once(once, make(desk.facade.now(), incident.id, who.name, shown)) is None:
        return json_reply({"text": "done before"})
    return json_reply({"text": f"{button.action_id}: done, {who.name}"})


def _payload(body: bytes) -> Payload:
    try:
        fields = parse_qs(body.decode(), max_num_fields=MOST_FIELDS)
        return msgspec.json.decode(fields["payload"][0], type=Payload)
    except (KeyError, ValueError, RecursionError) as error:
        raise Refused(
            400, f"no interactive payload: {error}"[:200], remedy="Slack sends it as a form"
        ) from None
