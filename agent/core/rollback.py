"""The way back, and the ladder: what follows a plan whose verdict is failed.

A failed plan is taken back first, by the steps its runbook declares or from what each step recorded
before it acted; every step of the way back is an act like any other, with intent and outcome. Then
the next plan of the ladder is tried, on facts that are still the incident's own.
"""

from __future__ import annotations

import msgspec

from agent.core import guard as guards
from agent.core.facts import facts_of, resolve_params
from agent.core.lifecycle import Move
from agent.core.plans import choose, close_act, give_up, intend, plan_of, target_of
from agent.core.turn import Todo, Turn
from agent.model.effect import Outcome, OutcomeStatus, Verdict
from agent.model.incident import PlanRun
from agent.model.reason import Reason
from agent.model.runbook import Call

LOOK_ANYWAY = (
    Reason.STEP_UNKNOWN,
    Reason.ROLLBACK_FAILED,
    Reason.VERIFICATION_FAILED,
    Reason.VERIFICATION_INCONCLUSIVE,
)
"""Reasons for which it matters little that the alert went quiet meanwhile: what was changed is in
doubt, or the proof itself says that it is not well."""


def fail_plan(turn: Turn, reason: Reason, text: str) -> Turn:
    """The plan's verdict is failed: its way back, then the next plan of the ladder."""
    turn = end_plan(turn, Verdict.FAILED)
    turn = turn.change(reason=reason, reason_text=text)
    return turn.then(Todo.ROLL_BACK)


def end_plan(turn: Turn, verdict: Verdict) -> Turn:
    """Writes the verdict of the plan, on the incident and on every act of it."""
    case = turn.case
    run = PlanRun(plan=case.plan or "", verdict=verdict)
    turn = turn.change(plans=(*case.plans, run), verdict=verdict, waiting=())
    prefix = f"{case.id}/{case.attempt}/"
    for step in case.steps:
        if step.id.startswith(prefix):
            turn = close_act(turn, step.id, verdict=verdict)
    for name in ("look", "deadline"):
        turn = turn.timer(name, None)
    return turn


def way_back(turn: Turn) -> tuple[Call, ...]:
    """The calls that undo the plan: as declared, or from what each done step recorded before."""
    found = plan_of(turn)
    if found is None:
        return ()
    plan = found[1]
    prefix = f"{turn.case.id}/{turn.case.attempt}/"
    done = [
        s
        for s in turn.case.steps
        if s.id.startswith(prefix) and s.status is OutcomeStatus.DONE and not s.is_rollback
    ]
    if not done:
        return ()
    if plan.rollback:
        return plan.rollback
    if not plan.rollback_snapshot:
        return ()
    return tuple(
        Call(id=f"undo-{n}", use=str(s.undo["use"]), params=dict(s.undo.get("with", {})))
        for n, s in enumerate(reversed(done))
        if s.undo
    )


def roll_back(turn: Turn) -> Turn:
    """The stage: starts the way back, or goes on to the next plan where there is none."""
    if turn.todo is not Todo.ROLL_BACK:
        return turn
    if not way_back(turn):
        return turn.then(Todo.NEXT_PLAN)
    turn = turn.note("rollback", Reason.ROLLING_BACK, turn.case.plan or "")
    return _roll_back_step(turn.change(rollback_step=0))


def _roll_back_step(turn: Turn) -> Turn:
    calls, number = way_back(turn), turn.case.rollback_step or 0
    call = calls[number]
    key = f"{turn.case.id}/{turn.case.attempt}/{turn.case.plan}/rollback/{number}-{call.id}"
    try:
        params = resolve_params(call.params, facts_of(turn))
    except LookupError as missing:
        return _rollback_failed(turn, f"{call.id}: {missing}")
    stop = guards.ask(
        guards.Question(
            at=turn.at,
            incident=turn.case,
            view=turn.view,
            runbook=None,
            use=call.use,
            target=target_of(params),
            key=key,
            facts={},
            is_rollback=True,
        )
    )
    if stop is not None:
        return _rollback_failed(turn, f"{stop.reason.sentence} {stop.text}".strip())
    turn = turn.move(Move.ACT)
    return intend(turn, call, params, key=key, by="agent", is_rollback=True)


def went_on(turn: Turn, outcome: Outcome) -> Turn:
    if outcome.status is not OutcomeStatus.DONE:
        return _rollback_failed(turn, outcome.detail)
    number = (turn.case.rollback_step or 0) + 1
    if number < len(way_back(turn)):
        return _roll_back_step(turn.change(rollback_step=number))
    last = msgspec.structs.replace(turn.case.plans[-1], rolled_back=True)
    turn = turn.change(plans=(*turn.case.plans[:-1], last), rollback_step=None)
    return turn.note("rollback", Reason.ROLLED_BACK, turn.case.plan or "").then(Todo.NEXT_PLAN)


def _rollback_failed(turn: Turn, text: str) -> Turn:
    turn = turn.change(rollback_step=None)
    return give_up(turn, Reason.ROLLBACK_FAILED, text)


def next_plan(turn: Turn) -> Turn:
    """The stage: the ladder. A further remedy is only for what still burns."""
    if turn.todo is not Todo.NEXT_PLAN:
        return turn
    found = plan_of(turn)
    if found is None:
        return turn.then(Todo.ROUTE)
    if not turn.case.is_firing and turn.case.reason not in LOOK_ANYWAY:
        return turn.then(Todo.ROUTE)
    names = [p.name for p in found[0].plans]
    tried = {p.plan for p in turn.case.plans}
    later = [n for n in names[names.index(turn.case.plan or "") + 1 :] if n not in tried]
    if not later:
        return turn.then(Todo.ROUTE)
    turn = turn.note("ladder", Reason.NEXT_PLAN, later[0])
    return choose(turn, later[0], "the plan before did not hold")
