"""Figures by month: what was absorbed, and how often people were paged."""

from __future__ import annotations

from collections import Counter

from agent.model.incident import Ending
from tests.proof.learning.play import DAY, START, Play

MONTH = 30 * DAY


def absorbed(play: Play) -> list[float | None]:
    """Share of the incidents that needed anything that was healed or settled; None for a month
    without any."""
    done, needed = Counter[int](), Counter[int]()
    for incident in play.past.incidents():
        if incident.outcome is not None:
            needed[month_of(incident.opened_at)] += 1
            done[month_of(incident.opened_at)] += incident.outcome in (
                Ending.HEALED,
                Ending.SETTLED,
            )
    return [done[m] / needed[m] if needed[m] else None for m in range(months(play))]


def pages(play: Play) -> list[int]:
    found = Counter(month_of(at) for at, _, _ in play.diary.pages)
    return [found[m] for m in range(months(play))]


def month_of(at: float) -> int:
    return int((at - START) // MONTH)


def months(play: Play) -> int:
    return int(-(-play.days * DAY // MONTH))
