"""What follows where the agent has not the right to do what a runbook says.

Rights do not come by trying again: people are told at once, with what is missing, and the runbook
is taken out of service until somebody has granted it. It would be refused each time, and each time
people would be told later than they could have been.
"""

from __future__ import annotations

from agent.core.matching import RUNNABLE, runbook_of
from agent.core.suspending import apply, suspend
from agent.core.trust import standing_of, state_of
from agent.core.turn import Turn
from agent.model.reason import Reason

RIGHTS = Reason.RIGHTS_MISSING


def without_rights(turn: Turn, why: str) -> Turn:
    """Suspends the runbook of the incident, where it may run."""
    runbook = runbook_of(turn)
    if runbook is None or state_of(runbook, turn.view) not in RUNNABLE:
        return turn
    standing = standing_of(runbook.name, turn.view)
    out = suspend(standing, runbook, turn.view, at=turn.at, reason=RIGHTS, why=why)
    return apply(turn, out)
