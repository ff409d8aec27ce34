"""Harm that did not come about, kept to be learned from.

A guard that stopped an act which nobody did afterwards, and it ended well all the same: the act was
not needed, and the guard was right. A runbook in shadow that would have done what people did not
do: so it would be in force. What only waited for a rail that lets go by itself, and what could not
be done at all (no plugin, no target), says nothing of the kind.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agent.core.facts import facts_of, resolve_params
from agent.core.guard import ASKS, RAIL_REASONS
from agent.core.plans import plan_of, target_of
from agent.core.turn import Turn
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.effect import OutcomeStatus
from agent.model.learning import (
    Credit,
    NearMissKind,
    NearMissRecord,
    Resolution,
    StoppedAct,
)
from agent.model.reason import Reason

KIND = "near_miss"
MOST_STOPS = 10
MOST_REMEMBERED = 5_000
LONGEST = 300
UNABLE = frozenset(
    {
        Reason.PLUGIN_MISSING,
        Reason.NOT_CONNECTED,
        Reason.EFFECT_OPAQUE,
        Reason.PRODUCT_UNKNOWN,
        Reason.OBJECT_UNKNOWN,
        Reason.TARGET_MISSING,
        Reason.TARGET_UNKNOWN,
        Reason.RUNBOOK_IN_SHADOW,
        Reason.RUNBOOK_NOT_RUNNABLE,
        Reason.RUNBOOK_NEEDS_APPROVAL,
        Reason.RUNBOOK_SUSPENDED,
    }
)
"""It could not have been done, or was not meant to be: no guard kept anything from happening."""
STOPS = RAIL_REASONS - ASKS - UNABLE
ENDED_WELL = frozenset(
    {
        Credit.CREDITED,
        Credit.NOTHING_DONE,
        Credit.BEFORE,
        Credit.TOO_LATE,
        Credit.UNTIMED,
    }
)
"""It went away and stayed away, so that what was not done was not needed."""


def keep_stops(turn: Turn) -> Turn:
    """The stage: an automatic act that a guard has just stopped is kept with the incident."""
    if turn.incident is None or turn.case.rollback_step is not None:
        return turn
    said = [e for e in turn.decision.journal if e.kind == "stopped" and e.reason in STOPS]
    found = plan_of(turn) if said else None
    if found is None:
        return turn
    runbook, plan = found
    if turn.case.step >= len(plan.steps):
        return turn
    call = plan.steps[turn.case.step]
    try:
        target = target_of(resolve_params(call.params, facts_of(turn)))
    except LookupError:
        target = None
    act = StoppedAct(
        at=turn.at,
        reason=said[-1].reason,
        text=said[-1].text[:LONGEST],
        runbook=runbook.name,
        plan=plan.name,
        use=call.use,
        target=target,
    )
    if any(_same(act, known) for known in turn.case.stopped):
        return turn
    return turn.change(stopped=(*turn.case.stopped, act)[-MOST_STOPS:])


def keep_with_end(turn: Turn) -> Turn:
    """The stage after the end was kept: what was stopped, and what nobody did afterwards, goes with
    it."""
    if turn.incident is None or not turn.case.stopped:
        return turn
    done = {(s.use, s.target) for s in turn.case.steps if s.status is not OutcomeStatus.REFUSED}
    left = tuple(a for a in turn.case.stopped if (a.use, a.target) not in done)
    return turn.decide(records=tuple(_with(record, left) for record in turn.decision.records))


def _with(record: Record, stopped: tuple[StoppedAct, ...]) -> Record:
    if not isinstance(record.body, Resolution):
        return record
    body = msgspec.structs.replace(record.body, stopped=stopped)
    return msgspec.structs.replace(record, body=body)


def _same(one: StoppedAct, other: StoppedAct) -> bool:
    told = ("reason", "runbook", "plan", "use", "target")
    return all(getattr(one, name) == getattr(other, name) for name in told)


def notice(resolution: Resolution, view: View, *, at: float) -> Decision:
    """What ended shows that an act somebody or something held back would have been wrong. Where
    people say in their own words what else they did, nobody knows whether it was just that."""
    if resolution.credit not in ENDED_WELL or resolution.cleared_at is None or resolution.outside:
        return Decision()
    found: dict[str, NearMissRecord] = {}
    for miss in (*_stopped(resolution, at), *_in_shadow(resolution, at)):
        found.setdefault(f"{miss.incident}/{miss.runbook}", miss)
    new = {key: miss for key, miss in found.items() if key not in view.near_misses}
    records = tuple(Record(kind=KIND, key=key, body=miss) for key, miss in new.items())
    journal = tuple(
        JournalEntry(
            at=at,
            subject=miss.incident,
            kind=KIND,
            reason=Reason.NEAR_MISS,
            text=_in_words(miss)[:LONGEST],
            data={"kind": miss.kind.value, "runbook": miss.runbook},
        )
        for miss in new.values()
    )
    return Decision(journal=journal, records=(*_forgotten(view, len(new)), *records))


def _stopped(resolution: Resolution, at: float) -> Iterable[NearMissRecord]:
    done = {(deed.use, deed.target) for deed in resolution.deeds}
    for act in resolution.stopped:
        if (act.use, act.target) not in done:
            yield NearMissRecord(
                incident=resolution.incident_id,
                runbook=act.runbook,
                kind=NearMissKind.GUARD_STOPPED,
                product=resolution.product,
                at=at,
                would=_call(act.use, act.target),
                stopped_by=act.reason,
                instead=_instead(resolution),
            )


def _in_shadow(resolution: Resolution, at: float) -> Iterable[NearMissRecord]:
    shadow = resolution.shadow
    if shadow is None or shadow.plan is None or shadow.settles or not shadow.deeds:
        return
    done = {(deed.use, deed.target) for deed in resolution.deeds}
    alone = [deed for deed in shadow.deeds if deed not in done]
    if alone:
        yield NearMissRecord(
            incident=resolution.incident_id,
            runbook=shadow.runbook,
            kind=NearMissKind.SHADOW_WOULD_HARM,
            product=resolution.product,
            at=at,
            would="; ".join(_call(*deed) for deed in alone)[:LONGEST],
            instead=_instead(resolution),
        )


def _call(use: str, target: str | None) -> str:
    return f"{use} on {target}" if target else use


def _instead(resolution: Resolution) -> str:
    told = "; ".join(_call(deed.use, deed.target) for deed in resolution.deeds)
    return told[:LONGEST] or "nothing was done, and it went away"


def _in_words(miss: NearMissRecord) -> str:
    if miss.stopped_by is not None:
        return f"{miss.stopped_by.sentence}, so {miss.runbook} did not do {miss.would}"
    return f"{miss.runbook} in shadow would have done {miss.would}; people: {miss.instead}"


def _forgotten(view: View, more: int) -> tuple[Record, ...]:
    """Room for as many: the oldest go. The journal of their incidents still tells of them."""
    over = len(view.near_misses) + more - MOST_REMEMBERED
    if over <= 0 or not more:
        return ()
    known = view.near_misses
    oldest = sorted(known, key=lambda key: (known[key].at, key))[:over]
    return tuple(Record(kind=KIND, key=key, body=None) for key in oldest)
