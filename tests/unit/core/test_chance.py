"""How likely it is that recoveries followed so soon on the acts by chance."""

from __future__ import annotations

import random

import msgspec
import pytest

from agent.core.chance import chance_of, last_began, variation_of
from agent.model.learning import Mark
from tests.support.resolutions import resolution, three


def test_one_share_is_its_own_chance() -> None:
    assert chance_of([resolution(waited=9.0, cured=1.0)]) == pytest.approx(0.1)


def test_three_shares_are_combined_as_fisher_did() -> None:
    """c = 0.001: 0.001 * (1 + 6.9078 + 6.9078^2 / 2)."""
    found = [resolution(n, waited=9.0, cured=1.0) for n in (1, 2, 3)]
    assert chance_of(found) == pytest.approx(0.031767, rel=1e-4)


def test_acts_that_had_nothing_to_do_with_it_are_rarely_taken_for_remedies() -> None:
    """The chance is a uniform number where each act fell at any moment of its incident."""
    dice = random.Random(7)
    below = 0
    for _ in range(2_000):
        shares = [dice.random() for _ in range(3)]
        found = [resolution(n, waited=60.0 * (1 - u), cured=60.0 * u) for n, u in enumerate(shares)]
        below += chance_of(found) <= 0.05
    assert 60 <= below <= 140


def test_what_is_not_known_says_nothing() -> None:
    assert chance_of([]) == 1.0
    assert chance_of([resolution(cleared_at=None)]) == 1.0
    assert chance_of([resolution(fired_at=9e9)]) == 1.0
    untimed = resolution(mark=Mark.TOLD)
    deeds = tuple(msgspec.structs.replace(d, began_at=None) for d in untimed.deeds)
    assert chance_of([msgspec.structs.replace(untimed, deeds=deeds)]) == 1.0


def test_an_act_after_the_end_counts_as_chance() -> None:
    late = resolution(waited=10.0, cured=-5.0)
    assert chance_of([late]) == 1.0
    assert chance_of([*three(), late]) > chance_of(three())


def test_an_end_in_the_very_moment_is_no_certainty() -> None:
    assert 0.0 < chance_of([resolution(n, cured=0.0) for n in range(200)]) < 1e-9
    assert chance_of([resolution(cured=0.0)]) == pytest.approx(1e-6)


def test_the_last_deed_counts() -> None:
    two = resolution(did=[("a", {}), ("b", {})])
    assert last_began(two) == two.deeds[1].began_at


def test_how_much_durations_differ() -> None:
    assert variation_of(three()) > 0.5
    assert variation_of([resolution(n, waited=30.0) for n in range(3)]) == 0.0
    assert variation_of([resolution()]) == variation_of([]) == 0.0
