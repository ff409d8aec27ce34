"""How figures of real systems vary: with memory, in bursts, and seldom as in a textbook."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

HOUR = 3600.0
DAY = 86_400.0
START = 1_767_571_200.0
"""A Monday, at midnight."""


class Wander:
    """Noise with memory, of spread 1: what it is now it mostly is at the next step."""

    def __init__(self, rng: random.Random, *, memory: float) -> None:
        self._rng = rng
        self._memory = memory
        self._fresh = math.sqrt(1 - memory * memory)
        self._now = rng.gauss(0, 1)

    def step(self) -> float:
        self._now = self._memory * self._now + self._fresh * self._rng.gauss(0, 1)
        return self._now


def poisson(rng: random.Random, mean: float) -> int:
    """How many come where each comes by itself."""
    if mean <= 0.0:
        return 0
    if mean > 30.0:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def day_shape(rng: random.Random, *, depth: float) -> Callable[[float], float]:
    """How busy each moment of a day is, 1 on average; `depth`: how much of that comes and goes.
    Either as a wave, or as office hours with a lunch break."""
    peak = rng.uniform(10, 21)
    if rng.random() < 0.6:

        def wave(at: float) -> float:
            return 1 + depth * math.cos((at % DAY / HOUR - peak) / 24 * 2 * math.pi)

        return wave
    opens, closes = rng.uniform(7, 10), rng.uniform(17, 22)
    night = 1 - depth
    busy = (24 - night * (24 - closes + opens)) / (closes - opens - 0.5)

    def office(at: float) -> float:
        hour = at % DAY / HOUR
        if not opens <= hour < closes:
            return night
        return busy * (0.5 if 12.5 <= hour < 13.5 else 1.0)

    return office


def week_shape(weekend: float) -> Callable[[float], float]:
    """`weekend`: what a day of it brings, as a share of a working day."""

    def shape(at: float) -> float:
        return weekend if int((at - START) // DAY) % 7 >= 5 else 1.0

    return shape


def gaps(rng: random.Random, *, days: int) -> list[tuple[float, float]]:
    """Hours in which nothing is reported, though all goes on: about one in ten days."""
    found = []
    for _ in range(poisson(rng, days / 10)):
        begins = START + rng.uniform(0, days * DAY)
        found.append((begins, begins + rng.uniform(0.5, 8) * HOUR))
    return found


def is_within(at: float, spans: list[tuple[float, float]]) -> bool:
    return any(begin <= at < end for begin, end in spans)
