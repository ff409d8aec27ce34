"""Decide, guard, act: from facts to the intent of one step, and what came of it.

An intent is a committed ACT command. What comes back is done, failed, temporary, refused or
unknown; unknown is never failed. The effect class the action declares says what unknown leads to:
run again, look first, or never again (DESIGN.md section 3, Steps).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.core import guard as guards
from agent.core.agreeing import look_on, would_settle
from agent.core.approval import ask
from agent.core.baseline import is_missing
from agent.core.display import fill
from agent.core.facts import facts_of, resolve_params
from agent.core.flapping import is_left
from agent.core.lifecycle import Move
from agent.core.matching import RUNNABLE, runbook_of
from agent.core.plans import (
    choose,
    close_act,
    ended_because,
    give_up,
    intend,
    may_begin,
    plan_of,
    step_key,
    target_of,
)
from agent.core.rails import ground
from agent.core.receiving import HANDS_ON, UNTOLD_STATES, all_clear, is_under_way
from agent.core.rights import RIGHTS, without_rights
from agent.core.rollback import break_off, fail_plan, is_in_doubt, went_on
from agent.core.trust import state_of
from agent.core.turn import Todo, Turn
from agent.core.waiting import stop_waiting, wait_for
from agent.model.command import Command, CommandKind
from agent.model.effect import Effect, Outcome, OutcomeStatus, Probed, Reversal
from agent.model.event import CommandFinished
from agent.model.incident import Radius, State
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Plan, Runbook, Truth

AGAIN = (Effect.READ, Effect.IDEMPOTENT, Effect.CONDITIONAL)
PROBE_PAUSE_SECONDS = 5.0
LONGEST_WHY = 300


def decide(turn: Turn) -> Turn:
    """The stage: the first row of the decide table that is true names the plan."""
    if turn.todo is not Todo.DECIDE:
        return turn
    runbook = runbook_of(turn)
    if runbook is None:
        return give_up(turn, Reason.RUNBOOK_NOT_RUNNABLE, "its text is not known any more")
    facts = facts_of(turn)
    for branch in runbook.decide:
        truth = branch.when(facts) if branch.when is not None else Truth.TRUE
        if truth is Truth.UNKNOWN:
            return _unknown_fact(turn, branch.when.text if branch.when else "")
        if truth is Truth.TRUE:
            why = fill(branch.why, facts)[:LONGEST_WHY]
            if branch.settle:
                return _settle(turn, runbook, why, within=branch.settle_within_seconds)
            if branch.plan is None:
                return give_up(turn, Reason.DECIDED_TO_ESCALATE, why)
            return choose(turn, branch.plan, why)
    if runbook.decide or not runbook.plans:
        return give_up(turn, Reason.DECIDED_TO_ESCALATE, "no row of the decide table is true")
    return choose(turn, runbook.plans[0].name, "")


def _unknown_fact(turn: Turn, text: str, reason: Reason = Reason.FACTS_UNKNOWN) -> Turn:
    """A fact is missing. Where the object it is about was not found, that is what to tell."""
    runbook = runbook_of(turn)
    if runbook is not None:
        stop = ground.object_known(_question(turn, runbook, "", None, ""))
        if stop is not None:
            return break_off(turn, stop.reason, stop.text)
    return break_off(turn, reason, text)


def _settle(turn: Turn, runbook: Runbook, why: str, *, within: float | None) -> Turn:
    if state_of(runbook, turn.view) not in RUNNABLE:
        return _would_settle(turn, runbook, why)
    turn = turn.change(
        plan=None, settle_seconds=within, reason=Reason.DECIDED_TO_SETTLE, reason_text=why
    )
    turn = turn.note("plan_chosen", Reason.DECIDED_TO_SETTLE, why)
    return turn.then(Todo.PROVE)


def _would_settle(turn: Turn, runbook: Runbook, why: str, plan: str | None = None) -> Turn:
    """Keeping people out of it is an effect too. A runbook in shadow has none, nor has one that was
    taken out of service."""
    if state_of(runbook, turn.view) is Lifecycle.SUSPENDED:
        return give_up(turn, Reason.RUNBOOK_SUSPENDED, runbook.name)
    turn = would_settle(turn, plan)
    return give_up(turn, Reason.RUNBOOK_IN_SHADOW, f"{runbook.name} would settle: {why}")


def _wait(turn: Turn, runbook: Runbook, plan: Plan) -> Turn:
    """A plan that settles does nothing, so no guard is asked but the lifecycle."""
    if state_of(runbook, turn.view) not in RUNNABLE:
        return _would_settle(turn, runbook, plan.name, plan.name)
    if is_missing(turn, plan):
        return turn.then(Todo.BASELINE)
    turn = turn.change(reason=Reason.DECIDED_TO_SETTLE, reason_text=plan.name)
    return turn.note("settling", Reason.DECIDED_TO_SETTLE, plan.name).then(Todo.PROVE)


def _question(
    turn: Turn,
    runbook: Runbook,
    use: str,
    target: str | None,
    key: str,
    params: Mapping[str, Any] | None = None,
) -> guards.Question:
    return guards.Question(
        at=turn.at,
        incident=turn.case,
        view=turn.view,
        runbook=runbook,
        use=use,
        target=target,
        key=key,
        facts=facts_of(turn),
        params=params,
    )


def guard(turn: Turn) -> Turn:
    """The stage: works out the next step's parameters and asks every guard."""
    if turn.todo is not Todo.GUARD:
        return turn
    found = plan_of(turn)
    if found is None:
        return break_off(turn, Reason.RUNBOOK_NOT_RUNNABLE, turn.case.plan or "")
    runbook, plan = found
    if not may_begin(turn.case):
        return turn.then(Todo.ROUTE)
    if plan.settles:
        return _wait(turn, runbook, plan)
    if turn.case.step >= len(plan.steps):
        return turn.then(Todo.PROVE)
    call = plan.steps[turn.case.step]
    try:
        params = resolve_params(call.params, facts_of(turn))
    except LookupError as missing:
        text = f"step {call.id}: {missing}"
        return _unknown_fact(turn, text, Reason.PARAMETER_UNKNOWN)
    key = step_key(turn, call.id)
    q = _question(turn, runbook, call.use, target_of(params), key, params)
    stop = guards.ask(q)
    if stop is not None and stop.reason is Reason.RUNBOOK_IN_SHADOW:
        turn = look_on(turn, q, plan)
    if stop is not None:
        return _stopped(turn, runbook, plan, stop)
    return stop_waiting(turn).then(Todo.BASELINE if is_missing(turn, plan) else Todo.ACT)


