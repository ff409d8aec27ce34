"""Two small drawings of a proposal: how soon each recovery followed on the act, and what it would
have done beside what people did. Names in them are escaped; the rest is numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt
from typing import Any

from markupsafe import Markup, escape

from agent.core.backtest import Agreement
from agent.core.view import View
from agent.interface.proposals import in_minutes, last_began, seconds_to_clear
from agent.model.learning import Resolution

WIDTH = 640
NAME_WIDTH = 130
ROW = 34
LONGEST_NAME = 16


def recovery_picture(incidents: Sequence[Mapping[str, Any]], view: View) -> Markup:
    """One bar for each incident, from when it fired to when it was over, with a mark where each act
    began: bars that end soon after their marks, wherever those are, speak for the act."""
    known = [view.resolutions[i["id"]] for i in incidents if i["id"] in view.resolutions]
    timed = [r for r in known if r.cleared_at is not None and r.cleared_at > r.fired_at]
    if not timed:
        return Markup("")
    longest = max(_length(r) for r in timed)
    height = ROW * len(timed) + 6
    rows = [_row(r, number * ROW, longest) for number, r in enumerate(timed)]
    return Markup(
        f'<svg class="recoveries" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" aria-label="{escape(_told(timed))}">'
        + "".join(rows)
        + "</svg>"
    )


def _length(resolution: Resolution) -> float:
    return (resolution.cleared_at or resolution.fired_at) - resolution.fired_at


def _told(timed: Sequence[Resolution]) -> str:
    return "; ".join(
        f"{r.incident_id}: over after {in_minutes(_length(r))}, "
        f"{in_minutes(seconds_to_clear(r))} after the last act"
        for r in timed
    )


def _row(resolution: Resolution, top: int, longest: float) -> str:
    room = WIDTH - NAME_WIDTH - 90

    def x(at: float) -> float:
        share = min(max((at - resolution.fired_at) / longest, 0.0), 1.0)
        return round(NAME_WIDTH + share * room, 1)

    end = x(resolution.fired_at + _length(resolution))
    began = last_began(resolution.deeds)
    parts = [
        f'<text x="0" y="{top + 21}">{escape(_cut(resolution.incident_id))}</text>',
        f'<rect class="burning" x="{NAME_WIDTH}" y="{top + 10}" width="{end - NAME_WIDTH:.1f}" '
        'height="14" rx="4"/>',
    ]
    if began is not None and seconds_to_clear(resolution) is not None:
        parts.append(
            f'<rect class="after" x="{x(began)}" y="{top + 10}" width="{end - x(began):.1f}" '
            'height="14"/>'
        )
    for deed in resolution.deeds:
        if deed.began_at is not None:
            at = x(deed.began_at)
            parts.append(f'<line class="act" x1="{at}" x2="{at}" y1="{top + 4}" y2="{top + 30}"/>')
    soon = in_minutes(seconds_to_clear(resolution))
    parts.append(f'<text class="soft" x="{end + 8}" y="{top + 21}">{escape(soon)}</text>')
    return "".join(parts)


COLUMNS = (
    (Agreement.YES, "just this", "good"),
    (Agreement.PARTLY, "partly this", "calm"),
    (Agreement.NO, "something else", "harm"),
    (Agreement.IN_WORDS, "told in words", "calm"),
    (Agreement.NOBODY, "nothing", "calm"),
)
"""What people did where it would act, and what that means for it. Whether an act where people did
nothing is harm hangs on how long it lasted: the list of harm says so."""
LEFT, TOP, CELL, LARGEST = 110, 24, 112, 24


def agreement_picture(backtest: Mapping[str, Any]) -> Markup:
    """What people did in the incidents in which it would act, as discs as large as how often."""
    counts: Mapping[str, int] = backtest["agreement"]
    most = max((counts.get(kind.value, 0) for kind, *_ in COLUMNS), default=0)
    high = 2 * LARGEST + 6
    parts = [
        f'<text class="soft mid" x="{LEFT + CELL * (i + 0.5):g}" y="14">{name}</text>'
        for i, (_, name, _) in enumerate(COLUMNS)
    ]
    width, height = LEFT + len(COLUMNS) * CELL + 2, TOP + high + 2
    parts.append(
        f'<rect class="box" x="{LEFT}" y="{TOP}" width="{len(COLUMNS) * CELL}" height="{high}" '
        f'rx="8"/><text x="0" y="{TOP + high // 2 + 5}">people did</text>'
    )
    parts += [
        _disc(counts.get(kind.value, 0), most, column, means)
        for column, (kind, _, means) in enumerate(COLUMNS)
    ]
    told = ", ".join(f"people did {name}: {counts.get(kind.value, 0)}" for kind, name, _ in COLUMNS)
    return Markup(
        f'<svg class="agreement" viewBox="0 0 {width} {height}" width="{width}" '
        f'height="{height}" role="img" aria-label="{escape(told)}">' + "".join(parts) + "</svg>"
    )


def _disc(count: int, most: int, column: int, means: str) -> str:
    x = LEFT + CELL * (column + 0.5)
    y = TOP + LARGEST + 3
    if not count:
        return f'<text class="soft mid" x="{x:g}" y="{y + 5}">0</text>'
    radius = max(7.0, LARGEST * sqrt(count / most))
    return (
        f'<circle class="{means}" cx="{x:g}" cy="{y}" r="{radius:.1f}"/>'
        f'<text x="{x + radius + 6:.1f}" y="{y + 5}">{count}</text>'
    )


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"
