"""What comes and goes by itself: a day, a week.

Both tests of series (core/motion.py, core/drift.py) hold what is seen against what was seen at the
same time of earlier periods. A period is cut into phases; which one a moment is in follows from the
time alone, so that nothing has to be remembered for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

LEAST_PHASES = 6
MOST_PHASES = 168


def phases_of(season_seconds: float) -> int:
    """Phases a season is cut into for a profile: hours, where that is neither too few nor too
    many."""
    return int(min(MOST_PHASES, max(LEAST_PHASES, season_seconds // 3600.0)))


def phase_of(at: float, season_seconds: float, phases: int) -> int:
    """In which of its phases a season is at `at`."""
    return min(phases - 1, int((at % season_seconds) / season_seconds * phases))


def between(means: Sequence[float], at: float, season_seconds: float) -> float:
    """The profile at `at`: a line from the middle of one phase to the next, and each phase with a
    quarter of either neighbour, since a mean of few seasons is rough."""
    phases = len(means)
    place = (at % season_seconds) / season_seconds * phases - 0.5
    left = math.floor(place)
    part = place - left
    a, b, c, d = (means[(left + n) % phases] for n in (-1, 0, 1, 2))
    return ((a + 2 * b + c) * (1 - part) + (b + 2 * c + d) * part) / 4


def median(values: Sequence[float]) -> float:
    """Of at least one value."""
    ordered = sorted(values)
    half, odd = divmod(len(ordered), 2)
    return ordered[half] if odd else (ordered[half - 1] + ordered[half]) / 2


def spread_of(values: Sequence[float]) -> float:
    """Standard deviation as the median distance from the median tells it: half of the values may be
    wild without moving it."""
    middle = median(values)
    return 1.4826 * median([abs(v - middle) for v in values])


Values = Sequence[float | None]

MOST_SEASONS = 7
LEAST_SHARED = 0.25
"""Share of its phases that have to be known in two seasons to compare how much was done in them."""
BOOM = 1.25
"""So many times the median of the latest seasons, and what the last one brought beyond that is no
new level yet: a launch is over some day."""


def usual(values: Values, season: int, *, known: int, first: int, last: int) -> list[float | None]:
    """What is usual in the bins from `first` to before `last`, told from the bins before `known`
    alone, which is at most `first`; None where no earlier season tells.

    For each earlier season: what was seen in that phase, scaled by how much the season before
    `known` brought against the one before its counterpart. Growth from season to season is part of
    what is usual that way. Of the seasons the median is taken: one holiday is not usual. Nor is one
    season that brought far more than those before it.
    """
    cap, scales = _latest(values, season, known=known)
    told: list[float | None] = []
    for place in range(first, last):
        found: list[float] = []
        back = (place - known) // season + 1
        while len(found) < MOST_SEASONS and (there := place - back * season) >= 0:
            one = values[there]
            if one is not None:
                if back not in scales:
                    scales[back] = _scale(values, season, known=known, back=back)
                found.append(one * cap * scales[back])
            back += 1
        told.append(median(found) if found else None)
    return told


def _latest(values: Values, season: int, *, known: int) -> tuple[float, dict[int, float]]:
    """What share of the season before `known` is relied on, all of it unless it brought far more
    than those before it; and how much it brought against each of these."""
    ratios: dict[int, float] = {}
    for back in range(1, MOST_SEASONS):
        then = known - (back + 1) * season
        if then < 0:
            break
        ratio = _ratio(values, season, now=known - season, then=then)
        if ratio is not None:
            ratios[back] = ratio
    shares = [1.0, *(1.0 / ratio for ratio in ratios.values())]
    return min(1.0, BOOM * median(shares)), ratios


def _scale(values: Values, season: int, *, known: int, back: int) -> float:
    """The season before `known` against that before its counterpart `back` seasons earlier. Where
    that is before all that is known: against the counterpart itself."""
    then = max(0, known - (back + 1) * season)
    now = known - season
    if now <= then:
        return 1.0
    ratio = _ratio(values, season, now=now, then=then)
    return 1.0 if ratio is None else ratio


def _ratio(values: Values, season: int, *, now: int, then: int) -> float | None:
    """How much the season that begins at `now` brought against the one at `then`, in the phases
    that are known of both; None where these are too few, or brought nothing."""
    shift = (now - then) % season
    late = early = 0.0
    shared = 0
    for place in range(season):
        a, b = values[then + place], values[now + (place - shift) % season]
        if a is not None and b is not None:
            early, late, shared = early + a, late + b, shared + 1
    if shared < LEAST_SHARED * season or early <= 0.0 or late <= 0.0:
        return None
    return late / early
