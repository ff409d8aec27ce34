"""The way back, and the ladder: what follows a plan whose verdict is failed.

A failed plan is taken back first, by the steps its runbook declares or from what each step recorded
before it acted; every step of the way back is an act like any other, with intent and outcome. Where
the runbook says how to see it, the way back is proven like any remedy: a next plan must not be put
on top of something that is neither as it was nor as it should be. Then the next plan of the ladder
is tried, on facts that are still the incident's own. A plan whose outcome nobody could see may be
taken back too, but no other is tried after it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agent.core import breaker
from agent.core import guard as guards
from agent.core.facts import facts_of, resolve_params
from agent.core.lifecycle import Move
from agent.core.plans import choose, close_act, give_up, intend, plan_of, target_of
from agent.core.rails.question import Question
from agent.core.trust import share_held
from agent.core.turn import Todo, Turn
from agent.model.effect import Outcome, OutcomeStatus, Verdict
from agent.model.incident import Incident, PlanRun, StepRun
from agent.model.reason import Reason
from agent.model.runbook import Call, OnInconclusive, Runbook

LOOK_ANYWAY = (
    Reason.STEP_UNKNOWN,
    Reason.ROLLBACK_FAILED,
    Reason.ROLLBACK_UNPROVEN,
    Reason.WORSENED,
    Reason.VERIFICATION_FAILED,
    Reason.VERIFICATION_INCONCLUSIVE,
)
"""Reasons for which it matters little that the alert went quiet meanwhile: what was changed is in
doubt, or the proof itself says that it is not well."""


UNPROVEN = (Verdict.FAILED, Verdict.INCONCLUSIVE)
FORGOTTEN = "the runbook's text is not known any more"


def is_in_doubt(case: Incident) -> bool:
    """Whether somebody has to look however quiet it is: for the latest reason, or for what a plan
    before left behind, or for an act of a person that may have happened."""
    by_people = unknown_of_people(case) is not None
    return case.reason in LOOK_ANYWAY or by_people or doubtful(case) is not None


def unknown_of_people(case: Incident) -> StepRun | None:
    """The latest act a person asked for of which nobody knows whether it happened."""
    asked = (s for s in reversed(case.steps) if s.by != "agent")
    return next((s for s in asked if s.status is OutcomeStatus.UNKNOWN), None)


def doubtful(case: Incident) -> PlanRun | None:
    """The latest plan of which nobody knows how it left things: its proof says that it is not well
    or says nothing, or its way back did not lead back for certain."""
    for run in reversed(case.plans):
        if run.verdict is Verdict.INCONCLUSIVE or run.reason in LOOK_ANYWAY:
            return run
        if run.rollback_verdict in UNPROVEN:
            return run
    return None


def fail_plan(turn: Turn, reason: Reason, text: str) -> Turn:
    """The plan's verdict is failed: its way back, then the next plan of the ladder."""
    turn = end_plan(turn, Verdict.FAILED, reason)
    turn = turn.change(reason=reason, reason_text=text)
    return turn.then(Todo.ROLL_BACK)


def end_plan(turn: Turn, verdict: Verdict, reason: Reason) -> Turn:
    """Writes the verdict of the plan, on the incident and on every act of it."""
    case = turn.case
    run = PlanRun(
        plan=case.plan or "",
        verdict=verdict,
        reason=reason,
        attempt=case.attempt,
        runbook=case.runbook or "",
        digest=case.digest or "",
        at=turn.at,
    )
    turn = turn.change(plans=(*case.plans, run), verdict=verdict)
    prefix = f"{case.id}/{case.attempt}/"
    for step in case.steps:
        if step.id.startswith(prefix):
            turn = close_act(turn, step.id, verdict=verdict)
    turn = breaker.take_result(turn, verdict)
    # An approval is used once: whatever runs next is asked for again.
    return stop_looking(turn.change(approval=None, second_approval=None))


def break_off(turn: Turn, reason: Reason, text: str) -> Turn:
    """The plan in hand is not gone on with. Where some of its steps are done, it is neither as it
    was nor as it should be: that is a verdict, and it is told however quiet it is by then."""
    if not _done(turn):
        if reason is Reason.STEP_UNKNOWN:
            turn = breaker.take_result(turn, Verdict.INCONCLUSIVE)
        return give_up(turn, reason, text)
    found = plan_of(turn)
    turn = end_plan(turn, Verdict.INCONCLUSIVE, reason).note("verdict", reason, text)
    keeps = found is None or found[1].on_inconclusive is OnInconclusive.HOLD_AND_ESCALATE
    if keeps or reason is Reason.STEP_UNKNOWN:
        return give_up(turn, reason, text)
    turn = turn.change(reason=reason, reason_text=text)
    return next_plan(roll_back(turn.then(Todo.ROLL_BACK)))


def stop_looking(turn: Turn) -> Turn:
    """No proof is under way any more."""
    turn = turn.change(verify_started_at=None, waiting=())
    for name in ("look", "deadline"):
        turn = turn.timer(name, None)
    return turn


def way_back(turn: Turn) -> tuple[Call, ...]:
    """The calls that undo the plan: as declared, or from what each done step recorded before."""
    found = plan_of(turn)
    if found is None:
        return ()
    plan = found[1]
    done = _done(turn)
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


def _done(turn: Turn) -> list[StepRun]:
    """The steps of the plan in hand that happened."""
    prefix = f"{turn.case.id}/{turn.case.attempt}/"
    return [
        s
        for s in turn.case.steps
        if s.id.startswith(prefix) and s.status is OutcomeStatus.DONE and not s.is_rollback
    ]


