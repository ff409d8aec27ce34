"""Escalation: who is told next, and when, until somebody acknowledges.

When people are called, the ladder of their team is frozen as it is then, with the platform's
behind it: a change of the files changes nothing of a call that runs. Only who is on call is asked
at each rung, since it is that person who is awake. A rung by which nobody can be reached is
skipped at once. Where no ladder is declared at all the team is told once. What needs nobody awake
(severity `info` or `none`) is told to the first rung and climbs no further.
"""

from __future__ import annotations

import msgspec

from agent.core.blast_radius import assess
from agent.core.broken_notifiers import avoided
from agent.core.lifecycle import Move
from agent.core.paging import compose
from agent.core.reaching import DEFAULT, PERSON, call, is_covered, is_waiting, latest_wave
from agent.core.silence import DOUBTFUL, LOOK_AGAIN_SECONDS, Quiet, quiet_of
from agent.core.turn import Todo, Turn
from agent.core.view import View
from agent.model.incident import State
from agent.model.on_call import Climb, Rung, RungKind
from agent.model.reason import Reason

TIMER = "climb"
UNCLIMBED = frozenset({"info", "none"})
"""Severities nobody is woken twice for."""


def begin(turn: Turn, team: str, text: str) -> Turn:
    """A new escalation: its ladder is frozen, and the first who can be reached are told."""
    view, case = turn.view, turn.case
    rungs = ladder_of(view, team, case.severity, turn.at)
    is_declared = bool(view.on_call.ladders) and case.severity not in UNCLIMBED
    rounds = 1 + view.on_call.repeats.get(team, 0)
    climb = Climb(team=team, rungs=rungs, at=-1, rounds=rounds)
    turn = turn.change(climb=climb).timer(TIMER, None)
    if is_declared:
        text_of_ladder = ", ".join(f"{r.kind.value} {r.to}" for r in rungs)
        turn = turn.note("climb", Reason.LADDER_STARTED, text_of_ladder[:300])
    return _tell_next(turn, text, climbs=is_declared)


def ladder_of(view: View, team: str, severity: str, at: float) -> tuple[Rung, ...]:
    """Every rung in the order of climbing, repeats and all. The platform's come last, where nobody
    of the team acknowledges; product and platform are on call apart."""
    only_team = Rung(kind=RungKind.TEAM, to=team, ack_seconds=view.policy.ack_seconds)
    if not view.on_call.ladders:
        return (only_team,)
    own = _declared(view, team) or (only_team,)
    if not any(receiver_of(view, rung, at)[0] for rung in own) and only_team not in own:
        own = (*own, only_team)  # nobody is on call: the team itself, before anybody else
    if severity in UNCLIMBED or team == view.policy.platform:
        return own
    platform = msgspec.structs.replace(only_team, to=view.policy.platform)
    return own + (_declared(view, view.policy.platform) or (platform,))


def _declared(view: View, team: str) -> tuple[Rung, ...]:
    rungs = view.on_call.ladders.get(team, ())
    return rungs * (1 + view.on_call.repeats.get(team, 0))


def receiver_of(view: View, rung: Rung, at: float) -> tuple[str, str]:
    """Key in `View.channels` of whoever this rung tells now; or nothing, and why nobody."""
    if rung.kind is RungKind.TEAM:
        if view.channels.get(rung.to):
            return rung.to, ""
        if rung.to == view.policy.platform and view.channels.get(DEFAULT):
            return rung.to, ""  # whose channels those of nobody else are
        return "", f"team {rung.to} has no channel"
    person: str | None = rung.to
    if rung.kind is RungKind.ON_CALL:
        rotation = view.on_call.rotations.get(rung.to)
        if rotation is None:
            return "", f"there is no rotation {rung.to} any more"
        try:
            person = rotation.on_call(at)
        except DOUBTFUL:  # a calendar that cannot say must not keep anybody from being told
            return "", f"{rung.to} cannot say who is on call"
        if person is None:
            return "", f"nobody is on call by {rung.to}"
    key = view.on_call.people.get(person or "", f"{PERSON}{person}")
    return (key, "") if view.channels.get(key) else ("", f"{person} has no channel")


def climb(turn: Turn) -> Turn:
    """The climb timer: nobody acknowledged in time, the next rung is told."""
    case = turn.case
    if not is_waiting(case):
        return turn.then(Todo.REST)
    quiet = quiet_of(case, turn.view, turn.at)
    if quiet is not None and case.climb is not None:
        return _wait_for_quiet(turn, case.climb, quiet).then(Todo.REST)
    text = compose(case, turn.view, assess(case, turn.view))
    if case.climb is None:  # people should have been told and were not (core/audit_escalation.py)
        return begin(turn, case.routed_to or turn.view.policy.platform, text).then(Todo.REST)
    return _tell_next(turn, text, climbs=True).then(Todo.REST)


