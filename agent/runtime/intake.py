"""Signals become events: stamped with the time of arrival, cleaned, given their identity.

This is the door for text nobody here wrote (core/cleaning.py). A source has no clock, so a time of
0.0 in what it hands over means "when it arrived": for a start, that of the alert as it is known if
it is live, so that a sender without start times does not open a new episode with every repeat; for
a promised end, the resolve timeout from now on. An end that has passed says that the alert is over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from agent.core.blindness import sign_of
from agent.core.changed import about
from agent.core.cleaning import LONGEST_NAME, clean_alert, clean_text
from agent.core.fingerprint import fingerprint, message_key
from agent.core.view import View
from agent.model.alert import (
    Alert,
    AlertStatus,
    Alive,
    Change,
    Heartbeat,
    Measure,
    ReferenceAnswer,
    Scalar,
    Signal,
    SilenceList,
    SloReading,
    Telemetry,
)
from agent.model.event import (
    AlertReceived,
    ChangeReceived,
    Event,
    HeartbeatReceived,
    MeasureReceived,
    ReferenceAnswered,
    SilencesRead,
    SloRead,
    SourceChecked,
    TelemetryReceived,
)

LONGEST_WHAT = 1024
LONGEST_LINK = 2048
ARRIVAL = 0.0
RESOLVE_TIMEOUT_SECONDS = 300.0
"""As Alertmanager's `resolve_timeout`: for senders that promise no end."""


def event_of(signal: Signal, *, at: float, view: View) -> Event:
    """The event a signal is, arriving at `at`."""
    match signal:
        case Alert():
            alert = complete(signal, at=at, view=view)
            return AlertReceived(at=at, alert=alert, key=message_key(alert))
        case Heartbeat():
            return HeartbeatReceived(at=at, heartbeat=_clean_heartbeat(signal))
        case Measure():
            measure = msgspec.structs.replace(
                signal, product=_clean(signal.product), metric=_clean(signal.metric)
            )
            return MeasureReceived(at=at, measure=measure)
        case Telemetry():
            return TelemetryReceived(at=at, telemetry=_clean_telemetry(signal))
        case ReferenceAnswer():
            named = msgspec.structs.replace(
                signal,
                agent=_clean(signal.agent),
                probe=_clean(signal.probe),
                said=_clean(signal.said),
            )
            return ReferenceAnswered(at=at, answer=named)
        case SloReading():
            return SloRead(at=at, reading=signal)
        case Change():
            return ChangeReceived(at=at, change=about(_clean_change(signal), view)[0])
        case SilenceList():
            source = _clean(signal.source)
            return SilencesRead(at=at, source=source, silences=signal.silences)
        case Alive():
            return SourceChecked(at=at, source=_clean(signal.source), detail=_clean(signal.detail))


def events_of(signals: Sequence[Signal], *, at: float, view: View) -> list[Event]:
    """The events of all of them; a Watchdog is a sign of life besides, and a change may be about
    several things."""
    events: list[Event] = []
    for signal in signals:
        if isinstance(signal, Change):
            changed = about(_clean_change(signal), view)
            events += [ChangeReceived(at=at, change=each) for each in changed]
            continue
        event = event_of(signal, at=at, view=view)
        events.append(event)
        if isinstance(event, AlertReceived):
            sign = sign_of(event.alert, view, at=at)
            if sign is not None:
                events.append(sign)
    return events


def complete(alert: Alert, *, at: float, view: View) -> Alert:
    """The alert with what its sender left out: fingerprint, times, and that it is over."""
    alert = clean_alert(alert)
    changed: dict[str, object] = {}
    if not alert.fingerprint:
        changed["fingerprint"] = fingerprint(alert.labels)
    source = _clean(alert.source)
    if source != alert.source:
        changed["source"] = source
    if changed:
        alert = msgspec.structs.replace(alert, **changed)
    return _timed(alert, at=at, view=view)


def _timed(alert: Alert, *, at: float, view: View) -> Alert:
    changed: dict[str, object] = {}
    status, ends_at = alert.status, alert.ends_at
    if alert.expires_at is not None:
        expires_at = (
            at + RESOLVE_TIMEOUT_SECONDS if alert.expires_at == ARRIVAL else alert.expires_at
        )
        changed["expires_at"] = expires_at
        if status is AlertStatus.FIRING and expires_at <= at:
            status, ends_at = AlertStatus.RESOLVED, expires_at
            changed |= {"status": status, "ends_at": ends_at, "expires_at": None}
    if status is AlertStatus.RESOLVED and ends_at in (None, ARRIVAL):
        ends_at = at
        changed["ends_at"] = at
    if alert.starts_at == ARRIVAL:
        changed["starts_at"] = _known_start(alert, view) or min(at, ends_at or at)
    return msgspec.structs.replace(alert, **changed) if changed else alert


def _known_start(alert: Alert, view: View) -> float | None:
    incident = view.incidents.get(view.live.get(alert.identity, ""))
    return incident.alerts[alert.identity].starts_at if incident is not None else None


def _clean(text: str) -> str:
    return clean_text(text, longest=LONGEST_NAME)[0]


def _clean_detail(detail: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
    return {
        _clean(name): _clean(value) if isinstance(value, str) else value
        for name, value in detail.items()
    }


def _clean_heartbeat(beat: Heartbeat) -> Heartbeat:
    return msgspec.structs.replace(
        beat,
        agent=_clean(beat.agent),
        detail=_clean_detail(beat.detail),
        boot=_clean(beat.boot),
        version=_clean(beat.version),
        config_hash=_clean(beat.config_hash),
        faults=tuple(map(_clean, beat.faults)),
    )


def _clean_telemetry(told: Telemetry) -> Telemetry:
    return msgspec.structs.replace(
        told,
        agent=_clean(told.agent),
        boot=_clean(told.boot),
        source=_clean(told.source),
        detail=_clean_detail(told.detail),
        faults=tuple(map(_clean, told.faults)),
    )


def _clean_change(change: Change) -> Change:
    return msgspec.structs.replace(
        change,
        product=_clean(change.product),
        entity=_clean(change.entity),
        what=clean_text(change.what, longest=LONGEST_WHAT)[0],
        by=_clean(change.by),
        version=_clean(change.version),
        before=_clean(change.before),
        link=_link(change.link),
        id=_clean(change.id),
    )


def _link(text: str) -> str:
    """A link that is cut leads elsewhere, and one of another scheme does something else."""
    is_one = text.startswith(("https://", "http://")) and len(text) <= LONGEST_LINK
    return text if is_one and clean_text(text, longest=LONGEST_LINK)[1] is None else ""
