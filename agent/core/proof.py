"""What has to be proven, and by when.

The times of a proof are worked out once, when it begins, and stand on the incident: an alert that
joins later must not push a deadline that people wait for. What an alert's own expression asks for
is bounded by the policy (`longest_decay`), because whoever can send an alert can write it.

At its deadline a proof may be put off, once: while a silence is still too short to prove anything,
and where what was seen last is too old to judge by, as it is after the agent was down. Then one
more look is taken first.
"""

from __future__ import annotations

from typing import Any

from agent.core.alert_expression import expression_of
from agent.core.decay import firing_for, is_beyond, quiet_for
from agent.core.plans import plan_of
from agent.core.turn import Turn
from agent.model.incident import Incident
from agent.model.runbook import Decay, Plan, Truth, Verify

NO_DECAY = Decay(seconds=0.0)

OVERDUE_SECONDS = 30.0
"""A deadline that is looked at so late was slept through: the agent was down."""

CATCH_UP_SECONDS = 75.0
"""Within this time sources say again what fires and what is over."""

SLACK_SECONDS = 1.0


def plan_in_hand(turn: Turn) -> Plan | None:
    found = plan_of(turn)
    return found[1] if found is not None else None


def has_acted(turn: Turn) -> bool:
    """Whether something was done that can have helped, or made it worse."""
    plan = plan_in_hand(turn)
    return plan is not None and not plan.settles


def is_forgotten(turn: Turn) -> bool:
    """Whether the text of the plan in hand is gone, and with it what would have proven it."""
    return bool(turn.case.plan) and plan_in_hand(turn) is None


def proof_of(turn: Turn) -> Verify:
    """The plan's proof, or that of its way back; a row that settles waits for the alert to
    clear."""
    plan = plan_in_hand(turn)
    if plan is None:
        within = turn.case.settle_seconds or turn.view.policy.verify_within_seconds
        return Verify(alert_cleared=True, within_seconds=within, decay=NO_DECAY)
    if turn.case.is_taken_back and plan.rollback_verify is not None:
        return plan.rollback_verify
    return plan.verify


def is_looked_at(proof: Verify) -> bool:
    """Whether the proof is more than the alert's own word."""
    return bool(proof.observe or proof.success or proof.fail or proof.must_not_worsen)


def times_of(turn: Turn, proof: Verify, started_at: float) -> dict[str, Any]:
    """The times of a proof that begins, as fields of the incident."""
    decay, is_cut = _decay_of(turn, proof)
    allowed = proof.within_seconds
    if proof.alert_cleared:
        allowed = max(allowed, decay) + quiet_for(proof.decay, turn.view.policy)
    return {
        "verify_until": started_at + proof.settle_seconds + allowed,
        "is_extended": False,
        "firing_until": started_at + decay,
        "is_decay_cut": is_cut,
    }


def _decay_of(turn: Turn, proof: Verify) -> tuple[float, bool]:
    """Seconds for which the alert may fire on after a good fix, and whether that is less than its
    expression asks for. Where nothing was fixed, nothing decays: who waits for it to settle says
    for how long."""
    decay, policy = proof.decay, turn.view.policy
    is_written = decay.seconds is not None or decay.expression is not None
    if not is_written and not has_acted(turn):
        return 0.0, False
    longest = max(policy.longest_decay_seconds, proof.within_seconds)
    expressions = {expression_of(a.generator_url) for a in turn.case.alerts.values()}
    seconds = max(firing_for(decay, e, policy, longest=longest) for e in expressions)
    return seconds, any(is_beyond(decay, e, longest) for e in expressions)


def deadline_of(turn: Turn, proof: Verify) -> float:
    """When the proof under way ends."""
    case = turn.case
    if case.verify_until is not None:
        return case.verify_until
    until: float = times_of(turn, proof, case.verify_started_at or turn.at)["verify_until"]
    return until


def is_quiet(case: Incident) -> bool:
    """Whether every alert is over, and somebody said so."""
    return not case.is_firing and not case.is_gone_silent


def quiet_at(turn: Turn, proof: Verify) -> float:
    """From when on the silence of the alert proves something. One with `for` needs so long to fire
    again, and before the remedy has settled nothing is looked at."""
    case = turn.case
    cleared_at = max(alert.seen_at for alert in case.alerts.values())
    settled_at = (case.verify_started_at or turn.at) + proof.settle_seconds
    return max(cleared_at + quiet_for(proof.decay, turn.view.policy), settled_at)


def cleared(turn: Turn, proof: Verify) -> Truth:
    """Whether the alert is over. A source that fell silent has not said so, one whose expression
    still looks back at the fault says nothing by firing, and one with `for` nothing yet by being
    silent."""
    case = turn.case
    if case.is_firing:
        may_fire = case.is_decay_cut or turn.at < (case.firing_until or turn.at)
        return Truth.UNKNOWN if may_fire else Truth.FALSE
    if case.is_gone_silent or turn.at < quiet_at(turn, proof):
        return Truth.UNKNOWN
    return Truth.TRUE


def is_stale(turn: Turn, proof: Verify) -> bool:
    """Whether the latest look is from longer ago than looks are apart, with the time one takes."""
    seen_at = turn.case.last_look_at
    longest = proof.every_seconds + _look_seconds(turn, proof) + SLACK_SECONDS
    return seen_at is None or turn.at - seen_at > longest


def _look_seconds(turn: Turn, proof: Verify) -> float:
    usual = turn.view.policy.diagnose_timeout_seconds
    return max((call.timeout_seconds or usual for call in proof.observe), default=0.0)


def put_off_to(turn: Turn, proof: Verify) -> float | None:
    """To when the deadline that is reached is put off; None where it can be judged now."""
    case, ends = turn.case, []
    is_late = turn.at > deadline_of(turn, proof) + OVERDUE_SECONDS
    looking = 0.0
    if is_looked_at(proof):
        is_false = case.last_look == Truth.FALSE.value
        looking = (proof.consecutive + 1) * proof.every_seconds + _look_seconds(turn, proof)
        if is_late or (is_false and is_stale(turn, proof)):
            ends.append(turn.at + looking)
        elif is_false:
            return None
    elif is_late and not is_quiet(case):
        ends.append(turn.at + CATCH_UP_SECONDS)
    if proof.alert_cleared and is_quiet(case) and turn.at < quiet_at(turn, proof):
        ends.append(quiet_at(turn, proof) + looking)
    return max(ends, default=None)
