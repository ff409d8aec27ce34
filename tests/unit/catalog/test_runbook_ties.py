from __future__ import annotations

from itertools import product

import pytest

from agent.catalog.runbook_ties import in_common, ties
from agent.catalog.runbooks import load_files
from agent.core.globs import fits
from agent.model.fault import FaultSeverity
from tests.support.runbook_plugins import PLUGINS, SMALL

ALPHABET = "ab"
GLOBS = ["".join(letters) for size in range(5) for letters in product("ab?*", repeat=size)]
NAMES = ["".join(letters) for size in range(7) for letters in product(ALPHABET, repeat=size)]


def test_two_globs_overlap_where_some_name_fits_both() -> None:
    fitting = {glob: {n for n, name in enumerate(NAMES) if fits(glob, name)} for glob in GLOBS}
    sample = GLOBS[::7]
    for one in sample:
        for other in sample:
            shared = in_common(one, other)
            assert (shared is not None) == bool(fitting[one] & fitting[other]), (one, other)
            assert shared is None or (fits(one, shared) and fits(other, shared)), (one, other)


def texts(one: str, other: str, state: str = "active", second: str = "active") -> list[str]:
    return [
        SMALL.replace("web-hung", name)
        .replace("{alert: ServiceNotAnswering}", match)
        .replace("tests:", f"lifecycle: {{state: {lifecycle}}}\ntests:")
        for name, match, lifecycle in (("one", one, state), ("two", other, second))
    ]


def told(found: list[str]) -> list[tuple[str, str]]:
    faults = load_files([(f"{n}.yaml", t) for n, t in enumerate(found)], PLUGINS).faults
    return [(fault.code, fault.severity.value) for fault in faults]


# F-RB-04
@pytest.mark.parametrize(
    ("one", "other", "tie"),
    [
        ('{alert: "*Down"}', '{alert: "*Node*"}', True),
        ('{alert: "*Down"}', '{alert: "Node*"}', False),
        ('{alert: "Do*wn"}', '{alert: "Do*ck"}', False),
        ('{alert: "Do*wn"}', '{alert: "Do*w*n"}', True),
        ('{alert: "*Down"}', '{alert: "*Slow"}', False),
        ('{alert: "Kube*"}', '{alert: "Node*"}', False),
        ('{alert: "Kube*"}', '{alert: "KubePod*"}', False),
        ('{alert: "Kube*"}', "{alert: KubePodDown}", False),
        ('{alert: "Kube?"}', '{alert: "Kube*"}', True),
        ('{alert: [A, "Kube*"]}', '{alert: [B, "*Kube"]}', False),
        ('{alert: [A, "Kube*"]}', '{alert: [A, "*Pods"]}', True),
        ('{alert: "*Down", labels: {x: a}}', '{alert: "Kube*", labels: {x: b}}', False),
        ('{alert: "*Down", labels: {x: a}}', '{alert: "Kube*"}', False),
        (
            "{alert: A, entity: {kind: pod, of: {pod: a}}}",
            "{alert: A, entity: {kind: node, of: {node: b}}}",
            True,
        ),
        ("{alert: A, entity: {kind: pod, of: {pod: a}}}", "{alert: A}", True),
    ],
)
def test_globs_and_entities_tie_as_the_match_would_choose(one: str, other: str, tie: bool) -> None:
    assert told(texts(one, other)) == ([("HS210", "error")] if tie else [])
    assert told(texts(other, one)) == ([("HS210", "error")] if tie else [])


# F-RB-04
@pytest.mark.parametrize(
    ("state", "second", "severity"),
    [
        ("active", "active", FaultSeverity.ERROR),
        ("active", "assisted", FaultSeverity.WARNING),
        ("assisted", "assisted", FaultSeverity.WARNING),
        ("shadow", "shadow", FaultSeverity.WARNING),
        ("active", "shadow", None),
        ("active", "draft", None),
        ("draft", "draft", None),
        ("suspended", "shadow", None),
        ("retired", "retired", None),
    ],
)
def test_a_tie_is_an_error_between_active_ones_and_a_warning_where_it_may_become_one(
    state: str, second: str, severity: FaultSeverity | None
) -> None:
    found = load_files(
        [(f"{n}.yaml", t) for n, t in enumerate(texts("{alert: A}", "{alert: A}", state, second))],
        PLUGINS,
    )
    assert [f.severity for f in found.faults] == ([] if severity is None else [severity])
    assert len(found.runbooks) == 2


def test_a_name_that_both_would_take_is_shown() -> None:
    found = load_files(
        [(f"{n}.yaml", t) for n, t in enumerate(texts('{alert: "*Down"}', '{alert: "*Node*"}'))],
        PLUGINS,
    )
    assert found.faults[0].message == "matches the same alerts as one, NodeDown for example"


def test_each_pair_is_told_once_at_the_later_one() -> None:
    found = load_files(
        [(f"{n}.yaml", t) for n, t in enumerate(texts("{alert: [A, B]}", '{alert: [A, B, "C*"]}'))],
        PLUGINS,
    )
    (fault,) = found.faults
    assert (fault.file, fault.message) == ("1.yaml", "matches the same alerts as one")
    assert "0.yaml:3" in fault.remedy


def test_nothing_ties_with_itself() -> None:
    found = load_files([("a.yaml", texts('{alert: [A, A, "A*", "*A"]}', "{alert: B}")[0])], PLUGINS)
    assert list(ties(found.runbooks)) == []
