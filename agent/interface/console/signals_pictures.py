"""Small drawings for rows of signals: what is left of a budget, what something costs, and how far
a member is from its baseline.

What is not known is drawn as not known, never as 0 and never in the colour of what is well. Labels
are escaped; the rest is numbers.
"""

from __future__ import annotations

import math

from markupsafe import Markup, escape

from agent.core.drift import SHIFT
from agent.model.series import DriftState
from agent.model.signals import Aspect, Baseline

BAR_WIDTH, BAR_HEIGHT = 120, 12
LOW_BUDGET = 0.25
"""With less left than this share the bar is in the colour of a warning."""
DRIFT_WIDTH, DRIFT_HEIGHT = 132, 26
BAND = 2.0
"""Spreads on either side of the mean that the band shows."""
ROOM = 4.0
"""Spreads that there is room for, at least."""


def bar(share: float | None, *, label: str, is_cost: bool = False) -> Markup:
    """A share from 0 to 1 as a bar; None: not known. `is_cost`: the longer the worse."""
    inner = BAR_WIDTH - 2
    if share is None or not math.isfinite(share):
        filled, kind = "", "unknown"
    else:
        held = min(1.0, max(0.0, share))
        kind = (
            "cost" if is_cost else "bad" if share <= 0 else "low" if held < LOW_BUDGET else "good"
        )
        filled = (
            f'<rect class="filled" x="1" y="1" width="{held * inner:.1f}" '
            f'height="{BAR_HEIGHT - 2}" rx="3"/>'
        )
    return Markup(
        f'<svg class="share {kind}" viewBox="0 0 {BAR_WIDTH} {BAR_HEIGHT}" width="{BAR_WIDTH}" '
        f'height="{BAR_HEIGHT}" role="img" aria-label="{escape(label)}">'
        f'<rect class="box" x="0.5" y="0.5" width="{BAR_WIDTH - 1}" height="{BAR_HEIGHT - 1}" '
        f'rx="4"/>{filled}</svg>'
    )


def spread_seen(state: DriftState | None, baseline: Baseline) -> float | None:
    """How much it varies: as declared, else as learned so far; None: neither."""
    if baseline.spread:
        return baseline.spread
    noise = state.noise if state is not None else None
    if noise is None or noise.count < 1.0:
        return None
    mean = noise.total / noise.count
    return math.sqrt(max(0.0, noise.squares / noise.count - mean * mean)) or None


def drift_picture(baseline: Baseline, state: DriftState | None, *, told: str) -> Markup:
    """The latest window as a dot against the band of the baseline; beneath it how much of what
    makes a drift has come together. Nothing where nothing was measured."""
    if state is None or not state.at:
        return Markup("")
    spread = spread_seen(state, baseline)
    low, high = _reach(baseline, spread, state.value)

    def x(value: float) -> float:
        return round(4 + (value - low) / (high - low) * (DRIFT_WIDTH - 8), 1)

    parts = [f'<line class="axis" x1="0" x2="{DRIFT_WIDTH}" y1="10" y2="10"/>']
    if spread is not None:
        left, right = x(baseline.mean - BAND * spread), x(baseline.mean + BAND * spread)
        parts.append(
            f'<rect class="band" x="{left}" y="3" width="{right - left:.1f}" height="14" rx="3"/>'
        )
    middle = x(baseline.mean)
    parts.append(f'<line class="mean" x1="{middle}" x2="{middle}" y1="2" y2="18"/>')
    is_drifting = state.firing_since is not None
    kind = "off" if is_drifting else "well" if state.limit else "learning"
    parts.append(f'<circle class="{kind}" cx="{x(state.value)}" cy="10" r="4"/>')
    if state.limit:
        gathered = min(1.0, max(0.0, state.sum / state.limit)) * DRIFT_WIDTH
        parts.append(f'<rect class="limit" x="0" y="22" width="{DRIFT_WIDTH}" height="3"/>')
        parts.append(f'<rect class="{kind}" x="0" y="22" width="{gathered:.1f}" height="3"/>')
    return Markup(
        f'<svg class="drift" viewBox="0 0 {DRIFT_WIDTH} {DRIFT_HEIGHT}" width="{DRIFT_WIDTH}" '
        f'height="{DRIFT_HEIGHT}" role="img" aria-label="{escape(told)}">{"".join(parts)}</svg>'
    )


def _reach(baseline: Baseline, spread: float | None, value: float) -> tuple[float, float]:
    unit = spread or abs(baseline.mean) * 0.1 or 1.0
    shift = abs(baseline.shift or SHIFT * unit)
    low = min(baseline.mean - max(ROOM * unit, shift), value)
    high = max(baseline.mean + max(ROOM * unit, shift), value)
    if baseline.aspect is not Aspect.WORK and value >= 0.0:
        # Shares, seconds and tokens are not below nothing.
        low = max(low, 0.0)
    return low, high
