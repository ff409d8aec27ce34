"""The absorbed share as a picture: one bar a week, what needed nobody at the bottom. SVG of numbers
and names of weeks only; its colours are those of the page it stands in."""

from __future__ import annotations

from collections.abc import Sequence

from agent.measure.absorbed import NEEDED, Week

WIDTH, HEIGHT = 960, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 54, 40
ROOM = HEIGHT - TOP - BOTTOM
LEGEND_WIDTH = 130
MOST_LABELS = 14


def draw(weeks: Sequence[Week]) -> str:
    """Stacked bars of the incidents that needed anything, with the share above each."""
    most = max([w.incidents.needed for w in weeks], default=0) or 1
    width = (WIDTH - LEFT - RIGHT) / max(1, len(weeks))
    every = -(-len(weeks) // MOST_LABELS) or 1
    parts = [_legend(), _scale(most)]
    for number, week in enumerate(weeks):
        left = LEFT + number * width
        parts.append(_bar(week, left, width, most))
        if (len(weeks) - 1 - number) % every == 0:
            parts.append(_label(week, left + width / 2, most))
    return (
        f'<svg class="absorbed" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Incidents by week and how they ended; the table below has the numbers">'
        + "".join(parts)
        + "</svg>"
    )


def _legend() -> str:
    return "".join(
        f'<rect class="{grade.value}" x="{LEFT + n * LEGEND_WIDTH}" y="8" width="12" height="12"/>'
        f'<text x="{LEFT + n * LEGEND_WIDTH + 18}" y="18">{grade.value}</text>'
        for n, grade in enumerate(NEEDED)
    )


def _scale(most: int) -> str:
    base = TOP + ROOM
    return (
        f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>'
        f'<text class="soft end" x="{LEFT - 8}" y="{TOP + 4}">{most}</text>'
        f'<text class="soft end" x="{LEFT - 8}" y="{base}">0</text>'
    )


def _bar(week: Week, left: float, width: float, most: int) -> str:
    base, parts = float(TOP + ROOM), []
    for grade in NEEDED:
        count = getattr(week.incidents, grade.value)
        height = ROOM * count / most
        base -= height
        if count:
            parts.append(
                f'<rect class="{grade.value}" x="{left + width * 0.12:.1f}" y="{base:.1f}" '
                f'width="{width * 0.76:.1f}" height="{height:.1f}"/>'
            )
    kind = ' class="partial"' if week.is_partial else ""
    return f"<g{kind}>{''.join(parts)}</g>"


def _label(week: Week, middle: float, most: int) -> str:
    share = week.incidents.share
    top = TOP + ROOM * (1 - week.incidents.needed / most) - 6
    told = (
        f'<text class="mid" x="{middle:.1f}" y="{top:.1f}">{share:.0%}</text>'
        if share is not None
        else ""
    )
    star = "*" if week.is_partial else ""
    return (
        f'{told}<text class="soft mid" x="{middle:.1f}" y="{TOP + ROOM + 18}">'
        f"{week.week[5:]}{star}</text>"
    )
