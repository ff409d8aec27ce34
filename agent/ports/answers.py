"""What the HTTP answer of a notification service means for the page that was sent.

Taken is taken. What may pass (408, 425, 429, 5xx) is tried again, not before the service's
`Retry-After`; every other answer, a redirect among them, is final, because a repeat of a refused
page only delays the channel that is tried instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from agent.model.errors import Permanent, Temporary
from agent.ports.kit import HttpReply

PASSING = frozenset({408, 425, 429})
RETRY_AFTER_MOST_SECONDS = 3600.0


def taken(reply: HttpReply, *, who: str, now: float, why: str = "") -> None:
    """Returns where the answer is 2xx. Raises Temporary or Permanent; `why` is added to the reason
    and must be known to hold nothing secret."""
    if 200 <= reply.status < 300:
        return
    said = f"{reply.status} ({why})" if why else str(reply.status)
    if reply.status in PASSING or reply.status >= 500:
        raise Temporary(
            f"{who} answered {said}", after_seconds=retry_after_seconds(reply.headers, now)
        )
    raise Permanent(f"{who} refuses the page: it answered {said}")


def retry_after_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds until the service wants to be asked again: a number or a date; at most an hour."""
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
