"""Events of a cluster: what it told about objects, of either API version, repeats counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from agent.ports.cluster import Json
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_walking import moment, text, whole

LONGEST = 300
MOST_REASONS = 10
MOST_REPEATS = 1_000_000
NODE_NAMESPACE = "default"
"""Where events about what is in no namespace are kept."""


class Event(NamedTuple):
    reason: str
    message: str
    at: float
    """When it happened last; seconds since the epoch."""
    times: int
    is_warning: bool

    @property
    def text(self) -> str:
        return (f"{self.reason}: {self.message}" if self.message else self.reason)[:LONGEST]


def event_of(thing: Json) -> Event | None:
    """None: when it happened is not told."""
    times = (
        moment(thing, "series", "lastObservedTime"),
        moment(thing, "lastTimestamp"),
        moment(thing, "eventTime"),
        moment(thing, "firstTimestamp"),
        moment(thing, "metadata", "creationTimestamp"),
    )
    at = next((t for t in times if t is not None), None)
    if at is None:
        return None
    count = whole(thing, "series", "count") or whole(thing, "count") or 1
    return Event(
        reason=text(thing, "reason", most=80),
        message=text(thing, "message") or text(thing, "note"),
        at=at,
        times=min(max(count, 1), MOST_REPEATS),
        is_warning=text(thing, "type") == "Warning",
    )


def events_about(
    found: Iterable[Json], refs: Iterable[tuple[Ref, str]], *, since: float
) -> tuple[Event, ...]:
    """Those about one of these objects (with their UIDs), oldest first. Another object that had the
    same name is another one; where either UID is not told, the name counts."""
    wanted = {(ref.kind, ref.name): uid for ref, uid in refs}
    told = [event_of(each) for each in found if _is_about(each, wanted)]
    known = [event for event in told if event is not None and event.at >= since]
    return tuple(sorted(known, key=lambda event: event.at))


def _is_about(thing: Json, wanted: dict[tuple[str, str], str]) -> bool:
    about = "involvedObject" if "involvedObject" in thing else "regarding"
    key = (text(thing, about, "kind").lower(), text(thing, about, "name"))
    if key not in wanted:
        return False
    uid = text(thing, about, "uid", most=100)
    # Events about nodes carry the name of the node where its UID should be.
    return not uid or not wanted[key] or uid == wanted[key] or uid == key[1]


def reasons_of(events: Iterable[Event]) -> tuple[str, ...]:
    """Most frequent first."""
    counted: Counter[str] = Counter()
    for event in events:
        counted[event.reason] += event.times
    return tuple(reason for reason, _ in counted.most_common(MOST_REASONS) if reason)
