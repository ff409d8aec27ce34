"""The shapes every answer has: JSON, and errors that name the remedy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": "default-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
ENCODER = msgspec.json.Encoder(enc_hook=str)


class Refused(Exception):
    """A request is answered with an error. Raised by routes, rendered in one place (api.py)."""

    def __init__(
        self,
        status: int,
        error: str,
        *,
        remedy: str = "",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.remedy = remedy
        self.headers = dict(headers or {})
        self.more = more

    def body(self) -> bytes:
        return ENCODER.encode({"error": self.error, "remedy": self.remedy, **self.more})


def json_reply(value: Any, *, status: int = 200) -> Response:
    return Response(
        ENCODER.encode(value),
        status_code=status,
        media_type="application/json",
        headers=dict(SECURITY_HEADERS),
    )


def as_text(refused: Refused) -> Response:
    """A refusal as Alertmanager's API v2 says it: amtool reads one JSON string."""
    text = f"{refused.error} ({refused.remedy})" if refused.remedy else refused.error
    reply = json_reply(text, status=refused.status)
    reply.headers.update(refused.headers)
    return reply


def refusal(refused: Refused) -> Response:
    headers = {**SECURITY_HEADERS, **refused.headers}
    return Response(
        refused.body(), status_code=refused.status, media_type="application/json", headers=headers
    )
