"""Times as people and machines outside read them: RFC 3339, UTC, milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime


def rfc3339(seconds: float) -> str:
    """`2026-01-02T03:04:05.678Z` for seconds since the epoch."""
    moment = datetime.fromtimestamp(round(seconds, 3), UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def rfc3339_or_none(seconds: float | None) -> str | None:
    return None if seconds is None else rfc3339(seconds)


def from_rfc3339(text: str) -> float:
    """Seconds since the epoch. Raises ValueError where the text is no time or has no zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.timestamp()


def ago(seconds: float) -> str:
    """A duration in one short word: `12s`, `5m`, `3h`, `2d`."""
    whole = max(0, int(seconds))
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= size:
            return f"{whole // size}{unit}"
    return f"{whole}s"


def clock(seconds: float) -> str:
    """`03:04:05` UTC, for lines of one day."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S")
