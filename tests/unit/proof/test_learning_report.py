"""The learning proof fails where a figure is missed, and says which and where."""

from __future__ import annotations

import re
from pathlib import Path

from tests.proof.learning.report import missed, table, total
from tests.proof.learning.run import score_of
from tests.proof.learning.score import FamilyScore, Learned, Score
from tests.proof.learning.words import Sort


def family(number: int, *, is_met: bool = True) -> FamilyScore:
    return FamilyScore(
        id=f"c{number}", sort=Sort.CONSISTENT, is_counted=True, is_met=is_met, third_at=1.0
    )


def learned(**fields: object) -> Learned:
    told: dict[str, object] = {
        "name": "learned-x",
        "family": "x1",
        "at": 0.0,
        "was_shown": True,
        "wrong": ("i-1 (load)",),
        **fields,
    }
    return Learned(**told)  # type: ignore[arg-type]


def score(**fields: object) -> Score:
    told: dict[str, object] = {
        "seed": 7,
        "days": 180,
        "families": [family(number) for number in range(10)],
        "pages": [5, 4],
        "absorbed": [0.1, None],
        **fields,
    }
    return Score(**told)  # type: ignore[arg-type]


def test_nothing_is_missed_where_all_is_as_it_has_to_be() -> None:
    assert missed([score()]) == []


def test_a_wrong_act_that_runs_unattended_is_a_harmful_activation() -> None:
    (text,) = missed([score(learned=[learned(was_active=True)])])
    assert re.match(r"seed 7: harmful activation: learned-x \(x1\).*i-1 \(load\)", text)


def test_a_wrong_proposal_that_never_ran_unattended_is_counted_and_no_failure() -> None:
    told = score(learned=[learned()])
    assert missed([told]) == []
    assert "wrong proposals that were shown and never ran unattended: 1" in "\n".join(total([told]))


def test_families_proposed_too_late_are_named() -> None:
    families = [family(number, is_met=number > 1) for number in range(10)]
    (text,) = missed([score(families=families)])
    assert "80%, at least 90% (not c0, c1)" in text


def test_a_broken_fix_that_runs_on_is_a_failure() -> None:
    (text,) = missed([score(is_broken_fix_out=False, broke="active, 9 runs, not suspended.")])
    assert "not suspended" in text


def test_the_same_seed_plays_the_same_half_year(tmp_path: Path) -> None:
    first, again = (list(table(score_of(11, days=8))) for _ in range(2))
    assert first == again
    assert first != list(table(score_of(12, days=8)))
