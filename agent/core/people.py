"""People's words: acknowledge, approve, reject, act through the agent, resolve.

`who` is always a proven principal (the interface proves it). Roles are checked there; what is
checked here is what depends on the incident: the move must be legal, and nobody approves what they
authored themselves.
"""

from __future__ import annotations

from agent.core import guard as guards
from agent.core.approval import approve, ask_anew
from agent.core.lifecycle import Move
from agent.core.plans import intend, plan_of
from agent.core.preview import asked_of, why_not_now
from agent.core.receiving import resolve
from agent.core.second_person import tell_of_first
from agent.core.told import those_that_mattered, why_not, words_of
from agent.core.turn import Todo, Turn
from agent.model.decision import LedgerMove, LedgerState
from agent.model.event import (
    Acknowledged,
    ActionRequested,
    Approved,
    AskedAnew,
    Rejected,
    ResolvedByPerson,
)
from agent.model.incident import Ending, Incident, State
from agent.model.reason import Reason
from agent.model.runbook import Call

HAD = (State.ACKNOWLEDGED, State.ACTING, State.VERIFYING)
"""States in which somebody who acknowledged before still has it."""


def take_word(turn: Turn) -> Turn:
    """The stage: a person said something."""
    if turn.todo is not Todo.RECEIVE:
        return turn
    match turn.event:
        case Acknowledged():
            return _acknowledge(turn, turn.event)
        case Approved():
            return _approve(turn, turn.event)
        case AskedAnew():
            return _ask_anew(turn, turn.event)
        case Rejected():
            return _reject(turn, turn.event)
        case ActionRequested():
            return _run(turn, turn.event)
        case ResolvedByPerson():
            return _resolve(turn, turn.event)
        case _:
            return turn


def _not_possible(turn: Turn, what: str) -> Turn:
    return turn.refuse(
        Reason.MOVE_REFUSED, f"{what} is not possible while the incident is {turn.case.state.value}"
    )


def _acknowledge(turn: Turn, event: Acknowledged) -> Turn:
    if not turn.can(Move.ACKNOWLEDGE):
        return _not_possible(turn, "acknowledge")
    before = turn.case
    # Who was first has it, until people were called again.
    who = (before.acknowledged_by if before.state in HAD else None) or event.who
    turn = turn.move(Move.ACKNOWLEDGE, acknowledged_by=who, updated_at=turn.at)
    turn = turn.note("acknowledged", Reason.ACKNOWLEDGED, who=event.who)
    if turn.case.state is State.ACKNOWLEDGED:
        if before.state is State.DIAGNOSING and before.approved_by is not None:
            text = f"{before.plan}, which {before.approved_by} approved, is not carried out"
            turn = turn.note("stopped", Reason.ACKNOWLEDGED, text, who=event.who)
        # What waited for findings or for a common cause is a person's now.
        turn = turn.change(waiting=()).timer("page_hold", None)
        if turn.case.routed_to is None:
            turn = turn.change(routed_to=event.who).ledger(
                LedgerMove(
                    incident_id=turn.case.id,
                    state=LedgerState.ROUTED,
                    reason=Reason.ACKNOWLEDGED,
                    at=turn.at,
                )
            )
    return turn.then(Todo.REST)


def _approve(turn: Turn, event: Approved) -> Turn:
    if turn.case.state is not State.AWAITING_APPROVAL:
        return _not_possible(turn, "approve")
    found = plan_of(turn)
    if found is None:
        return turn.refuse(Reason.RUNBOOK_NOT_RUNNABLE, "the runbook's text is not known any more")
    turn = approve(turn, *found, event.who, event.shown)
    is_first = turn.decision.refused is None and turn.case.state is State.AWAITING_APPROVAL
    return tell_of_first(turn, event.who) if is_first and turn.todo is Todo.REST else turn


def _ask_anew(turn: Turn, event: AskedAnew) -> Turn:
    found = plan_of(turn)
    if found is None or turn.case.state is not State.AWAITING_APPROVAL:
        return turn.then(Todo.REST)
    return ask_anew(turn, *found, event.who)


