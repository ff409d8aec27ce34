"""A leadership metric drawn beside what is usual, with the changes on its axis of time.

A bin that is not known is a grey stretch and never 0. Names are escaped; the rest is numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup, escape

from agent.model.records import ChangeRecord
from agent.model.signals import ChangeKind

MOST_MARKS = 40
MOST_TICKS = 7
TICKS = (300, 900, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600, 86_400, 2 * 86_400, 7 * 86_400)
DAY = 86_400.0
LARGE, SMALL = (960, 280), (460, 130)


@dataclass(frozen=True, kw_only=True)
class Chart:
    """The latest bins of a leadership metric. Times are seconds since the epoch."""

    metric: str
    began_at: float
    bin_seconds: float
    values: Sequence[float | None]
    usual: Sequence[float | None]
    is_count: bool
    stood_from: int | None = None
    """Bin with which a stall began."""
    changes: Sequence[tuple[str, ChangeRecord]] = ()
    """With the mark each has in the table beneath."""

    @property
    def ends_at(self) -> float:
        return self.began_at + len(self.values) * self.bin_seconds


@dataclass(frozen=True)
class _Frame:
    """Where a time and a value are drawn."""

    chart: Chart
    width: int
    height: int
    left: int
    top: int
    bottom: int
    low: float
    high: float

    @property
    def base(self) -> int:
        return self.height - self.bottom

    def x(self, at: float) -> float:
        length = self.chart.ends_at - self.chart.began_at
        share = (at - self.chart.began_at) / length
        return round(self.left + min(1.0, max(0.0, share)) * (self.width - self.left - 4), 1)

    def bin_x(self, number: float) -> float:
        return self.x(self.chart.began_at + number * self.chart.bin_seconds)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(self.base - share * (self.base - self.top), 1)


def outcome_chart(chart: Chart, *, is_large: bool) -> Markup:
    """Nothing where no bin is known yet."""
    if not any(value is not None for value in chart.values):
        return Markup("")
    width, height = LARGE if is_large else SMALL
    low, high = _range(chart)
    frame = _Frame(chart, width, height, 44, 16, 18, low, high)
    parts = [*_unknown(frame), *_stall(frame), _usual(frame), _seen(frame)]
    parts += [*_scale(frame), *_marks(frame, is_large=is_large)]
    kind = "large" if is_large else "small"
    return Markup(
        f'<svg class="outcome {kind}" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(_told(chart))}">{"".join(parts)}</svg>'
    )


def _told(chart: Chart) -> str:
    known = sum(value is not None for value in chart.values)
    stands = "" if chart.stood_from is None else "; it stands still at the end"
    return (
        f"{chart.metric}: {known} of {len(chart.values)} bins are known, beside what is usual"
        f"{stands}; {len(chart.changes)} changes"
    )


def _range(chart: Chart) -> tuple[float, float]:
    known = [v for v in (*chart.values, *chart.usual) if v is not None]
    low, high = min(known), max(known)
    if chart.is_count or 0.0 <= low <= 0.4 * high:
        low = min(low, 0.0)
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return (low if low == 0.0 else low - room), high + room


def _stretches(
    values: Sequence[float | None], wanted: Callable[[float | None], bool]
) -> list[tuple[int, int]]:
    """From and to (not in it) of bins in a row."""
    found: list[tuple[int, int]] = []
    start: int | None = None
    for number, value in enumerate((*values, None)):
        is_wanted = number < len(values) and wanted(value)
        if is_wanted and start is None:
            start = number
        elif not is_wanted and start is not None:
            found.append((start, number))
            start = None
    return found


def _unknown(frame: _Frame) -> list[str]:
    return [
        f'<rect class="unknown" x="{frame.bin_x(start)}" y="{frame.top}" '
        f'width="{frame.bin_x(end) - frame.bin_x(start):.1f}" height="{frame.base - frame.top}"/>'
        for start, end in _stretches(frame.chart.values, lambda v: v is None)
    ]


def _stall(frame: _Frame) -> list[str]:
    start = frame.chart.stood_from
    if start is None or start >= len(frame.chart.values):
        return []
    left = frame.bin_x(max(0, start))
    return [
        f'<rect class="stall" x="{left}" y="{frame.top}" '
        f'width="{frame.bin_x(len(frame.chart.values)) - left:.1f}" '
        f'height="{frame.base - frame.top}"/>'
    ]


def _usual(frame: _Frame) -> str:
    """An area of a count, since all of it was due; a line of a level."""
    usual, pieces = frame.chart.usual, []
    for start, end in _stretches(usual, lambda v: v is not None):
        steps = _steps(frame, usual, start, end)
        if frame.chart.is_count:
            left, right = frame.bin_x(start), frame.bin_x(end)
            pieces.append(f"M{left} {frame.base}L{steps}L{right} {frame.base}Z")
        else:
            pieces.append(f"M{steps}")
    kind = "usual area" if frame.chart.is_count else "usual"
    return f'<path class="{kind}" d="{"".join(pieces)}"/>' if pieces else ""


def _steps(frame: _Frame, values: Sequence[float | None], start: int, end: int) -> str:
    places = []
    for number in range(start, end):
        y = frame.y(values[number] or 0.0)
        places += [f"{frame.bin_x(number)} {y}", f"{frame.bin_x(number + 1)} {y}"]
    return "L".join(places)


def _seen(frame: _Frame) -> str:
    values = frame.chart.values
    pieces = [
        f"M{_steps(frame, values, start, end)}"
        for start, end in _stretches(values, lambda v: v is not None)
    ]
    return f'<path class="seen" d="{"".join(pieces)}"/>'


def _scale(frame: _Frame) -> list[str]:
    chart = frame.chart
    known = [v for v in chart.values if v is not None]
    top, base = max(known), min(known)
    base = 0.0 if frame.low == 0.0 else base
    parts = [
        f'<line class="axis" x1="{frame.left}" x2="{frame.width - 4}" y1="{frame.base}" '
        f'y2="{frame.base}"/>',
        f'<text class="end" x="{frame.left - 6}" y="{frame.y(top) + 4:.1f}">{_short(top)}</text>',
    ]
    if frame.y(base) - frame.y(top) > 14:
        parts.append(
            f'<text class="end" x="{frame.left - 6}" y="{frame.y(base):.1f}">{_short(base)}</text>'
        )
    step = _tick(chart.ends_at - chart.began_at)
    at = math.ceil(chart.began_at / step) * step
    while at <= chart.ends_at:
        x = frame.x(at)
        parts.append(
            f'<line class="axis" x1="{x}" x2="{x}" y1="{frame.base}" y2="{frame.base + 3}"/>'
        )
        if frame.left + 14 < x < frame.width - 22:
            label = _clock(at, step)
            parts.append(f'<text class="mid" x="{x}" y="{frame.height - 4}">{label}</text>')
        at += step
    return parts


def _tick(length: float) -> float:
    for step in TICKS:
        if length / step <= MOST_TICKS:
            return float(step)
    return math.ceil(length / MOST_TICKS / DAY) * DAY


def _clock(at: float, step: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%m-%d" if step >= DAY else "%H:%M")


def _short(value: float) -> str:
    for least, size, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= least:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}" if abs(value) < 1e3 else f"{value:.0f}"


def _marks(frame: _Frame, *, is_large: bool) -> list[str]:
    """Each change as a line, oldest first; on a large chart with its mark."""
    parts = []
    chart = frame.chart
    seen = [c for c in chart.changes if chart.began_at <= c[1].at]
    for mark, change in seen[-MOST_MARKS:]:
        x = frame.x(change.at)
        grave = change.kind in (ChangeKind.RELEASE, ChangeKind.MACHINERY)
        what = " ".join(w for w in (change.kind.value, change.version, change.entity) if w)
        label = f'<text class="mid" x="{x}" y="11">{escape(mark)}</text>' if is_large else ""
        parts.append(
            f'<g class="change{" grave" if grave else ""}"><title>{escape(what[:200])}</title>'
            f'<line x1="{x}" x2="{x}" y1="{frame.top - 2}" y2="{frame.base}"/>{label}</g>'
        )
    return parts
