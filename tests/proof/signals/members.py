"""Made-up sub-agents: windows of five minutes of what they did, and how that drifts.

The load comes and goes with the day. The share of errors is counted from the tasks of a window, so
that a quiet night is rough; latency and tokens have heavy tails, a memory, and vary more where less
is done. Wild windows, and quarters of an hour in which all is slow, are in it; so are hours without
any report. Baselines are declared as people do it: from a look at some calm days, rounded.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from agent.model.signals import Aspect, Baseline
from tests.proof.signals.noise import (
    DAY,
    START,
    Wander,
    day_shape,
    gaps,
    is_within,
    poisson,
)

EVERY = 300.0
FIRST_DAY = 5
LOOKED_AT = 1_440
"""Windows somebody looked at before declaring a baseline: five days."""


class Shape(StrEnum):
    STEP = "a step"
    RAMP = "a ramp"
    """As much after half of the time it has to be found in."""


@dataclass(frozen=True)
class Drift:
    aspect: Aspect
    shape: Shape
    begins: float
    ends: float
    factor: float
    """What it is multiplied by in the end."""
    spreads: float
    """What that is in standard deviations between windows."""


@dataclass(frozen=True)
class Life:
    """What a member is made of; drawn once."""

    days: int
    tasks: float
    """In a window, on average."""
    day: Callable[[float], float]
    depth: float
    errors: float
    latency: float
    tokens: float
    rough: dict[Aspect, float]
    """How much each aspect varies by itself."""
    memory: float
    silent: list[tuple[float, float]]
    aspects: tuple[Aspect, ...]


@dataclass(frozen=True)
class Window:
    at: float
    tasks: int
    values: dict[Aspect, float]


def draw(rng: random.Random, *, days: int, memory: float | None = None) -> Life:
    depth = rng.choice((0.0, 0.3, 0.6, 0.8))
    aspects = (Aspect.ERRORS, Aspect.LATENCY, Aspect.WORK)
    return Life(
        days=days,
        tasks=math.exp(rng.uniform(math.log(8), math.log(80))),
        day=day_shape(rng, depth=depth) if depth else lambda at: 1.0,
        depth=depth,
        errors=rng.uniform(0.005, 0.05),
        latency=rng.uniform(0.5, 20),
        tokens=rng.uniform(500, 8_000),
        rough={
            Aspect.ERRORS: rng.uniform(0.1, 0.5),
            Aspect.LATENCY: rng.uniform(0.1, 0.4),
            Aspect.TOKENS: rng.uniform(0.05, 0.3),
            Aspect.WORK: rng.uniform(0.1, 0.35),
        },
        memory=rng.uniform(0.0, 0.8) if memory is None else memory,
        silent=gaps(rng, days=days),
        aspects=(*aspects, Aspect.TOKENS) if rng.random() < 0.7 else aspects,
    )


def windows(
    rng: random.Random, life: Life, drift: Drift | None, *, begins: float = START
) -> Iterator[Window]:
    wander = {a: Wander(rng, memory=life.memory) for a in Aspect}
    slow_until = 0.0
    for step in range(int(life.days * DAY / EVERY)):
        at = begins + (step + 1) * EVERY
        if rng.random() < EVERY / (7 * DAY):
            slow_until = at + 900.0
        wild = 3.0 if at < slow_until else 5.0 if rng.random() < 0.001 else 1.0
        levels = {
            a: math.exp(life.rough[a] * w.step() - life.rough[a] ** 2 / 2)
            for a, w in wander.items()
        }
        if drift is not None:
            levels[drift.aspect] *= _grown(drift, at)
        tasks = poisson(rng, life.tasks * life.day(at) * levels[Aspect.WORK])
        if is_within(at, life.silent):
            continue
        if not tasks:
            yield Window(at=at, tasks=0, values={Aspect.WORK: 0.0})
            continue
        wrong = poisson(rng, tasks * min(1.0, life.errors * levels[Aspect.ERRORS] * wild))
        rough = _rough(rng, 0.8 / math.sqrt(tasks))
        yield Window(
            at=at,
            tasks=tasks,
            values={
                Aspect.ERRORS: min(1.0, wrong / tasks),
                Aspect.LATENCY: life.latency * levels[Aspect.LATENCY] * wild * rough,
                Aspect.TOKENS: life.tokens
                * levels[Aspect.TOKENS]
                * _rough(rng, 0.6 / math.sqrt(tasks)),
                Aspect.WORK: tasks * 3600 / EVERY,
            },
        )


def _rough(rng: random.Random, spread: float) -> float:
    """Heavy above and light below; 1 on average."""
    return math.exp(rng.gauss(0, 1) * spread - spread * spread / 2)


def _grown(drift: Drift, at: float) -> float:
    if not drift.begins <= at < drift.ends:
        return 1.0
    part = 1.0 if drift.shape is Shape.STEP else min(1.0, (at - drift.begins) / (DAY / 2))
    return 1 + (drift.factor - 1) * part


def seen_before(rng: random.Random, life: Life) -> dict[Aspect, tuple[float, float]]:
    """Mean and standard deviation of each aspect in the calm days somebody looked at, leaving the
    wildest windows out."""
    found: dict[Aspect, list[float]] = {a: [] for a in life.aspects}
    calm = Life(**{**life.__dict__, "days": LOOKED_AT * int(EVERY) // int(DAY), "silent": []})
    for window in windows(rng, calm, None, begins=START - 7 * DAY):
        for aspect in life.aspects:
            if aspect in window.values:
                value = window.values[aspect]
                even = value / life.day(window.at) if aspect is Aspect.WORK else value
                found[aspect].append(even)
    return {aspect: _mean_and_spread(values) for aspect, values in found.items()}


def _mean_and_spread(values: list[float]) -> tuple[float, float]:
    kept = sorted(values)[: len(values) * 99 // 100]
    mean = sum(kept) / len(kept)
    return mean, math.sqrt(sum((v - mean) ** 2 for v in kept) / len(kept))


def baselines(
    rng: random.Random, life: Life, seen: dict[Aspect, tuple[float, float]]
) -> tuple[Baseline, ...]:
    """As somebody declares them: two digits of the mean; the spread by half of them."""
    found = []
    for aspect in life.aspects:
        mean, spread = seen[aspect]
        seasonal = aspect is Aspect.WORK and life.depth > 0
        found.append(
            Baseline(
                aspect=aspect,
                mean=float(f"{mean:.2g}"),
                spread=float(f"{spread:.2g}") if rng.random() < 0.5 and not seasonal else None,
                season_seconds=DAY if seasonal else None,
            )
        )
    return tuple(found)


def plant(rng: random.Random, life: Life, seen: dict[Aspect, tuple[float, float]]) -> Drift:
    """A change of 2 to 4 standard deviations between windows; from 0.6 of memory on of 3 to 4. Work
    can fall by no more than all of it: to between none and 40 %."""
    aspect = rng.choice(life.aspects)
    mean, spread = seen[aspect]
    size = rng.uniform(2 if life.memory < 0.6 else 3, 4)
    factor = 1 + size * spread / mean
    if aspect is Aspect.WORK:
        factor = rng.uniform(0.0, 0.4)
        size = (1 - factor) * mean / spread
    begins = START + rng.uniform(FIRST_DAY, life.days - 4) * DAY
    return Drift(
        aspect=aspect,
        shape=rng.choice((Shape.STEP, Shape.RAMP)),
        begins=begins,
        ends=begins + 2 * DAY,
        factor=factor,
        spreads=size,
    )
