"""Readings of a leadership metric that cannot be used as they are: a blind spot, never a stall.

What is not a number is a gap. A sender whose clock is off is believed about the number all the
same: only the time of arrival counts. What nobody declared is named once for each product, however
many names come: those are anybody's text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from agent.core.blind_spots import SEEN_SECONDS, found, gone, key_of
from agent.core.cleaning import clean_text
from agent.core.leadership_verdict import metric_of
from agent.core.sender_clock import CLOCK_SECONDS
from agent.core.view import View
from agent.model.alert import Measure
from agent.model.decision import Decision
from agent.model.product import LeadershipMetric
from agent.model.signals import BlindSpotKind

LARGEST = 1e100
"""Beyond this a number counts nothing there is, and its square is none any more."""
SMALLEST = 1e-100
"""Nor does one that is nearer to nothing than this, but nothing itself."""
SHOWN = 80
UNREGISTERED = "a product nobody registered"
CLOCK = " (clock)"
"""Ends the subject of what is wrong with its sender's clock."""
DAY = 86_400.0


def subject_of(product: str, metric: str) -> str:
    return f"{product}/{metric}"


def _clock_of(product: str, metric: str) -> str:
    return f"{product}/{metric}{CLOCK}"


def _others_of(product: str) -> str:
    return f"{product} (other metrics)"


def fault_of(measure: Measure) -> str:
    """Why it is no reading; empty: it is one."""
    if measure.fault:
        return clean_text(measure.fault, longest=300)[0]
    if not math.isfinite(measure.value):
        return f"{measure.metric[:SHOWN]} is not a number ({measure.value})"
    if abs(measure.value) > LARGEST:
        return f"{measure.metric[:SHOWN]} is {measure.value:g}, which counts nothing there is"
    if 0.0 < abs(measure.value) < SMALLEST:
        return f"{measure.metric[:SHOWN]} is {measure.value:g}, which is too small to count by"
    return ""


def unusable(measure: Measure, fault: str, view: View, *, at: float) -> Decision:
    return found(
        view,
        kind=BlindSpotKind.SIGNAL_FAULTY,
        subject=subject_of(measure.product, measure.metric),
        text=fault,
        remedy="mend what reports it, or the `query` of its leadership_metric",
        at=at,
        product=measure.product,
    )


def usable(measure: Measure, view: View, *, at: float) -> Decision:
    """It can be used: what was wrong with it before is over."""
    subject = subject_of(measure.product, measure.metric)
    decision = gone(view, kind=BlindSpotKind.SIGNAL_FAULTY, subject=subject, at=at)
    vanished = gone(view, kind=BlindSpotKind.METRIC_VANISHED, subject=subject, at=at)
    others = _others_of(measure.product)
    stale = view.blind_spots.get(key_of(BlindSpotKind.SIGNAL_FAULTY, others))
    if stale is not None and at - stale.last_at > DAY:
        ended = gone(view, kind=BlindSpotKind.SIGNAL_FAULTY, subject=others, at=at)
        vanished = vanished.also(ended)
    return decision.also(vanished)


def clock(measure: Measure, view: View, *, at: float) -> Decision:
    """The sender's clock, where it says what it shows."""
    if measure.sent_at is None:
        return Decision()
    kind, subject = BlindSpotKind.SIGNAL_FAULTY, _clock_of(measure.product, measure.metric)
    off = measure.sent_at - at
    if math.isfinite(off) and abs(off) <= CLOCK_SECONDS:
        return gone(view, kind=kind, subject=subject, at=at)
    ahead = "ahead" if off > 0 else "behind"
    return found(
        view,
        kind=kind,
        subject=subject,
        text=f"whoever reports it is more than 5 minutes {ahead} of this clock, or its readings are"
        " that long on their way; their time of arrival counts",
        remedy="set the clocks by NTP, or see what holds the readings up",
        at=at,
        product=measure.product,
    )


def undeclared(
    measure: Measure, metric: LeadershipMetric | None, view: View, *, at: float
) -> Decision:
    """Nobody declared that this is read: told once, by the first name that came."""
    product = measure.product
    is_known = product in view.registry.products
    subject = _others_of(product) if is_known else UNREGISTERED
    known = view.blind_spots.get(key_of(BlindSpotKind.SIGNAL_FAULTY, subject))
    if known is not None and known.gone_at is None and 0.0 <= at - known.last_at < SEEN_SECONDS:
        return Decision()
    said = f"{measure.metric[:SHOWN]!r} is reported as its outcome"
    if not is_known:
        said = f"an outcome of {product[:SHOWN]!r} is reported"
        remedy = "register the product, or mend the name in what reports it"
    elif metric is None:
        said += ", and it declares no leadership metric"
        remedy = "declare it under `leadership_metric` in its catalog-info.yaml"
    else:
        said += f", and it declares {metric.name[:SHOWN]!r}"
        remedy = f"report it as {metric.name[:SHOWN]}, or declare the other name"
    return found(
        view,
        kind=BlindSpotKind.SIGNAL_FAULTY,
        subject=subject,
        text=said,
        remedy=remedy,
        at=at,
        product=product if is_known else None,
    )


def unread(product: str, metric: LeadershipMetric, view: View, *, at: float, text: str) -> Decision:
    """Nothing reports it any more. Where its readings cannot be used, that is known already."""
    subject = subject_of(product, metric.name)
    faulty = view.blind_spots.get(key_of(BlindSpotKind.SIGNAL_FAULTY, subject))
    if faulty is not None and faulty.gone_at is None:
        return Decision()
    asked = f"see that its query still finds one series: {metric.query[:200]}"
    return found(
        view,
        kind=BlindSpotKind.METRIC_VANISHED,
        subject=subject,
        text=text,
        remedy=asked if metric.query else f"see that whatever reports {metric.name} still runs",
        at=at,
        product=product,
    )


def outlived(view: View, *, at: float) -> Iterator[tuple[BlindSpotKind, str]]:
    """What nobody reports any more though nobody declared it: it is seen to come, so that it is
    over when it has not come for a day."""
    kind = BlindSpotKind.SIGNAL_FAULTY
    for spot in view.blind_spots.values():
        is_one = spot.subject in (UNREGISTERED, _others_of(spot.product or ""))
        if spot.kind is kind and is_one and spot.gone_at is None and at - spot.last_at > DAY:
            yield kind, spot.subject


def undeclared_now(view: View) -> Iterator[tuple[str, str]]:
    """Product and metric of what stands as blind and is declared no more, once the registry was
    read anew: no reading of it will come that could end it."""
    for spot in view.blind_spots.values():
        if spot.gone_at is not None or spot.by or spot.product is None:
            continue
        if spot.kind not in (BlindSpotKind.METRIC_VANISHED, BlindSpotKind.SIGNAL_FAULTY):
            continue
        product, sign, metric = spot.subject.removesuffix(CLOCK).partition("/")
        declared = metric_of(product, view)
        if sign and product == spot.product and (declared is None or declared.name != metric):
            yield product, metric


def forgotten(product: str, metric: str, view: View, *, at: float) -> Decision:
    """It is not declared any more: nothing of it is missed."""
    decision = Decision()
    for kind, subject in (
        (BlindSpotKind.METRIC_VANISHED, subject_of(product, metric)),
        (BlindSpotKind.SIGNAL_FAULTY, subject_of(product, metric)),
        (BlindSpotKind.SIGNAL_FAULTY, _clock_of(product, metric)),
    ):
        decision = decision.also(gone(view, kind=kind, subject=subject, at=at))
    return decision
