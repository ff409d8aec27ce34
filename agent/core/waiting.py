"""Waiting: a step whose rail lets go by itself is tried again, before a person is told.

The incident stays in the state it is in, so that what clears meanwhile ends as ever. The rails are
asked again when they think to have let go, with fresh facts where those at hand are old by then.
"""

from __future__ import annotations

from agent.core.rails.question import LOOK_AGAIN_SECONDS, Stop
from agent.core.turn import Todo, Turn
from agent.model.incident import Incident, State
from agent.model.reason import Reason

SHORTEST_SECONDS = 0.1
"""What is left may be less than a float of today's seconds can tell: the timer would be due at the
same moment for ever."""
MAY_WAIT = (
    State.OPEN,
    State.DIAGNOSING,
    State.AWAITING_APPROVAL,
    State.ACTING,
    State.VERIFYING,
)


def wait_for(turn: Turn, stop: Stop) -> Turn | None:
    """The turn that waits for this rail; None where the step has waited long enough.

    The time of the dwell is not counted: it is no doubt about the step, but part of the signal.
    """
    case, longest = turn.case, turn.view.policy.rails.wait_seconds
    after = stop.after_seconds if stop.after_seconds is not None else LOOK_AGAIN_SECONDS
    since = None
    if stop.reason is not Reason.DWELL:
        since = case.waits_since if case.waits_since is not None else turn.at
        left = since + longest - turn.at
        if left <= 0:
            return None
        after = min(after, left)
    if stop.reason not in case.waits_for:
        turn = turn.note("waiting_for_rail", stop.reason, stop.text)
    waits_for = (*(r for r in case.waits_for if r is not stop.reason), stop.reason)
    turn = turn.change(waits_since=since, waits_for=waits_for)
    if case.reason in (None, Reason.WAITING_FOR_RAIL):
        told = f"{stop.reason.sentence}: {stop.text}" if stop.text else stop.reason.sentence
        turn = turn.change(reason=Reason.WAITING_FOR_RAIL, reason_text=told)
    return turn.timer("wait", turn.at + max(after, SHORTEST_SECONDS)).then(Todo.REST)


def stop_waiting(turn: Turn) -> Turn:
    """The rails agree, or somebody is told, or it is nobody's business any more."""
    case = turn.case
    if not case.waits_for and case.waits_since is None:
        return turn
    turn = turn.change(waits_since=None, waits_for=()).timer("wait", None)
    if case.reason is Reason.WAITING_FOR_RAIL:
        turn = turn.change(reason=None, reason_text="")
    return turn


def wait_over(turn: Turn) -> Turn:
    """The wait timer: the rails are asked again."""
    case = turn.case
    if not _still_waits(case):
        return stop_waiting(turn).then(Todo.REST)
    age = turn.at - (case.chosen_at if case.chosen_at is not None else turn.at)
    is_begun = case.step > 0 or case.approved_by is not None or bool(case.plans)
    if age <= turn.view.policy.plan_age_seconds or is_begun or case.state not in FROM_THE_START:
        return turn.then(Todo.GUARD)
    since = case.waits_since
    return stop_waiting(turn).start_over().change(waits_since=since).then(Todo.MATCH)


FROM_THE_START = (State.OPEN, State.DIAGNOSING)


def _still_waits(case: Incident) -> bool:
    is_covered = case.held_by or case.silenced_by or case.inhibited_by
    return bool(case.waits_for) and case.state in MAY_WAIT and not is_covered and not case.waiting
