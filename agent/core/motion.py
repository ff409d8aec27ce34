"""Whether a leadership metric moves as it is expected to.

Readings become bins (core/bins.py), and each bin that is closed is held against what is usual at
its time (core/stalling.py). What that showed stands in the series, so that an ordinary reading
costs next to nothing. What is said is one of three: it moves, it stands still, or it is not known,
since there is too little to tell by or nothing is read any more. Not known is never a stall.
"""

from __future__ import annotations

import msgspec

from agent.core.bins import Grid, begin, grid_of, kept, put
from agent.core.season import Values
from agent.core.stalling import LEAST, Stood, frozen, lasts, learned, little, slow
from agent.model.product import LeadershipMetric
from agent.model.series import MotionFound, MotionSeries, Moving, OpenBin, Stall
from agent.model.signals import Direction, Motion

QUIET_BINS = 4
"""Without a reading for so many bins it is not known any more."""
RAREST = 1e-6
"""Nobody knows how rare it is beyond that."""
_ANY_MOTION = Motion(cadence_seconds=86_400.0)


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said of a metric now."""

    verdict: Moving
    effect: float = 1.0
    """What was seen as a share of what is usual at that time."""
    expected: float = 0.0
    """In the stretch that was judged."""
    chance: float = 1.0
    """How often so little is seen in such a stretch where nothing is wrong."""
    since: float | None = None
    """When the stall began."""
    text: str = ""


def take(
    series: MotionSeries | None,
    open: OpenBin | None,
    metric: LeadershipMetric,
    *,
    at: float,
    value: float,
) -> tuple[MotionSeries, OpenBin]:
    """One reading. The very same series comes back unless a bin was closed by it. A reading that is
    no number, or not later than the last one, changes nothing. A metric that is declared otherwise
    than before is begun anew."""
    motion = metric.motion or _ANY_MOTION
    grid = grid_of(motion)
    is_known = series is not None and open is not None and series.metric == metric.name
    if series is None or open is None or not is_known or series.bin_seconds != grid.seconds:
        anew = MotionSeries(metric=metric.name, bin_seconds=grid.seconds)
        return anew, begin(at, value, grid)
    if open.last is None:
        return series, begin(at, value, grid)
    closed, after = put(open, grid, is_count=motion.is_count, at=at, value=value)
    if not closed:
        return series, after
    series = kept(series, closed, grid, end=after.began_at)
    return _look(series, motion, grid, is_read=closed[0] is not None), after


def judge(
    series: MotionSeries | None, open: OpenBin | None, metric: LeadershipMetric, *, at: float
) -> Moved:
    """What can be said at `at`."""
    if series is None or series.metric != metric.name or open is None:
        return Moved(verdict=Moving.UNKNOWN, text=f"{metric.name}: nothing was read yet")
    found = series.found
    if at - open.last_at > QUIET_BINS * series.bin_seconds:
        text = f"{metric.name}: nothing was read for {at - open.last_at:.0f} s"
        return Moved(verdict=Moving.UNKNOWN, since=found.since, text=text)
    return Moved(
        verdict=found.verdict,
        effect=found.seen / found.expected if found.expected > 0.0 else 1.0,
        expected=found.expected,
        chance=found.chance,
        since=found.since,
        text=_told(metric, found),
    )


def _look(series: MotionSeries, motion: Motion, grid: Grid, *, is_read: bool) -> MotionSeries:
    """The series with what its last bins showed, of which one was read, or none."""
    values, found = series.values, series.found
    least, sign = _least(motion), -1.0 if motion.direction is Direction.DOWN else 1.0
    if found.verdict is Moving.STALLED and found.stall is not None and found.since is not None:
        start = round((found.since - series.began_at) / grid.seconds)
        if start >= grid.season:
            on = lasts(
                values, grid, found.stall, start, least=least, sign=sign, change=_change(motion)
            )
            if on is None or on:
                return series
            # How it stood is no example of how it should move.
            values = _without(values, start)
    stood = None
    if is_read:
        stood = _stall_in(values, grid, motion, least=least, sign=sign)
    if stood is not None:
        seen = MotionFound(
            verdict=Moving.STALLED,
            since=series.began_at + stood.start * grid.seconds,
            seen=stood.seen,
            expected=stood.expected,
            chance=stood.chance,
            stall=stood.stall,
        )
    else:
        seen = _unstalled(values, grid, is_over=values is not series.values)
    return msgspec.structs.replace(series, values=values, found=seen)


def _least(motion: Motion) -> float:
    """Share of what is usual."""
    return motion.least if motion.least is not None and motion.is_count else LEAST


def _change(motion: Motion) -> float | None:
    """Share of itself that a level changes by in a cadence, where that is declared."""
    return None if motion.is_count else motion.least


def _stall_in(
    values: Values, grid: Grid, motion: Motion, *, least: float, sign: float
) -> Stood | None:
    stood = frozen(values, grid, is_count=motion.is_count)
    if stood is None and (motion.is_count or motion.direction is Direction.UP):
        stood = little(values, grid, least=least)
    if stood is None and not motion.is_count and motion.direction is not Direction.ANY:
        stood = slow(values, grid, sign=sign, change=_change(motion))
    return stood


def _without(values: tuple[float | None, ...], start: int) -> tuple[float | None, ...]:
    """The last two bins are those in which it moved again."""
    end = max(start, len(values) - 2)
    return (*values[:start], *[None] * (end - start), *values[end:])


def _unstalled(values: Values, grid: Grid, *, is_over: bool) -> MotionFound:
    """That it moves, or why that is not known. `is_over`: a stall just was, and that has to be said
    whatever it left behind."""
    needed = learned(grid) + grid.cadence
    if len(values) < needed:
        why = f"{needed - len(values)} more bins of {grid.seconds:.0f} s are needed to know it"
        return MotionFound(verdict=Moving.UNKNOWN, why=why)
    read = sum(value is not None for value in values)
    if 2 * read + 1 < len(values) and not is_over:
        why = (
            f"it was read in {read} of {len(values)} bins of {grid.seconds:.0f} s: "
            "report it more often, or declare a longer cadence"
        )
        return MotionFound(verdict=Moving.UNKNOWN, why=why)
    return MotionFound(verdict=Moving.MOVING)


def _told(metric: LeadershipMetric, found: MotionFound) -> str:
    if found.verdict is Moving.UNKNOWN:
        return f"{metric.name}: too little is known of how it moves; {found.why}"
    if found.verdict is Moving.MOVING:
        return f"{metric.name} moves as usual"
    if found.stall is Stall.FROZEN:
        stands = "nothing more was counted" if _is_count(metric) else f"stands at {found.seen:g}"
        return f"{metric.name}: {stands}, for longer than it ever did"
    share = found.seen / found.expected if found.expected > 0.0 else 0.0
    often = (
        f"so little is usual at most once in {1 / max(found.chance, RAREST):,.0f} such stretches"
    )
    if found.stall is Stall.SLOW:
        return (
            f"{metric.name}: went {found.seen:.4g} on its way where {found.expected:.4g} is usual "
            f"({share:.0%}); {often}"
        )
    if not _is_count(metric):
        return f"{metric.name}: stands at {share:.0%} of what is usual at that time; {often}"
    usual = f"where {found.expected:.4g} is usual at that time"
    return f"{metric.name}: {found.seen:.4g} done {usual} ({share:.0%}); {often}"


def _is_count(metric: LeadershipMetric) -> bool:
    return metric.motion is None or metric.motion.is_count
