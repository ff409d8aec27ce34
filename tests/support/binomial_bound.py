"""Clopper and Pearson's bound itself, found by halving: what `core.exact.is_shown`, which asks for
no bound but only whether it reaches a share, is held against."""

from __future__ import annotations

from fractions import Fraction

from agent.core.exact import as_written, at_least

BISECTIONS = 40
"""Halvings of the range of a bound: one in 10^12."""


def lower_bound(good: int, of: int, confidence: float) -> float:
    """Clopper and Pearson's one-sided lower bound of the true share: were it any smaller, so many
    good ones would come with less than 1 - confidence. 0 where nothing was tried."""
    if of <= 0 or good <= 0:
        return 0.0
    doubt = 1 - as_written(confidence)
    low, high = Fraction(0), Fraction(1)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if at_least(good, of, middle) < doubt else (low, middle)
    return float(low)
