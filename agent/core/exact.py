"""Exact binomial arithmetic: how much a handful of runs says, without any approximation.

Shares are taken as people write them (0.05 is one in twenty), so that a comparison at the very edge
comes out as on paper. With the few runs there are, a normal approximation would be wrong just where
it matters: near none and near all.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import comb

MOST_NEEDED = 2_000
"""Nobody waits for more trials than that."""


def as_written(share: float) -> Fraction:
    """The share as it is written, not as a computer keeps it. Raises ValueError outside 0 to 1."""
    exact = Fraction(str(share))
    if not 0 <= exact <= 1:
        raise ValueError(f"{share} is no share: from 0 to 1")
    return exact


def at_least(hits: int, of: int, share: Fraction) -> Fraction:
    """Probability of so many hits or more in `of` independent trials that each hit with `share`."""
    if hits <= 0:
        return Fraction(1)
    top, bottom = share.numerator, share.denominator
    miss = bottom - top
    ways = sum(comb(of, k) * top**k * miss ** (of - k) for k in range(hits, of + 1))
    return Fraction(ways, bottom**of)


def is_shown(good: int, of: int, *, quality: float, confidence: float) -> bool:
    """Whether Clopper and Pearson's one-sided lower bound of the true share reaches the quality,
    asked without rounding: were the share any smaller, so many good ones would come with less than
    1 - confidence."""
    if of <= 0:
        return False
    return at_least(good, of, as_written(quality)) <= 1 - as_written(confidence)


@lru_cache(maxsize=1024)
def needed(missed: int, *, quality: float, confidence: float) -> int | None:
    """The least number of trials that show the quality where so many of them missed; None where
    no number of them does that anybody would wait for."""
    for of in range(missed + 1, MOST_NEEDED + 1):
        if is_shown(of - missed, of, quality=quality, confidence=confidence):
            return of
    return None
