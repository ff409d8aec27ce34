"""Exact binomial arithmetic, against published values."""

from __future__ import annotations

from fractions import Fraction

import pytest

from agent.core.exact import as_written, at_least, is_shown, needed
from tests.support.binomial_bound import lower_bound


@pytest.mark.parametrize(
    ("hits", "of", "share", "probability"),
    [
        (2, 5, 0.05, 0.0225925),
        (2, 7, 0.05, 0.0443805),
        (2, 8, 0.05, 0.0572447),
        (1, 1, 0.05, 0.05),
        (6, 10, 0.5, 0.376953125),
        (0, 4, 0.3, 1.0),
        (5, 4, 0.3, 0.0),
    ],
)
def test_a_tail_is_that_of_the_tables(hits: int, of: int, share: float, probability: float) -> None:
    assert float(at_least(hits, of, as_written(share))) == pytest.approx(probability, abs=5e-8)


@pytest.mark.parametrize(
    ("good", "of", "bound"),
    [
        (20, 20, 0.8608917),  # 0.05 ** (1/20)
        (59, 59, 0.9504924),  # 0.05 ** (1/59)
        (9, 10, 0.6058368),
        (0, 10, 0.0),
        (0, 0, 0.0),
    ],
)
def test_the_lower_bound_is_clopper_and_pearsons(good: int, of: int, bound: float) -> None:
    assert lower_bound(good, of, 0.95) == pytest.approx(bound, abs=1e-6)


def test_the_bound_of_a_two_sided_interval_is_that_of_half_its_doubt() -> None:
    """Five of ten, 95 %: 0.1871 to 0.8129 (Clopper and Pearson, 1934, as tabled)."""
    assert lower_bound(5, 10, 0.975) == pytest.approx(0.1871, abs=5e-5)


def test_tier_low_needs_twenty_of_twenty_and_medium_fifty_nine_of_fifty_nine() -> None:
    assert needed(0, quality=0.86, confidence=0.95) == 20
    assert needed(0, quality=0.95, confidence=0.95) == 59
    assert not is_shown(19, 19, quality=0.86, confidence=0.95)
    assert not is_shown(58, 58, quality=0.95, confidence=0.95)


def test_each_one_that_missed_makes_more_of_them_needed() -> None:
    with_one, with_two = (needed(n, quality=0.86, confidence=0.95) for n in (1, 2))
    assert with_one == 32
    assert with_two is not None
    assert with_two > with_one


def test_what_cannot_be_shown_in_any_reasonable_number_is_said_so() -> None:
    assert needed(0, quality=1.0, confidence=0.95) is None
    assert needed(1_990, quality=0.86, confidence=0.95) is None


def test_the_very_edge_comes_out_as_on_paper() -> None:
    assert at_least(1, 1, as_written(0.05)) == Fraction(1, 20)
    assert not is_shown(0, 0, quality=0.0, confidence=0.5), "nothing tried shows nothing"


def test_what_is_no_share_is_refused() -> None:
    with pytest.raises(ValueError, match="no share"):
        as_written(1.5)
