"""Flapping: what comes and goes is told once and left alone until it stands still.

A turn is one time that all alerts of a group key went away. Turns are kept with the end, not with
the beginning, so that a storm of new incidents costs nothing here. Nothing more is done for what
turned too often: it is not cured, and each act may be a part of what drives it. Its incident stays
open while it flaps, so that an hour of it is one incident and one page.
"""

from __future__ import annotations

import msgspec

from agent.core.receiving import UNTOLD_STATES, await_calm, close_cleared, is_under_way
from agent.core.turn import Todo, Turn
from agent.core.view import View
from agent.core.waiting import stop_waiting
from agent.model.decision import Record
from agent.model.event import AlertReceived, TimerFired
from agent.model.incident import Incident
from agent.model.reason import Reason
from agent.model.records import Flap

KIND = "flap"


def count_turns(turn: Turn) -> Turn:
    """The stage: what the incident is about began to fire, or stopped."""
    if not isinstance(turn.event, AlertReceived) or turn.incident is None:
        return turn
    before = turn.view.incidents.get(turn.case.id)
    was_firing = before is not None and before.is_firing
    if was_firing and not turn.case.is_firing:
        return _went(turn)
    if turn.case.is_firing and not was_firing and turn.case.is_open:
        turn = _came(turn)
        is_left_over = before is not None and turn.todo is Todo.REST and is_left(turn.case)
        return _take_up(turn) if is_left_over else turn
    return turn


def count_expired(turn: Turn) -> Turn:
    """The stage after the timers: what was not repeated in time is over as well. Of what comes and
    goes like that nobody ever tells the end."""
    if not isinstance(turn.event, TimerFired) or turn.event.name != "expiry":
        return turn
    before = turn.view.incidents.get(turn.case.id)
    if before is None or not before.is_firing or turn.case.is_firing:
        return turn
    return _went(turn)


def _went(turn: Turn) -> Turn:
    most = turn.view.policy.rails.flapping_turns
    before = turn.view.flaps.get(turn.case.key) or Flap(key=turn.case.key)
    turns = (*_lately(before, turn.view, turn.at), turn.at)[-most:]
    told_at = turn.at if turn.case.pages else before.told_at
    return turn.record(
        KIND, before.key, msgspec.structs.replace(before, turns=turns, told_at=told_at)
    )


def _came(turn: Turn) -> Turn:
    """The turn that begins now counts as well."""
    case, rails = turn.case, turn.view.policy.rails
    flap = turn.view.flaps.get(case.key)
    if case.is_flapping or flap is None:
        return turn
    number = len(_lately(flap, turn.view, turn.at)) + 1
    if number < rails.flapping_turns:
        return turn
    turn = turn.change(is_flapping=True)
    turn = turn.record(KIND, flap.key, msgspec.structs.replace(flap, told_at=turn.at))
    return turn.note("flapping", Reason.FLAPPING, _how_often(turn.view, number))


def _take_up(turn: Turn) -> Turn:
    """It stayed open while it was quiet, because it flaps or because a person's act is under way,
    and burns again: it is told."""
    return stop_waiting(turn).then(Todo.MATCH if turn.case.is_flapping else Todo.ROUTE)


def is_left(case: Incident) -> bool:
    """Whether nobody has it: it went quiet before people could be told, nothing that is under way
    will lead to that, and nothing else speaks for it."""
    is_covered = case.silenced_by or case.inhibited_by or case.held_by
    return case.state in UNTOLD_STATES and not is_under_way(case) and not is_covered


def _lately(flap: Flap, view: View, at: float) -> tuple[float, ...]:
    return tuple(t for t in flap.turns if at - t < view.policy.rails.flapping_seconds)


def _how_often(view: View, number: int) -> str:
    minutes = view.policy.rails.flapping_seconds / 60
    return f"at least {number} times within {minutes:.0f} minutes"


def leave_alone(turn: Turn) -> Turn:
    """The stage before the match: no runbook is asked about what flaps. People are told that it
    does, unless a silence or another alert speaks for it."""
    if turn.todo is not Todo.MATCH or not turn.case.is_flapping:
        return turn
    text = _how_often(turn.view, turn.view.policy.rails.flapping_turns)
    # Nothing is looked at first: what it shows would depend on the moment.
    turn = turn.change(reason=Reason.FLAPPING, reason_text=text, after_diagnosis="route")
    return turn.note("stopped", Reason.FLAPPING, text).then(Todo.ROUTE)


def calm_down(turn: Turn) -> Turn:
    """The calm timer: where it still stands still, it is over."""
    if turn.case.is_firing:
        return turn.then(Todo.REST)  # it is set again when it goes away
    if is_under_way(turn.case):
        return await_calm(turn)
    return close_cleared(turn.record(KIND, turn.case.key, None), is_calm=True)


def forgotten(view: View, at: float) -> tuple[Record, ...]:
    """Deletes what came and went too long ago to count, so that what is kept stays bounded."""
    open_keys = view.by_key
    return tuple(
        Record(kind=KIND, key=flap.key, body=None)
        for flap in view.flaps.values()
        if not _lately(flap, view, at) and flap.key not in open_keys
    )
