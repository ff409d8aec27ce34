"""Three ways for a leadership metric to stand still, each asked of its latest bins.

- *Little* is done: over a stretch of at most one cadence, the share of what is usual at that time
  is below `least`, and even if only that share of what is usual were due, so little would be seen
  by chance hardly ever (core/blocks.py). Asked that way, a holiday with two thirds of the orders
  is none, however plain it is.
- *Frozen*: exactly the same for more than half a cadence, and twice as long as ever before.
- *Slow*: a level with a direction went less than `least` of its usual way within a cadence, where
  the way it goes is plain from the seasons before, and chance does not explain it.

What is usual is told from before the cadence that is asked about, and, once it stands still, from
before it began to: a stall never becomes usual by lasting.
"""

from __future__ import annotations

import math
from functools import partial

import msgspec

from agent.core.bins import Grid
from agent.core.blocks import chance_of, chance_of_longest
from agent.core.season import Values, median, usual
from agent.model.series import Stall

LEAST = 0.5
"""Share of what is usual, where the metric does not say."""
SMOOTH = 8
"""Where a level stood is the mean of such a part of a cadence."""
LEAST_WAY = 0.4
"""Share of its usual way that a level has to go; as rough as a way is to tell."""
FEW = 4.0
"""Where so few are counted in a bin, half of them vary by more than half as much."""
ALPHA = 0.001
"""Chance at most that it is by chance, in one look. A month of hours has some hundred looks that
say something of their own."""
ENOUGH = 4.0
"""A stretch can tell where so many average bins are due in it."""
WELL = 0.5
"""Part of the way from `least` to all of what is usual, from which on it moves again."""
SEASONS, CADENCES = 2, 8
"""It takes so many of them, whichever are longer; less for what is frozen."""
PAST_SEASONS = 4
PAST = 336
"""Bins whose residuals are drawn from, and at least so many seasons."""
BLOCK = 8
PLAIN = 0.9
"""Share of earlier cadences in which it went its way, for that to be plain."""
ROUGH = 1.5
"""Variance of a median of few, as a share of that of one."""


class Stood(msgspec.Struct, frozen=True, kw_only=True):
    """A stall that was found."""

    stall: Stall
    start: int
    """The bin it began with."""
    seen: float
    expected: float
    chance: float


def learned(grid: Grid) -> int:
    """Bins that have to be known before the cadence that is asked about."""
    return max(SEASONS * grid.season, CADENCES * grid.cadence)


def frozen(values: Values, grid: Grid, *, is_count: bool) -> Stood | None:
    """Exactly the same for too long."""
    size = len(values)
    run, before, ended = _runs(values, is_count=is_count)
    chance = chance_of_longest(run, longest=before, ended=ended)
    if run < max(2 * before + 1, grid.cadence / 2, 3) or chance > ALPHA:
        return None
    start = size - run
    if start < grid.season or (is_count and run < grid.cadence and _is_quiet(values, grid, start)):
        return None
    seen = 0.0 if is_count else float(values[-1] or 0.0)
    return Stood(stall=Stall.FROZEN, start=start, seen=seen, expected=seen, chance=chance)


def _is_quiet(values: Values, grid: Grid, start: int) -> bool:
    """Whether so little is usual since `start` that none may be luck: a night."""
    told = usual(values, grid.season, known=start, first=start, last=len(values))
    due = sum(one for one in told if one is not None)
    return due < _enough(grid, _average(values[start - grid.season : start]))


def _enough(grid: Grid, average: float) -> float:
    """What has to be due in a stretch so that it can tell."""
    return min(ENOUGH, grid.cadence / 4) * average


def _runs(values: Values, *, is_count: bool) -> tuple[int, int, int]:
    """How many bins stand still at the end, the most that ever did before, and how often it moved.
    A gap neither breaks a run nor adds to it."""
    run = longest = ended = 0
    last: float | None = None
    for value in values:
        if value is None:
            continue
        still = value == 0.0 if is_count else value == last
        if not still:
            longest, run, ended = max(longest, run), 0, ended + 1
        else:
            run += 1
        last = value
    return run, longest, ended


def little(values: Values, grid: Grid, *, least: float) -> Stood | None:
    """Much less than usual, over the shortest stretch that shows it."""
    size = len(values)
    known = size - grid.cadence
    if known < learned(grid):
        return None
    expected = usual(values, grid.season, known=known, first=known, last=size)
    average = _average(values[known - grid.season : known])
    enough = _enough(grid, average)
    off: list[float] | None = None
    shifted: list[Values] = []
    seen = due = 0.0
    count = 0
    for length in range(1, grid.cadence + 1):
        value, one = values[size - length], expected[-length]
        if value is not None and one is not None:
            seen, due, count = seen + value, due + one, count + 1
        needed = enough if length < grid.cadence else enough / 4
        if due <= 0.0 or seen >= least * due or due < needed:
            continue
        if 2 * count < length or not _is_step(length, grid.cadence):
            continue
        off = _residuals(values, grid, known=known) if off is None else off
        asked = partial(_chance_of_little, values[known:], off=off, length=length, least=least)
        chance = asked(expected, average=average)
        if chance > ALPHA:
            continue
        shifted = shifted or _an_hour_off(values, expected, grid, known=known)
        if any(asked(other, average=average) > ALPHA for other in shifted):
            continue
        return _little(values, expected, known, length, least=least, chance=chance)
    return None


