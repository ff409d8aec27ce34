"""Which way an alert message goes: a repeat that only counts, a late one, or one to decide about.

A live alert is recognised in memory, so that a storm of repeats costs a counter each. What is not
live is looked up in the store (`Recalled`) before the batch is decided.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agent.core.grouping import key_of
from agent.core.receiving import late, only_counted, reopens
from agent.core.resolving import take_late_end
from agent.core.view import View
from agent.model.alert import AlertStatus
from agent.model.decision import Decision, LedgerEntry
from agent.model.event import AlertReceived
from agent.model.incident import AlertState, Incident
from agent.model.reason import Reason
from agent.ports.store import Episode


class Fold(StrEnum):
    REPEAT = "repeat"
    COUNT = "count"
    DECIDE = "decide"


class Recalled(msgspec.Struct):
    """What the store knows of this batch's alerts, kept up with the batch's own decisions."""

    entries: dict[str, LedgerEntry]
    episodes: dict[str, Episode]
    closed: dict[str, Incident]

    def remember(self, entry: LedgerEntry) -> None:
        self.entries[entry.key] = entry
        known = self.episodes.get(entry.identity)
        rank = (entry.starts_at, entry.status == AlertStatus.RESOLVED.value)
        if known is None or rank >= (known.starts_at, known.status == AlertStatus.RESOLVED.value):
            self.episodes[entry.identity] = Episode(
                identity=entry.identity,
                starts_at=entry.starts_at,
                status=entry.status,
                incident_id=entry.incident_id,
            )


Folded = tuple[Fold, Incident | None, Decision]
NOTHING = Decision()


def fold(event: AlertReceived, view: View, recalled: Recalled) -> Folded:
    """The way of one message, with the incident it is decided against."""
    alert = event.alert
    live = view.live.get(alert.identity)
    if live is not None:
        incident = view.incidents[live]
        if _says_nothing_new(event, incident.alerts[alert.identity]):
            return Fold.REPEAT, None, NOTHING
        return Fold.DECIDE, incident, NOTHING
    entry = recalled.entries.get(event.key)
    if entry is not None:
        return _seen_before(event, entry, view, recalled)
    return _never_seen(event, view, recalled)


def _says_nothing_new(event: AlertReceived, known: AlertState) -> bool:
    alert = event.alert
    if alert.status is not AlertStatus.FIRING or alert.starts_at != known.starts_at:
        return False
    if alert.expires_at is None or known.expires_at is None:
        return alert.expires_at == known.expires_at or alert.expires_at is None
    # The promise to repeat is renewed once half of it is used up, not with every message.
    return known.expires_at - event.at > 0.5 * (alert.expires_at - event.at)


def _seen_before(
    event: AlertReceived, entry: LedgerEntry, view: View, recalled: Recalled
) -> Folded:
    if event.alert.status is AlertStatus.RESOLVED or entry.incident_id is None:
        return Fold.REPEAT, None, NOTHING
    still_open = view.incidents.get(entry.incident_id)
    if still_open is not None:
        known = still_open.alerts.get(event.alert.identity)
        if known is not None and known.inferred:
            return Fold.DECIDE, still_open, NOTHING  # the inference was wrong: it fires again
        return Fold.REPEAT, None, NOTHING
    if reopens(recalled.closed.get(entry.incident_id), event):
        return Fold.DECIDE, _group(event, view), NOTHING
    return Fold.REPEAT, None, NOTHING


def _never_seen(event: AlertReceived, view: View, recalled: Recalled) -> Folded:
    alert = event.alert
    episode = recalled.episodes.get(alert.identity)
    if episode is not None:
        its = view.incidents.get(episode.incident_id or "")
        if its is not None and alert.identity in its.alerts:
            return Fold.DECIDE, its, NOTHING
        if late(event, known_starts_at=episode.starts_at, known_status=episode.status):
            ended = alert.status is AlertStatus.RESOLVED and alert.starts_at == episode.starts_at
            reason = Reason.RESOLUTION_OF_KNOWN if ended else Reason.OLDER_THAN_KNOWN
            counted = only_counted(event, reason=reason)
            if not ended:
                return Fold.COUNT, None, counted
            closed = recalled.closed.get(episode.incident_id or "")
            return Fold.COUNT, None, counted.also(take_late_end(event, closed, view))
    if alert.status is AlertStatus.RESOLVED:
        counted = only_counted(event, reason=Reason.RESOLVED_BEFORE_SEEN)
        return Fold.COUNT, None, counted
    return Fold.DECIDE, _group(event, view), NOTHING


def _group(event: AlertReceived, view: View) -> Incident | None:
    key, _ = key_of(event.alert, view)
    return view.incidents.get(view.by_key.get(key, ""))
