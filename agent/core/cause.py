"""Cause chain: an incident right after an act of the agent's may be that act's doing.

Which of two things that happen one after the other caused the other nobody can know for certain.
So the nearest act of the agent is taken for the cause: on the same thing, on something it depends
on, or on something that depends on it. Who takes too much for its own doing stops too early and
tells a person; who takes too little goes round in circles.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agent.core import breaker
from agent.core.receiving import is_just_opened
from agent.core.trials import mark_relapsed
from agent.core.turn import Todo, Turn
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.product import Registry
from agent.model.reason import Reason
from agent.model.records import Act


def find_cause(turn: Turn) -> Turn:
    """The stage: which act of the agent is taken for the cause of an incident that opens."""
    if turn.todo is not Todo.MATCH or not is_just_opened(turn):
        return turn
    act = _nearest(turn)
    if act is None:
        return turn
    chain = act.chain + 1
    text = f"{act.use} on {act.target} for {act.incident_id}, {turn.at - act.at:.0f} s before"
    turn = turn.change(caused_by=act.incident_id, chain=chain)
    return turn.note("cause", Reason.CAUSE_CHAIN, text[:300], data={"chain": chain})


def _nearest(turn: Turn) -> Act | None:
    case, view = turn.case, turn.view
    about = case.entity or case.product
    if about is None:
        return None
    within = view.policy.rails.chain_seconds
    near = [
        act
        for act in view.lately.values()
        if _happened(act)
        and act.incident_id != case.id
        and turn.at - (act.ended_at or act.at) <= within
        and is_next_to(view.registry, act.entity, about)
    ]
    return max(near, key=lambda act: (act.at, act.key), default=None)


def _happened(act: Act) -> bool:
    """Whether it may have happened. What the rails refused at the last moment did not."""
    return act.by == "agent" and act.status is not OutcomeStatus.REFUSED


def is_next_to(registry: Registry, one: str, other: str) -> bool:
    """Whether they are the same, or one of them depends on the other in one step."""
    return one == other or _depends(registry, one, other) or _depends(registry, other, one)


def _depends(registry: Registry, name: str, on: str) -> bool:
    entity = registry.entities.get(name)
    if entity is not None:
        return on in entity.depends_on
    product = registry.products.get(name)
    if product is None:
        return False
    part = registry.entities.get(on)
    return on in product.depends_on or (part is not None and part.product == name)


def take_relapse(turn: Turn) -> Turn:
    """The stage after the match: the runbook that is chosen healed the same thing shortly before
    the incident opened. It did not, then: the acts that held are marked, and count as what did not
    help."""
    runbook = turn.case.runbook
    if turn.todo is not Todo.DIAGNOSE or runbook is None:
        return turn
    held = _held_lately(turn)
    if not held:
        return turn
    for act in held:
        turn = _mark(turn, msgspec.structs.replace(act, relapsed=True))
    turn = mark_relapsed(turn, runbook, {act.incident_id for act in held})
    for use in dict.fromkeys(act.use for act in held):
        turn = breaker.take_relapse(turn, runbook, use)
    last = max(held, key=lambda act: act.judged_at or act.at)
    ago = turn.at - (last.judged_at or last.at)
    text = f"{last.runbook} healed it in {last.incident_id}, {ago:.0f} s before"
    return turn.note("relapsed", Reason.RELAPSED, text, data={"incident": last.incident_id})


def _mark(turn: Turn, act: Act) -> Turn:
    """Records it, and lets the rest of the turn see it: the rails are asked next."""
    known = turn.view.acts.get(act.target, ())
    acts = tuple(act if a.key == act.key else a for a in known)
    view = msgspec.structs.replace(turn.view, acts={**turn.view.acts, act.target: acts})
    return msgspec.structs.replace(turn.record("act", act.key, act), view=view)


def _held_lately(turn: Turn) -> list[Act]:
    case, within = turn.case, turn.view.policy.rails.relapse_seconds
    return [
        act
        for act in _about(turn)
        if act.by == "agent"
        and not act.is_rollback
        and not act.relapsed
        and act.runbook == case.runbook
        and act.incident_id != case.id
        and act.verdict is Verdict.HELD
        and act.judged_at is not None
        and act.judged_at <= case.opened_at <= act.judged_at + within
    ]


def _about(turn: Turn) -> Iterable[Act]:
    """Acts on what the incident is about, each once: on its target, on its entity, and on what
    belongs to that. Where it is about one object of an entity, those on its other objects healed
    something else."""
    case, view = turn.case, turn.view
    if case.target is not None:
        return view.acts.get(case.target, ())
    if case.entity is None:
        return ()
    on_parts = (act for act in view.lately.values() if act.entity == case.entity)
    found = {act.key: act for act in (*view.acts.get(case.entity, ()), *on_parts)}
    return found.values()