def _wait_for_quiet(turn: Turn, climb: Climb, quiet: Quiet) -> Turn:
    """Somebody silenced what people were called for: they have it, and nobody further is woken
    while that lasts. It is looked at again from time to time, since a silence may end earlier."""
    ends_at = quiet.ends_at if quiet.ends_at is not None else turn.at + LOOK_AGAIN_SECONDS
    due = max(min(ends_at, turn.at + LOOK_AGAIN_SECONDS), turn.at + 1.0)
    if climb.quiet != quiet.id:
        turn = turn.note("climb", quiet.reason, quiet.text[:300])
    turn = turn.change(climb=msgspec.structs.replace(climb, due=due, quiet=quiet.id))
    return turn.timer(TIMER, due)


def follow_up(turn: Turn, text: str) -> Turn:
    """More about what people were called for, while the same escalation runs: those of the rung it
    stands on are told, if it is news. It neither climbs by that nor begins again."""
    climb = turn.case.climb
    if climb is None or any(p.wave == climb.wave and p.text == text for p in turn.case.pages):
        return turn
    key, _ = receiver_of(turn.view, climb.rungs[climb.at], turn.at)
    wave = latest_wave(turn.case) + 1
    turn = turn.change(climb=msgspec.structs.replace(climb, wave=wave))
    avoid = avoided(turn.case)
    return call(turn, key or climb.team, climb.team, text, wave=wave, avoid=avoid)


def rise(turn: Turn) -> Turn:
    """The stage: it became more severe while people were called for it. They are called anew: by
    what they heard so far, nobody may have been woken. So is who acknowledged it: what he took was
    less than this."""
    case = turn.incident
    before = turn.view.incidents.get(case.id) if case is not None else None
    if case is None or before is None or before.severity == case.severity:
        return turn
    if case.severity in UNCLIMBED:
        return turn
    if before.state is case.state is State.ACKNOWLEDGED and not is_covered(case):
        turn = turn.move(Move.ESCALATE)
    elif not (is_waiting(before) and is_waiting(case)):
        return turn
    text = compose(turn.case, turn.view, assess(case, turn.view))
    team = case.climb.team if case.climb is not None else case.routed_to
    return begin(turn, team or turn.view.policy.platform, text)


def stop(turn: Turn) -> Turn:
    """Somebody has it, or it is over: nobody further is told."""
    if turn.case.climb is None or turn.case.climb.due is None:
        return turn
    ended = msgspec.structs.replace(turn.case.climb, due=None)
    return turn.change(climb=ended).timer(TIMER, None)


def _tell_next(turn: Turn, text: str, *, climbs: bool) -> Turn:
    """Tells the next rung by which somebody can be reached. Where none of them ever was, the ways
    of last resort are taken."""
    climb = turn.case.climb
    assert climb is not None
    for at in range(climb.at + 1, len(climb.rungs)):
        rung = climb.rungs[at]
        key, why = receiver_of(turn.view, rung, turn.at)
        if not key:
            turn = turn.note("climb", Reason.NOBODY_REACHED, f"rung {at + 1}: {why}")
            continue
        if climb.at >= 0:
            shown = key.removeprefix(PERSON)
            turn = turn.note("climb", Reason.RUNG_CLIMBED, f"rung {at + 1}: {shown}")
        return _tell(turn, climb, at, key, text, climbs=climbs)
    if climb.wave == 0:
        return _tell(turn, climb, len(climb.rungs) - 1, climb.team, text, climbs=climbs)
    turn = turn.change(climb=msgspec.structs.replace(climb, due=None)).timer(TIMER, None)
    return turn.note("climb", Reason.LADDER_ENDED, climb.team)


def _tell(turn: Turn, climb: Climb, at: int, key: str, text: str, *, climbs: bool) -> Turn:
    wave = latest_wave(turn.case) + 1
    rung = climb.rungs[at]
    due = turn.at + rung.ack_seconds if climbs else None
    own = len(climb.rungs) if climb.rounds < 2 else max(1, len(climb.rungs) // climb.rounds)
    told = msgspec.structs.replace(
        climb, at=at, round=min(at // own, climb.rounds - 1), wave=wave, due=due
    )
    turn = turn.change(climb=told)
    if due is not None:
        turn = turn.timer(TIMER, due)
    return call(turn, key, climb.team, text, wave=wave, avoid=avoided(turn.case))
