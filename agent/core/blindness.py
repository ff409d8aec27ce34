"""Blind: a source that fell silent. Its alarms would not be heard, so people are told of that, and
what its alerts say is not acted on until it is heard again.

A source is one of: what is asked who is firing (`GROUP@WHERE`, alive while it answers), what holds
a connection (`GROUP@WHERE`), and a Watchdog, the alert that always fires (`watchdog:GROUP`), which
goes all the way from the rules through whatever sends: nothing else shows that this way is open.
What is asked counts from the start, the others once they were heard.

After a restart nothing is blind before the time has passed anew: what was said while nobody
listened was not heard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import msgspec

from agent.core.own_alert import own_alert
from agent.core.view import View
from agent.model.alert import Alert, AlertStatus, Layer
from agent.model.decision import (
    Decision,
    JournalEntry,
    LedgerEntry,
    LedgerState,
    Record,
    Timer,
)
from agent.model.event import AlertReceived, SourceChecked
from agent.model.incident import Incident
from agent.model.reason import Reason
from agent.model.records import SourceSigns

TIMER = "blind"
WATCHDOG = "watchdog:"
REMEDY = (
    "Its alerts would not be heard, and nothing is done about what it said last. See that it runs "
    "and can be reached; a Watchdog has to be repeated more often than `blind` of the rails."
)
SIGN_SECONDS = 15.0
SIGN_PART = 4.0
"""Signs of life that come more often than the first are not written down, nor those that come more
often than so many times in the time a source may be silent."""


def subject_of(source: str) -> str:
    return f"source:{source}"


def group_of(source: str) -> str:
    """The group of alerts that is not heard while this source is silent."""
    if source.startswith(WATCHDOG):
        return source.removeprefix(WATCHDOG)
    return source.partition("@")[0]


def is_watchdog(alert: Alert, view: View) -> bool:
    return bool(alert.name) and alert.name == view.policy.rails.watchdog


def absorb_watchdog(event: AlertReceived) -> Decision:
    """It gets its line in the ledger, and opens no incident."""
    alert = event.alert
    entry = LedgerEntry(
        key=event.key,
        identity=alert.identity,
        status=alert.status.value,
        starts_at=alert.starts_at,
        ends_at=alert.ends_at,
        incident_id=None,
        state=LedgerState.ABSORBED,
        reason=Reason.WATCHDOG,
        at=event.at,
        name=alert.name,
    )
    return Decision(entries=(entry,))


def sign_of(alert: Alert, view: View, *, at: float) -> SourceChecked | None:
    """What an alert says of its source, besides what it says: a Watchdog that fires is a sign of
    life each time it comes, though as a message it is only a repeat."""
    if alert.status is not AlertStatus.FIRING or not is_watchdog(alert, view):
        return None
    return SourceChecked(at=at, source=f"{WATCHDOG}{alert.source}")


def silent_sources(incident: Incident, view: View) -> Iterator[str]:
    """Sources that fell silent, of those that the firing alerts of the incident come from."""
    groups = {
        a.identity.rpartition("/")[0]
        for a in incident.alerts.values()
        if a.status is AlertStatus.FIRING
    }
    for name, signs in view.sources.items():
        if signs.firing_since is not None and group_of(name) in groups:
            yield name


def watch(asked: Collection[str], listening: Collection[str], view: View, *, at: float) -> Decision:
    """At the start: what is asked is expected to answer from now on, what was heard before to be
    heard again, and what is not configured any more is not missed. `asked` and `listening` are the
    names of what is configured."""
    due = at + view.policy.rails.blind_seconds
    heard = [n for n in view.sources if n in listening or n.startswith(WATCHDOG)]
    expected = dict.fromkeys((*sorted(asked), *heard))
    gone = [n for n in view.sources if n not in expected]
    timers = [Timer(subject=subject_of(n), name=TIMER, due=due) for n in expected]
    timers += [Timer(subject=subject_of(n), name=TIMER, due=None) for n in gone]
    ended = [
        _alert(name, at=at, since=since, ended=True, why="")
        for name in gone
        if (since := view.sources[name].firing_since) is not None
    ]
    return Decision(
        timers=tuple(timers),
        records=tuple(Record(kind="source", key=n, body=None) for n in gone),
        emits=tuple(ended),
    )


def take_check(event: SourceChecked, view: View) -> Decision:
    """A source gave a sign of life."""
    at, name = event.at, event.source
    known = view.sources.get(name)
    since = known.firing_since if known is not None else None
    allowed = view.policy.rails.blind_seconds
    every = min(SIGN_SECONDS, allowed / SIGN_PART)
    if known is not None and since is None and 0.0 <= at - known.last_at < every:
        return Decision()
    emits: tuple[AlertReceived, ...] = ()
    journal: tuple[JournalEntry, ...] = ()
    if since is not None:
        emits = (_alert(name, at=at, since=since, ended=True, why=""),)
        journal = (_line(name, at, Reason.SOURCE_BACK),)
    signs = SourceSigns(source=name, last_at=at, detail=event.detail)
    return Decision(
        records=(Record(kind="source", key=name, body=signs),),
        timers=(Timer(subject=subject_of(name), name=TIMER, due=at + allowed),),
        emits=emits,
        journal=journal,
    )


def go_blind(source: str, view: View, *, at: float) -> Decision:
    """The timer: it gave none for too long."""
    known = view.sources.get(source)
    allowed = view.policy.rails.blind_seconds
    if known is not None and known.firing_since is not None:
        return Decision()
    if known is not None and at < known.last_at + allowed:
        due = known.last_at + allowed  # it was heard while the timer was on its way
        return Decision(timers=(Timer(subject=subject_of(source), name=TIMER, due=due),))
    heard = f"last heard {at - known.last_at:.0f} s ago" if known is not None else "never heard"
    why = f"{Reason.SOURCE_SILENT.sentence}, {heard}"
    signs = SourceSigns(source=source, last_at=0.0)
    signs = msgspec.structs.replace(known or signs, firing_since=at)
    return Decision(
        records=(Record(kind="source", key=source, body=signs),),
        emits=(_alert(source, at=at, since=at, ended=False, why=why),),
        journal=(_line(source, at, Reason.SOURCE_SILENT, heard),),
    )


def _line(source: str, at: float, reason: Reason, text: str = "") -> JournalEntry:
    return JournalEntry(at=at, subject=subject_of(source), kind="source", reason=reason, text=text)


def _alert(source: str, *, at: float, since: float, ended: bool, why: str) -> AlertReceived:
    labels: Mapping[str, str] = {
        "alertname": "SourceSilent",
        "source": source,
        "layer": Layer.MACHINERY.value,
        "severity": "critical",
    }
    said = {} if ended else {"summary": f"{source}: {why}", "description": REMEDY}
    return own_alert(labels, at=at, since=since, ended=ended, annotations=said)
