"""Pages as messages of a Slack incoming webhook.

What an alert says is sent as plain text, never as Slack's markup: nothing in it is formatted, is a
link with another name, or calls a channel. `&`, `<` and `>` are escaped, as Slack asks for every
text, and lengths are counted after that. A webhook cannot change what it posted, so an
acknowledgement or a resolution is a message of its own, and a small one.

The address is the whole proof of who may post: it is the secret `url`, and no reason names it.
"""

from __future__ import annotations

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
from agent.ports.safe_text import cut, headline, safe, utf16

HEADER_MOST = 150
SECTION_MOST = 3000
CONTEXT_MOST = 2000
TEXT_MOST = 4000
"""Slack cuts at 40,000; this is what notifications show, and more than anybody reads there."""
URL_MOST = 3000

MARKS: Mapping[Telling, str] = {
    Telling.PAGE: "🚨 ",
    Telling.UPDATE: "",
    Telling.ACKNOWLEDGED: "👀 ",
    Telling.RESOLVED: "✅ ",
    Telling.CHANGE: "🔧 ",
}
_CODE = re.compile(rb"[a-z][a-z_]{0,60}")
"""Slack's word for what is wrong, as in `channel_is_archived`: safe to be told."""


class Slack(Params):
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="Time Slack has for its answer, in seconds"
    )
    interactive: bool = Field(
        default=False,
        description="Whether `Acknowledge`, and `Approve` and `Reject` where the message shows all "
        "that would run, are buttons Slack sends back to `POST /webhook/slack`",
    )


@notifier(
    name="slack",
    params=Slack,
    summary="Posts to a Slack channel through the incoming webhook in the secret `url`",
    tells=tuple(Telling),
)
async def slack(kit: NotifyKit, params: Slack, message: Message) -> str:
    url = kit.secrets.get("url", "").strip()
    if not url:
        raise Permanent("slack needs the secret `url`: the address of an incoming webhook")
    reply = await kit.http.post(
        url,
        body=msgspec.json.encode(payload(safe(message), interactive=params.interactive)),
        timeout_seconds=min(params.timeout_seconds, kit.deadline_seconds),
        headers={"Content-Type": "application/json; charset=utf-8"},
    )
    taken(reply, who="Slack", now=kit.now(), why=_code(reply))
    if reply.body.strip() != b"ok":
        raise Permanent("what answered is not Slack: it did not say `ok`")
    return "ok"


def payload(page: Message, *, interactive: bool = False) -> dict[str, Any]:
    """The message as Block Kit, with a text for notifications and for readers without blocks."""
    said = MARKS[page.telling] + (headline(page) or "An incident")
    is_loud = page.telling in (Telling.PAGE, Telling.UPDATE)
    blocks: list[dict[str, Any]] = []
    if is_loud:
        blocks.append({"type": "header", "text": _plain(said, HEADER_MOST)})
    else:
        blocks.append({"type": "section", "text": _plain(said, SECTION_MOST)})
    if page.text and (is_loud or page.telling is Telling.CHANGE):
        blocks.append({"type": "section", "text": _plain(page.text, SECTION_MOST, link=page.link)})
    if about := _about(page):
        blocks.append({"type": "context", "elements": [_plain(about, CONTEXT_MOST)]})
    if is_loud and (buttons := _buttons(page, interactive=interactive)):
        blocks.append({"type": "actions", "elements": buttons})
    fallback = f"{said}\n{page.text}" if is_loud and page.text else said
    return {
        "text": _escaped(fallback, TEXT_MOST, link=page.link),
        "blocks": blocks,
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
    }


def _about(page: Message) -> str:
    parts = (f"for {page.to}" if page.to else "", page.severity, page.incident_id)
    return " · ".join(part for part in parts if part)


def _buttons(page: Message, *, interactive: bool) -> list[dict[str, Any]]:
    buttons = []
    has_link = bool(page.link) and len(page.link) <= URL_MOST
    if has_link:
        buttons.append(_button("open", "Open") | {"url": page.link})
    if page.telling is Telling.PAGE:
        if interactive and page.incident_id:
            button = _button("acknowledge", "Acknowledge") | {"value": page.incident_id}
            buttons.append(button if page.asks else button | {"style": "primary"})
        elif has_link:
            buttons.append(_button("acknowledge", "Acknowledge") | {"url": page.link})
    if interactive and page.incident_id and page.asks:
        value = {"value": f"{page.incident_id} {page.asks}"}
        buttons.append(_button("approve", "Approve") | value | {"style": "primary"})
        buttons.append(_button("reject", "Reject") | value | {"style": "danger"})
    return buttons


def _button(action: str, label: str) -> dict[str, Any]:
    return {
        "type": "button",
        "action_id": action,
        "text": {"type": "plain_text", "text": label, "emoji": False},
    }


def _plain(text: str, most: int, *, link: str = "") -> dict[str, Any]:
    return {"type": "plain_text", "text": _escaped(text, most, link=link), "emoji": False}


def _escaped(text: str, most: int, *, link: str = "") -> str:
    return _escape(cut(text, most, size=_escaped_size, link=link))


def _escaped_size(text: str) -> int:
    return utf16(_escape(text))


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _code(reply: HttpReply) -> str:
    code = reply.body.strip()
    return code.decode() if reply.status != 200 and _CODE.fullmatch(code) else ""
