"""How fast an error budget is spent, and from when on that is worth waking somebody.

After "Alerting on SLOs" (Google's Site Reliability Workbook, chapter 5): an alert looks at a long
window, which says that enough of the budget is gone to matter, and at a short one of a twelfth of
it, which says that it goes on. For an objective over 30 days the windows are those of the book; for
another one they are longer or shorter in proportion, so that the same share of the budget is spent
by the time somebody is told:

    spent   long  short  factor  who
      2 %    1 h   5 min   14.4  woken
      5 %    6 h  30 min    6    woken
     10 %    1 d    2 h     3    told in working hours
     10 %    3 d    6 h     1    told in working hours

The burn rate is the share of bad events divided by the share that is allowed: at 1 the budget lasts
just as long as the window of the objective.
"""

from __future__ import annotations

import math
from enum import StrEnum

import msgspec

from agent.model.product import Slo

BASE_SECONDS = 30 * 86_400.0
SHORTEST_SECONDS, LONGEST_SECONDS = 3_600.0, 366 * 86_400.0
"""Of the window of an objective."""
MOST_BAD = 0.9
"""No alert waits for a larger share of bad events than this: by the factors alone an objective of
93 % or less would ask for more failures than there are events, and an outage would stay unseen."""
LEAST_BAD_EVENTS = 2.0
"""One bad event alone wakes nobody, however few there were."""


class Burn(StrEnum):
    FAST = "SloBurnFast"
    SLOW = "SloBurnSlow"


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A long window and the short one that goes with it, in whole seconds."""

    alert: Burn
    spent: float
    """Share of the budget that is gone once the long window is full at this factor."""
    long: int
    short: int
    factor: float
    """Burn rate above which it fires."""
    threshold: float
    """The same as a share of bad events."""


_BOOK = (
    (Burn.FAST, 0.02, 3_600, 300),
    (Burn.FAST, 0.05, 21_600, 1_800),
    (Burn.SLOW, 0.10, 86_400, 7_200),
    (Burn.SLOW, 0.10, 259_200, 21_600),
)


def budget(slo: Slo) -> float:
    """Share of events that may be bad."""
    return 1.0 - slo.objective


def scaled(seconds: float, slo: Slo) -> int:
    """A window of the book, for this objective: whole seconds, one at least."""
    return max(1, math.ceil(round(seconds * slo.window_seconds / BASE_SECONDS, 6)))


def pairs(slo: Slo) -> tuple[Pair, ...]:
    """In the order of the book: the fastest first."""
    found = []
    for alert, spent, long, short in _BOOK:
        length = scaled(long, slo)
        factor = spent * slo.window_seconds / length
        found.append(
            Pair(
                alert=alert,
                spent=spent,
                long=length,
                short=scaled(short, slo),
                factor=factor,
                threshold=min(factor * budget(slo), MOST_BAD),
            )
        )
    return tuple(found)


def shortest(slo: Slo) -> int:
    """Length of the shortest window, in seconds."""
    return scaled(300, slo)


def windows(slo: Slo) -> tuple[int, ...]:
    """Every window that is looked at, shortest first, without that of the objective itself."""
    return tuple(sorted({length for pair in pairs(slo) for length in (pair.long, pair.short)}))


def least_bad(slo: Slo) -> float:
    """So many bad events have to be in a long window before anybody is told."""
    return slo.least_events or LEAST_BAD_EVENTS


def duration(seconds: int) -> str:
    """As Prometheus writes it: `5m`, `1d`, `1m10s`."""
    text = ""
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
