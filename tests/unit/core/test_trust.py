"""How far a runbook has shown that it may run alone."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import msgspec
import pytest

from agent.core.trust import Proof, proof_of_trust, share_held, state_of
from agent.model.effect import Verdict
from agent.model.learning import Agreement, Backtested, Standing, Trial
from agent.model.runbook import Lifecycle
from tests.support.cases import START, World, runbook
from tests.support.learned import promotion
from tests.support.standings import DIGEST, looked_on, trial


def proof(*trials: Trial, tier: str = "low", digest: str = DIGEST, **fields: Any) -> Proof:
    world = World(runbook())
    world.keep("standing", "hung", Standing(runbook="hung", trials=trials, **fields))
    return proof_of_trust(world.view, "hung", tier, digest)


def good(count: int, first: int = 1) -> tuple[Trial, ...]:
    return tuple(trial(n) for n in range(first, first + count))


def test_twenty_of_twenty_prove_tier_low_and_nineteen_do_not() -> None:
    assert proof(*good(20)).is_proven
    missing = proof(*good(19))
    assert (missing.is_proven, missing.good, missing.of, missing.needed) == (False, 19, 19, 20)
    assert missing.told == "19 of 19 trials are good; tier low needs 20 of 20"


def test_medium_needs_fifty_nine_and_high_never_runs_alone() -> None:
    assert proof(*good(59), tier="medium").is_proven
    assert not proof(*good(58), tier="medium").is_proven
    for tier in ("high", "unheard-of"):
        never = proof(*good(150), tier=tier)
        assert (never.is_proven, never.needed) == (False, 0)
        assert "stays behind approval" in never.told


def test_what_was_never_tried_has_proven_nothing() -> None:
    none = proof()
    assert (none.is_proven, none.good, none.of, none.needed) == (False, 0, 0, 20)


@pytest.mark.parametrize(
    "harm",
    [
        looked_on(99, Agreement.OTHER_ACT),
        looked_on(99, Agreement.AGENT_ALONE),
        looked_on(99, Agreement.TOO_EARLY),
        looked_on(99, Agreement.SAME_ACT, Verdict.FAILED),
        trial(99, verdict=Verdict.FAILED),
        trial(99, verdict=Verdict.INCONCLUSIVE),
        trial(99, relapsed=True),
        trial(99, verdict=None, rejected=True),
    ],
)
def test_one_that_did_harm_begins_the_count_anew(harm: Trial) -> None:
    assert proof(*good(20), harm).of == 0
    after = proof(harm, *good(20, first=100))
    assert (after.is_proven, after.of) == (True, 20)


@pytest.mark.parametrize(
    "missed",
    [
        looked_on(99, Agreement.TOO_LATE),
        looked_on(99, Agreement.PERSON_ALONE),
        looked_on(99, Agreement.SAME_ACT, Verdict.INCONCLUSIVE),
    ],
)
def test_one_that_missed_makes_more_of_them_needed(missed: Trial) -> None:
    found = proof(*good(20), missed)
    assert (found.is_proven, found.good, found.of, found.needed) == (False, 20, 21, 32)
    assert proof(*good(31), missed).is_proven


def test_that_nobody_had_to_act_says_nothing_of_what_it_does() -> None:
    calls = tuple(looked_on(n, Agreement.BOTH_LEFT) for n in range(1, 60))
    assert proof(*calls).of == 0
    assert proof(*calls, *good(20, first=100)).is_proven


def test_in_shadow_the_same_act_counts_where_it_helped_people() -> None:
    same = tuple(looked_on(n, Agreement.SAME_ACT, Verdict.HELD) for n in range(1, 21))
    assert proof(*same).is_proven


def test_trials_of_another_version_count_for_that_one() -> None:
    assert not proof(*good(20), digest="digest-new").is_proven


def test_what_was_before_it_was_resumed_does_not_count() -> None:
    assert proof(*good(20), counts_from=START + 5).of == 15


def test_rungs_of_a_ladder_are_no_runs() -> None:
    assert proof(*good(20), trial(99, verdict=Verdict.FAILED, is_rung=True)).is_proven


def test_a_standing_only_takes_away() -> None:
    world = World()
    out = Standing(runbook="hung", suspended_at=START)
    world.keep("standing", "hung", out)
    for lifecycle in Lifecycle:
        may_run = lifecycle in (Lifecycle.ACTIVE, Lifecycle.ASSISTED)
        expected = Lifecycle.SUSPENDED if may_run else lifecycle
        assert state_of(runbook(lifecycle=lifecycle), world.view) is expected


def test_what_was_never_tried_is_taken_for_even() -> None:
    world = World(runbook())
    tried = (trial(1, plan="a"), trial(2, plan="a", verdict=Verdict.FAILED, is_rung=True))
    world.keep("standing", "hung", Standing(runbook="hung", trials=(*tried, trial(3, plan="b"))))
    shares = [share_held(world.view, runbook(), plan) for plan in ("a", "b", "c")]
    assert shares == [Fraction(1, 2), Fraction(2, 3), Fraction(1, 2)]


GOOD = Backtested(at=START, incidents=9, matched=3, would_act=3, agreed=3, agreement={})


def learned(*trials: Trial, **fields: Any) -> Proof:
    """Of a runbook learned from three incidents whose times rule out chance."""
    world = World(runbook())
    world.keep("standing", "hung", Standing(runbook="hung", trials=trials))
    made = msgspec.structs.replace(
        promotion("hung"), incidents=("a", "b", "c"), backtest=GOOD, **fields
    )
    world.keep("promotion", "hung", made)
    return proof_of_trust(world.view, "hung", "low", DIGEST)


def test_where_chance_is_ruled_out_eight_of_one_kind_are_enough() -> None:
    assert not learned(*good(4)).is_proven
    assert learned(*good(4)).told == "4 of 4 trials are good; tier low needs 5 of 5"
    assert learned(*good(5)).is_proven
    assert not learned(*good(5), not_clean=("told, not seen",)).is_proven


def test_not_after_anything_went_wrong() -> None:
    bad = trial(1, verdict=Verdict.FAILED)
    assert not learned(bad, *good(8, first=2)).is_proven
    assert learned(bad, *good(20, first=2)).is_proven