def _lost(turn: Turn) -> StepRun | None:
    """A step whose way back should come from its snapshot, and whose snapshot nobody has."""
    found = plan_of(turn)
    if found is None or not found[1].rollback_snapshot:
        return None
    return next((s for s in _done(turn) if s.is_undo_lost), None)


def roll_back(turn: Turn) -> Turn:
    """The stage: starts the way back, or goes on to the next plan where there is none."""
    if turn.todo is not Todo.ROLL_BACK:
        return turn
    if plan_of(turn) is None and _done(turn):
        return _rollback_failed(turn, FORGOTTEN)
    lost = _lost(turn)
    if lost is not None:
        return _rollback_failed(turn, f"{lost.use} happened; what was there before was never told")
    if not way_back(turn):
        return turn.then(Todo.NEXT_PLAN)
    turn = turn.note("rollback", Reason.ROLLING_BACK, turn.case.plan or "")
    return _roll_back_step(turn.change(rollback_step=0))


def _roll_back_step(turn: Turn) -> Turn:
    calls, number = way_back(turn), turn.case.rollback_step or 0
    call = calls[number]
    key = f"{turn.case.id}/{turn.case.attempt}/{turn.case.plan}/rollback/{number}-{call.id}"
    try:
        params = resolve_params(call.params, _facts(turn))
    except LookupError as missing:
        return _rollback_failed(turn, f"{call.id}: {missing}")
    stop = guards.ask(
        Question(
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


def _facts(turn: Turn) -> dict[str, Any]:
    """What a way back reads. Of the entity, how it was before the first step: by now it is as the
    plan made it."""
    before = turn.case.entity_before
    return facts_of(turn) | ({"entity": before} if before else {})


def went_on(turn: Turn, outcome: Outcome) -> Turn:
    """A step of the way back ended: the next one, or its proof."""
    if outcome.status is not OutcomeStatus.DONE:
        return _rollback_failed(turn, outcome.detail)
    if plan_of(turn) is None:
        return _rollback_failed(turn, FORGOTTEN)  # how much of it is still missing, nobody knows
    number = (turn.case.rollback_step or 0) + 1
    if number < len(way_back(turn)):
        return _roll_back_step(turn.change(rollback_step=number))
    turn = _on_last_plan(turn.change(rollback_step=None), rolled_back=True)
    turn = turn.note("rollback", Reason.ROLLED_BACK, turn.case.plan or "")
    found = plan_of(turn)
    if found is not None and found[1].rollback_verify is not None:
        return turn.change(is_taken_back=True).then(Todo.PROVE_BACK)
    # Its author chose not to look: that is told, and does not end the ladder.
    turn = _on_last_plan(turn, rollback_verdict=Verdict.INCONCLUSIVE)
    turn = turn.note("rollback", Reason.ROLLBACK_UNPROVEN, "no proof of it is declared")
    return turn.then(Todo.NEXT_PLAN)


def end_way_back(turn: Turn, verdict: Verdict, text: str = "") -> Turn:
    """The proof of the way back is over. Only one that held leads on; otherwise nobody knows what
    the next plan would be put on top of."""
    turn = stop_looking(turn.change(is_taken_back=False))
    turn = _on_last_plan(turn, rollback_verdict=verdict)
    if verdict is Verdict.HELD:
        turn = turn.note("verdict", Reason.ROLLBACK_VERIFIED, turn.case.plan or "")
        return turn.then(Todo.NEXT_PLAN)
    is_failed = verdict is Verdict.FAILED
    reason = Reason.ROLLBACK_FAILED if is_failed else Reason.ROLLBACK_UNPROVEN
    turn = turn.note("verdict", reason, text)
    return give_up(turn, reason, text)


def _on_last_plan(turn: Turn, **fields: Any) -> Turn:
    last = msgspec.structs.replace(turn.case.plans[-1], **fields)
    return turn.change(plans=(*turn.case.plans[:-1], last))


def _rollback_failed(turn: Turn, text: str) -> Turn:
    turn = _on_last_plan(turn.change(rollback_step=None), rollback_verdict=Verdict.FAILED)
    return give_up(turn, Reason.ROLLBACK_FAILED, text)


def next_plan(turn: Turn) -> Turn:
    """The stage: the ladder. A further remedy is only for what still burns."""
    if turn.todo is not Todo.NEXT_PLAN:
        return turn
    found = plan_of(turn)
    if found is None or turn.case.verdict is not Verdict.FAILED:
        return turn.then(Todo.ROUTE)
    # What an earlier plan left in doubt is told; it is no reason to act on what is quiet by now.
    if not turn.case.is_firing and turn.case.plans[-1].reason not in LOOK_ANYWAY:
        return turn.then(Todo.ROUTE)
    following = _following(turn, found[0])
    if following is None:
        return turn.then(Todo.ROUTE)
    turn = turn.note("ladder", Reason.NEXT_PLAN, following)
    return choose(turn, following, "the plan before did not hold")


def _following(turn: Turn, runbook: Runbook) -> str | None:
    """The next plan as written; where the runbook leaves the order to what its plans achieved, the
    one of those not yet tried that held most often. A learned runbook is no ladder."""
    if runbook.promoted_from:
        return None  # its plans are for different causes: where one failed, the other is no help
    names = [p.name for p in runbook.plans]
    tried = {p.plan for p in turn.case.plans}
    if runbook.plans_by_effect:
        left = [n for n in names if n not in tried and n != turn.case.plan]
        return max(left, key=lambda n: share_held(turn.view, runbook, n), default=None)
    later = (n for n in names[names.index(turn.case.plan or "") + 1 :] if n not in tried)
    return next(later, None)
