"""How often so little is seen by chance alone."""

from __future__ import annotations

import math
import random

import pytest

from agent.core.blocks import chance_of, chance_of_longest

EVEN = [1.0] * 24


def noise(memory: float, *, seed: int = 1, size: int = 336) -> list[float]:
    rng, now, found = random.Random(seed), 0.0, []
    for _ in range(size):
        now = memory * now + math.sqrt(1 - memory**2) * rng.gauss(0, 1)
        found.append(now)
    return found


def test_what_is_usual_is_no_rarity_and_what_never_was_is_one() -> None:
    off = noise(0.5)
    assert chance_of(0.0, off=off, weights=EVEN, block=8) > 0.1
    assert chance_of(-60.0, off=off, weights=EVEN, block=8) < 1e-6


def test_neighbours_that_go_together_make_low_stretches_less_rare() -> None:
    """A test that takes each bin for independent cries wolf on such a series."""
    together = noise(0.8)
    apart = random.Random(2).sample(together, len(together))
    low = -12.0
    assert chance_of(low, off=together, weights=EVEN, block=8) > 5 * chance_of(
        low, off=apart, weights=EVEN, block=8
    )


def test_the_same_series_is_always_judged_alike() -> None:
    off = noise(0.6, seed=3)
    assert chance_of(-9.0, off=off, weights=EVEN, block=8) == chance_of(
        -9.0, off=list(off), weights=EVEN, block=8
    )


def test_too_short_a_past_says_that_all_may_be_chance() -> None:
    assert chance_of(-1e9, off=noise(0.0, size=15), weights=EVEN, block=8) == 1.0
    assert chance_of(-1e9, off=[], weights=EVEN, block=8) == 1.0
    assert chance_of(-1e9, off=noise(0.0), weights=[], block=8) == 1.0


def test_of_few_pauses_the_longest_says_little_of_the_next() -> None:
    """Were each of ten pauses like the others, one twice as long as the longest comes once in 66
    times; of fifty, once in a thousand. Played: the longest of so many, against the next."""
    assert chance_of_longest(9, longest=4, ended=10) == pytest.approx(2 / (11 * 12))
    assert chance_of_longest(9, longest=4, ended=50) < 0.001
    rng = random.Random(5)
    longer = sum(
        rng.expovariate(1) > 2 * max(rng.expovariate(1) for _ in range(10)) for _ in range(20_000)
    )
    assert longer / 20_000 == pytest.approx(2 / (11 * 12), rel=0.2)
