"""A receiver of the generic webhook, which folds by key and proves signatures."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any

from tests.support.recording.provider import Clock, Provider, Verdict
from tests.support.recording.provider import parsed as parse

TELLINGS = ("page", "update", "acknowledged", "resolved", "change")
WORDS = ("key", "telling", "topic", "to", "title", "text", "severity", "incident", "link", "who")
TOLERANCE_SECONDS = 300.0


class Hook(Provider):
    name = "webhook"

    def __init__(self, clock: Clock = time.monotonic) -> None:
        super().__init__(clock)
        self.messages: list[dict[str, Any]] = []
        """By key: a repeat changes nothing."""
        self.repeats = 0
        self.signing_key: bytes | None = None
        self.token: str | None = None

    @property
    def rings(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if message["telling"] == "page"]

    def judge(self, path: str, headers: Mapping[str, str], body: bytes) -> Verdict:
        if self.token is not None and headers.get("Authorization") != f"Bearer {self.token}":
            return Verdict(401, why="token")
        if self.signing_key is not None and not self._is_signed(headers, body):
            return Verdict(401, why="signature")
        message = parse(body)
        if message is None or message.get("telling") not in TELLINGS:
            return Verdict(422, why="body")
        if not all(isinstance(message.get(word), str) for word in WORDS):
            return Verdict(422, why="words")
        if headers.get("Idempotency-Key") != message["key"]:
            return Verdict(422, why="Idempotency-Key")
        if any(known["key"] == message["key"] for known in self.messages):
            self.repeats += 1
        else:
            self.messages.append(message)
        return Verdict(200)

    def _is_signed(self, headers: Mapping[str, str], body: bytes) -> bool:
        assert self.signing_key is not None
        name, moment = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not moment.isdigit() or abs(int(moment) - time.time()) > TOLERANCE_SECONDS:
            return False
        proof = hmac.new(self.signing_key, f"{name}.{moment}.".encode() + body, hashlib.sha256)
        right = "v1," + base64.b64encode(proof.digest()).decode()
        given = headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(right, each) for each in given)

    def recorded(self) -> dict[str, Any]:
        return {"messages": self.messages, "repeats": self.repeats}
