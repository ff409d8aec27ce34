"""What is not undone by itself, though a release came before: the shipped runbooks played through
the real decision, beyond what their own tests prove."""

from __future__ import annotations

from typing import Any

import pytest

from agent.catalog.runbooks import load_files
from agent.catalog.strict_yaml import parse
from agent.runtime.rehearsal import TestResult, rehearse
from tests.support.shipped import shipped
from tests.support.tree import ROOT

CRASH = ROOT / "runbooks/crash-loop/crash-loop.yaml"
BURN = ROOT / "runbooks/rollout/burn-after-release.yaml"
WAS_WELL = "previous: {revision: 7, healthy: true}"
UNEDITED = "gitops: {owned: false}, edits: {by_people: 0}"
CHANGED = "changes: {count: 1, failed: 0}, deps: {sick: []}"
ONE = "count: 1, target: prod-a/deployment/cart, by_person: false"


def played(path: Any, given: str, expect: str) -> TestResult:
    """The last of its tests: this one, with the alert and the entity of the first."""
    text = path.read_text("utf-8") + f"  - name: added\n    given: {given}\n    expect: {expect}\n"
    plugins = shipped().plugins
    loaded = load_files([(path.name, text)], plugins)
    assert not loaded.faults, "\n".join(map(str, loaded.faults))
    return rehearse(loaded, plugins)[-1]


@pytest.mark.parametrize(
    ("facts", "stopped_by"),
    [
        (f"history: {{watched: true, previous: {{revision: 7}}}}, {UNEDITED}", "facts_unknown"),
        (
            f"history: {{watched: true, previous: {{revision: 7, healthy: false}}}}, {UNEDITED}",
            "decided_to_escalate",
        ),
        (f"history: {{watched: true}}, {UNEDITED}", "facts_unknown"),
        (f"history: {{{WAS_WELL}}}, {UNEDITED}", "facts_unknown"),
        (
            f"history: {{watched: true, {WAS_WELL}}}, gitops: {{owned: false}}",
            "requirement_unknown",
        ),
        (f"history: {{watched: true, {WAS_WELL}}}, edits: {{by_people: 0}}", "requirement_unknown"),
    ],
)
def test_a_crash_is_no_reason_to_bring_back_what_nobody_knows_to_be_well(
    facts: str, stopped_by: str
) -> None:
    given = f"{{facts: {{pods: {{oom_killed: false}}, {facts}}}}}"
    result = played(CRASH, given, f"{{actions: [], stopped_by: {stopped_by}, outcome: routed}}")
    assert result.passed, result.differences


@pytest.mark.parametrize(
    ("release", "stopped_by"),
    [
        (f"{ONE}, watched: true, previous: {{revision: 7}}", "facts_unknown"),
        (f"{ONE}, watched: true, previous: {{revision: 7, healthy: false}}", "decided_to_escalate"),
        (f"{ONE}, watched: false, {WAS_WELL}", "decided_to_escalate"),
        ("count: 0", "decided_to_escalate"),
    ],
)
def test_nor_is_a_burn(release: str, stopped_by: str) -> None:
    given = f"{{facts: {{release: {{{release}}}, {CHANGED}}}}}"
    result = played(BURN, given, f"{{actions: [], stopped_by: {stopped_by}, outcome: routed}}")
    assert result.passed, result.differences


def test_where_no_cluster_could_be_asked_people_are_told_of_the_burn() -> None:
    expect = "{actions: [], stopped_by: facts_unknown, outcome: routed, route: builder}"
    result = played(BURN, f"{{facts: {{{CHANGED}}}}}", expect)
    assert result.passed, result.differences


@pytest.mark.parametrize(
    ("path", "object_given"),
    [
        (CRASH, "{facts: {gitops: shop-prod}}"),
        (BURN, "{name: prod-a/deployment/cart, facts: {gitops: shop-prod}}"),
    ],
    ids=["crash", "burn"],
)
def test_what_a_repository_keeps_is_told_by_the_name_of_its_keeper(
    path: Any, object_given: str
) -> None:
    """F-K8-10: also where the diagnostic saw nothing of it, the inventory did."""
    facts = parse(path.read_text("utf-8"), file=path.name).data["tests"][0]["given"]["facts"]
    given = f"{{object: {object_given}, facts: {facts}}}".replace("'", "").replace("True", "true")
    expect = "{actions: [], stopped_by: gitops_owned, outcome: routed}"
    result = played(path, given.replace("False", "false"), expect)
    assert result.passed, result.differences


@pytest.mark.parametrize("path", [CRASH, BURN], ids=["crash", "burn"])
def test_pods_that_do_not_come_back_prove_nothing(path: Any) -> None:
    left = "now: {available: true, restarts: 0, unavailable_for: 0s}, rollout: {complete: false}"
    shown = left if path is CRASH else "now: {complete: false, ready: 3}"
    before = "before: {now: {ready: 3}}, " if path is BURN else ""
    after = f"after: {{facts: {{{shown}}}}}, restored: {{facts: {{back: {{observed: true}}}}}}"
    expect = "{plan: undo, verdict: failed, rollback: held, outcome: routed}"
    result = played(path, f"{{{before}{after}}}", expect)
    assert result.passed, result.differences
