"""Letting go of what was held back: looked at anew one after the other, never all at once.

What was held under a root burns on for thousands of alerts when the root ends. Each is looked at
again as it is then, and what it would have led to meanwhile is not made up for. The
worst of each product come first, so that nobody waits behind another product's backlog.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import zip_longest

from agent.core.signs import HELD, RANK
from agent.core.turn import Turn
from agent.core.view import signs
from agent.model.event import Released
from agent.model.incident import Incident

APART_SECONDS = 1.0
"""So long after each other, where all of them are done in time like that."""


def let_go(held: Iterable[Incident], *, at: float, longest: float) -> tuple[Released, ...]:
    """One event for each, the most severe first and of those the oldest, product by product in
    turns. The last comes after `longest` seconds at the latest."""
    by_product: dict[str, list[Incident]] = defaultdict(list)
    for incident in sorted(held, key=lambda i: (RANK.get(i.severity, 0), i.opened_at, i.id)):
        by_product[incident.product or ""].append(incident)
    rows = zip_longest(*(by_product[name] for name in sorted(by_product)))
    turns = [incident for row in rows for incident in row if incident is not None]
    apart = min(APART_SECONDS, longest / max(len(turns), 1))
    return tuple(
        Released(at=at, subject=incident.id, root=incident.held_by or "", after=number * apart)
        for number, incident in enumerate(turns)
    )


def let_go_of_all(turn: Turn) -> Turn:
    """All that is held under this incident, which does not speak for anybody from now on."""
    view = turn.view
    held = [view.incidents[name] for name in signs(view).ids(HELD, turn.case.id)]
    longest = view.policy.rails.storm_half_seconds
    return turn.emit(*let_go(held, at=turn.at, longest=longest)) if held else turn
