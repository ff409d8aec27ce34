"""Exact binomial arithmetic: laws that hold for every number of runs."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from agent.core.exact import at_least, is_shown
from tests.support.binomial_bound import lower_bound

SHARES = st.integers(0, 100).map(lambda n: Fraction(n, 100))
RUNS = st.integers(1, 40).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(RUNS, SHARES)
def test_hits_and_misses_share_the_whole(run: tuple[int, int], share: Fraction) -> None:
    hits, of = run
    assert at_least(hits, of, share) + at_least(of - hits + 1, of, 1 - share) == 1


@given(RUNS, SHARES, SHARES)
def test_a_better_runbook_is_never_less_likely_to_do_well(
    run: tuple[int, int], one: Fraction, other: Fraction
) -> None:
    hits, of = run
    low, high = sorted((one, other))
    assert at_least(hits, of, low) <= at_least(hits, of, high)


@given(RUNS, st.integers(50, 99), st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_the_bound_and_the_question_agree(
    run: tuple[int, int], percent: int, confidence: float
) -> None:
    good, of = run
    bound, quality = lower_bound(good, of, confidence), percent / 100
    if abs(bound - quality) > 1e-9:
        asked = is_shown(good, of, quality=quality, confidence=confidence)
        assert asked == (bound > quality)


@given(RUNS, st.sampled_from([0.8, 0.95]))
def test_no_bound_is_above_what_was_seen(run: tuple[int, int], confidence: float) -> None:
    good, of = run
    assert 0.0 <= lower_bound(good, of, confidence) <= good / of
