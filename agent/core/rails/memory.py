"""What was learned from what was done before: remedies that do not help, things that come and go,
acts that lead to acts, and acts that take each other back."""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.approval import fingerprint_of, params_of
from agent.core.breaker import Position, key_of, position, who_tries
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.model.effect import OutcomeStatus
from agent.model.policy import PluginFacts
from agent.model.reason import Reason
from agent.model.records import Act

LONGEST = 200


@rail(
    id="breaker_open",
    reads=("breakers", "policy", "incidents"),
    reasons=(Reason.BREAKER_OPEN,),
    default="3 in a row or more than 50 % of 10: 30 min, then one try",
)
def breaker_open(q: Question) -> Stop | None:
    """A remedy that did not help lately is left alone for a while, and then tried by one."""
    breaker = q.view.breakers.get(key_of(q.incident.runbook or "", q.use))
    if breaker is None or breaker.opened_at is None:
        return None
    rails = q.view.policy.rails
    now = position(breaker, rails, q.at)
    if now is Position.OPEN:
        left = breaker.opened_at + rails.breaker_open_seconds - q.at
        text = f"{q.incident.runbook} {q.use}: one may try in {left:.0f} s"
        return Stop(reason=Reason.BREAKER_OPEN, text=text[:LONGEST])
    if now is not Position.HALF_OPEN:
        return None
    other = who_tries(breaker, q.view)
    if other is not None and other != q.incident.id:
        text = f"{q.incident.runbook} {q.use}: {other} has the one try"
        return Stop(reason=Reason.BREAKER_OPEN, text=text[:LONGEST])
    return None


@rail(
    id="breaker_locked",
    reads=("breakers",),
    reasons=(Reason.BREAKER_LOCKED,),
    default="2 openings within 24 h",
)
def breaker_locked(q: Question) -> Stop | None:
    """A remedy whose breaker opened again and again waits for a person who looked at why."""
    key = key_of(q.incident.runbook or "", q.use)
    breaker = q.view.breakers.get(key)
    if breaker is None or not breaker.locked:
        return None
    text = f"{key}; homeostat breakers reset {key!r} --why ..."
    return Stop(reason=Reason.BREAKER_LOCKED, text=text[:LONGEST])


@rail(id="flapping", reads=(), reasons=(Reason.FLAPPING,), default="5 turns in 30 min")
def flapping(q: Question) -> Stop | None:
    """What comes and goes is left alone: an act may be a part of what drives it."""
    return Stop(reason=Reason.FLAPPING) if q.incident.is_flapping else None


@rail(
    id="cause_chain",
    reads=("incidents", "policy"),
    reasons=(Reason.CAUSE_CHAIN,),
    default="3 acts deep, 30 min apart",
)
def cause_chain(q: Question) -> Stop | None:
    """Where one act of the agent's leads to the next, it stops before it goes round for ever."""
    case, deepest = q.incident, q.view.policy.rails.chain_depth
    if case.chain > deepest:
        text = f"{case.chain} acts deep; the last one was for {case.caused_by}"
        return Stop(reason=Reason.CAUSE_CHAIN, text=text)
    if case.chain < deepest:
        return None
    # The one that led too far is stopped together with what it led to.
    led_to = next((i.id for i in q.view.incidents.values() if i.caused_by == case.id), None)
    if led_to is None:
        return None
    return Stop(reason=Reason.CAUSE_CHAIN, text=f"its own act led to {led_to}")


@rail(
    id="reversal",
    reads=("acts", "plugins", "policy"),
    reasons=(Reason.REVERSAL,),
    default="30 min",
)
def reversal(q: Question) -> Stop | None:
    """Two runbooks that pull one target in opposite ways are in conflict, and neither goes on."""
    within = q.view.policy.rails.reversal_seconds
    others = [a for a in q.view.acts.get(q.target or "", ()) if _counts(a, q, within)]
    if not others:
        return None
    mine = fingerprint_of(q.use, params_of(q.incident, q.runbook, q.facts, q.params))
    for act in reversed(others):
        is_again = act.use == q.use and bool(act.params) and act.params != mine
        if is_again or _undoes(q.view.plugins, act.use, q.use):
            how = "with other parameters " if is_again else ""
            text = f"{act.runbook} did {act.use} {how}{q.at - act.at:.0f} s ago, for "
            return Stop(reason=Reason.REVERSAL, text=f"{text}{act.incident_id}"[:LONGEST])
    return None


def _counts(act: Act, q: Question, within: float) -> bool:
    """Whether it is an act of another runbook for another incident, and may have happened. The way
    back of a plan takes its own act back: that is no conflict."""
    return (
        act.by == "agent"
        and not act.is_rollback
        and act.status is not OutcomeStatus.REFUSED
        and act.incident_id != q.incident.id
        and act.runbook != q.incident.runbook
        and q.at - (act.ended_at or act.at) <= within
    )


def _undoes(plugins: Mapping[str, PluginFacts], one: str, other: str) -> bool:
    """Whether one of the two actions takes the other back. One that is taken back by itself says
    so by its parameters."""
    if one == other:
        return False
    first, second = plugins.get(one), plugins.get(other)
    return (first is not None and first.undone_by == other) or (
        second is not None and second.undone_by == one
    )
