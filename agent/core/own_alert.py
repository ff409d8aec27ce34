"""What the agent says of itself: an alert like any other, and so acknowledged, kept and counted."""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.fingerprint import fingerprint, message_key
from agent.model.alert import Alert, AlertStatus
from agent.model.event import AlertReceived
from agent.model.incident import Incident

OURSELVES = "homeostat"
"""Source of these alerts, whose labels are chosen and not found; and of silences set here."""


def identity_of(labels: Mapping[str, str]) -> str:
    """Identity of the alert with these labels, as `Alert.identity`."""
    return f"{OURSELVES}/{fingerprint(labels)}"


def own_alert(
    labels: Mapping[str, str],
    *,
    at: float,
    since: float,
    ended: bool,
    annotations: Mapping[str, str] | None = None,
) -> AlertReceived:
    """It fires since then, or has ended now; received at `at` (seconds since the epoch)."""
    alert = Alert(
        source=OURSELVES,
        fingerprint=fingerprint(labels),
        status=AlertStatus.RESOLVED if ended else AlertStatus.FIRING,
        labels=labels,
        annotations=annotations or {},
        starts_at=since,
        ends_at=at if ended else None,
    )
    return AlertReceived(at=at, alert=alert, key=message_key(alert))


RUNBOOK_SUSPENDED = "RunbookSuspended"
ADVISES_ONLY = "AgentAdvisesOnly"
BURN_NOTHING = frozenset({RUNBOOK_SUSPENDED, ADVISES_ONLY})


def burns_nothing(incident: Incident) -> bool:
    """Whether it only says what the agent may not do any more: nothing burns because of that, so it
    hits nothing, has no common cause with what does, and no other page speaks for it."""
    return bool(incident.alerts) and all(
        state.name in BURN_NOTHING and state.identity.startswith(f"{OURSELVES}/")
        for state in incident.alerts.values()
    )
