"""`make signals-proof SEEDS="--rates"`: how often the drift test is wrong, and how long it takes,
by how much memory the noise has. Windows of five minutes, bell-shaped noise, nothing else: what the
method can do by itself, without the wild windows of tests/proof/signals/members.py."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from agent.core import drift
from agent.model.series import DriftState
from agent.model.signals import Aspect, Baseline
from tests.proof.signals.noise import Wander

MEMORIES = (0.0, 0.2, 0.4, 0.6, 0.8)
SHIFTS = (1.0, 1.5, 2.0, 3.0)
EVERY = 300.0
MONTH = 8_640
MONTHS = 100
TRIALS = 20
CALM = 1_500
LONGEST = 864
"""Windows: three days."""
BASELINES = (
    Baseline(aspect=Aspect.LATENCY, mean=2.0, spread=0.3),
    Baseline(aspect=Aspect.LATENCY, mean=2.0),
)


def rates() -> Iterator[str]:
    yield "memory | false alarms in series-months | hours until found, half and nine in ten of them"
    yield "       | spread declared, learned      | " + "  ".join(f"{s:g} spreads" for s in SHIFTS)
    for memory in MEMORIES:
        wrong = [sum(_false(memory, b, seed) for seed in range(MONTHS)) for b in BASELINES]
        delays = [_delay(memory, shift) for shift in SHIFTS]
        yield f"{memory:6} | {wrong[0]} and {wrong[1]} in {MONTHS} | " + "  ".join(delays)


def _false(memory: float, baseline: Baseline, seed: int) -> int:
    """Times that it was said to drift in a month."""
    wander = Wander(random.Random(f"rates/{memory}/{seed}"), memory=memory)
    state, times, before = None, 0, False
    for place in range(MONTH):
        state = _took(state, baseline, place, 2 + 0.3 * wander.step())
        times += state.is_drifting and not before
        before = state.is_drifting
    return times


def _delay(memory: float, shift: float) -> str:
    hours = []
    for seed in range(TRIALS):
        wander = Wander(random.Random(f"delay/{memory}/{seed}"), memory=memory)
        state: DriftState | None = None
        found = math.inf
        for place in range(CALM + LONGEST):
            off = shift if place >= CALM else 0.0
            state = _took(state, BASELINES[0], place, 2 + 0.3 * (wander.step() + off))
            if place >= CALM and state.is_drifting:
                found = (place - CALM + 1) * EVERY / 3600
                break
        hours.append(found)
    hours.sort()
    return f"{_hours(hours[TRIALS // 2])}, {_hours(hours[TRIALS * 9 // 10])}"


def _hours(hours: float) -> str:
    return f"{hours:.1f}" if math.isfinite(hours) else "over 72"


def _took(state: DriftState | None, baseline: Baseline, place: int, value: float) -> DriftState:
    return drift.take(state, baseline, at=EVERY * (place + 1), value=value, weight=20.0)
