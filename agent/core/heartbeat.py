"""Machinery layer: a sub-agent that dies or falls silent becomes an alert like any other.

A heartbeat moves the agent's silence timer; a last will, or the timer, raises `AgentSilent`; the
next beat resolves it. From there on it is an incident with its owner, and nothing here is special.
"""

from __future__ import annotations

from agent.core.own_alert import own_alert
from agent.core.view import View
from agent.model.alert import Layer
from agent.model.decision import Decision, JournalEntry, Record, Timer
from agent.model.event import AlertReceived, HeartbeatReceived
from agent.model.reason import Reason
from agent.model.records import AgentSigns

TIMER = "silence"


def subject_of(agent: str) -> str:
    return f"agent:{agent}"


def _deadline(agent: str, view: View) -> float | None:
    entity = view.registry.entities.get(agent)
    if entity is None or entity.heartbeat_seconds is None:
        return None
    return entity.heartbeat_seconds * view.policy.missed_heartbeats


def watch(agent: str, view: View, *, at: float) -> Timer | None:
    """The timer of an agent that is declared but was not heard of yet."""
    allowed = _deadline(agent, view)
    if allowed is None:
        return None
    return Timer(subject=subject_of(agent), name=TIMER, due=at + allowed)


def take_heartbeat(event: HeartbeatReceived, view: View) -> Decision:
    beat, at = event.heartbeat, event.at
    known = view.agents.get(beat.agent)
    since = known.firing_since if known else None
    allowed = _deadline(beat.agent, view)
    emits: tuple[AlertReceived, ...] = ()
    journal: tuple[JournalEntry, ...] = ()
    if beat.alive and since is not None:
        emits = (_alert(beat.agent, view, at=at, since=since, ended=True, why=""),)
        journal = (_line(beat.agent, at, Reason.AGENT_BACK),)
        since = None
    elif not beat.alive and since is None:
        since = at
        why = Reason.AGENT_DEAD.sentence
        emits = (_alert(beat.agent, view, at=at, since=at, ended=False, why=why),)
        journal = (_line(beat.agent, at, Reason.AGENT_DEAD),)
    signs = AgentSigns(
        agent=beat.agent,
        last_at=at,
        alive=beat.alive,
        firing_since=since,
        beats=(known.beats if known else 0) + (1 if beat.alive else 0),
        detail=beat.detail,
    )
    due = at + allowed if allowed is not None and beat.alive else None
    return Decision(
        records=(Record(kind="agent", key=beat.agent, body=signs),),
        timers=(Timer(subject=subject_of(beat.agent), name=TIMER, due=due),),
        emits=emits,
        journal=journal,
    )


def fall_silent(agent: str, view: View, *, at: float) -> Decision:
    """The silence timer ran out."""
    known = view.agents.get(agent)
    allowed = _deadline(agent, view)
    if (known is not None and known.firing_since is not None) or allowed is None:
        return Decision()
    if known is not None and known.alive and at < known.last_at + allowed:
        # A beat came in while the timer was on its way: it stands again, and nobody is silent.
        due = known.last_at + allowed
        return Decision(timers=(Timer(subject=subject_of(agent), name=TIMER, due=due),))
    signs = AgentSigns(
        agent=agent,
        last_at=known.last_at if known else 0.0,
        alive=False,
        firing_since=at,
        beats=known.beats if known else 0,
        detail=known.detail if known else {},
    )
    heard = f"last heard {at - known.last_at:.0f} s ago" if known else "never heard of"
    why = f"{Reason.AGENT_SILENT.sentence}, {heard}"
    return Decision(
        records=(Record(kind="agent", key=agent, body=signs),),
        emits=(_alert(agent, view, at=at, since=at, ended=False, why=why),),
        journal=(_line(agent, at, Reason.AGENT_SILENT),),
    )


def _line(agent: str, at: float, reason: Reason) -> JournalEntry:
    return JournalEntry(at=at, subject=subject_of(agent), kind="heartbeat", reason=reason)


def _alert(
    agent: str, view: View, *, at: float, since: float, ended: bool, why: str
) -> AlertReceived:
    entity = view.registry.entities.get(agent)
    labels = {
        "alertname": "AgentSilent",
        "agent": agent,
        "layer": Layer.MACHINERY.value,
        "severity": "warning",
    }
    if entity is not None and entity.product:
        labels["product"] = entity.product
    said = {"summary": f"{agent}: {why}"} if why else {}
    return own_alert(labels, at=at, since=since, ended=ended, annotations=said)
