"""Pages on their way: receipts, repeats, and the next channel where one does not get through.

Telling people fails open: of two doubtful ends, that somebody is told twice is the better one.
"""

from __future__ import annotations

import msgspec

from agent.core.blast_radius import Assessment
from agent.core.broken_notifiers import avoided, report, works_again
from agent.core.escalation import begin, follow_up
from agent.core.paging import compose, title_of
from agent.core.reaching import (
    LAST_RESORT,
    LOCAL,
    calls_of,
    channel_of,
    is_delivered,
    is_waiting,
    levels,
    send,
)
from agent.core.turn import Todo, Turn
from agent.model.command import Command, CommandKind
from agent.model.effect import Outcome, OutcomeStatus
from agent.model.event import CommandFinished
from agent.model.incident import Incident, Page
from agent.model.on_call import Telling
from agent.model.reason import Reason

SECOND_WAY = "second_way"
SECOND_WAY_SECONDS = 60.0
"""So long a channel may fail before the next one is told as well."""
LONGEST_PAUSE_SECONDS = 60.0
END_RETRIES = 5
"""How often it is tried to tell that it is over: nobody waits for that as for a page."""
WITHHELD = "withheld"
"""Key of an outcome: at the moment of sending nobody needed to be called any more."""


def page(turn: Turn, team: str, found: Assessment) -> Turn:
    """Calls people: a new escalation, or more news within the one of this team that runs."""
    text = compose(turn.case, turn.view, found)
    climb = turn.case.climb
    if climb is not None and climb.due is not None and climb.team == team:
        return follow_up(turn, text)
    return begin(turn, team, text)


def take_receipt(turn: Turn) -> Turn:
    """The stage: a notifier came back. What was not delivered is sent again, and elsewhere."""
    event = turn.event
    if (
        turn.todo is not Todo.RECEIVE
        or not isinstance(event, CommandFinished)
        or event.command.kind is not CommandKind.NOTIFY
    ):
        return turn
    command, outcome = event.command, event.outcome
    if outcome.status is OutcomeStatus.DONE:
        return _done(turn, command, outcome).then(Todo.REST)
    is_temporary = outcome.status in (OutcomeStatus.TEMPORARY, OutcomeStatus.UNKNOWN)
    if is_temporary and _is_wanted(turn, command):
        return _again(turn, command, outcome).then(Todo.REST)
    turn = _mark(turn, command.key, delivered=False, detail=outcome.detail)
    turn = turn.note("page", Reason.PAGE_FAILED, f"{command.use}: {outcome.detail}"[:300])
    if not is_temporary or command.attempt >= turn.view.policy.page_retries:
        turn = report(turn, command, outcome.detail)
    if _is_call(command) and is_waiting(turn.case):
        turn = _elsewhere(turn, command.key)
    return turn.then(Todo.REST)


def second_way(turn: Turn) -> Turn:
    """The timer: what has not got through for a minute goes another way as well."""
    turn = turn.then(Todo.REST)
    if not is_waiting(turn.case):
        return turn
    stuck = [p for p in _newest_calls(turn.case) if p.delivered is not True and not p.passed_on]
    if any(p.delivered is False or p.at + SECOND_WAY_SECONDS <= turn.at for p in stuck):
        turn = _pass_on(turn, min(stuck, key=lambda p: p.at))
    return _watch(turn)


def _done(turn: Turn, command: Command, outcome: Outcome) -> Turn:
    if why := str(outcome.value.get(WITHHELD, "")):
        turn = _mark(turn, command.key, delivered=False, detail=why)
        return turn.note("page", Reason.PAGE_FAILED, f"{command.use}: not sent: {why}"[:300])
    receipt = str(outcome.value.get("receipt", ""))
    turn = _mark(turn, command.key, delivered=True, detail=receipt)
    turn = turn.note("page", Reason.PAGE_DELIVERED, command.use)
    return works_again(turn, command)


def _is_call(command: Command) -> bool:
    return str(command.params.get("telling", Telling.PAGE.value)) == Telling.PAGE.value


