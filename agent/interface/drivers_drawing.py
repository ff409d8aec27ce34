"""What people are called for as bars: pages in this period, and beneath them those of the period
before. SVG without text but names, which are escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup, escape

WIDTH, LEFT, RIGHT = 900, 260, 90
ROW, BAR, THIN, TOP = 34, 14, 5, 8
MOST_BARS = 12
LONGEST_NAME = 28


def draw(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """At most so many bars; nothing where there is nothing to draw. Each row has its `name`, its
    `pages` and `pages_before` (None: not known)."""
    shown = rows[:MOST_BARS]
    most = max([row["pages"] for row in shown] + [row["pages_before"] or 0 for row in shown] + [0])
    if not most:
        return Markup("")
    height = 2 * TOP + ROW * len(shown)
    label = escape("; ".join(f"{row['name']}: {row['pages']} pages" for row in shown))
    parts = [_row(row, TOP + ROW * number, most) for number, row in enumerate(shown)]
    return Markup(
        f'<svg class="bars" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">'
        + "".join(parts)
        + "</svg>"
    )


def _row(row: Mapping[str, Any], top: int, most: int) -> str:
    before = row["pages_before"]
    thin = (
        f'<rect class="before" x="{LEFT}" y="{top + BAR + 2}" '
        f'width="{_width(before, most)}" height="{THIN}"/>'
        if before
        else ""
    )
    width = _width(row["pages"], most)
    return (
        f'<text class="end" x="{LEFT - 10}" y="{top + 12}">{escape(_cut(row["name"]))}</text>'
        f'<rect class="now" x="{LEFT}" y="{top}" width="{width}" height="{BAR}"/>{thin}'
        f'<text class="soft" x="{LEFT + width + 8}" y="{top + 12}">{row["pages"]}</text>'
    )


def _width(pages: int, most: int) -> int:
    return round((WIDTH - LEFT - RIGHT) * pages / most)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"
