"""Did it help? Three values: held, failed, inconclusive. No data is inconclusive, never success.

The proof is the signal, never the action's own answer. It is looked at after `settle`, every
`every`, until it held `consecutive` times in a row or `within` has passed. An alert whose
expression looks back goes on firing after a good fix: until its decay time has passed, still
firing is no verdict.

Three things are proven so: that a plan helped, that a way back led back, and that what was expected
to settle by itself did. They differ only in what follows (`_held`, `_failed`, `_inconclusive`).
"""

from __future__ import annotations

from agent.core.alert_expression import expression_of
from agent.core.decay import firing_for, quiet_for
from agent.core.diagnosis import finding_of, read_command
from agent.core.facts import facts_of, resolve_params
from agent.core.lifecycle import Move
from agent.core.plans import give_up, plan_of
from agent.core.receiving import resolve
from agent.core.rollback import end_plan, end_way_back, fail_plan, stop_looking
from agent.core.turn import Todo, Turn
from agent.model.command import CommandKind
from agent.model.decision import LedgerMove, LedgerState
from agent.model.effect import Verdict
from agent.model.event import CommandFinished
from agent.model.incident import Ending, Incident, Radius, State
from agent.model.reason import Reason
from agent.model.runbook import (
    Decay,
    Facts,
    OnInconclusive,
    Plan,
    Predicate,
    Truth,
    Verify,
)

NO_DECAY = Decay(seconds=0.0)


def _plan(turn: Turn) -> Plan | None:
    found = plan_of(turn)
    return found[1] if found is not None else None


def _has_acted(turn: Turn) -> bool:
    """Whether something was done that can have helped, or made it worse."""
    plan = _plan(turn)
    return plan is not None and not plan.settles


def proof_of(turn: Turn) -> Verify:
    """The plan's proof, or that of its way back; a row that settles waits for the alert to
    clear."""
    plan = _plan(turn)
    if plan is None:
        within = turn.case.settle_seconds or turn.view.policy.verify_within_seconds
        return Verify(alert_cleared=True, within_seconds=within, decay=NO_DECAY)
    if turn.case.is_taken_back and plan.rollback_verify is not None:
        return plan.rollback_verify
    return plan.verify


def _is_looked_at(proof: Verify) -> bool:
    """Whether the proof is more than the alert's own word."""
    return bool(proof.observe or proof.success or proof.fail or proof.must_not_worsen)


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
        Move.VERIFY, verify_started_at=turn.at, good_looks=0, looks=0, last_look="", waiting=()
    )
    text = f"the way back of {turn.case.plan}" if turn.case.is_taken_back else turn.case.plan or ""
    turn = turn.note("verifying", Reason.VERIFYING, text)
    turn = turn.timer("deadline", _deadline_of(turn, proof, turn.at))
    if _is_looked_at(proof):
        return turn.timer("look", turn.at + proof.settle_seconds).then(Todo.REST)
    return judge(turn.then(Todo.VERIFY))


def _deadline_of(turn: Turn, proof: Verify, started_at: float) -> float:
    allowed = proof.within_seconds
    if proof.alert_cleared:
        quiet = quiet_for(proof.decay, turn.view.policy)
        allowed = max(allowed, _decay_of(turn, proof)) + quiet
    return started_at + proof.settle_seconds + allowed


def _decay_of(turn: Turn, proof: Verify) -> float:
    """Seconds for which the alert may fire on after a good fix. Where nothing was fixed, nothing
    decays: who waits for it to settle says for how long."""
    decay = proof.decay
    is_written = decay.seconds is not None or decay.expression is not None
    if not is_written and not _has_acted(turn):
        return 0.0
    expressions = {expression_of(a.generator_url) for a in turn.case.alerts.values()}
    return max(firing_for(decay, expression, turn.view.policy) for expression in expressions)


def judge(turn: Turn) -> Turn:
    """The stage: a proof by the alert alone, looked at whenever the alert changes."""
    if turn.todo is not Todo.VERIFY:
        return turn
    proof = proof_of(turn)
    if _is_looked_at(proof) or not proof.alert_cleared or turn.case.is_firing:
        return turn.then(Todo.REST)
    if turn.case.is_gone_silent:
        return turn.then(Todo.REST)  # the source may speak again before the deadline
    quiet = quiet_for(proof.decay, turn.view.policy)
    if quiet > 0:
        # An alert with `for` needs so long to fire again: until then its silence proves nothing.
        return turn.timer("look", turn.at + quiet).then(Todo.REST)
    return _held(turn)


def _quiet_over(turn: Turn) -> Turn:
    """It has been silent for long enough, if it still is."""
    if turn.case.is_firing or turn.case.is_gone_silent:
        return turn.then(Todo.REST)
    return _held(turn)


