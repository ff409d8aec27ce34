"""The index finds exactly what looking at every runbook would find."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.clause_index import MOST_NAMES, NAME, ClauseIndex
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


def test_what_is_remembered_of_names_is_bounded_and_stays_right() -> None:
    index = ClauseIndex([("family", {NAME: ("*Crash*",)}), ("other", {NAME: ("Slow",)})])
    for number in range(MOST_NAMES + 500):
        assert index.find({}, name=f"Crash{number}") == ["family"]
        assert index.find({}, name=f"Fine{number}") == []
    assert len(index._remembered) == MOST_NAMES
    assert index.find({}, name="Crash0") == ["family"], "forgotten, and found again"
