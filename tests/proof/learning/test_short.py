"""A shorter variant of `make learning-proof`, for every test run. Over two months there are too few
incidents for its shares, so what is asked here is that the whole loop turns, and harms nobody."""

from __future__ import annotations

import pytest

from tests.proof.learning.report import table
from tests.proof.learning.run import score_of
from tests.proof.learning.score import Score

SEED = 4
DAYS = 60


@pytest.fixture(scope="module")
def played() -> Score:
    return score_of(SEED, days=DAYS)


@pytest.mark.timeout(180)
def test_consistent_fixes_become_runbooks_at_the_third_repeat_and_run(played: Score) -> None:
    told = "\n".join(table(played))
    assert played.faults == [], told
    assert len(played.met) >= 0.75 * len(played.counted) > 8, told
    assert sum(played.right_acts.values()) > 50, told


@pytest.mark.timeout(180)
def test_nothing_that_is_not_right_runs_unattended(played: Score) -> None:
    assert played.harmful == [], "\n".join(table(played))


@pytest.mark.timeout(180)
def test_two_causes_are_told_apart_by_a_finding(played: Score) -> None:
    split = [each for each in played.learned if each.was_shown and each.separated_by]
    assert any(not each.is_wrong for each in split), "\n".join(table(played))


@pytest.mark.timeout(180)
def test_where_nothing_had_to_be_done_nothing_is_approved(played: Score) -> None:
    quiet = [each for each in played.learned if each.family in ("n1", "n2", "n3")]
    assert not any(each.is_approved for each in quiet), "\n".join(table(played))
