"""Outcome layer: a product's leadership metric that stops moving while all is green below.

Each reading is held against what is expected of the metric (core/leadership_verdict.py). A stall is
`LeadershipMetricFlat` for the builder, unless something burns in the product, in its machinery or
in what it stands on: then the stall is a symptom of that, and the metric gets its whole time again
from when it is over. It is never healed by machine: a number that stands still is a question about
the product, not a fault of a process.

A stall is seen in readings only. Where none come the timer says so, and that is a blind spot: what
is not known is neither health nor a stall, and ends no alert that fires.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agent.core import motion, unusable_readings
from agent.core.graph import graph_of, numbers_in
from agent.core.leadership_verdict import allowed_seconds, metric_of, verdict
from agent.core.own_alert import own_alert
from agent.core.signs import BURNING, PRODUCT
from agent.core.suspects import suspects
from agent.core.view import View, signs
from agent.model.alert import Layer, Measure
from agent.model.decision import Decision, JournalEntry, Record, Timer
from agent.model.event import AlertReceived, MeasureReceived
from agent.model.product import LeadershipMetric
from agent.model.reason import Reason
from agent.model.records import MeasureSigns
from agent.model.series import MotionSeries, Moving

TIMER = "unread"
MISSED = 10.0
"""So many usual gaps between two readings without one, and nobody reports it any more."""
LEAST_SILENCE_SECONDS = 300.0
FORGETTING = 0.02
"""How fast one long gap between readings is forgotten, at each reading."""
LOOK_AGAIN_SECONDS = 86_400.0
LONGEST_SUMMARY = 400


def subject_of(product: str) -> str:
    return f"product:{product}"


def labels_of(product: str, metric: str) -> dict[str, str]:
    """Of the alert that says that this metric of this product stalls."""
    return {
        "alertname": "LeadershipMetricFlat",
        "product": product,
        "metric": metric,
        "layer": Layer.OUTCOME.value,
        "severity": "warning",
    }


# readings


def _read_as(metric: LeadershipMetric) -> str:
    kind = "count" if metric.motion is None or metric.motion.is_count else "level"
    return f"{kind} {''.join(metric.query.split())}"


def take_measure(event: MeasureReceived, view: View) -> Decision:
    measure, at = event.measure, event.at
    product = measure.product
    metric, known = metric_of(product, view), view.measures.get(product)
    if metric is None or metric.name != measure.metric:
        return unusable_readings.undeclared(measure, metric, view, at=at)
    decision = unusable_readings.clock(measure, view, at=at)
    fault = unusable_readings.fault_of(measure)
    if fault:
        return decision.also(unusable_readings.unusable(measure, fault, view, at=at))
    decision = decision.also(unusable_readings.usable(measure, view, at=at))
    if known is not None and known.metric != metric.name:
        decision = decision.also(_forget(known, view, at=at))
        known = None
    return decision.also(_read(measure, metric, known, view, at=at))


def _read(
    measure: Measure, metric: LeadershipMetric, known: MeasureSigns | None, view: View, *, at: float
) -> Decision:
    product = measure.product
    before = view.motions.get(product) if known is not None else None
    after, opened = before, None
    read_as = _read_as(metric)
    if metric.motion is not None:
        last = known.open if known is not None else None
        if known is not None and known.read_as != read_as:
            # What was done cannot be held against where it stood, nor what one query finds against
            # what another does: all of that would be a stall.
            before = last = None
        after, opened = motion.take(before, last, metric, at=at, value=measure.value)
    has_changed = known is None or known.value != measure.value
    read = MeasureSigns(
        product=product,
        metric=metric.name,
        value=measure.value,
        moved_at=at if known is None or has_changed else known.moved_at,
        last_at=at,
        firing_since=known.firing_since if known is not None else None,
        open=opened,
        pace=_pace(known, at),
        burned_at=_burned_at(product, known, view, at),
        read_as=read_as,
    )
    told = _judged(read, after, metric, view, at=at)
    records = [Record(kind="measure", key=product, body=told.signs)]
    if after is not None and after is not before:
        records.append(Record(kind="motion", key=product, body=after))
    return Decision(
        records=tuple(records),
        timers=(_timer(metric, told.signs),),
        emits=told.emits,
        journal=told.journal,
    )


def _pace(known: MeasureSigns | None, at: float) -> float | None:
    if known is None or at <= known.last_at:
        return known.pace if known is not None else None
    gap = at - known.last_at
    if known.pace is None or gap >= known.pace:
        return gap
    return known.pace + FORGETTING * (gap - known.pace)


def _burned_at(product: str, known: MeasureSigns | None, view: View, at: float) -> float | None:
    if _burns_below(product, view):
        return at
    return known.burned_at if known is not None else None


# what they say


class _Told(msgspec.Struct, frozen=True):
    signs: MeasureSigns
    emits: tuple[AlertReceived, ...] = ()
    journal: tuple[JournalEntry, ...] = ()


def _judged(
    read: MeasureSigns,
    series: MotionSeries | None,
    metric: LeadershipMetric,
    view: View,
    *,
    at: float,
) -> _Told:
    """An alert begins with a stall while all is green below, and ends with motion. What is unknown
    changes neither."""
    moved = verdict(read, series, metric, at=at)
    if read.firing_since is not None:
        if moved.verdict is not Moving.MOVING:
            return _Told(read)
        ended = _alert(read, at=at, since=read.firing_since, ended=True)
        over = msgspec.structs.replace(read, firing_since=None)
        return _Told(over, (ended,), (_line(read.product, at, Reason.METRIC_MOVING),))
    if moved.verdict is not Moving.STALLED or is_waiting(read, metric, at=at):
        return _Told(read)
    onset = moved.since if moved.since is not None else read.moved_at
    why = f"{moved.text}; all is green below"
    said = {
        "summary": why[:LONGEST_SUMMARY],
        "description": _suspected(read, series, metric, view, onset),
    }
    began = _alert(read, at=at, since=at, ended=False, said=said)
    is_flat = read.last_at - read.moved_at >= (metric.flat_for_seconds or float("inf"))
    reason = Reason.METRIC_FLAT if is_flat else Reason.METRIC_STALLED
    firing = msgspec.structs.replace(read, firing_since=at)
    return _Told(firing, (began,), (_line(read.product, at, reason, why[:LONGEST_SUMMARY]),))


def is_waiting(read: MeasureSigns, metric: LeadershipMetric, *, at: float) -> bool:
    """Whether a stall of it may still be what something below left behind."""
    return read.burned_at is not None and at - read.burned_at < allowed_seconds(metric)


def _suspected(
    read: MeasureSigns,
    series: MotionSeries | None,
    metric: LeadershipMetric,
    view: View,
    onset: float,
) -> str:
    known = suspects(
        read.product,
        view,
        since=onset,
        cadence_seconds=allowed_seconds(metric),
        bin_seconds=series.bin_seconds if series is not None else 0.0,
    )
    if not known:
        return "Nothing that is known of changed shortly before."
    others = "; ".join(one.text for one in known[1:])
    return f"First suspect: {known[0].text}." + (f" Besides: {others}." if others else "")


def _burns_below(product: str, view: View) -> bool:
    """Whether something fires that a stall could come of: in the product or its machinery, or in
    anything it stands on. What nobody needs to act on (it is silenced) is no explanation."""
    if _is_red(signs(view).ids(PRODUCT, product), view):
        return True
    graph = graph_of(view.registry)
    number = graph.number.get(product)
    if number is None:
        return False
    burning = graph.below[number] & signs(view).nodes(BURNING, graph)
    return any(_is_red(signs(view).ids(BURNING, graph.names[n]), view) for n in numbers_in(burning))


def _is_red(incidents: Iterable[str], view: View) -> bool:
    return any(view.incidents[name].layer is not Layer.OUTCOME for name in incidents)


def _line(product: str, at: float, reason: Reason, text: str = "") -> JournalEntry:
    return JournalEntry(
        at=at, subject=subject_of(product), kind="leadership", reason=reason, text=text
    )


def _alert(
    read: MeasureSigns, *, at: float, since: float, ended: bool, said: dict[str, str] | None = None
) -> AlertReceived:
    labels = labels_of(read.product, read.metric)
    return own_alert(labels, at=at, since=since, ended=ended, annotations=said)


# silence


def watch(product: str, view: View, *, at: float) -> Timer | None:
    """The timer of a product whose metric was not read yet."""
    metric = metric_of(product, view)
    if metric is None:
        return None
    return Timer(subject=subject_of(product), name=TIMER, due=at + allowed_seconds(metric))


def may_be_silent(metric: LeadershipMetric, read: MeasureSigns | None) -> float:
    """Seconds without a reading after which nobody reports it any more: by how often it comes, and
    never longer than it may take to move."""
    longest = allowed_seconds(metric)
    if read is None or read.pace is None:
        return longest
    return min(longest, max(MISSED * read.pace, LEAST_SILENCE_SECONDS))


def _timer(metric: LeadershipMetric, read: MeasureSigns) -> Timer:
    due = read.last_at + may_be_silent(metric, read)
    return Timer(subject=subject_of(read.product), name=TIMER, due=due)


def go_unread(product: str, view: View, *, at: float) -> Decision:
    """The timer ran out: a blind spot, and an alert that fires goes on firing."""
    metric, known = metric_of(product, view), view.measures.get(product)
    decision = Decision()
    if known is not None and (metric is None or metric.name != known.metric):
        decision, known = _forget(known, view, at=at), None
    if metric is None:
        return decision
    if known is not None and at < known.last_at + may_be_silent(metric, known):
        return decision.also(Decision(timers=(_timer(metric, known),)))
    if known is None:
        text = f"no reading of {metric.name} ever came"
    else:
        text = f"no reading of {metric.name} comes any more; the last one was {known.value:g}"
    spot = unusable_readings.unread(product, metric, view, at=at, text=text)
    again = Timer(subject=subject_of(product), name=TIMER, due=at + LOOK_AGAIN_SECONDS)
    journal = (_line(product, at, Reason.METRIC_UNREAD, text),) if spot.journal else ()
    return decision.also(spot).also(Decision(timers=(again,), journal=journal))


def settled(view: View, *, at: float) -> Decision:
    """What is over once the registry was read anew: of metrics that are not declared any more, and
    that no reading or timer will end soon. Empty where nothing is."""
    decision = Decision()
    for product, known in view.measures.items():
        metric = metric_of(product, view)
        if metric is None or metric.name != known.metric:
            decision = decision.also(_forget(known, view, at=at))
    for product, name in dict.fromkeys(unusable_readings.undeclared_now(view)):
        if product not in view.measures or view.measures[product].metric != name:
            ended = unusable_readings.forgotten(product, name, view, at=at)
            decision = decision.also(ended)
    return decision


def _forget(known: MeasureSigns, view: View, *, at: float) -> Decision:
    """The registry does not name this metric any more: what fires because of it ends."""
    product = known.product
    decision = unusable_readings.forgotten(product, known.metric, view, at=at)
    gone = tuple(Record(kind=kind, key=product, body=None) for kind in ("measure", "motion"))
    if known.firing_since is None:
        return decision.also(Decision(records=gone))
    ended = _alert(known, at=at, since=known.firing_since, ended=True)
    return decision.also(Decision(records=gone, emits=(ended,)))
