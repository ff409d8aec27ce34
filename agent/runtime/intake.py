"""Signals become events: stamped with the time of arrival, cleaned, given their identity.

This is the door for text nobody here wrote (core/cleaning.py). A sender without a clock of its own
in the message gets ours; one whose `endsAt` has passed has said that the alert is over.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agent.core.cleaning import clean_alert
from agent.core.fingerprint import fingerprint, message_key
from agent.model.alert import Alert, AlertStatus, Change, Heartbeat, Measure, Signal
from agent.model.event import (
    AlertReceived,
    ChangeReceived,
    Event,
    HeartbeatReceived,
    MeasureReceived,
)


def event_of(signal: Signal, *, at: float) -> Event:
    """The event a signal is, arriving at `at`."""
    match signal:
        case Alert():
            alert = complete(signal, at=at)
            return AlertReceived(at=at, alert=alert, key=message_key(alert))
        case Heartbeat():
            return HeartbeatReceived(at=at, heartbeat=signal)
        case Measure():
            return MeasureReceived(at=at, measure=signal)
        case Change():
            return ChangeReceived(at=at, change=signal)


def events_of(signals: Sequence[Signal], *, at: float) -> list[Event]:
    return [event_of(signal, at=at) for signal in signals]


def complete(alert: Alert, *, at: float) -> Alert:
    """The alert with what its sender left out: fingerprint, start, and that it is over."""
    alert = clean_alert(alert)
    changed: dict[str, object] = {}
    if not alert.fingerprint:
        changed["fingerprint"] = fingerprint(alert.labels)
    if alert.starts_at == 0.0:
        changed["starts_at"] = at
    over = alert.expires_at is not None and alert.expires_at <= at
    if alert.status is AlertStatus.FIRING and over:
        changed |= {
            "status": AlertStatus.RESOLVED,
            "ends_at": alert.expires_at,
            "expires_at": None,
        }
    return msgspec.structs.replace(alert, **changed) if changed else alert