def _stopped(turn: Turn, runbook: Runbook, plan: Plan, stop: guards.Stop) -> Turn:
    """A rail says no: the step waits, or a person is asked, or they are told."""
    waits = wait_for(turn, stop) if stop.after_seconds is not None else None
    if waits is not None:
        return waits
    turn = stop_waiting(turn)
    is_half_done = turn.case.step > 0 and not turn.case.is_firing
    if stop.reason in guards.ASKS and turn.can(Move.ASK) and not is_half_done:
        return ask(turn, runbook, plan, stop.reason, stop.text)
    return break_off(turn, stop.reason, stop.text)


def act(turn: Turn) -> Turn:
    """The stage: writes the intent of the next step."""
    if turn.todo is not Todo.ACT:
        return turn
    found = plan_of(turn)
    if found is None:
        return break_off(turn, Reason.RUNBOOK_NOT_RUNNABLE, turn.case.plan or "")
    call, facts = found[1].steps[turn.case.step], facts_of(turn)
    params = resolve_params(call.params, facts)
    if turn.case.step == 0:
        turn = turn.change(entity_before=facts.get("entity", {}))
    turn = turn.move(Move.ACT, radius=Radius.ROUTINE, updated_at=turn.at)
    return intend(turn, call, params, key=step_key(turn, call.id), by="agent")


def take_outcome(turn: Turn) -> Turn:
    """The stage: a step (or the probe of one) came back."""
    event = turn.event
    if (
        turn.todo is not Todo.RECEIVE
        or not isinstance(event, CommandFinished)
        or event.command.kind not in (CommandKind.ACT, CommandKind.PROBE)
    ):
        return turn
    command, outcome = event.command, event.outcome
    if any(run.id == command.key and run.status is not None for run in turn.case.steps):
        return turn.then(Todo.REST)  # told twice: the step has ended already
    if command.kind is CommandKind.PROBE:
        return _probed(turn, command, outcome)
    if outcome.status is OutcomeStatus.UNKNOWN:
        return _unknown(turn, command, outcome)
    if outcome.status is OutcomeStatus.TEMPORARY and _may_go_again(turn, command):
        turn = turn.note("step", Reason.STEP_TEMPORARY, f"{command.use}: {outcome.detail}")
        after = outcome.after_seconds or 2.0**command.attempt
        return _again(turn, command, after=after, unsure=command.unsure)
    if outcome.status in (OutcomeStatus.TEMPORARY, OutcomeStatus.REFUSED) and command.unsure:
        # The last attempt did nothing, but one before it may have.
        outcome = msgspec.structs.replace(outcome, status=OutcomeStatus.UNKNOWN)
    elif outcome.status is OutcomeStatus.TEMPORARY:
        outcome = msgspec.structs.replace(outcome, status=OutcomeStatus.FAILED)
    return finish(turn, command, outcome)


