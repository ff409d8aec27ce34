"""The level check: who is firing now, against what is believed. Messages are hints, this is truth.

A source that lists an alert we do not have has told us now (`new`); an alert of that source we hold
as firing and it no longer lists, twice in a row, is over (`gone`): one miss may be a race between
the list and a message on its way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from agent.core.view import View
from agent.model.alert import Alert, AlertStatus
from agent.model.incident import AlertState

MISSES_NEEDED = 2
SUPPRESSED = "suppressed"


class LevelReading(msgspec.Struct, frozen=True, kw_only=True):
    new: tuple[Alert, ...]
    gone: tuple[Alert, ...]
    misses: Mapping[str, int]
    """How often each alert was missing in a row; handed to the next reading."""


def compare(
    firing: Sequence[Alert], *, source: str, view: View, misses: Mapping[str, int], at: float
) -> LevelReading:
    """What one answer of one source group means. Every alert of `firing` has its fingerprint."""
    listed = {alert.identity for alert in firing}
    new = tuple(
        alert
        for alert in firing
        if alert.identity not in view.live and SUPPRESSED not in alert.flags
    )
    missing: dict[str, int] = {}
    gone: list[Alert] = []
    for identity, incident_id in view.live.items():
        if not identity.startswith(f"{source}/") or identity in listed:
            continue
        state = view.incidents[incident_id].alerts[identity]
        missing[identity] = misses.get(identity, 0) + 1
        if missing[identity] >= MISSES_NEEDED:
            gone.append(_over(identity, source, state, at))
            del missing[identity]
    return LevelReading(new=new, gone=tuple(gone), misses=missing)


def _over(identity: str, source: str, state: AlertState, at: float) -> Alert:
    return Alert(
        source=source,
        fingerprint=identity[len(source) + 1 :],
        status=AlertStatus.RESOLVED,
        labels=state.labels,
        annotations=state.annotations,
        starts_at=state.starts_at,
        ends_at=at,
        generator_url=state.generator_url,
        inferred=True,
    )