def look(turn: Turn) -> Turn:
    """The look timer: gathers what the proof observes, anew."""
    proof, case = proof_of(turn), turn.case
    if case.verify_started_at is None or case.state is not State.VERIFYING:
        return turn.then(Todo.REST)
    if not _is_looked_at(proof):
        return _quiet_over(turn)
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
    proof, facts = proof_of(turn), facts_of(turn)
    for condition in proof.fail:
        if condition(facts) is Truth.TRUE:
            return _failed(turn, Reason.VERIFICATION_FAILED, condition.text)
    not_worse = [(p, p(facts)) for p in proof.must_not_worsen]
    for condition, truth in not_worse:
        if truth is Truth.FALSE:
            return _failed(turn, Reason.WORSENED, condition.text)
    truth = _all(proof.success, facts, any_is_enough=proof.success_any)
    if truth is Truth.TRUE and any(t is Truth.UNKNOWN for _, t in not_worse):
        truth = Truth.UNKNOWN
    if proof.alert_cleared and truth is Truth.TRUE:
        truth = _cleared(turn, proof)
    good = turn.case.good_looks + 1 if truth is Truth.TRUE else 0
    turn = turn.change(good_looks=good, last_look=truth.value)
    if good >= proof.consecutive:
        return _held(turn)
    return turn.timer("look", turn.at + proof.every_seconds).then(Todo.REST)


def _cleared(turn: Turn, proof: Verify) -> Truth:
    """Whether the alert is over. A source that fell silent has not said so, and one whose
    expression still looks back at the fault says nothing by firing."""
    case = turn.case
    if case.is_firing:
        decayed = (case.verify_started_at or turn.at) + _decay_of(turn, proof)
        return Truth.UNKNOWN if turn.at < decayed else Truth.FALSE
    return Truth.UNKNOWN if case.is_gone_silent else Truth.TRUE


def deadline(turn: Turn) -> Turn:
    """The deadline timer: the time for proof is up."""
    proof, case = proof_of(turn), turn.case
    if case.verify_started_at is None or case.state is not State.VERIFYING:
        return turn.then(Todo.REST)
    due = _deadline_of(turn, proof, case.verify_started_at)
    if turn.at < due:
        return turn.timer("deadline", due).then(Todo.REST)  # it was set for an earlier plan
    is_looked_at = _is_looked_at(proof)
    if is_looked_at and case.last_look == Truth.FALSE.value:
        return _failed(turn, Reason.VERIFICATION_FAILED, "the proof was false to the end")
    if proof.alert_cleared and case.is_firing:
        expected = "" if _has_acted(turn) else "it was expected to settle by itself"
        return _failed(turn, Reason.STILL_FIRING, expected)
    if is_looked_at:
        return _inconclusive(turn, "what the proof needs could not be observed")
    if case.is_gone_silent:
        return _inconclusive(turn, "the source fell silent: nobody said that the alert is over")
    return _held(turn)


def _held(turn: Turn) -> Turn:
    case = turn.case
    if case.is_taken_back:
        return end_way_back(turn, Verdict.HELD)
    has_acted = _has_acted(turn)
    decays_until = _decays_until(turn, case) if has_acted else None
    if case.plan:
        turn = end_plan(turn, Verdict.HELD, Reason.VERIFIED)
        turn = turn.note("verdict", Reason.VERIFIED, case.plan)
    reason = Reason.HEALED if has_acted else Reason.SETTLED
    outcome = Ending.HEALED if has_acted else Ending.SETTLED
    turn = turn.change(
        radius=Radius.ROUTINE, verify_started_at=None, suspect=None, decays_until=decays_until
    )
    turn = turn.ledger(
        LedgerMove(incident_id=case.id, state=LedgerState.ABSORBED, reason=reason, at=turn.at)
    )
    return resolve(turn, outcome=outcome, reason=reason)


def _decays_until(turn: Turn, case: Incident) -> float | None:
    """Until when the alert may still fire, where it does though all is well."""
    if not case.is_firing or case.verify_started_at is None:
        return None
    return case.verify_started_at + _decay_of(turn, proof_of(turn))


def _failed(turn: Turn, reason: Reason, text: str) -> Turn:
    if turn.case.is_taken_back:
        told = f"{reason.sentence}: {text}" if text else reason.sentence
        return end_way_back(turn, Verdict.FAILED, told)
    turn = turn.note("verdict", reason, text)
    if _has_acted(turn):
        return fail_plan(turn, reason, text)
    # There is nothing to take back, and what did not settle is not waited for a second time.
    return give_up(_end_waiting(turn, Verdict.FAILED, reason), reason, text)


def _inconclusive(turn: Turn, text: str) -> Turn:
    if turn.case.is_taken_back:
        return end_way_back(turn, Verdict.INCONCLUSIVE, text)
    plan = _plan(turn)
    reason = Reason.VERIFICATION_INCONCLUSIVE
    turn = _end_waiting(turn, Verdict.INCONCLUSIVE, reason).note("verdict", reason, text)
    if plan is not None and plan.on_inconclusive is OnInconclusive.ROLL_BACK_AND_ESCALATE:
        return turn.change(reason=reason, reason_text=text).then(Todo.ROLL_BACK)
    return give_up(turn, reason, text)


def _end_waiting(turn: Turn, verdict: Verdict, reason: Reason) -> Turn:
    return end_plan(turn, verdict, reason) if turn.case.plan else stop_looking(turn)
