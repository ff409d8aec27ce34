"""What can be said of a product's leadership metric: that it moves, that it stalls, or nothing.

Two rules, and a product may declare either or both. `flat_for`: any other value than before is
motion. `cadence`: it moves as its direction and its season let expect (core/motion.py). Both look
at what was read and never at what was not: absence is no stall.
"""

from __future__ import annotations

from agent.core import motion
from agent.core.motion import Moved
from agent.core.view import View
from agent.model.product import LeadershipMetric
from agent.model.records import MeasureSigns
from agent.model.series import MotionSeries, Moving


def metric_of(product: str, view: View) -> LeadershipMetric | None:
    found = view.registry.products.get(product)
    return found.leadership_metric if found else None


def allowed_seconds(metric: LeadershipMetric) -> float:
    """Within so long it has to have moved."""
    if metric.motion is not None:
        return metric.motion.cadence_seconds
    return metric.flat_for_seconds or 86_400.0


def verdict(
    signs: MeasureSigns, series: MotionSeries | None, metric: LeadershipMetric, *, at: float
) -> Moved:
    """What its readings show. A stall by either rule is one."""
    moved = (
        motion.judge(series, signs.open, metric, at=at)
        if metric.motion is not None
        else Moved(verdict=Moving.UNKNOWN)
    )
    if metric.flat_for_seconds is None or moved.verdict is Moving.STALLED:
        return moved
    still = signs.last_at - signs.moved_at
    if still >= metric.flat_for_seconds:
        text = f"{metric.name} stands at {signs.value:g} for {still:.0f} s"
        return Moved(verdict=Moving.STALLED, effect=0.0, since=signs.moved_at, text=text)
    if moved.verdict is Moving.MOVING:
        return moved
    return Moved(verdict=Moving.MOVING, text=f"{metric.name} is at {signs.value:g}")


def verdict_of(product: str, view: View) -> Moved:
    """The same from what is kept, as of the last reading; unknown where there was none."""
    metric, signs = metric_of(product, view), view.measures.get(product)
    if metric is None or signs is None or signs.metric != metric.name:
        return Moved(verdict=Moving.UNKNOWN, text="nothing was read yet")
    series = view.motions.get(product)
    if series is not None and series.metric != metric.name:
        series = None
    return verdict(signs, series, metric, at=signs.last_at)
