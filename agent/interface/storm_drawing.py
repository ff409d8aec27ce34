"""A storm as a picture: what came in, what was done about it, who was called. SVG of numbers only,
readable by itself in any browser, in light and in dark."""

from __future__ import annotations

from collections.abc import Sequence

from agent.runtime.simulation_record import Slice

WIDTH, LEFT, RIGHT = 960, 64, 40
HEIGHT, GAP, TOP = 110, 46, 64
AXIS_MARKS = 6
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2933 }
.title { font-size: 17px; font-weight: 600 }
.quiet { fill: #616e7c; font-size: 12px }
.axis { stroke: #9aa5b1; stroke-width: 1 }
.storm { fill: #b83280; opacity: .13 }
.open { fill: none; stroke: #2f6fab; stroke-width: 2 }
.received { fill: #9aa5b1; opacity: .6 }
.acts { fill: #2f855a }
.limit { stroke: #c05621; stroke-width: 1.5; stroke-dasharray: 5 4 }
.pages { fill: none; stroke: #c53030; stroke-width: 2 }
.breakers { fill: none; stroke: #6b46c1; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  svg { background: #12181f } text { fill: #e4e7eb } .quiet { fill: #9aa5b1 }
  .open { stroke: #63a4ff } .acts { fill: #48bb78 } .pages { stroke: #fc8181 }
}
"""


def draw(slices: Sequence[Slice], *, seconds: float, title: str, acts_limit: float) -> str:
    """Three charts over one time axis. `acts_limit`: most acts that one slice may have."""
    pages = _running([s.pages for s in slices])
    acts = [s.acts for s in slices]
    most = _top([*acts, acts_limit])
    rows = [
        _storms(slices),
        _row(0, "alerts in (grey), incidents open", _top([s.open for s in slices])),
        _bars(0, [s.received for s in slices], "received"),
        _line(0, [s.open for s in slices], "open"),
        _row(1, "acts, and the most the rate allows", most),
        _bars(1, acts, "acts", most=most),
        _limit(1, acts_limit, most),
        _row(2, "calls for people so far, breakers open (violet)", _top(pages)),
        _line(2, pages, "pages"),
        _line(2, [s.breakers for s in slices], "breakers", most=_top(pages)),
        _axis(seconds),
    ]
    height = TOP + 3 * (HEIGHT + GAP) + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{title}"><style>{STYLE}</style>'
        f'<text class="title" x="{LEFT}" y="28">{title}</text>' + "".join(rows) + "</svg>\n"
    )


def _running(values: Sequence[int]) -> list[int]:
    total, found = 0, []
    for value in values:
        total += value
        found.append(total)
    return found


def _top(values: Sequence[float]) -> float:
    return max([*values, 1.0])


def _base(row: int) -> int:
    return TOP + row * (HEIGHT + GAP) + HEIGHT


def _x(number: int, count: int) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * number / count


def _row(row: int, name: str, most: float) -> str:
    base = _base(row)
    top = base - HEIGHT
    return (
        f'<text x="{LEFT}" y="{top - 8}">{name}</text>'
        f'<text class="quiet" x="{LEFT - 8}" y="{top + 10}" text-anchor="end">{most:g}</text>'
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>'
    )


def _bars(row: int, values: Sequence[float], kind: str, *, most: float | None = None) -> str:
    top, base, count = most or _top(values), _base(row), len(values)
    width = (WIDTH - LEFT - RIGHT) / count
    return "".join(
        f'<rect class="{kind}" x="{_x(n, count):.1f}" y="{base - HEIGHT * v / top:.1f}" '
        f'width="{width * 0.8:.1f}" height="{HEIGHT * v / top:.1f}"/>'
        for n, v in enumerate(values)
        if v
    )


def _line(row: int, values: Sequence[float], kind: str, *, most: float | None = None) -> str:
    top, base, count = most or _top(values), _base(row), len(values)
    points = " ".join(
        f"{_x(n + 1, count):.1f},{base - HEIGHT * v / top:.1f}" for n, v in enumerate(values)
    )
    return f'<polyline class="{kind}" points="{LEFT},{base} {points}"/>'


def _limit(row: int, limit: float, most: float) -> str:
    y = _base(row) - HEIGHT * limit / most
    return f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'


def _storms(slices: Sequence[Slice]) -> str:
    """Stretches in which a storm was in force, behind all charts."""
    count, bottom = len(slices), _base(2)
    return "".join(
        f'<rect class="storm" x="{_x(n, count):.1f}" y="{TOP - 6}" '
        f'width="{_x(1, count) - LEFT + 0.3:.1f}" height="{bottom - TOP + 6}"/>'
        for n, part in enumerate(slices)
        if part.in_storm
    )


def _axis(seconds: float) -> str:
    return "".join(
        f'<text class="quiet" x="{_x(n, AXIS_MARKS):.0f}" y="{_base(2) + 18}" '
        f'text-anchor="middle">{seconds * n / AXIS_MARKS / 60:.0f} min</text>'
        for n in range(AXIS_MARKS + 1)
    )
