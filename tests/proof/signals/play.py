"""Plays series through the pure functions that the decision lane calls, and notes when they said
that something is wrong."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.core import drift as drifts
from agent.core import motion as motions
from agent.model.product import LeadershipMetric
from agent.model.series import DriftState, MotionSeries, Moving, OpenBin
from agent.model.signals import Aspect, Baseline
from tests.proof.signals import members, metrics
from tests.proof.signals.noise import DAY, START


@dataclass
class Told:
    """From when to when something was said to be wrong."""

    name: str
    begins: float
    ends: float | None = None
    text: str = ""


@dataclass
class Watch:
    told: list[Told] = field(default_factory=list)
    open: Told | None = None
    looks: int = 0

    def note(self, name: str, *, at: float, wrong: bool, text: str) -> None:
        self.looks += 1
        if wrong and self.open is None:
            self.open = Told(name=f"{name}, {when(at)}", begins=at, text=text)
            self.told.append(self.open)
        elif not wrong and self.open is not None:
            self.open.ends = at
            self.open = None


def watch_metric(metric: LeadershipMetric, readings: Iterable[tuple[float, float]]) -> Watch:
    watch = Watch()
    series: MotionSeries | None = None
    open: OpenBin | None = None
    for at, value in readings:
        series, open = motions.take(series, open, metric, at=at, value=value)
        moved = motions.judge(series, open, metric, at=at)
        watch.note(metric.name, at=at, wrong=moved.verdict is Moving.STALLED, text=moved.text)
    return watch


def watch_member(
    baselines: Iterable[Baseline], windows: Iterable[members.Window]
) -> dict[Aspect, Watch]:
    declared = {b.aspect: b for b in baselines}
    watches = {aspect: Watch() for aspect in declared}
    states: dict[Aspect, DriftState] = {}
    for window in windows:
        for aspect, baseline in declared.items():
            if aspect not in window.values:
                continue
            state = drifts.take(
                states.get(aspect),
                baseline,
                at=window.at,
                value=window.values[aspect],
                weight=float(window.tasks),
            )
            states[aspect] = state
            said = drifts.judge(state, baseline)
            watches[aspect].note(aspect.value, at=window.at, wrong=said.drifting, text=said.text)
    return watches


@dataclass
class Planted:
    """One planted stall or drift, and what was said of it."""

    what: str
    begins: float
    within: float
    found: float | None
    """Seconds after it began; None: not within its cadence."""
    before: list[Told]
    """Said while nothing was wrong."""
    over: float | None = None
    """Seconds after its end until that was said, too."""
    text: str = ""


def judged(
    watches: Iterable[Watch], *, what: str, begins: float, ends: float, within: float
) -> Planted:
    """What is said of the right thing within its cadence, and said anew, is found. What still goes
    on from before is not."""
    told = [t for w in watches for t in w.told]
    right = [t for t in told if begins < t.begins <= begins + within]
    # It is not wrong to say it later, nor until a cadence after its end.
    wrong = [t for t in told if not begins < t.begins <= ends + within]
    first = min(right, key=lambda t: t.begins, default=None)
    over = first.ends - ends if first is not None and first.ends is not None else None
    return Planted(
        what=what,
        begins=begins,
        within=within,
        found=first.begins - begins if first else None,
        before=wrong,
        over=over,
        text=first.text if first else "",
    )


def planted_metric(rng: random.Random, sort: metrics.Sort, *, days: int) -> Planted:
    life = metrics.draw(rng, sort, days=days)
    stall = metrics.plant(rng, life)
    watch = watch_metric(life.metric, metrics.readings(rng, life, stall))
    motion = life.metric.motion
    assert motion is not None
    what = (
        f"{sort.value}: {stall.fault.value}, cadence {motion.cadence_seconds / DAY:g} d, season "
        f"{(motion.season_seconds or 0) / DAY:g} d, from {when(stall.begins)}"
    )
    return judged(
        [watch], what=what, begins=stall.begins, ends=stall.ends, within=motion.cadence_seconds
    )


def planted_member(rng: random.Random, *, days: int) -> Planted:
    life = members.draw(rng, days=days)
    seen = members.seen_before(rng, life)
    declared = members.baselines(rng, life, seen)
    drift = members.plant(rng, life, seen)
    watches = watch_member(declared, members.windows(rng, life, drift))
    within = next(b.within_seconds for b in declared if b.aspect is drift.aspect)
    what = (
        f"{drift.aspect.value}: {drift.shape.value} of {drift.spreads:.1f} spreads, memory "
        f"{life.memory:.2f}, from {when(drift.begins)}"
    )
    found = judged(
        [watches[drift.aspect]], what=what, begins=drift.begins, ends=drift.ends, within=within
    )
    found.before += [t for a, w in watches.items() if a is not drift.aspect for t in w.told]
    return found


def clean_month(rng: random.Random, sort: metrics.Sort, *, days: int) -> list[Told]:
    """One product-month: a metric and a member, with nothing wrong."""
    metric = metrics.draw(rng, sort, days=days)
    member = members.draw(rng, days=days)
    declared = members.baselines(rng, member, members.seen_before(rng, member))
    told = watch_metric(metric.metric, metrics.readings(rng, metric, None)).told
    for watch in watch_member(declared, members.windows(rng, member, None)).values():
        told += watch.told
    return told


def when(at: float) -> str:
    days = (at - START) / DAY
    return f"day {int(days)} {int(days % 1 * 24):02}h"
