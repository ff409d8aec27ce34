"""How it was before: what a plan's observations show before its first step.

A plan that promises not to make it worse has to know how it was. So the observations of its proof
are gathered once before anything is done, under the name `before`; where one of them brings nothing
the promise could not be kept, and nothing is done at all.
"""

from __future__ import annotations

import msgspec

from agent.core.diagnosis import ask_again, finding_of, read_command, was_interrupted
from agent.core.facts import BACK, FAILED, facts_of, known, resolve_params
from agent.core.lifecycle import Move
from agent.core.plans import give_up, plan_of
from agent.core.turn import Todo, Turn
from agent.model.command import CommandKind
from agent.model.event import CommandFinished
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.runbook import Call, Plan, Truth


def compared(plan: Plan) -> tuple[Call, ...]:
    """The observations that a condition of the plan compares with how it was before."""
    proof, back = plan.verify, plan.rollback_verify
    calls = {c.id: c for c in proof.observe} if proof.must_not_worsen else {}
    for call in back.observe if back is not None and back.must_not_worsen else ():
        # The way back may observe something else under the same name.
        key = call.id if calls.get(call.id, call) == call else f"{BACK}{call.id}"
        calls[key] = msgspec.structs.replace(call, id=key)
    return tuple(calls.values())


def is_missing(turn: Turn, plan: Plan) -> bool:
    """Whether how it was before has still to be gathered: before the first step, once."""
    return turn.case.step == 0 and any(c.id not in turn.case.before for c in compared(plan))


def baseline(turn: Turn) -> Turn:
    """The stage: gathers how it is before the first step."""
    if turn.todo is not Todo.BASELINE:
        return turn
    found = plan_of(turn)
    if found is None:
        return give_up(turn, Reason.RUNBOOK_NOT_RUNNABLE, turn.case.plan or "")
    facts, commands = facts_of(turn), []
    for call in compared(found[1]):
        try:
            params = resolve_params(call.params, facts)
        except LookupError as missing:
            return give_up(turn, Reason.FACTS_UNKNOWN, _told(call.id, str(missing)))
        commands.append(read_command(turn, call, params, CommandKind.OBSERVE, look="before"))
    waiting = tuple(c.id for c in commands)
    turn = turn.move(Move.DIAGNOSE, waiting=waiting, before={}, updated_at=turn.at)
    return turn.command(*commands).then(Todo.REST)


def take_baseline(turn: Turn) -> Turn:
    """The stage: one of these observations came back; with the last of them the plan goes on."""
    event = turn.event
    if (
        turn.todo is not Todo.RECEIVE
        or not isinstance(event, CommandFinished)
        or event.command.kind is not CommandKind.OBSERVE
        or turn.case.state is not State.DIAGNOSING
    ):
        return turn
    command = event.command
    if command.id not in turn.case.waiting:
        return turn.then(Todo.REST)
    if was_interrupted(event):
        return ask_again(turn, command)
    waiting = tuple(w for w in turn.case.waiting if w != command.id)
    before = {**turn.case.before, command.step: finding_of(event.outcome)}
    turn = turn.change(before=before, waiting=waiting, updated_at=turn.at)
    return turn.then(Todo.REST) if waiting else _gathered(turn)


def _gathered(turn: Turn) -> Turn:
    for name, finding in turn.case.before.items():
        if FAILED in finding:
            return give_up(turn, Reason.FACTS_UNKNOWN, _told(name, str(finding[FAILED])))
    found = plan_of(turn)
    if found is not None:
        # Compared with itself: a condition that is unknown now would be unknown at every look.
        facts = facts_of(turn) | known(turn.case.before)
        for condition in found[1].verify.must_not_worsen:
            truth = condition(facts)
            if truth is Truth.UNKNOWN:
                return give_up(turn, Reason.FACTS_UNKNOWN, _told("", condition.text))
            if truth is Truth.FALSE:
                text = f"{condition.text} does not hold, so {found[1].name} could only fail"
                return give_up(turn, Reason.DECIDED_TO_ESCALATE, _told("", text))
    turn = turn.note("baseline", Reason.FACTS_GATHERED, ", ".join(sorted(turn.case.before)))
    return turn.then(Todo.GUARD)


def _told(name: str, text: str) -> str:
    return ": ".join(part for part in ("before the first step", name, text) if part)[:300]
