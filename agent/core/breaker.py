"""Circuit breaker per runbook and action: a remedy that does not help is not tried for ever.

Every end of a plan is one result of each action that was used in it; what held and came back counts
as not held. After too many that did not hold the breaker opens and the remedy is left alone for a
while. Then exactly one incident may try it: how that ends closes the breaker or opens it again. One
that opens again and again is locked until a person has looked and lets it go.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agent.core.turn import Turn
from agent.core.view import View
from agent.model.command import CommandKind
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.event import BreakerReset
from agent.model.incident import State
from agent.model.policy import Rails
from agent.model.reason import Reason
from agent.model.records import Act, Breaker

DAY_SECONDS = 86_400.0
KIND = "breaker"
TRIED = (OutcomeStatus.DONE, OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN)
"""A step that the rails refused at the last moment says nothing of the remedy."""
WORKING = (State.OPEN, State.DIAGNOSING, State.AWAITING_APPROVAL, State.ACTING, State.VERIFYING)
"""States in which an incident may still use the one try it has."""


class Position(StrEnum):
    """Where a breaker stands at a time."""

    CLOSED = "closed"
    """The remedy may run."""
    OPEN = "open"
    HALF_OPEN = "half_open"
    """One incident may try."""
    LOCKED = "locked"
    """Only a person closes it."""


def key_of(runbook: str, use: str) -> str:
    """Key of the record, and what people call it by."""
    return f"{runbook} {use}"


def position(breaker: Breaker, rails: Rails, at: float) -> Position:
    if breaker.locked:
        return Position.LOCKED
    if breaker.opened_at is None:
        return Position.CLOSED
    is_over = at - breaker.opened_at >= rails.breaker_open_seconds
    return Position.HALF_OPEN if is_over else Position.OPEN


def who_tries(breaker: Breaker, view: View) -> str | None:
    """The incident that has the one try, while it still can use it. One that ended or went to a
    person without a result, or waits for a silence to end, must not keep the breaker half open for
    ever."""
    other = view.incidents.get(breaker.trying)
    if other is None or other.state not in WORKING:
        return None
    is_covered = other.silenced_by or other.inhibited_by or other.held_by
    return None if is_covered else other.id


# results


def take_result(turn: Turn, verdict: Verdict) -> Turn:
    """A plan ended: one result for each action that was used in it."""
    case = turn.case
    if case.runbook is None:
        return turn
    prefix = f"{case.id}/{case.attempt}/"
    own = [s for s in case.steps if s.id.startswith(prefix) and s.by == "agent"]
    used = [s.use for s in own if not s.is_rollback and s.status in TRIED]
    for use in dict.fromkeys(used):
        turn = _count(turn, case.runbook, use, is_held=verdict is Verdict.HELD)
    return turn


def take_relapse(turn: Turn, runbook: str, use: str) -> Turn:
    """What held last came back: it did not hold."""
    before = known(turn, runbook, use)
    if True not in before.results:
        return turn
    last = len(before.results) - 1 - before.results[::-1].index(True)
    results = (*before.results[:last], False, *before.results[last + 1 :])
    after = msgspec.structs.replace(before, results=results)
    # The result that closed it stands first: without it, it would not have closed.
    was_the_try = last == 0 and bool(_lately(before.opens, turn.at))
    return _judge(turn, after, must_open=was_the_try)


def _count(turn: Turn, runbook: str, use: str, *, is_held: bool) -> Turn:
    before, rails = known(turn, runbook, use), turn.view.policy.rails
    results = (*before.results, is_held)[-max(rails.breaker_window, rails.breaker_in_a_row) :]
    after = msgspec.structs.replace(before, results=results)
    is_the_try = (
        position(before, rails, turn.at) is Position.HALF_OPEN and before.trying == turn.case.id
    )
    if is_the_try and is_held:
        closed = msgspec.structs.replace(after, results=(True,), opened_at=None, trying="")
        text = f"{key_of(runbook, use)} is closed again"
        return _keep(turn, closed).note("breaker", Reason.VERIFIED, text)
    return _judge(turn, after, must_open=is_the_try)


def _judge(turn: Turn, breaker: Breaker, *, must_open: bool = False) -> Turn:
    """Opens it where its results say so. One that is open already stays as it is until its try."""
    rails = turn.view.policy.rails
    is_bad = breaker.opened_at is None and _is_bad(breaker.results, rails)
    if breaker.locked or not (must_open or is_bad):
        return _keep(turn, breaker)
    opens = (*_lately(breaker.opens, turn.at), turn.at)
    locked = len(opens) >= rails.breaker_locks_after
    opened = msgspec.structs.replace(
        breaker, opened_at=turn.at, opens=opens, trying="", locked=locked
    )
    failed = f"{breaker.results.count(False)} of the last {len(breaker.results)} did not hold"
    until = "locked until a person resets it" if locked else f"{rails.breaker_open_seconds:.0f} s"
    text = f"{key_of(breaker.runbook, breaker.use)}: {failed}; {until}"
    return _keep(turn, opened).note("breaker", Reason.BREAKER_OPENED, text)


def _is_bad(results: tuple[bool, ...], rails: Rails) -> bool:
    row = results[-rails.breaker_in_a_row :]
    if len(row) == rails.breaker_in_a_row and not any(row):
        return True
    window = results[-rails.breaker_window :]
    share = window.count(False) / rails.breaker_window
    return len(window) == rails.breaker_window and share > rails.breaker_share


def _lately(opens: tuple[float, ...], at: float) -> tuple[float, ...]:
    return tuple(o for o in opens if at - o < DAY_SECONDS)


def known(turn: Turn, runbook: str, use: str) -> Breaker:
    return turn.view.breakers.get(key_of(runbook, use)) or Breaker(runbook=runbook, use=use)


def _keep(turn: Turn, breaker: Breaker) -> Turn:
    """Records it, and lets the rest of the turn see it: the next plan of the ladder is guarded in
    the same turn as the failure that opened it."""
    key = key_of(breaker.runbook, breaker.use)
    seen = {**turn.view.breakers, key: breaker}
    view = msgspec.structs.replace(turn.view, breakers=seen)
    return msgspec.structs.replace(turn.record(KIND, key, breaker), view=view)


# the one try


def begin_try(turn: Turn) -> Turn:
    """The stage: an act of a remedy whose breaker is half open is its one try. Kept with the
    intent, so that nobody else gets one."""
    for command in turn.decision.commands:
        if command.kind is not CommandKind.ACT or command.by != "agent":
            continue
        runbook = _runbook_of(turn, command.key)
        breaker = turn.view.breakers.get(key_of(runbook, command.use))
        if breaker is None or breaker.trying == turn.case.id:
            continue
        if position(breaker, turn.view.policy.rails, turn.at) is Position.HALF_OPEN:
            turn = _keep(turn, msgspec.structs.replace(breaker, trying=turn.case.id))
    return turn


def _runbook_of(turn: Turn, key: str) -> str:
    for record in turn.decision.records:
        if record.key == key and isinstance(record.body, Act) and not record.body.is_rollback:
            return record.body.runbook
    return ""


# people


def reset(event: BreakerReset, view: View) -> Decision:
    """A person closes it, with a reason. What it remembers is forgotten: it begins anew."""
    breaker = view.breakers.get(event.subject)
    if breaker is None:
        return Decision(
            refused=Reason.MOVE_REFUSED, refused_text=f"there is no breaker {event.subject!r}"
        )
    if event.who == "agent":
        return Decision(refused=Reason.NOT_ALLOWED, refused_text="only a person closes a breaker")
    if breaker.opened_at is None and not breaker.locked:
        return Decision(refused=Reason.MOVE_REFUSED, refused_text=f"{event.subject} is closed")
    if not event.why.strip():
        return Decision(refused=Reason.MOVE_REFUSED, refused_text="say why: it is for the record")
    entry = JournalEntry(
        at=event.at,
        subject=f"breaker:{event.subject}",
        kind="breaker",
        reason=Reason.BREAKER_RESET,
        text=event.why[:300],
        who=event.who,
    )
    anew = Breaker(runbook=breaker.runbook, use=breaker.use)
    record = Record(kind=KIND, key=event.subject, body=anew)
    return Decision(journal=(entry,), records=(record,))
