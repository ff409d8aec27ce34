"""A Slack incoming webhook, with the limits of Block Kit."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Any

from tests.support.recording.provider import Clock, Provider, Verdict, Window, is_link, is_text
from tests.support.recording.provider import parsed as parse

PATH = "/services/T00000000/B00000000/s3cr3tPathOfTheWebhook"
BLOCKS_MOST = 50
TEXT_MOST = 40_000
CALL = re.compile(r"<(?:[!@#][^>]*|[^>|]*\|[^>]*)>|@(?:everyone|here|channel)\b")
"""What Slack reads as a mention or as a link with another name."""


class Slack(Provider):
    name = "slack"

    def __init__(self, clock: Clock = time.monotonic) -> None:
        super().__init__(clock)
        self.messages: list[dict[str, Any]] = []
        self.is_archived = False
        self.rate = Window(60, 60.0, clock)
        """One a second, with bursts."""

    @property
    def url(self) -> str:
        return super().url + PATH

    @property
    def calls(self) -> list[str]:
        """Mentions and disguised links that would have worked."""
        return [call for message in self.messages for call in _calls(message)]

    def judge(self, path: str, headers: Mapping[str, str], body: bytes) -> Verdict:
        if path != PATH:
            return Verdict(404, body=b"no_service", why="no_service")
        if self.is_archived:
            return Verdict(410, body=b"channel_is_archived", why="channel_is_archived")
        wait = self.rate.wait_seconds(PATH)
        if wait > 0:
            headers = {"Retry-After": str(int(wait) + 1)}
            return Verdict(429, body=b"rate_limited", why="rate_limited", headers=headers)
        message = parse(body)
        if message is None:
            return Verdict(400, body=b"invalid_payload", why="not JSON")
        wrong = _wrong(message)
        if wrong:
            return Verdict(400, body=b"invalid_blocks", why=wrong)
        self.messages.append(message)
        return Verdict(200, body=b"ok")

    def recorded(self) -> dict[str, Any]:
        return {"messages": self.messages, "calls": self.calls}


def _wrong(message: Mapping[str, Any]) -> str:
    blocks = message.get("blocks", [])
    if not isinstance(blocks, list) or len(blocks) > BLOCKS_MOST:
        return "blocks"
    if not blocks and not message.get("text"):
        return "no_text"
    if "text" in message and not is_text(message["text"], TEXT_MOST):
        return "text"
    for number, block in enumerate(blocks):
        rule = RULES.get(block.get("type"))
        if rule is None:
            return f"blocks[{number}].type"
        wrong = rule(block)
        if wrong:
            return f"blocks[{number}].{wrong}"
    return ""


def _header(block: Mapping[str, Any]) -> str:
    text = block.get("text", {})
    return "" if text.get("type") == "plain_text" and is_text(text.get("text"), 150) else "text"


def _section(block: Mapping[str, Any]) -> str:
    return "" if _is_text_object(block.get("text"), 3000) else "text"


def _context(block: Mapping[str, Any]) -> str:
    elements = block.get("elements", [])
    fine = 1 <= len(elements) <= 10 and all(_is_text_object(e, 3000) for e in elements)
    return "" if fine else "elements"


def _actions(block: Mapping[str, Any]) -> str:
    elements = block.get("elements", [])
    names = [element.get("action_id") for element in elements]
    if not 1 <= len(elements) <= 25 or len(set(names)) != len(names):
        return "elements"
    return "" if all(_is_button(element) for element in elements) else "elements"


def _is_button(element: Mapping[str, Any]) -> bool:
    text = element.get("text", {})
    return (
        element.get("type") == "button"
        and is_text(element.get("action_id"), 255)
        and text.get("type") == "plain_text"
        and is_text(text.get("text"), 75)
        and ("url" not in element or is_link(element["url"], 3000))
        and ("value" not in element or is_text(element["value"], 2000))
    )


def _is_text_object(value: Any, most: int) -> bool:
    if not isinstance(value, dict) or value.get("type") not in ("plain_text", "mrkdwn"):
        return False
    if value["type"] == "mrkdwn" and "emoji" in value:
        return False
    return is_text(value.get("text"), most)


def _calls(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [call for inner in value.values() for call in _calls(inner)]
    if isinstance(value, list):
        return [call for inner in value for call in _calls(inner)]
    return CALL.findall(value) if isinstance(value, str) else []


RULES = {"header": _header, "section": _section, "context": _context, "actions": _actions}
