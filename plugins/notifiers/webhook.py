"""Pages as JSON by HTTP, for whatever a team already runs.

The body is `{key, to, title, text, severity, incident, link}`. The key is equal for repeats of one
page and is sent as `Idempotency-Key` too, so that a receiver can fold them. 2xx is delivered; what
may pass (408, 425, 429, 5xx, no answer in time) is tried again, not before the receiver's
`Retry-After`; every other answer, a redirect among them, is final.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import msgspec
from pydantic import Field

from agent.model.errors import Permanent, Temporary
from agent.ports.kit import NotifyKit
from agent.ports.plugin import Message, Params, notifier
from agent.ports.safe_text import safe

PASSING = frozenset({408, 425, 429})
RETRY_AFTER_MOST_SECONDS = 3600.0


class Webhook(Params):
    url: str | None = Field(
        default=None, description="Address to post to; the secret `url` is used where it is absent"
    )
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=60, description="Time the receiver has for its answer, in seconds"
    )


@notifier(name="webhook", params=Webhook, summary="Posts the page as JSON to an address")
async def webhook(kit: NotifyKit, params: Webhook, message: Message) -> str:
    url = params.url or kit.secrets.get("url")
    if not url:
        raise Permanent("webhook needs an address: `with: {url: ...}` or a secret `url`")
    page = safe(message)
    body = msgspec.json.encode(
        {
            "key": page.key,
            "to": page.to,
            "title": page.title,
            "text": page.text,
            "severity": page.severity,
            "incident": page.incident_id,
            "link": page.link,
        }
    )
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": page.key.encode("ascii", "backslashreplace").decode(),
    }
    if token := kit.secrets.get("token"):
        headers["Authorization"] = f"Bearer {token}"
    reply = await kit.http.post(
        url,
        body=body,
        timeout_seconds=min(params.timeout_seconds, kit.deadline_seconds),
        headers=headers,
    )
    if 200 <= reply.status < 300:
        return f"answered {reply.status}"
    if reply.status in PASSING or reply.status >= 500:
        raise Temporary(
            f"the receiver answered {reply.status}",
            after_seconds=_retry_after(reply.headers, kit.now()),
        )
    raise Permanent(f"the receiver refuses the page: it answered {reply.status}")


def _retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the receiver wants to be asked again: a number or a date; bounded."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        seconds = float(text)
    else:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), RETRY_AFTER_MOST_SECONDS)
