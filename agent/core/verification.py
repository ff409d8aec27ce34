"""Did it help? Three values: held, failed, inconclusive. No data is inconclusive, never success.

The proof is the signal, never the action's own answer. It is looked at after `settle`, every
`every`, until it held `consecutive` times in a row or `within` has passed. An alert whose
expression looks back goes on firing after a good fix: until its decay time has passed, still
firing is no verdict.

Three things are proven so: that a plan helped, that a way back led back, and that what was expected
to settle by itself did. They differ only in what follows (`_held`, `_failed`, `_inconclusive`).
"""

from __future__ import annotations

from agent.core.diagnosis import finding_of, read_command
from agent.core.facts import facts_of, resolve_params
from agent.core.lifecycle import Move
from agent.core.plans import give_up
from agent.core.proof import (
    cleared,
    deadline_of,
    has_acted,
    is_forgotten,
    is_looked_at,
    is_quiet,
    is_stale,
    plan_in_hand,
    proof_of,
    put_off_to,
    quiet_at,
    times_of,
)
from agent.core.receiving import resolve
from agent.core.rollback import FORGOTTEN, end_plan, end_way_back, fail_plan, stop_looking
from agent.core.turn import Todo, Turn
from agent.model.command import CommandKind
from agent.model.decision import LedgerMove, LedgerState
from agent.model.effect import Verdict
from agent.model.event import CommandFinished
from agent.model.incident import Ending, Radius, State
from agent.model.reason import Reason
from agent.model.runbook import Facts, OnHeld, OnInconclusive, Predicate, Truth, Verify


def prove(turn: Turn) -> Turn:
    """The stage: the steps are done; waiting for proof begins."""
    if turn.todo is not Todo.PROVE:
        return turn
    return _begin(turn)


def prove_back(turn: Turn) -> Turn:
    """The stage: the way back was walked; waiting for proof that it led back begins."""
    if turn.todo is not Todo.PROVE_BACK:
        return turn
    return _begin(turn)


def _begin(turn: Turn) -> Turn:
    proof = proof_of(turn)
    turn = turn.move(
        Move.VERIFY,
        verify_started_at=turn.at,
        good_looks=0,
        looks=0,
        last_look="",
        last_look_at=None,
        waiting=(),
        **times_of(turn, proof, turn.at),
    )
    text = f"the way back of {turn.case.plan}" if turn.case.is_taken_back else turn.case.plan or ""
    turn = turn.note("verifying", Reason.VERIFYING, text)
    turn = turn.timer("deadline", turn.case.verify_until)
    if is_looked_at(proof):
        return turn.timer("look", turn.at + proof.settle_seconds).then(Todo.REST)
    return judge(turn.then(Todo.VERIFY))


def judge(turn: Turn) -> Turn:
    """The stage: a proof by the alert alone, looked at whenever the alert changes."""
    if turn.todo is not Todo.VERIFY:
        return turn
    if is_forgotten(turn):
        return _forgotten(turn)
    proof = proof_of(turn)
    if is_looked_at(proof) or not proof.alert_cleared:
        return turn.then(Todo.REST)
    return _by_alert(turn, proof)


def _by_alert(turn: Turn, proof: Verify) -> Turn:
    """It held once the alert has been over for long enough. A source that fell silent may speak
    again before the deadline."""
    if not is_quiet(turn.case):
        return turn.then(Todo.REST)
    due = quiet_at(turn, proof)
    if turn.at < due:
        return turn.timer("look", due).then(Todo.REST)
    return _held(turn)


