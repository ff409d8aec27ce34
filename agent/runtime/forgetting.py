"""What is kept only as long as it counts is deleted, so that the store stays bounded."""

from __future__ import annotations

import contextlib

from agent.core.flapping import forgotten
from agent.core.quiet import long_over
from agent.core.view import View
from agent.model.decision import Decision
from agent.model.errors import StoreUnavailable
from agent.runtime.lane import Lane

MOST_AT_ONCE = 2_000
"""Rows deleted in one commit: the decision loop is not held up by tidying."""
MOST_COMMITS = 500
"""A million rows in one pass; what is left then waits for the next one."""


async def forget(lane: Lane, view: View, *, at: float) -> None:
    """One pass, for as long as it finds something. What the store does not take now is tried in the
    next."""
    with contextlib.suppress(StoreUnavailable):
        for _ in range(MOST_COMMITS):
            # Looked for anew each time: what came back meanwhile counts again.
            stale = (*forgotten(view, at), *long_over(view, at))[:MOST_AT_ONCE]
            if not stale:
                return
            await lane.submit([Decision(records=stale)])
