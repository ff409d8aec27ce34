"""What is remembered of readings over time: small enough for a row, enough for the tests of
core/motion.py and core/drift.py. Times are seconds since the epoch."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Moving(StrEnum):
    """Whether a leadership metric does what it is expected to do."""

    MOVING = "moving"
    STALLED = "stalled"
    UNKNOWN = "unknown"
    """Too little is known yet, or nothing is read any more."""


class Stall(StrEnum):
    """How a leadership metric stands still."""

    LITTLE = "little"
    """Much less is done than is usual at that time, or nothing."""
    FROZEN = "frozen"
    """The very same reading again and again."""
    SLOW = "slow"
    """It does not go on in its direction as it used to."""


class OpenBin(msgspec.Struct, frozen=True, kw_only=True):
    """What was read since the last bin was closed."""

    began_at: float
    count: int = 0
    """Readings in it."""
    total: float = 0.0
    """Sum of the readings, or of the increments of a count."""
    last: float | None = None
    """The last reading, as it was read."""
    last_at: float = 0.0
    low: float = 0.0
    high: float = 0.0
    is_whole: bool = True
    """Whether it is known from its very beginning; the first bin of a series is not."""


class MotionFound(msgspec.Struct, frozen=True, kw_only=True):
    """What the last closed bin showed."""

    verdict: Moving = Moving.UNKNOWN
    since: float | None = None
    """When the stretch began that it was judged by; of a stall, when that began."""
    seen: float = 0.0
    """What was done in that stretch; of a level, how far it went or where it stood."""
    expected: float = 0.0
    """What is usual in such a stretch at that time."""
    chance: float = 1.0
    """How often so little is seen in such a stretch where nothing is wrong."""
    stall: Stall | None = None
    until: float = 0.0
    """End of the bin that was judged last."""
    why: str = ""
    """Why nothing can be said."""


class MotionSeries(msgspec.Struct, frozen=True, kw_only=True):
    """A leadership metric in bins. Key of its record: product."""

    metric: str = ""
    bin_seconds: float = 0.0
    began_at: float = 0.0
    """Start of the first bin."""
    values: tuple[float | None, ...] = ()
    """One for each bin, oldest first; None: nothing was read in it, or it stood still by mistake
    and is no example of how it should be."""
    found: MotionFound = MotionFound()


class DriftSeason(msgspec.Struct, frozen=True, kw_only=True):
    """How one aspect comes and goes by itself within a day or a week."""

    means: tuple[float, ...] = ()
    """Of each phase, over the latest seasons."""
    seen: tuple[int, ...] = ()
    """How many seasons each of them was seen in."""
    phase: int = -1
    """The one that is under way; its windows are in `total` and `count`."""
    total: float = 0.0
    count: int = 0


class DriftNoise(msgspec.Struct, frozen=True, kw_only=True):
    """How one aspect varies while nothing is wrong, in its own unit. Sums over calm windows, of
    which the old ones are forgotten."""

    count: float = 0.0
    total: float = 0.0
    squares: float = 0.0
    products: float = 0.0
    """Of each window with the one before it."""
    before: float | None = None
    """The window before."""
    batch: float = 0.0
    batch_count: int = 0
    batch_before: float | None = None
    """Mean of the batch of windows before the one under way."""
    batches: float = 0.0
    batch_square: float = 0.0
    """Mean square of the step from one batch to the next."""


class DriftState(msgspec.Struct, frozen=True, kw_only=True):
    """One aspect of a member against its baseline. Key of its record: AGENT/ASPECT."""

    at: float = 0.0
    """When the latest window ended."""
    began_at: float = 0.0
    """When the first one did."""
    value: float = 0.0
    """Of the latest window, as it was read."""
    first: tuple[float, ...] = ()
    """The first windows, until the noise is learned from them."""
    weight: float = 0.0
    """What is usually done in a window."""
    season: DriftSeason = DriftSeason()
    noise: DriftNoise = DriftNoise()
    sum: float = 0.0
    """What speaks for a drift, in spreads: the cumulative sum."""
    limit: float = 0.0
    """Where that becomes a drift; 0: not known yet."""
    off_since: float | None = None
    """When that sum left 0."""
    off_total: float = 0.0
    off_count: float = 0.0
    """Of the windows since."""
    is_drifting: bool = False
    firing_since: float | None = None
    """Start of the alert that says it drifted, while that alert is firing."""