def _an_hour_off(values: Values, expected: Values, grid: Grid, *, known: int) -> list[Values]:
    """The same if people came an hour later or earlier: twice a year they do."""
    bins = round(3_600.0 / grid.seconds)
    if not grid.has_season or not bins or bins >= grid.season / 4:
        return []
    ask, size = partial(usual, values, grid.season), len(values)
    earlier = ask(known=known - bins, first=known - bins, last=size - bins)
    later = ask(known=known, first=known + bins, last=size + bins)
    both = [zip(expected, told, strict=True) for told in (earlier, later)]
    return [[one if other is None else other for one, other in pairs] for pairs in both]


def _little(
    values: Values, expected: Values, known: int, length: int, *, least: float, chance: float
) -> Stood:
    """All that is missing since it began, where that is as plain as what showed it."""
    start = known + _onset(values[known:], expected, (1 + least) / 2)
    seen, due = _sums(values[start:], expected[start - known :])
    shown = _sums(values[-length:], expected[-length:])
    if seen >= least * due or due < shown[1]:
        seen, due = shown
    return Stood(stall=Stall.LITTLE, start=start, seen=seen, expected=due, chance=chance)


def _is_step(length: int, cadence: int) -> bool:
    """Not each length is asked about: neighbours say the same."""
    return cadence < 8 or length % max(1, cadence // 8) == 0 or length == cadence


def _average(values: Values) -> float:
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known else 0.0


def _sums(values: Values, expected: Values) -> tuple[float, float]:
    seen = due = 0.0
    for value, one in zip(values, expected, strict=True):
        if value is not None and one is not None:
            seen, due = seen + value, due + one
    return seen, due


def _onset(values: Values, expected: Values, share: float) -> int:
    """Where what is missing began to pile up."""
    best = total = 0.0
    start = len(values) - 1
    for place in range(len(values) - 1, -1, -1):
        value, one = values[place], expected[place]
        if value is None or one is None:
            continue
        total += share * one - value
        if total > best:
            best, start = total, place
    return start


def _weight(due: float, average: float) -> float:
    """What a bin varies by, up to a constant: something between as its root and as itself."""
    return math.sqrt(max(0.0, due) * (average + max(0.0, due)) / 2)


def _chance_of_little(
    values: Values,
    expected: Values,
    *,
    off: list[float],
    length: int,
    least: float,
    average: float,
) -> float:
    """How often the last `length` bins would bring so little if only `least` were due."""
    measure = average * (least + (1 - least) * min(1.0, FEW / average)) if average > 0.0 else 0.0
    seen = 0.0
    weights = []
    for value, one in zip(values[-length:], expected[-length:], strict=True):
        if value is not None and one is not None:
            seen += value - least * one
            weights.append(_weight(least * one, measure))
    return chance_of(seen, off=off, weights=weights, block=BLOCK)


def _past(grid: Grid) -> int:
    return max(PAST_SEASONS, -(-PAST // grid.season))


def _residuals(values: Values, grid: Grid, *, known: int) -> list[float]:
    """By how much the bins of the past were off what had been forecast for them."""
    found: list[float] = []
    for back in range(_past(grid), 0, -1):
        first = known - back * grid.season
        if first < grid.season:
            continue
        told = usual(values, grid.season, known=first, first=first, last=first + grid.season)
        average = _average(told)
        for place, one in enumerate(told):
            value = values[first + place]
            if value is not None and one is not None and one > 0.02 * average:
                found.append((value - one) / _weight(one, average))
    return found


def slow(values: Values, grid: Grid, *, sign: float, change: float | None) -> Stood | None:
    """A level that does not go on in its direction: `sign` is 1 for up and -1 for down; `change`:
    what it has to change by in a cadence, as a share of it, where that is declared."""
    size = len(values)
    known = size - grid.cadence
    if known <= learned(grid):
        return None
    first_end = size - 1 - grid.season * -(-grid.cadence // grid.season)
    for length in sorted({max(2, 3 * grid.cadence // 4), grid.cadence}):
        now = _way(values, size - 1, length, grid, sign)
        past = [
            _way(values, at, length, grid, sign) for at in range(first_end, length, -grid.season)
        ]
        ways = [w for w in past[: 2 * PAST_SEASONS] if w is not None]
        if now is None or len(ways) < 2:
            continue
        due, least = _due(values, grid, ways, length, at=known, change=change)
        if due <= 0.0 or now >= least:
            continue
        if change is None and not _is_plain(values, grid, known, sign):
            continue
        off = (now - due) / math.sqrt(1 + ROUGH / len(ways))
        chance = _chance_of_slow(values, grid, off, length, known=known, sign=sign)
        if chance <= ALPHA:
            return Stood(
                stall=Stall.SLOW, start=size - length, seen=now, expected=due, chance=chance
            )
    return None


def _due(
    values: Values,
    grid: Grid,
    ways: list[float],
    length: int,
    *,
    at: int,
    change: float | None,
) -> tuple[float, float]:
    """How far it goes in so many bins as a rule, and at least."""
    due = median(ways)
    level = values[at]
    if change is None or level is None:
        return due, LEAST_WAY * due
    bound = change * abs(level) * length / grid.cadence
    return max(due, bound), bound


def _is_plain(values: Values, grid: Grid, known: int, sign: float) -> bool:
    """Whether it went on in its direction in nearly each cadence of the seasons before: what goes
    up and down has no way to go."""
    first = max(grid.cadence, known - _past(grid) * grid.season)
    ways = [_way(values, at, grid.cadence, grid, sign) for at in range(first, known)]
    told = [w > 0.0 for w in ways if w is not None]
    return bool(told) and sum(told) >= PLAIN * len(told)


def _way(values: Values, at: int, length: int, grid: Grid, sign: float) -> float | None:
    """How far it went in the `length` bins up to `at`."""
    if at - length < 0:
        return None
    end, start = _level(values, at, grid), _level(values, at - length, grid)
    return None if end is None or start is None else sign * (end - start)


def _level(values: Values, at: int, grid: Grid) -> float | None:
    """Where it stood: the mean of some bins up to `at`, since each is read a little wrong."""
    total, count = 0.0, 0
    for place in range(max(0, at - grid.cadence // SMOOTH + 1), at + 1):
        value = values[place]
        if value is not None:
            total, count = total + value, count + 1
    return total / count if count else values[at]


def _chance_of_slow(
    values: Values, grid: Grid, off: float, length: int, *, known: int, sign: float
) -> float:
    """How often it would be so far behind: from the steps of the past, less the mean of their phase
    and measured by it, since a busy hour varies more than a quiet one."""
    season = grid.season
    first = max(1, known - _past(grid) * season)
    steps = [_way(values, at, 1, grid, sign) for at in range(first, known)]
    phases: list[list[float]] = [[] for _ in range(season)]
    for place, step in enumerate(steps):
        if step is not None:
            phases[place % season].append(step)
    means = [sum(p) / len(p) if p else 0.0 for p in phases]
    average = sum(abs(m) for m in means) / season
    if average <= 0.0:
        return 1.0
    # Even an hour in which nothing goes on is read a little wrong.
    measure = [_weight(max(abs(m), average / 2), average) for m in means]
    rest = []
    for place, step in enumerate(steps):
        phase = place % season
        count = len(phases[phase])
        if step is not None and count > 1:
            own = math.sqrt(count / (count - 1))
            rest.append((step - means[phase]) / measure[phase] * own)
    tail = range(known + grid.cadence - length - first, known + grid.cadence - first)
    # Drawn as a whole: what a level is read wrong by at one bin, it is read right by at the next.
    return chance_of(off, off=rest, weights=[measure[n % season] for n in tail], block=length)


def lasts(
    values: Values,
    grid: Grid,
    stall: Stall,
    start: int,
    *,
    least: float,
    sign: float,
    change: float | None,
) -> bool | None:
    """Whether a stall that began with the bin `start` goes on; None where nothing says so or
    otherwise. It has to do clearly better than the least, so that it does not come and go."""
    size = len(values)
    well = least + WELL * (1 - least)
    if stall is Stall.FROZEN:
        tail = [v for v in values[max(0, start) : size] if v is not None]
        return None if not tail else not _moves(tail)
    first = max(start, size - max(2, grid.cadence // 6))
    if stall is Stall.SLOW:
        length = min(max(2, grid.cadence // 2), size - 1 - start)
        if length < 2:
            return True
        return _still_slow(values, grid, length, start=start, sign=sign, change=change)
    expected = usual(values, grid.season, known=start, first=first, last=size)
    seen, due = _sums(values[first:], expected)
    average = _average(values[max(0, start - grid.season) : start])
    if due < min(1.0, grid.cadence / 4) * average:
        return None
    return seen < well * due


def _moves(tail: list[float]) -> bool:
    """Whether its last two bins differ from how it stood."""
    return len(tail) > 2 and tail[-1] != tail[0] and tail[-2] != tail[0]


def _still_slow(
    values: Values, grid: Grid, length: int, *, start: int, sign: float, change: float | None
) -> bool | None:
    size = len(values)
    seasons = -(-(size - start) // grid.season)
    ends = range(size - 1 - seasons * grid.season, length, -grid.season)
    ways = [w for w in (_way(values, at, length, grid, sign) for at in ends) if w is not None]
    now = _way(values, size - 1, length, grid, sign)
    if now is None or not ways:
        return None
    due, least = _due(values, grid, ways, length, at=start, change=change)
    return None if due <= 0.0 else now < least + WELL * (due - least)