def _may_go_again(turn: Turn, command: Command) -> bool:
    return command.attempt <= turn.view.policy.temporary_retries and turn.case.is_open


def _again(turn: Turn, command: Command, *, after: float, unsure: bool) -> Turn:
    attempt = command.attempt + 1
    again = msgspec.structs.replace(
        command,
        id=f"{command.key}+{attempt}",
        kind=CommandKind.ACT,
        attempt=attempt,
        unsure=unsure,
        not_before=turn.at + after,
        created_at=turn.at,
    )
    return turn.command(again).then(Todo.REST)


def _unknown(turn: Turn, command: Command, outcome: Outcome) -> Turn:
    turn = turn.note("step", Reason.STEP_UNKNOWN, f"{command.use}: {outcome.detail}")
    if command.effect in AGAIN and _may_go_again(turn, command):
        return _again(turn, command, after=0.0, unsure=True)
    if command.effect is Effect.PROBED:
        probe = msgspec.structs.replace(
            command, id=f"{command.id}/probe/1", kind=CommandKind.PROBE, created_at=turn.at
        )
        return turn.command(probe).then(Todo.REST)
    return finish(turn, command, outcome)


def _probed(turn: Turn, command: Command, outcome: Outcome) -> Turn:
    """What the world says about a step of unknown outcome."""
    word = str(outcome.value.get("probed", Probed.UNCLEAR.value))
    if outcome.status is OutcomeStatus.DONE and word == Probed.HAPPENED.value:
        turn = turn.note("step", Reason.PROBE_SAYS_DONE, command.use)
        done = Outcome(
            status=OutcomeStatus.DONE, reason=Reason.PROBE_SAYS_DONE, value=outcome.value
        )
        return finish(turn, command, done)
    if outcome.status is OutcomeStatus.DONE and word == Probed.NOT_HAPPENED.value:
        turn = turn.note("step", Reason.PROBE_SAYS_NOT_DONE, command.use)
        if _may_go_again(turn, command):
            return _again(turn, command, after=0.0, unsure=False)
        not_done = Outcome(
            status=OutcomeStatus.FAILED,
            reason=Reason.PROBE_SAYS_NOT_DONE,
            detail="it did not happen, however often it was tried",
        )
        return finish(turn, command, not_done)
    tries = int(command.id.rpartition("/")[2]) if "/probe/" in command.id else 1
    if tries < turn.view.policy.probe_tries:
        probe = msgspec.structs.replace(
            command,
            id=f"{command.id.rpartition('/')[0]}/{tries + 1}",
            not_before=turn.at + PROBE_PAUSE_SECONDS,
        )
        return turn.command(probe).then(Todo.REST)
    unknown = Outcome(
        status=OutcomeStatus.UNKNOWN,
        reason=Reason.PROBE_UNCLEAR,
        detail="it may have happened, and it may not have happened",
    )
    return finish(turn, command, unknown)


def finish(turn: Turn, command: Command, outcome: Outcome) -> Turn:
    """The step has its final outcome: it is written down, and the plan goes on or ends."""
    undo = _undo_of(outcome)
    is_ours = _is_ours(turn, command)
    steps = tuple(
        msgspec.structs.replace(
            run,
            status=outcome.status,
            detail=outcome.detail[:300],
            ended_at=turn.at,
            undo=undo,
            is_undo_lost=_is_undo_lost(turn, command, outcome),
        )
        if run.id == command.key
        else run
        for run in turn.case.steps
    )
    waiting = tuple(w for w in turn.case.waiting if w != command.key)
    turn = turn.change(steps=steps, waiting=waiting, updated_at=turn.at)
    turn = close_act(turn, command.key, status=outcome.status)
    reason = ended_because(outcome)
    text = f"{command.use}: {outcome.detail}" if outcome.detail else command.use
    turn = turn.note("step", reason, text, who=command.by, data={"key": command.key})
    if command.by != "agent":
        return _persons_act_ended(turn, outcome, text)
    if not is_ours:
        return turn.then(Todo.REST)
    if turn.case.rollback_step is not None:
        return went_on(turn, outcome)
    if outcome.status is OutcomeStatus.DONE:
        turn = turn.change(step=turn.case.step + 1)
        return turn.then(Todo.GUARD)
    if outcome.status is OutcomeStatus.REFUSED:
        return _refused(turn, command, outcome)
    if outcome.status is OutcomeStatus.UNKNOWN:
        return break_off(turn, Reason.STEP_UNKNOWN, f"{command.use}: {outcome.detail}")
    if outcome.reason is RIGHTS:
        return break_off(without_rights(turn, outcome.detail), RIGHTS, text)
    return fail_plan(turn, Reason.STEP_FAILED, text)


