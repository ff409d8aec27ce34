"""Before anybody is told: is it quiet by now?

A silence, a maintenance or another alert may have come while the agent was looking or waiting. What
people were told already stays told, and what a plan left in doubt is told in any case.
"""

from __future__ import annotations

from collections.abc import Collection

from agent.core.inhibition import NOT_TOLD_STATES, inhibit
from agent.core.lifecycle import Move
from agent.core.rollback import is_in_doubt
from agent.core.silence import silence
from agent.core.turn import Todo, Turn
from agent.core.view import View
from agent.model.decision import Record, Timer
from agent.model.reason import Reason

STOPPED_FOR = (Reason.MAINTENANCE, Reason.SILENCED)
"""Why the rails stop a step of what needs nobody by now."""
KEPT_SECONDS = 7 * 86_400.0
"""So long a silence that is over can still be looked up."""


def keep_quiet(turn: Turn) -> Turn:
    """The stage: what would be told now, and needs nobody, is not told."""
    if turn.todo is not Todo.ROUTE:
        return turn
    case = turn.case
    if case.pages or case.routed_to is not None or is_in_doubt(case):
        return turn
    if case.state not in NOT_TOLD_STATES:
        if case.reason not in STOPPED_FOR or not turn.can(Move.DIAGNOSE):
            return turn
        # A step was stopped for it at the act. Only from there it can be taken up again later.
        turn = turn.move(Move.DIAGNOSE, waiting=())
    quiet = silence(inhibit(turn.then(Todo.MATCH)))
    return quiet if quiet.todo is Todo.REST else turn


def look_again(changed: Collection[str], view: View, at: float) -> tuple[Timer, ...]:
    """Timers for what is quiet because of these silences: they ended, or are not as they were."""
    if not changed:
        return ()
    return tuple(
        Timer(subject=i.id, name="silence_end", due=at)
        for i in view.incidents.values()
        if i.silenced_by in changed
    )


def long_over(view: View, at: float) -> tuple[Record, ...]:
    """Deletes silences that ended so long ago that nobody asks what they were."""
    return tuple(
        Record(kind="silence", key=name, body=None)
        for name, known in view.silences.items()
        if known.ends_at + KEPT_SECONDS <= at
    )