def look(turn: Turn) -> Turn:
    """The look timer: gathers what the proof observes, anew."""
    proof, case = proof_of(turn), turn.case
    if case.verify_started_at is None or case.state is not State.VERIFYING:
        return turn.then(Todo.REST)
    if is_forgotten(turn):
        return _forgotten(turn)
    if not is_looked_at(proof):
        return _by_alert(turn, proof)
    number = case.looks + 1
    name = f"back-{number}" if case.is_taken_back else number
    facts = facts_of(turn)
    commands = []
    for call in proof.observe:
        try:
            params = resolve_params(call.params, facts)
        except LookupError:
            continue
        commands.append(read_command(turn, call, params, CommandKind.OBSERVE, look=name))
    findings = {k: v for k, v in case.findings.items() if k not in {c.id for c in proof.observe}}
    turn = turn.change(looks=number, waiting=tuple(c.id for c in commands), findings=findings)
    if not commands:
        return _looked(turn)
    return turn.command(*commands).then(Todo.REST)


def take_look(turn: Turn) -> Turn:
    """The stage: an observation came back; when all are in, the look is judged."""
    event = turn.event
    if (
        turn.todo is not Todo.RECEIVE
        or not isinstance(event, CommandFinished)
        or event.command.kind is not CommandKind.OBSERVE
    ):
        return turn
    if event.command.id not in turn.case.waiting or turn.case.state is not State.VERIFYING:
        return turn.then(Todo.REST)
    waiting = tuple(w for w in turn.case.waiting if w != event.command.id)
    findings = {**turn.case.findings, event.command.step: finding_of(event.outcome)}
    turn = turn.change(findings=findings, waiting=waiting, updated_at=turn.at)
    return turn.then(Todo.REST) if waiting else _looked(turn)


def _all(predicates: tuple[Predicate, ...], facts: Facts, *, any_is_enough: bool) -> Truth:
    truths = [p(facts) for p in predicates]
    strong, weak = (Truth.TRUE, Truth.FALSE) if any_is_enough else (Truth.FALSE, Truth.TRUE)
    if strong in truths:
        return strong
    return Truth.UNKNOWN if Truth.UNKNOWN in truths else weak


def _looked(turn: Turn) -> Turn:
    if is_forgotten(turn):
        return _forgotten(turn)
    proof, facts = proof_of(turn), facts_of(turn)
    failing = [(p, p(facts)) for p in proof.fail]
    for condition, truth in failing:
        if truth is Truth.TRUE:
            return _failed(turn, Reason.VERIFICATION_FAILED, condition.text)
    not_worse = [(p, p(facts)) for p in proof.must_not_worsen]
    for condition, truth in not_worse:
        if truth is Truth.FALSE:
            return _failed(turn, Reason.WORSENED, condition.text)
    truth = _all(proof.success, facts, any_is_enough=proof.success_any)
    if truth is Truth.TRUE and any(t is Truth.UNKNOWN for _, t in (*failing, *not_worse)):
        truth = Truth.UNKNOWN  # nobody saw that it did not fail, or that it is not worse
    if proof.alert_cleared and truth is Truth.TRUE:
        truth = cleared(turn, proof)
    good = turn.case.good_looks + 1 if truth is Truth.TRUE else 0
    turn = turn.change(good_looks=good, last_look=truth.value, last_look_at=turn.at)
    if good >= proof.consecutive:
        return _held(turn)
    return turn.timer("look", turn.at + proof.every_seconds).then(Todo.REST)


def deadline(turn: Turn) -> Turn:
    """The deadline timer: the time for proof is up."""
    proof, case = proof_of(turn), turn.case
    if case.verify_started_at is None or case.state is not State.VERIFYING:
        return turn.then(Todo.REST)
    due = deadline_of(turn, proof)
    if turn.at < due:
        return turn.timer("deadline", due).then(Todo.REST)  # it was set for an earlier plan
    if is_forgotten(turn):
        return _forgotten(turn)
    later = None if case.is_extended else put_off_to(turn, proof)
    if later is None:
        return _time_is_up(turn, proof)
    turn = turn.change(is_extended=True, verify_until=later).timer("deadline", later)
    turn = turn.note("verifying", Reason.VERIFYING, f"{later - turn.at:.0f} s longer")
    if is_looked_at(proof) and not case.waiting:
        return look(turn)
    return turn.then(Todo.REST)


