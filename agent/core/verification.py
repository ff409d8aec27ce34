"""Did it help? Three values: held, failed, inconclusive. No data is inconclusive, never success.

The proof is the signal, never the action's own answer. It is looked at after `settle`, every
`every`, until it held `consecutive` times in a row or `within` has passed. An alert whose
expression looks back goes on firing after a good fix: until its decay time has passed, still
firing is no verdict.
"""

from __future__ import annotations

from agent.core.diagnosis import read_command
from agent.core.facts import FAILED, facts_of, resolve_params
from agent.core.lifecycle import Move
from agent.core.plans import give_up, plan_of
from agent.core.receiving import resolve
from agent.core.rollback import end_plan, fail_plan
from agent.core.turn import Todo, Turn
from agent.model.command import CommandKind
from agent.model.decision import LedgerMove, LedgerState
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.event import CommandFinished
from agent.model.incident import Ending, Radius, State
from agent.model.reason import Reason
from agent.model.runbook import Facts, Predicate, Truth, Verify


def proof_of(turn: Turn) -> Verify:
    """The plan's proof; a settle runbook waits for the alert to clear."""
    found = plan_of(turn)
    if found is None:
        within = turn.view.policy.verify_within_seconds
        return Verify(alert_cleared=True, within_seconds=within)
    return found[1].verify


def prove(turn: Turn) -> Turn:
    """The stage: the steps are done; waiting for proof begins."""
    if turn.todo is not Todo.PROVE:
        return turn
    proof = proof_of(turn)
    turn = turn.move(
        Move.VERIFY, verify_started_at=turn.at, good_looks=0, looks=0, last_look="", waiting=()
    )
    turn = turn.note("verifying", Reason.VERIFYING, turn.case.plan or "")
    turn = turn.timer("deadline", _deadline_of(proof, turn.at))
    if proof.observe or proof.success:
        return turn.timer("look", turn.at + proof.settle_seconds).then(Todo.REST)
    return judge(turn.then(Todo.VERIFY))


def _deadline_of(proof: Verify, started_at: float) -> float:
    return started_at + proof.settle_seconds + max(proof.within_seconds, proof.decay_seconds)


def judge(turn: Turn) -> Turn:
    """The stage: a proof by the alert alone, looked at whenever the alert changes."""
    if turn.todo is not Todo.VERIFY:
        return turn
    proof = proof_of(turn)
    if proof.observe or proof.success or not proof.alert_cleared or turn.case.is_firing:
        return turn.then(Todo.REST)
    if turn.case.is_gone_silent:
        return turn.then(Todo.REST)  # the source may speak again before the deadline
    return _held(turn)


def look(turn: Turn) -> Turn:
    """The look timer: gathers what the proof observes, anew."""
    proof, case = proof_of(turn), turn.case
    if case.verify_started_at is None or case.state is not State.VERIFYING:
        return turn.then(Todo.REST)
    number = case.looks + 1
    facts = facts_of(turn)
    commands = []
    for call in proof.observe:
        try:
            params = resolve_params(call.params, facts)
        except LookupError:
            continue
        commands.append(read_command(turn, call, params, CommandKind.OBSERVE, look=number))
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
    if event.outcome.status is OutcomeStatus.DONE:
        finding = dict(event.outcome.value)
    else:
        finding = {FAILED: event.outcome.detail or event.outcome.reason.sentence}
    waiting = tuple(w for w in turn.case.waiting if w != event.command.id)
    findings = {**turn.case.findings, event.command.step: finding}
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
    if proof.fail and _all(proof.fail, facts, any_is_enough=True) is Truth.TRUE:
        return _failed(turn, Reason.VERIFICATION_FAILED, "a condition of failure is true")
    truth = _all(proof.success, facts, any_is_enough=proof.success_any)
    if proof.alert_cleared and truth is Truth.TRUE:
        truth = _cleared(turn)
    good = turn.case.good_looks + 1 if truth is Truth.TRUE else 0
    turn = turn.change(good_looks=good, last_look=truth.value)
    if good >= proof.consecutive:
        return _held(turn)
    return turn.timer("look", turn.at + proof.every_seconds).then(Todo.REST)


def _cleared(turn: Turn) -> Truth:
    """Whether the alert is over. A source that fell silent has not said so."""
    if turn.case.is_firing:
        return Truth.FALSE
    return Truth.UNKNOWN if turn.case.is_gone_silent else Truth.TRUE


def deadline(turn: Turn) -> Turn:
    """The deadline timer: the time for proof is up."""
    proof, case = proof_of(turn), turn.case
    if case.verify_started_at is None or case.state is not State.VERIFYING:
        return turn.then(Todo.REST)
    due = _deadline_of(proof, case.verify_started_at)
    if turn.at < due:
        return turn.timer("deadline", due).then(Todo.REST)  # it was set for an earlier plan
    if proof.observe or proof.success:
        if case.last_look == Truth.FALSE.value:
            return _failed(turn, Reason.VERIFICATION_FAILED, "the proof was false to the end")
        return _inconclusive(turn, "what the proof needs could not be observed")
    if case.is_firing:
        if not case.plan:
            return give_up(turn, Reason.STILL_FIRING, "it was expected to settle by itself")
        return _failed(turn, Reason.STILL_FIRING, "")
    if case.is_gone_silent:
        return _inconclusive(turn, "the source fell silent: nobody said that the alert is over")
    return _held(turn)


def _held(turn: Turn) -> Turn:
    case = turn.case
    acted = bool(case.plan)
    if acted:
        turn = end_plan(turn, Verdict.HELD)
        turn = turn.note("verdict", Reason.VERIFIED, case.plan or "")
    reason = Reason.HEALED if acted else Reason.SETTLED
    outcome = Ending.HEALED if acted else Ending.SETTLED
    turn = turn.change(radius=Radius.ROUTINE, verify_started_at=None, suspect=None)
    turn = turn.ledger(
        LedgerMove(incident_id=case.id, state=LedgerState.ABSORBED, reason=reason, at=turn.at)
    )
    return resolve(turn, outcome=outcome, reason=reason)


def _failed(turn: Turn, reason: Reason, text: str) -> Turn:
    turn = turn.note("verdict", reason, text)
    return fail_plan(turn.change(verify_started_at=None), reason, text)


def _inconclusive(turn: Turn, text: str) -> Turn:
    turn = end_plan(turn.change(verify_started_at=None), Verdict.INCONCLUSIVE)
    turn = turn.note("verdict", Reason.VERIFICATION_INCONCLUSIVE, text)
    return give_up(turn, Reason.VERIFICATION_INCONCLUSIVE, text)
