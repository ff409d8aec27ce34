"""Did a person's act help? Noted like the verdict of a plan, and nobody is called for it.

After an act by a person is done, the alerts of the incident have the time of verification, and what
their expressions look back, to end. They did: held. They still fire: failed. What cannot be told
(its source fell silent, it had ended before the act, somebody closed the incident while it fired)
is inconclusive. Whoever acted has the incident; whether the act is learned from is judged later and
by more (core/credit.py).
"""

from __future__ import annotations

import msgspec

from agent.core.alert_expression import expression_of
from agent.core.decay import is_beyond
from agent.core.preview import proof_seconds_of
from agent.core.resolving import cleared_at
from agent.core.told import done_by_people
from agent.core.turn import Todo, Turn
from agent.model.effect import Verdict
from agent.model.event import CommandFinished
from agent.model.incident import StepRun
from agent.model.reason import Reason
from agent.model.runbook import Decay

TIMER = "person_proof"
REASONS = {
    Verdict.HELD: Reason.VERIFIED,
    Verdict.FAILED: Reason.VERIFICATION_FAILED,
    Verdict.INCONCLUSIVE: Reason.VERIFICATION_INCONCLUSIVE,
}


def time_is_up(turn: Turn) -> Turn:
    """The timer: `prove_acts` looks at what is due, at the end of the turn."""
    return turn.then(Todo.REST)


def prove_acts(turn: Turn) -> Turn:
    """The stage, whatever was decided before it: a proof begins where a person's act was done, and
    ends where the alerts are over, the time is up, or the incident is closed."""
    if turn.incident is None or turn.decision.refused is not None:
        return turn
    turn = _begin(turn)
    waiting = _unproven(turn)
    if not waiting:
        return turn
    for step in waiting:
        found = _verdict(turn, step)
        if found is not None:
            turn = _note(turn, step, *found)
    left = [step.verify_until or turn.at for step in _unproven(turn)]
    return turn.timer(TIMER, min(left, default=None))


def _unproven(turn: Turn) -> list[StepRun]:
    return [
        step
        for step in done_by_people(turn.case)
        if step.verify_until is not None and step.verdict is None
    ]


def _begin(turn: Turn) -> Turn:
    event = turn.event
    if not isinstance(event, CommandFinished) or event.command.by == "agent":
        return turn
    for step in done_by_people(turn.case):
        if step.id == event.command.key and step.verify_until is None:
            until = turn.at + proof_seconds_of(turn.case, turn.view)
            return _change(turn, msgspec.structs.replace(step, verify_until=until))
    return turn


def _verdict(turn: Turn, step: StepRun) -> tuple[Verdict, str] | None:
    """None while it cannot be told yet."""
    case, cleared = turn.case, cleared_at(turn.case)
    if cleared is not None:
        if cleared < step.started_at:
            return Verdict.INCONCLUSIVE, "it was over before the act began"
        return Verdict.HELD, f"it was over {cleared - step.started_at:.0f} s after the act began"
    if not case.is_open:
        return Verdict.INCONCLUSIVE, "the incident was closed before its alerts were over"
    if turn.at < (step.verify_until or turn.at):
        return None
    if not case.is_firing:
        return Verdict.INCONCLUSIVE, "its source fell silent"
    if _is_cut(turn):
        return Verdict.INCONCLUSIVE, "its expression looks back longer than the policy waits"
    seconds = turn.at - (step.ended_at or step.started_at)
    return Verdict.FAILED, f"it still fires {seconds:.0f} s after the act"


def _is_cut(turn: Turn) -> bool:
    longest = turn.view.policy.longest_decay_seconds
    return any(
        is_beyond(Decay(), expression_of(alert.generator_url), longest)
        for alert in turn.case.alerts.values()
    )


def _note(turn: Turn, step: StepRun, verdict: Verdict, why: str) -> Turn:
    turn = _change(turn, msgspec.structs.replace(step, verdict=verdict))
    text = f"{step.use} by {step.by}: {verdict.value}, {why}"
    data = {"key": step.id, "verdict": verdict.value}
    return turn.note("person_proof", REASONS[verdict], text[:300], data=data)


def _change(turn: Turn, changed: StepRun) -> Turn:
    steps = tuple(changed if step.id == changed.id else step for step in turn.case.steps)
    return turn.change(steps=steps)
