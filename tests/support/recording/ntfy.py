"""An ntfy server without attachments: JSON published to its root."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from tests.support.recording.provider import Clock, Provider, Verdict, Window, is_link
from tests.support.recording.provider import parsed as parse

TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
ACTIONS = ("view", "broadcast", "http", "copy")


class Ntfy(Provider):
    name = "ntfy"

    def __init__(self, clock: Clock = time.monotonic) -> None:
        super().__init__(clock)
        self.messages: list[dict[str, Any]] = []
        """Everything that was published, repeats included."""
        self.token: str | None = None
        self.message_most = 4096
        """Bytes; for the whole JSON it is twice that."""
        self.rate = Window(60, 60.0, clock)

    @property
    def shown(self) -> list[dict[str, Any]]:
        """What stands on the phone: a sequence is one notification, its newest message."""
        by_sequence = {m.get("sequence_id") or str(n): m for n, m in enumerate(self.messages)}
        return list(by_sequence.values())

    @property
    def rings(self) -> list[dict[str, Any]]:
        """What makes a sound: a priority of 3 and more."""
        return [message for message in self.shown if message.get("priority", 3) >= 3]

    def judge(self, path: str, headers: Mapping[str, str], body: bytes) -> Verdict:
        if path != "/":
            # it would be published as the text of a message, braces and all
            return _refused(400, "JSON is published to the root")
        if self.token is not None and headers.get("Authorization") != f"Bearer {self.token}":
            return _refused(403, "forbidden")
        if self.rate.wait_seconds("") > 0:
            return _refused(429, "limit reached: too many requests")
        if len(body) > 2 * self.message_most:
            return _refused(413, "JSON body too large")
        message = parse(body)
        if message is None:
            return _refused(400, "request body must be valid JSON")
        if len(str(message.get("message", "")).encode()) > self.message_most:
            return _refused(413, "message too large, and attachments are not allowed")
        wrong = _wrong(message)
        if wrong:
            return _refused(400, wrong)
        self.messages.append(message)
        return Verdict(200, body=json.dumps({"id": "x", "event": "message"}).encode())

    def recorded(self) -> dict[str, Any]:
        return {"messages": self.messages, "rings": [ring["title"] for ring in self.rings]}


def _wrong(message: Mapping[str, Any]) -> str:
    if not TOPIC.fullmatch(str(message.get("topic", ""))):
        return "topic invalid"
    if not isinstance(message.get("title", ""), str):
        return "title invalid"
    if message.get("priority", 3) not in (1, 2, 3, 4, 5):
        return "priority invalid"
    tags = message.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        return "tags invalid"
    sequence = message.get("sequence_id")
    if sequence is not None and not TOPIC.fullmatch(str(sequence)):
        return "sequence ID invalid"
    if "click" in message and not is_link(message["click"]):
        return "click invalid"
    actions = message.get("actions", [])
    if len(actions) > 3:
        return "too many actions"
    for action in actions:
        if action.get("action") not in ACTIONS or not action.get("label"):
            return "actions invalid"
        if action["action"] == "view" and not is_link(action.get("url")):
            return "actions invalid: url"
    return ""


def _refused(status: int, why: str) -> Verdict:
    return Verdict(status, body=json.dumps({"http": status, "error": why}).encode(), why=why)
