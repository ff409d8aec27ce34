"""A notifier that refuses for good (a bad token) is told to the platform: by the other channels.

It is an alert like any other, so that it is acknowledged, kept in the ledger and never sent twice:
one per channel, until that channel works again.
"""

from __future__ import annotations

from agent.core.own_alert import identity_of, own_alert
from agent.core.reaching import LAST_RESORT
from agent.core.turn import Turn
from agent.model.command import Command
from agent.model.incident import Incident

ALERT = "NotifierBroken"


def avoided(case: Incident) -> frozenset[str]:
    """Channels this incident is about: nobody is told of them by way of themselves."""
    if not case.title.startswith(ALERT):
        return frozenset()
    return frozenset(a.labels.get("channel", "") for a in case.alerts.values() if a.name == ALERT)


def report(turn: Turn, command: Command, why: str) -> Turn:
    """The channel refused for good. Nothing is said where that is known, or where it is gone."""
    channel = str(command.params["channel"])
    is_there = any(c.id == channel for known in turn.view.channels.values() for c in known)
    labels = _labels(channel, command.use)
    if not is_there or command.use == LAST_RESORT or identity_of(labels) in turn.view.live:
        return turn
    summary = f"channel {channel} ({command.use}) refuses pages: {why}"[:500]
    return turn.emit(
        own_alert(labels, at=turn.at, since=turn.at, ended=False, annotations={"summary": summary})
    )


def works_again(turn: Turn, command: Command) -> Turn:
    """The channel took a message: what was said about it is over."""
    labels = _labels(str(command.params["channel"]), command.use)
    identity = identity_of(labels)
    case = turn.view.incidents.get(turn.view.live.get(identity, ""))
    if case is None or identity not in case.alerts:
        return turn
    since = case.alerts[identity].starts_at
    return turn.emit(own_alert(labels, at=turn.at, since=since, ended=True))


def _labels(channel: str, use: str) -> dict[str, str]:
    return {"alertname": ALERT, "channel": channel, "use": use, "severity": "warning"}