def _refused(turn: Turn, command: Command, outcome: Outcome) -> Turn:
    """A rail said no at the moment of acting. Where it lets go by itself and nothing of the plan
    was begun, the step waits as if it had said so before; a new attempt, as this one is over."""
    found, after = plan_of(turn), outcome.after_seconds
    if after is None or found is None or turn.case.step > 0 or command.attempt > 1:
        return break_off(turn, outcome.reason, outcome.detail)
    stop = guards.Stop(reason=outcome.reason, text=outcome.detail, after_seconds=after)
    # No proof is under way: what clears meanwhile ends as if nothing had been decided.
    turn = turn.move(Move.VERIFY, attempt=turn.case.attempt + 1, before={}, verify_started_at=None)
    return _stopped(turn, *found, stop)


def _is_undo_lost(turn: Turn, command: Command, outcome: Outcome) -> bool:
    """Whether nobody knows what was there before: what it told is no call, or it may have told it
    to an attempt that died. What a later attempt found is what the first one left."""
    told = outcome.value.get("undo")
    if told is not None and _undo_of(outcome) is None:
        return True
    is_later = outcome.reason is Reason.PROBE_SAYS_DONE or command.unsure
    return is_later and _takes_snapshot(turn, command.use)


def _takes_snapshot(turn: Turn, use: str) -> bool:
    plugin = turn.view.plugins.get(use)
    return plugin is not None and plugin.reversal == Reversal.SNAPSHOT.value


def _persons_act_ended(turn: Turn, outcome: Outcome, text: str) -> Turn:
    """What stood still for it goes on: what went quiet meanwhile ends, what burns again is told."""
    case = turn.case
    if not case.is_open:
        return turn.then(Todo.REST)
    if outcome.status is OutcomeStatus.UNKNOWN:
        return _tell_who_asked(turn, text)
    if is_under_way(case):
        return turn.then(Todo.REST)
    if not case.is_firing and not case.is_gone_silent:
        is_kept_open = case.state not in UNTOLD_STATES and is_in_doubt(case)
        return turn.then(Todo.REST) if is_kept_open else all_clear(turn)
    waits_on = bool(case.waits_for) or case.page_held_until is not None
    return turn.then(Todo.ROUTE if is_left(case) and not waits_on else Todo.REST)


def _tell_who_asked(turn: Turn, text: str) -> Turn:
    """Nobody knows whether a person's act happened, and it is not done again: they are paged. What
    the agent is doing itself comes to its end first; nothing more is begun on top of it."""
    if turn.case.state in HANDS_ON and is_under_way(turn.case):
        return turn.then(Todo.REST)  # core/receiving.py tells it before it ends
    if turn.case.state is State.AWAITING_APPROVAL:
        turn = turn.move(Move.ESCALATE)
    turn = turn.change(after_diagnosis="route", silenced_by=None, inhibited_by=None)
    for name in ("silence_end", "inhibition"):
        turn = turn.timer(name, None)
    return give_up(stop_waiting(turn), Reason.STEP_UNKNOWN, text)


def _is_ours(turn: Turn, command: Command) -> bool:
    """Whether the plan in hand waits for this step."""
    return (
        command.by == "agent"
        and turn.case.state is State.ACTING
        and command.key in turn.case.waiting
    )


def _undo_of(outcome: Outcome) -> Mapping[str, Any] | None:
    """The way back a plugin told of, where it has the shape of a call. Plugins may be anybody's."""
    undo = outcome.value.get("undo")
    if not isinstance(undo, Mapping) or not isinstance(undo.get("use"), str):
        return None
    params = undo.get("with", {})
    return {"use": undo["use"], "with": dict(params)} if isinstance(params, Mapping) else None
