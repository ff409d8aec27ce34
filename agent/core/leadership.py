"""Outcome layer: a product's leadership metric that stops moving while all is green below.

Readings move a timer; when it runs out and the product has no open incident in the other layers,
`LeadershipMetricFlat` is raised for its builder. It is never healed by machine: a number that
stands still is a question about the product, not a fault of a process.
"""

from __future__ import annotations

from agent.core.own_alert import own_alert
from agent.core.view import View
from agent.model.alert import Layer
from agent.model.decision import Decision, JournalEntry, Record, Timer
from agent.model.event import AlertReceived, MeasureReceived
from agent.model.product import LeadershipMetric
from agent.model.reason import Reason
from agent.model.records import MeasureSigns

TIMER = "flat"


def subject_of(product: str) -> str:
    return f"product:{product}"


def _metric(product: str, view: View) -> LeadershipMetric | None:
    found = view.registry.products.get(product)
    return found.leadership_metric if found else None


def _allowed(metric: LeadershipMetric) -> float:
    if metric.flat_for_seconds is not None:
        return metric.flat_for_seconds
    return metric.motion.cadence_seconds if metric.motion is not None else 86_400.0


def watch(product: str, view: View, *, at: float) -> Timer | None:
    """The timer of a product whose metric was not read yet."""
    metric = _metric(product, view)
    if metric is None:
        return None
    return Timer(subject=subject_of(product), name=TIMER, due=at + _allowed(metric))


def take_measure(event: MeasureReceived, view: View) -> Decision:
    measure, at = event.measure, event.at
    metric = _metric(measure.product, view)
    if metric is None or metric.name != measure.metric:
        return Decision()
    known = view.measures.get(measure.product)
    moved = known is None or known.value != measure.value
    since = known.firing_since if known else None
    emits: tuple[AlertReceived, ...] = ()
    journal: tuple[JournalEntry, ...] = ()
    if moved and since is not None:
        emits = (_alert(measure.product, metric, at=at, since=since, ended=True, why=""),)
        journal = (_line(measure.product, at, Reason.METRIC_MOVING),)
        since = None
    moved_at = at if moved or known is None else known.moved_at
    signs = MeasureSigns(
        product=measure.product,
        metric=measure.metric,
        value=measure.value,
        moved_at=moved_at,
        last_at=at,
        firing_since=since,
    )
    timers: tuple[Timer, ...] = ()
    if moved:
        due = at + _allowed(metric)
        timers = (Timer(subject=subject_of(measure.product), name=TIMER, due=due),)
    return Decision(
        records=(Record(kind="measure", key=measure.product, body=signs),),
        timers=timers,
        emits=emits,
        journal=journal,
    )


def stand_still(product: str, view: View, *, at: float) -> Decision:
    """The timer ran out: an incident for the builder, if all is green below."""
    metric = _metric(product, view)
    if metric is None:
        return Decision()
    known = view.measures.get(product)
    if known is not None and known.firing_since is not None:
        return Decision()
    moved_lately = known is not None and at < known.moved_at + _allowed(metric)
    if moved_lately or _burns_below(product, view):
        since = known.moved_at if known is not None and moved_lately else at
        due = since + _allowed(metric)
        return Decision(timers=(Timer(subject=subject_of(product), name=TIMER, due=due),))
    if known is None:
        why = f"no reading of {metric.name} at all for {_allowed(metric):.0f} s"
        value = 0.0
    else:
        still = at - known.moved_at
        why = f"{metric.name} stands at {known.value:g} for {still:.0f} s while all is green below"
        value = known.value
    signs = MeasureSigns(
        product=product,
        metric=metric.name,
        value=value,
        moved_at=known.moved_at if known else at,
        last_at=known.last_at if known else at,
        firing_since=at,
    )
    return Decision(
        records=(Record(kind="measure", key=product, body=signs),),
        emits=(_alert(product, metric, at=at, since=at, ended=False, why=why),),
        journal=(_line(product, at, Reason.METRIC_FLAT),),
    )


def _burns_below(product: str, view: View) -> bool:
    return any(
        i.product == product and i.layer is not Layer.OUTCOME and i.is_firing
        for i in view.incidents.values()
    )


def _line(product: str, at: float, reason: Reason) -> JournalEntry:
    return JournalEntry(at=at, subject=subject_of(product), kind="leadership", reason=reason)


def _alert(
    product: str, metric: LeadershipMetric, *, at: float, since: float, ended: bool, why: str
) -> AlertReceived:
    labels = {
        "alertname": "LeadershipMetricFlat",
        "product": product,
        "metric": metric.name,
        "layer": Layer.OUTCOME.value,
        "severity": "warning",
    }
    said = {"summary": why} if why else {}
    return own_alert(labels, at=at, since=since, ended=ended, annotations=said)
