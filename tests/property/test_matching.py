"""The index finds exactly what looking at every runbook would find."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core import clause_index
from agent.core.clause_index import MOST_COPIES, MOST_NAMES, NAME, ClauseIndex, _Entry
from agent.core.matching import MatchIndex
from agent.model.runbook import Match, Runbook
from tests.support.cases import runbook

NAMES = ("Hung", "HungTwice", "Slow", "DiskFull", "", "Hu*g")
PATTERNS = (*NAMES[:4], "Hung*", "*u*", "?ung", "*", "*Full", "Hung?????", "H*T*")
LABELS = ("severity", "zone", "team", "alertname")
VALUES = ("a", "b", "c", "")

label_sets = st.dictionaries(st.sampled_from(LABELS[:3]), st.sampled_from(VALUES), max_size=3)
alerts = st.tuples(st.none() | st.sampled_from(NAMES), label_sets)
matches = st.builds(
    lambda alert, labels: Match(alert=tuple(alert), labels=labels),
    st.lists(st.sampled_from(PATTERNS), max_size=3, unique=True),
    st.dictionaries(
        st.sampled_from(LABELS),
        st.lists(st.sampled_from((*VALUES, *NAMES)), max_size=3).map(tuple),
        max_size=3,
    ),
)


def allows(match: Match, labels: Mapping[str, str]) -> bool:
    """By the words of the language, and by somebody else's globs."""
    name = labels.get("alertname", "")
    named = not match.alert or any(fnmatchcase(name, glob) for glob in match.alert)
    return named and all(labels.get(n) in values for n, values in match.labels.items())


@settings(max_examples=400, deadline=None)
@given(st.lists(matches, max_size=40), st.lists(alerts, min_size=1, max_size=5))
def test_matching_with_the_index_equals_matching_by_scan(
    told: list[Match], asked: list[tuple[str | None, dict[str, str]]]
) -> None:
    runbooks: list[Runbook] = [runbook(f"r{n}", match=m) for n, m in enumerate(told)]
    index = MatchIndex(runbooks)
    for name, more in asked:
        labels = more if name is None else {"alertname": name, **more}
        scanned = [r.name for r in runbooks if allows(r.match, labels)]
        assert [r.name for r in index.candidates(labels)] == scanned


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(LABELS), st.lists(st.sampled_from(VALUES)).map(tuple), max_size=4
        ),
        max_size=60,
    ),
    label_sets,
)
def test_so_does_what_is_found_by_labels_alone(
    told: list[dict[str, tuple[str, ...]]], labels: dict[str, str]
) -> None:
    index = ClauseIndex(enumerate(told))
    scanned = [
        n for n, clauses in enumerate(told) if all(labels.get(k) in v for k, v in clauses.items())
    ]
    assert index.find(labels) == scanned


@settings(max_examples=200, deadline=None)
@given(st.lists(matches, max_size=40), alerts, st.integers(1, 4))
def test_so_does_an_index_that_may_hardly_copy_anything(
    told: list[Match], asked: tuple[str | None, dict[str, str]], most: int
) -> None:
    runbooks = [runbook(f"r{n}", match=m) for n, m in enumerate(told)]
    with patch.object(clause_index, "MOST_COPIES", most):
        index = MatchIndex(runbooks)
    name, more = asked
    labels = more if name is None else {"alertname": name, **more}
    scanned = [r.name for r in runbooks if allows(r.match, labels)]
    assert [r.name for r in index.candidates(labels)] == scanned


def test_many_values_in_many_clauses_do_not_multiply() -> None:
    wide = {f"l{n}": tuple(f"v{value}" for value in range(40)) for n in range(4)}
    index = ClauseIndex((n, wide) for n in range(5))
    assert index.places == 5 * 40
    assert index.find({f"l{n}": "v39" for n in range(4)}) == [0, 1, 2, 3, 4]
    assert index.find({f"l{n}": "v39" for n in range(3)}) == []


def test_they_are_still_told_apart_by_a_clause_of_one_value() -> None:
    """Also below one clause that has more values than things may have copies."""
    looked_at = []

    class Counted(_Entry[int]):
        def allows(self, *asked: Any) -> bool:
            looked_at.append(self.number)
            return super().allows(*asked)

    more = MOST_COPIES + 36
    told = [
        {"a": tuple(f"{n // 10}-{value}" for value in range(more)), "team": (f"t{n % 2}",)}
        for n in range(20)
    ]
    with patch.object(clause_index, "_Entry", Counted):
        index = ClauseIndex(enumerate(told))
    assert index.places == 20 * more
    assert index.find({"a": "1-7", "team": "t1"}) == [11, 13, 15, 17, 19]
    assert len(looked_at) == 5


def test_what_is_remembered_of_names_is_bounded_and_stays_right() -> None:
    index = ClauseIndex([("family", {NAME: ("*Crash*",)}), ("other", {NAME: ("Slow",)})])
    for number in range(MOST_NAMES + 500):
        assert index.find({}, name=f"Crash{number}") == ["family"]
        assert index.find({}, name=f"Fine{number}") == []
    assert len(index._remembered) == MOST_NAMES
    assert index.find({}, name="Crash0") == ["family"], "forgotten, and found again"