def _is_wanted(turn: Turn, command: Command) -> bool:
    """Whether it is worth another try: nobody is called for what somebody has, or what is over."""
    retries = turn.view.policy.page_retries
    if _is_call(command):
        return command.attempt < retries and is_waiting(turn.case)
    return command.attempt < min(retries, END_RETRIES)


def _again(turn: Turn, command: Command, outcome: Outcome) -> Turn:
    """The same with the same key, so that the receiver can fold what did get through: at once
    where it may have, else after a pause."""
    pause = outcome.after_seconds or min(2.0**command.attempt, LONGEST_PAUSE_SECONDS)
    if outcome.status is OutcomeStatus.UNKNOWN and command.attempt == 1:
        pause = 0.0
    again = msgspec.structs.replace(
        command,
        id=f"{command.key}+{command.attempt + 1}",
        attempt=command.attempt + 1,
        not_before=turn.at + pause,
    )
    turn = turn.command(again)
    if not _is_call(command):
        return turn
    found = next((p for p in turn.case.pages if p.id == command.key), None)
    if found is not None and not found.passed_on:
        is_late = turn.at >= found.at + SECOND_WAY_SECONDS
        if is_late or (outcome.after_seconds or 0.0) > SECOND_WAY_SECONDS:
            return _pass_on(turn, found)
    return _watch(turn)


def _mark(turn: Turn, page_id: str, *, delivered: bool, detail: str) -> Turn:
    pages = tuple(
        msgspec.structs.replace(p, delivered=delivered, detail=detail[:200])
        if p.id == page_id
        else p
        for p in turn.case.pages
    )
    return turn.change(pages=pages)


def _newest_calls(case: Incident) -> list[Page]:
    """Those of the call for people that is under way; who was called before was called in vain."""
    calls = calls_of(case)
    newest = max((p.wave for p in calls), default=0)
    return [p for p in calls if p.wave == newest]


def _open_calls(case: Incident) -> list[Page]:
    return [p for p in _newest_calls(case) if p.delivered is None and not p.passed_on]


def _watch(turn: Turn) -> Turn:
    """The timer for the page that has waited for its receipt the longest. None is needed once
    somebody was told by another one of the same call: nothing would be done then, again and
    again."""
    if any(is_delivered(p) for p in _newest_calls(turn.case)):
        return turn.timer(SECOND_WAY, None)
    due = [p.at + SECOND_WAY_SECONDS for p in _open_calls(turn.case)]
    return turn.timer(SECOND_WAY, min(due) if due else None)


def _elsewhere(turn: Turn, page_id: str) -> Turn:
    """It did not get through and never will. Where the same people may yet be told by another
    channel that was tried together with it, that is waited for."""
    lost = next((p for p in turn.case.pages if p.id == page_id), None)
    if lost is None or lost.passed_on:
        return turn
    beside = [p for p in calls_of(turn.case) if p.wave == lost.wave and p.id != lost.id]
    if any(p.delivered is None and p.channel not in LOCAL and not p.passed_on for p in beside):
        return _watch(turn)
    return _pass_on(turn, lost)


def _pass_on(turn: Turn, lost: Page) -> Turn:
    """The next receiver that was not told in this call. Not where somebody was told by it."""
    case = turn.case
    beside = [p for p in calls_of(case) if p.wave == lost.wave]
    if any(is_delivered(p) for p in beside):
        return turn
    pages = tuple(
        msgspec.structs.replace(p, passed_on=True) if p in beside and p.delivered is not True else p
        for p in case.pages
    )
    turn = _watch(turn.change(pages=pages))
    told = {channel_of(p) for p in beside}
    team = case.climb.team if case.climb is not None else case.routed_to or lost.to
    for level in levels(turn.view, team, avoid=avoided(case)):
        fresh = [c for c in level if c.id not in told]
        for channel in fresh:
            turn = turn.note("page", Reason.CHANNEL_SWITCHED, f"{lost.channel}: {channel.use}")
            turn = send(
                turn,
                channel,
                to=lost.to,
                team=team,
                text=lost.text,
                title=title_of(case),
                wave=lost.wave,
            )
        if any(c.use not in LOCAL for c in fresh):
            return turn
    if lost.channel == LAST_RESORT:
        return turn.note("page", Reason.NOBODY_REACHED, "the last resort failed as well")
    return turn
