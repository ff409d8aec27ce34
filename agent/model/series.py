"""What is remembered of readings over time: small enough for a row, enough for the tests of
core/motion.py and core/drift.py. Times are seconds since the epoch."""

from __future__ import annotations

import msgspec


class OpenBin(msgspec.Struct, frozen=True, kw_only=True):
    """What was read since the last bin was closed."""

    began_at: float
    count: int = 0
    total: float = 0.0
    """Sum of the readings, or of the increments of a count."""
    last: float | None = None
    """The last reading, as it was read."""
    last_at: float = 0.0


class MotionSeries(msgspec.Struct, frozen=True, kw_only=True):
    """A leadership metric in bins. Key of its record: product."""

    metric: str = ""
    bin_seconds: float = 0.0
    began_at: float = 0.0
    """Start of the first bin."""
    values: tuple[float | None, ...] = ()
    """One for each bin, oldest first; None: nothing was read in it."""


class DriftState(msgspec.Struct, frozen=True, kw_only=True):
    """One aspect of a member against its baseline. Key of its record: AGENT/ASPECT."""

    values: tuple[float, ...] = ()
    """Of the latest windows, oldest first."""
    at: tuple[float, ...] = ()
    """When each of them ended."""
    firing_since: float | None = None
    """Start of the alert that says it drifted, while that alert is firing."""
