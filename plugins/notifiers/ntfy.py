"""Pages on phones through ntfy, its own server or the public one.

A topic of ntfy is all there is to know for reading along, so it may be kept as the secret `topic`.
ntfy counts bytes: 4,096 for the message, twice that for the whole JSON, in which quotes and
backslashes take two. Longer messages would arrive as an attachment that nobody opens at night, so
they are cut to fit. A server with smaller limits answers 413: then it gets the beginning once.

`sequence_id` is equal for repeats of one message: newer servers show them as one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from pydantic import Field

from agent.model.errors import Permanent
from agent.model.on_call import Telling
from agent.ports.answers import taken
from agent.ports.kit import HttpReply, NotifyKit
from agent.ports.plugin import Message, Params, notifier
from agent.ports.safe_text import cut, headline, safe, utf8

MESSAGE_MOST_BYTES = 4096
JSON_MOST_BYTES = 2 * MESSAGE_MOST_BYTES
TITLE_MOST_BYTES = 250
LINK_MOST_BYTES = 1000
SMALL_BYTES = 512
"""What a server with small limits is asked to take."""
TOO_LARGE = 413

LOUD: Mapping[str, int] = {"critical": 5, "page": 5, "info": 3, "none": 3}
LOUD_ELSE = 4
QUIET = 2
"""Arrives without sound: what is no page wakes nobody."""
TAGS: Mapping[Telling, str] = {
    Telling.PAGE: "rotating_light",
    Telling.UPDATE: "memo",
    Telling.ACKNOWLEDGED: "eyes",
    Telling.RESOLVED: "white_check_mark",
}
_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")


class Ntfy(Params):
    url: str = Field(
        default="https://ntfy.sh", min_length=1, description="Address of the server, without topic"
    )
    topic: str | None = Field(
        default=None,
        pattern=r"^[-_A-Za-z0-9]{1,64}$",
        description="Topic to publish to; the secret `topic` is used where it is absent",
    )
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="Time the server has for its answer, in seconds"
    )


@notifier(
    name="ntfy",
    params=Ntfy,
    summary="Pushes to phones through an ntfy topic; the secret `token` where it needs one",
    tells=(Telling.PAGE, Telling.UPDATE, Telling.ACKNOWLEDGED, Telling.RESOLVED),
)
async def ntfy(kit: NotifyKit, params: Ntfy, message: Message) -> str:
    topic = params.topic or kit.secrets.get("topic", "").strip()
    if not _TOPIC.fullmatch(topic):
        raise Permanent(
            "ntfy needs a topic of 1 to 64 letters, digits, - and _: `with: {topic: ...}` or the "
            "secret `topic`"
        )
    page = safe(message)
    reply = await _publish(kit, params, fitting(page, topic))
    if reply.status == TOO_LARGE:
        reply = await _publish(kit, params, fitting(page, topic, most_bytes=SMALL_BYTES))
    taken(reply, who="ntfy", now=kit.now())
    return "published"


async def _publish(kit: NotifyKit, params: Ntfy, body: bytes) -> HttpReply:
    headers = {"Content-Type": "application/json"}
    if token := kit.secrets.get("token", "").strip():
        headers["Authorization"] = f"Bearer {token}"
    # the address of the server itself: below a topic it would take the JSON for the message
    return await kit.http.post(
        params.url.rstrip("/") + "/",
        body=body,
        timeout_seconds=min(params.timeout_seconds, kit.deadline_seconds / 2),
        headers=headers,
    )


def fitting(page: Message, topic: str, *, most_bytes: int = MESSAGE_MOST_BYTES) -> bytes:
    """The JSON to publish: message, title and the whole of it within ntfy's limits."""
    link = page.link if utf8(page.link) <= LINK_MOST_BYTES else ""
    text = page.text or headline(page) or "An incident"
    while True:
        shown = cut(text, most_bytes, size=utf8, link=link)
        body = msgspec.json.encode(_json(page, topic, link, shown))
        if len(body) <= JSON_MOST_BYTES or most_bytes <= SMALL_BYTES:
            return body
        most_bytes = max(SMALL_BYTES, most_bytes - (len(body) - JSON_MOST_BYTES + 1) // 2 - 1)


def _json(page: Message, topic: str, link: str, text: str) -> dict[str, Any]:
    is_page = page.telling is Telling.PAGE
    said: dict[str, Any] = {
        "topic": topic,
        "title": cut(headline(page) or "An incident", TITLE_MOST_BYTES, size=utf8),
        "message": text,
        "priority": LOUD.get(page.severity.lower(), LOUD_ELSE) if is_page else QUIET,
        "tags": [TAGS.get(page.telling, TAGS[Telling.UPDATE])],
        "sequence_id": hashlib.sha256(page.key.encode("utf-8", "replace")).hexdigest()[:32],
    }
    if link:
        actions = [{"action": "view", "label": "Open", "url": link}]
        if is_page:
            actions.append({"action": "view", "label": "Acknowledge", "url": link})
        said |= {"click": link, "actions": actions}
    return said
