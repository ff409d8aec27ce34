"""What a clock on the wall says, as a time that happened once.

In the spring some wall times never come, in the autumn some come twice, and where and when that
happens is each zone's own law. Here is the one place that decides what such a time means:

* a time that never comes is the first instant after the gap;
* of a time that comes twice, the first is meant where `later` is false, else the second.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from agent.catalog.faults import shown, wrong

UNKNOWN_ZONE = "HS421"
"""A period is in a time zone nobody knows."""


def instant(wall: datetime, zone: tzinfo, *, later: bool = False) -> float:
    """Seconds since 1970 of this wall time (without a zone of its own)."""
    first = wall.replace(tzinfo=zone, fold=0).timestamp()
    second = wall.replace(tzinfo=zone, fold=1).timestamp()
    if first == second:
        return first
    if second < first:  # by the old offset it is after the change, by the new one before
        return change_between(second, first, zone)
    return second if later else first


def span(begin: datetime, end: datetime, zone: tzinfo, *, is_longer: bool) -> tuple[float, float]:
    """A span between two wall times. Where a time comes twice, `is_longer` takes the longest span
    that can be meant (a freeze), else the shortest (a time in which something is allowed); where
    that would be none at all, the first of both."""
    starts_at = instant(begin, zone, later=not is_longer)
    ends_at = instant(end, zone, later=is_longer)
    if ends_at <= starts_at:
        return instant(begin, zone), instant(end, zone)
    return starts_at, ends_at


def change_between(before: float, after: float, zone: tzinfo) -> float:
    """The first second after `before` with the clock of `after`: when the clocks were changed."""
    changed = _offset(after, zone)
    low, high = int(before), int(after)
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(middle, zone) == changed:
            high = middle
        else:
            low = middle
    return float(high)


def _offset(at: float, zone: tzinfo) -> float:
    offset = datetime.fromtimestamp(at, UTC).astimezone(zone).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0


def changes_clock(before: float, after: float, zone: tzinfo) -> bool:
    return _offset(before, zone) != _offset(after, zone)


def zone_name(name: str) -> str:
    """A validator: the name of a time zone that is known here."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        remedy = 'write it like Europe/Berlin or UTC; "tzdata" of the system knows them'
        raise wrong(f"unknown time zone {shown(name)}", remedy, code=UNKNOWN_ZONE) from None
    return name
