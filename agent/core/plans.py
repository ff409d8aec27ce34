"""A plan in hand: choosing it, giving it up, writing the intent of one of its acts."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.core.approval import fingerprint_of
from agent.core.budget import entity_of
from agent.core.lifecycle import Move
from agent.core.matching import runbook_of
from agent.core.risk import risk_about
from agent.core.turn import Todo, Turn
from agent.model.command import Command, CommandKind
from agent.model.effect import Effect, Outcome, OutcomeStatus, Verdict
from agent.model.incident import Incident, State, StepRun
from agent.model.reason import Reason
from agent.model.records import Act
from agent.model.runbook import Call, Plan, Runbook


def choose(turn: Turn, plan: str, why: str) -> Turn:
    """Takes a plan in hand. No approval of another one is an approval of it."""
    if turn.case.state is State.ACTING:
        # The plan before ended with a step that failed. From here a person can be asked.
        turn = turn.move(Move.VERIFY)
    turn = turn.change(
        plan=plan,
        approved_by=None,
        approval=None,
        second_approval=None,
        risk=None,
        step=0,
        attempt=turn.case.attempt + 1,
        rollback_step=None,
        before={},
        is_taken_back=False,
        chosen_at=turn.at,
    )
    found = plan_of(turn)
    if found is not None and not found[1].settles:
        turn = turn.change(risk=risk_about(turn.case, found[0], turn.view).word)
    turn = turn.note("plan_chosen", Reason.PLAN_CHOSEN, f"{plan}: {why}" if why else plan)
    return turn.then(Todo.GUARD)


def give_up(turn: Turn, reason: Reason, text: str = "") -> Turn:
    """Nothing more is tried: a person is told why."""
    turn = turn.change(reason=reason, reason_text=text)
    turn = turn.note("stopped", reason, text)
    return turn.then(Todo.ROUTE)


def may_begin(case: Incident) -> bool:
    """Whether a first step is for something that burns, or follows at once on a plan that failed:
    what is quiet by itself is not acted on."""
    follows = bool(case.plans) and case.plans[-1].attempt == case.attempt - 1
    return case.is_firing or case.step > 0 or follows


def plan_of(turn: Turn) -> tuple[Runbook, Plan] | None:
    runbook = runbook_of(turn)
    if runbook is None or not turn.case.plan:
        return None
    try:
        return runbook, runbook.plan(turn.case.plan)
    except LookupError:
        return None


def target_of(params: dict[str, Any]) -> str | None:
    target = params.get("target")
    return target if isinstance(target, str) and target else None


def step_key(turn: Turn, step: str) -> str:
    """Idempotency key of a step: equal for all attempts of it, different in the next plan run."""
    return f"{turn.case.id}/{turn.case.attempt}/{turn.case.plan}/{step}"


def intend(
    turn: Turn, call: Call, params: dict[str, Any], *, key: str, by: str, is_rollback: bool = False
) -> Turn:
    """Writes the intent of one act: command, step and the act that guards count, in one commit."""
    case = turn.case
    target = target_of(params)
    thing = entity_of(target, turn.view)
    effect = Effect(turn.view.plugins[call.use].effect)
    command = Command(
        id=key,
        key=key,
        kind=CommandKind.ACT,
        subject=case.id,
        use=call.use,
        params=params,
        target=target,
        product=case.product,
        effect=effect,
        plan=case.plan or "",
        step=call.id,
        by=by,
        timeout_seconds=call.timeout_seconds or turn.view.policy.step_timeout_seconds,
        created_at=turn.at,
    )
    run = StepRun(
        id=key,
        use=call.use,
        params=params,
        target=target,
        by=by,
        plan=case.plan or "",
        started_at=turn.at,
        is_rollback=is_rollback,
    )
    record = Act(
        key=key,
        target=target or "",
        product=thing.product if thing is not None else case.product,
        incident_id=case.id,
        runbook=case.runbook or "",
        plan=case.plan or "",
        step=call.id,
        use=call.use,
        by=by,
        at=turn.at,
        params=fingerprint_of(call.use, params),
        domain=(thing.failure_domain or "") if thing is not None else "",
        entity=thing.name if thing is not None else "",
        is_rollback=is_rollback,
        chain=case.chain,
    )
    waiting = (*case.waiting, key) if by == "agent" else case.waiting
    turn = turn.change(steps=(*case.steps, run), waiting=waiting)
    turn = turn.note("act", Reason.ACTED, f"{call.use} on {target}", who=by, data={"key": key})
    return turn.command(command).record("act", key, record).then(Todo.REST)


def close_act(
    turn: Turn, key: str, *, status: OutcomeStatus | None = None, verdict: Verdict | None = None
) -> Turn:
    """Completes the act the guards count with what came of it."""
    for record in reversed(turn.decision.records):
        if record.kind == "act" and record.key == key and isinstance(record.body, Act):
            return _write_act(turn, record.body, status, verdict)
    for acts in turn.view.acts.values():
        for known in acts:
            if known.key == key:
                return _write_act(turn, known, status, verdict)
    return turn


def _write_act(
    turn: Turn, known: Act, status: OutcomeStatus | None, verdict: Verdict | None
) -> Turn:
    body = msgspec.structs.replace(
        known,
        status=status or known.status,
        verdict=verdict or known.verdict,
        ended_at=turn.at if status is not None else known.ended_at,
        judged_at=turn.at if verdict is not None else known.judged_at,
    )
    return turn.record("act", known.key, body)


def ended_because(outcome: Outcome) -> Reason:
    """How the end of a step is told."""
    if outcome.reason is Reason.RIGHTS_MISSING:
        return outcome.reason
    return {
        OutcomeStatus.DONE: Reason.STEP_DONE,
        OutcomeStatus.REFUSED: outcome.reason,
        OutcomeStatus.UNKNOWN: Reason.STEP_UNKNOWN,
    }.get(outcome.status, Reason.STEP_FAILED)