def _reject(turn: Turn, event: Rejected) -> Turn:
    if turn.case.state is not State.AWAITING_APPROVAL:
        return _not_possible(turn, "reject")
    turn = turn.move(
        Move.ACKNOWLEDGE,
        acknowledged_by=event.who,
        reason=Reason.REJECTED,
        reason_text=event.why[:300],
        routed_to=turn.case.routed_to or event.who,
        updated_at=turn.at,
    )
    turn = turn.ledger(
        LedgerMove(
            incident_id=turn.case.id, state=LedgerState.ROUTED, reason=Reason.REJECTED, at=turn.at
        )
    )
    return turn.note("rejected", Reason.REJECTED, event.why[:300], who=event.who).then(Todo.REST)


def _run(turn: Turn, event: ActionRequested) -> Turn:
    """One action by a person through the agent: the same guards but those that are for machines."""
    why = why_not_now(turn.case, event.params)
    if why is not None:
        return turn.refuse(why.reason, why.text)
    question = asked_of(
        turn.case, turn.view, use=event.use, params=event.params, who=event.who, at=turn.at
    )
    stop = guards.ask(question)
    if stop is not None:
        text = f"{stop.reason.sentence} {stop.text}".strip()
        return turn.refuse(stop.reason, text)
    turn = turn.move(Move.PERSON_ACTS, updated_at=turn.at)
    params = dict(question.params or {})
    call = Call(id="-".join(question.key.rsplit("/", 2)[1:]), use=event.use, params=params)
    return intend(turn, call, params, key=question.key, by=event.who)


def _resolve(turn: Turn, event: ResolvedByPerson) -> Turn:
    case = turn.case
    if case.state is State.RESOLVED:
        return _record(turn, event)
    if not turn.can(Move.RESOLVE):
        return _not_possible(turn, "resolve")
    if _busy(case):
        return turn.refuse(Reason.TARGET_BUSY, BUSY)
    why = why_not(turn, event)
    if why is not None:
        return turn.refuse(Reason.MOVE_REFUSED, why)
    turn = turn.change(
        cause=words_of(event).cause,
        resolved_by=event.who,
        routed_to=case.routed_to or event.who,
        held_by=None,
        waiting=(),
    )
    turn = turn.ledger(
        LedgerMove(
            incident_id=case.id,
            state=LedgerState.ROUTED,
            reason=Reason.RESOLVED_BY_PERSON,
            at=turn.at,
        )
    )
    turn = resolve(turn, outcome=Ending.ROUTED, reason=Reason.RESOLVED_BY_PERSON, who=event.who)
    # Where an act of somebody else is in doubt, people are told of that first.
    if turn.case.is_open:
        return turn.change(resolved_by=None)
    return _learnable(turn, event)


BUSY = "an action is still under way; wait for it to end"


def _busy(case: Incident) -> bool:
    return any(s.status is None for s in case.steps)


def _record(turn: Turn, event: ResolvedByPerson) -> Turn:
    """The alert cleared first; the person says afterwards what it was. Once."""
    case = turn.case
    if case.outcome is not Ending.ROUTED or case.resolved_by is not None:
        return _not_possible(turn, "resolve")
    if _busy(case):
        return turn.refuse(Reason.TARGET_BUSY, BUSY)
    why = why_not(turn, event)
    if why is not None:
        return turn.refuse(Reason.MOVE_REFUSED, why)
    turn = turn.move(Move.RECORD, cause=words_of(event).cause, resolved_by=event.who)
    return _learnable(turn, event)


def _learnable(turn: Turn, event: ResolvedByPerson) -> Turn:
    words = words_of(event)
    turn = turn.note(
        "resolution",
        Reason.RESOLUTION_RECORDED,
        words.cause[:300],
        who=event.who,
        data={
            "actions": [s.use for s in those_that_mattered(turn.case, event)],
            "outside": list(words.outside),
            "told": [call.use for call in event.told],
            "cause_kind": words.cause_kind.value,
            "minutes": event.minutes,
            "page_useful": event.page_useful,
        },
    )
    return turn.then(Todo.LEARN)