def _time_is_up(turn: Turn, proof: Verify) -> Turn:
    case = turn.case
    if is_looked_at(proof) and case.last_look == Truth.FALSE.value:
        if is_stale(turn, proof):
            return _inconclusive(turn, "the latest look is too old to judge by")
        return _failed(turn, Reason.VERIFICATION_FAILED, "the proof was false to the end")
    if proof.alert_cleared and case.is_firing:
        if case.is_decay_cut:
            return _inconclusive(turn, "its alert looks back longer than was waited")
        expected = "" if has_acted(turn) else "it was expected to settle by itself"
        return _failed(turn, Reason.STILL_FIRING, expected)
    if case.is_gone_silent and not is_looked_at(proof):
        return _inconclusive(turn, "the source fell silent: nobody said that the alert is over")
    if proof.alert_cleared and is_quiet(case) and turn.at < quiet_at(turn, proof):
        return _inconclusive(turn, "the alert has not been silent for long enough to prove it")
    if is_looked_at(proof):
        return _inconclusive(turn, "what the proof needs could not be observed")
    return _held(turn)


def _held(turn: Turn) -> Turn:
    case = turn.case
    if case.is_taken_back:
        return end_way_back(turn, Verdict.HELD)
    is_healed = has_acted(turn)
    # While it is still looked back at, the alert may fire though all is well.
    decays_until = case.firing_until if is_healed and case.is_firing else None
    contains = _contains(turn)
    if case.plan:
        turn = end_plan(turn, Verdict.HELD, Reason.VERIFIED)
        turn = turn.note("verdict", Reason.VERIFIED, case.plan)
    if contains and case.is_firing:
        return give_up(turn, Reason.QUARANTINED, f"{case.plan} held, and heals nothing")
    reason = Reason.HEALED if is_healed else Reason.SETTLED
    outcome = Ending.HEALED if is_healed else Ending.SETTLED
    turn = turn.change(
        radius=Radius.ROUTINE, verify_started_at=None, suspect=None, decays_until=decays_until
    )
    turn = turn.ledger(
        LedgerMove(incident_id=case.id, state=LedgerState.ABSORBED, reason=reason, at=turn.at)
    )
    return resolve(turn, outcome=outcome, reason=reason)


def _contains(turn: Turn) -> bool:
    """Whether the plan only keeps the harm from spreading: then its success ends nothing."""
    plan = plan_in_hand(turn)
    return plan is not None and plan.on_held is OnHeld.HOLD_AND_ESCALATE


def _failed(turn: Turn, reason: Reason, text: str) -> Turn:
    if turn.case.is_taken_back:
        told = f"{reason.sentence}: {text}" if text else reason.sentence
        return end_way_back(turn, Verdict.FAILED, told)
    turn = turn.note("verdict", reason, text)
    if has_acted(turn):
        return fail_plan(turn, reason, text)
    # There is nothing to take back, and what did not settle is not waited for a second time.
    return give_up(_end_waiting(turn, Verdict.FAILED, reason), reason, text)


def _forgotten(turn: Turn) -> Turn:
    """What would have proven it stood in a text that is gone: nothing does any more."""
    return _inconclusive(turn, FORGOTTEN, Reason.RUNBOOK_NOT_RUNNABLE)


def _inconclusive(turn: Turn, text: str, reason: Reason = Reason.VERIFICATION_INCONCLUSIVE) -> Turn:
    if turn.case.is_taken_back:
        return end_way_back(turn, Verdict.INCONCLUSIVE, text)
    plan = plan_in_hand(turn)
    turn = _end_waiting(turn, Verdict.INCONCLUSIVE, reason).note("verdict", reason, text)
    if plan is not None and plan.on_inconclusive is OnInconclusive.ROLL_BACK_AND_ESCALATE:
        return turn.change(reason=reason, reason_text=text).then(Todo.ROLL_BACK)
    return give_up(turn, reason, text)


def _end_waiting(turn: Turn, verdict: Verdict, reason: Reason) -> Turn:
    return end_plan(turn, verdict, reason) if turn.case.plan else stop_looking(turn)
