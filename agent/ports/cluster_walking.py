"""Reading fields of Kubernetes objects as JSON, where any of them may be missing, null or of
another type than it should be: what cannot be read is unknown, and no error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.ports.cluster_facts import quantity, truth
from agent.ports.safe_text import one_line

LONGEST_SECONDS = 100 * 365 * 86_400.0
NOTHING: Mapping[str, Any] = {}


def walk(thing: Any, *path: str) -> Any:
    """What stands at the end of the path; None: nothing does."""
    for step in path:
        if not isinstance(thing, Mapping):
            return None
        thing = thing.get(step)
    return thing


def mapping(thing: Any, *path: str) -> Mapping[str, Any]:
    found = walk(thing, *path)
    return found if isinstance(found, Mapping) else NOTHING


def items(thing: Any, *path: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of a list."""
    found = walk(thing, *path)
    if not isinstance(found, Sequence) or isinstance(found, str | bytes):
        return ()
    return tuple(each for each in found if isinstance(each, Mapping))


def text(thing: Any, *path: str, most: int = 300) -> str:
    """In one line, cleaned and bounded; empty: there is none."""
    found = walk(thing, *path)
    return one_line(found[: most * 2])[:most] if isinstance(found, str) else ""


def whole(thing: Any, *path: str) -> int | None:
    found = walk(thing, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def amount(thing: Any, *path: str) -> float | None:
    """A quantity (`10Gi`, `250m`) or a bare number."""
    found = walk(thing, *path)
    if isinstance(found, str):
        return quantity(found)
    if isinstance(found, int | float) and not isinstance(found, bool):
        return float(found)
    return None


def moment(thing: Any, *path: str) -> float | None:
    """A time of the API, as in `2026-11-22T03:04:57Z`, as seconds since the epoch."""
    found = walk(thing, *path)
    if not isinstance(found, str):
        return None
    try:
        read = datetime.fromisoformat(found)
    except ValueError:
        return None
    return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).timestamp()


def ago(now: float, at: float | None) -> timedelta | None:
    """How long ago that was. What a clock that is ahead puts into the future was just now."""
    return None if at is None else span(max(0.0, now - at))


def ahead(now: float, at: float | None) -> timedelta | None:
    """How long until then; negative: it is past."""
    return None if at is None else span(at - now)


def span(seconds: float) -> timedelta | None:
    """None: longer than anything lasts, or no number."""
    if not -LONGEST_SECONDS < seconds < LONGEST_SECONDS:
        return None
    return timedelta(seconds=round(seconds, 3))


def condition_of(thing: Any, kind: str) -> Mapping[str, Any] | None:
    return next((c for c in items(thing, "status", "conditions") if c.get("type") == kind), None)


def holds(thing: Any, kind: str) -> bool | None:
    """Whether a condition is true. None: it is `Unknown`, or there is none."""
    return truth(text(condition_of(thing, kind), "status"))


def name_of(thing: Any) -> str:
    return text(thing, "metadata", "name")


def written_at(thing: Any) -> tuple[float, str] | None:
    """When it was written last, apart from its status, and under which name."""
    found = [
        (at, text(entry, "manager", most=128))
        for entry in items(thing, "metadata", "managedFields")
        if not text(entry, "subresource") and (at := moment(entry, "time")) is not None
    ]
    return max(found) if found else None
