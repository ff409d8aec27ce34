"""What is written, and what it is compiled to."""

from __future__ import annotations

import pytest

from agent.catalog.runbooks import load_files, load_text
from agent.model.fault import Fault
from agent.model.runbook import BudgetScope, Decay, OnInconclusive, Plan, Runbook, Truth, Verify
from tests.support.runbook_plugins import PLUGINS, SMALL, WHOLE


def load(text: str) -> Runbook:
    return load_text(text, path="r.yaml", plugins=PLUGINS)


def changed(old: str, new: str, text: str = WHOLE) -> str:
    assert old in text
    return text.replace(old, new, 1)


def faults_of(text: str) -> tuple[Fault, ...]:
    return load_files([("r.yaml", text)], PLUGINS).faults


def plan_of(text: str, name: str = "undo") -> Plan:
    return load(text).plan(name)


def verify_with(written: str) -> Verify:
    (old,) = (line for line in WHOLE.splitlines(keepends=True) if line.strip().startswith("decay"))
    return plan_of(changed(old, f"      {written}\n" if written else "")).verify


def test_what_it_is_about_is_asked_of_the_inventory() -> None:
    query = load(WHOLE).match.entity
    assert query is not None
    assert query.kind == "deployment"
    facts = {"alert": {"labels": {"namespace": "prod-a", "pod": "web-1"}}}
    found = {key: value.evaluate(facts) for key, value in query.of.items()}
    assert found == {"namespace": "prod-a", "pod": "web-1"}


def test_a_family_of_alerts_may_be_named() -> None:
    assert load(WHOLE).match.alert == ("KubePodCrashLooping", "*CrashLoop*")


def test_a_query_may_hold_plain_text() -> None:
    query = load(changed("namespace: =alert.labels.namespace, pod", "namespace: prod-a, pod"))
    assert query.match.entity is not None
    assert query.match.entity.of["namespace"] == "prod-a"


def test_guards() -> None:
    guard = load(WHOLE).guard
    assert guard.budget is not None
    assert guard.budget.scope is BudgetScope.PRODUCT
    assert (guard.budget.min_healthy, guard.budget.concurrent) == (0.8, 1)
    assert guard.window == "business-safe"
    fleet = load(changed("scope: product, min_healthy: 80%", "scope: fleet, min_healthy: 99.5%"))
    assert fleet.guard.budget is not None
    assert fleet.guard.budget.scope is BudgetScope.FLEET
    assert fleet.guard.budget.min_healthy == pytest.approx(0.995)


def test_a_row_that_settles_may_have_a_time() -> None:
    first, second, *_ = load(WHOLE).decide
    assert (first.settle, first.plan, first.settle_within_seconds) == (True, None, 1800.0)
    assert (second.settle, second.plan, second.settle_within_seconds) == (False, "wait", None)
    last = load(changed("{default: escalate, why", "{default: settle, within: 1h, why")).decide[-1]
    assert (last.when, last.settle, last.settle_within_seconds) == (None, True, 3600.0)


def test_a_plan_may_settle_with_a_check_of_its_own() -> None:
    plan = plan_of(WHOLE, "wait")
    assert plan.settles
    assert plan.steps == ()
    assert [p.text for p in plan.verify.success] == ["pods.alive"]
    assert plan.verify.within_seconds == 3600.0
    assert not plan_of(WHOLE).settles


def test_a_decay_is_computed_unless_it_is_written() -> None:
    assert verify_with("").decay == Decay()
    assert verify_with("decay: auto").decay == Decay()
    assert verify_with("decay: 20m").decay == Decay(seconds=1200.0)
    assert verify_with("decay: 0s").decay == Decay(seconds=0.0)
    assert plan_of(WHOLE).verify.decay == Decay(
        expression="rate(x[30m]) > 1", for_seconds=900.0, group_interval_seconds=300.0
    )
    only = verify_with("decay: {expression: up == 0}").decay
    assert only == Decay(expression="up == 0")


def test_what_must_not_worsen_compares_with_how_it_was() -> None:
    (condition,) = plan_of(WHOLE).verify.must_not_worsen
    facts = {"pods": {"restarts": 5}, "before": {"pods": {"restarts": 4}}}
    assert condition(facts) is Truth.TRUE
    assert condition({**facts, "pods": {"restarts": 6}}) is Truth.FALSE
    assert condition({"pods": {"restarts": 5}}) is Truth.UNKNOWN
    one = changed("[pods.restarts <= before.pods.restarts + 1]", "before.pods.alive || pods.alive")
    assert [p.text for p in plan_of(one).verify.must_not_worsen] == [
        "before.pods.alive || pods.alive"
    ]


OLD = "{any: [pods.alive, pods.restarts == 0], consecutive: 3, every: 20s}"


@pytest.mark.parametrize(
    ("written", "texts", "is_any", "cleared"),
    [
        (OLD, ["pods.alive", "pods.restarts == 0"], True, False),
        ("{all: [pods.alive, alert_cleared]}", ["pods.alive"], False, True),
        ("[pods.alive]", ["pods.alive"], False, False),
        ("pods.alive", ["pods.alive"], False, False),
        ("alert_cleared", [], False, True),
    ],
)
def test_forms_of_success(written: str, texts: list[str], is_any: bool, cleared: bool) -> None:
    verify = plan_of(changed(OLD, written)).verify
    assert [p.text for p in verify.success] == texts
    assert (verify.success_any, verify.alert_cleared) == (is_any, cleared)


WAY_BACK = """\
    rollback:
      steps: snapshot
      verify: {observe: [{id: back, use: process.status}], success: [back.alive]}
"""
STEPS = "[{id: again, use: version.set, with: {to: v1}}]"


@pytest.mark.parametrize(
    ("written", "steps", "snapshot", "verified"),
    [
        (WAY_BACK, [], True, True),
        ("    rollback: snapshot\n", [], True, False),
        (f"    rollback: {STEPS}\n", ["again"], False, False),
        (f"    rollback: {{steps: {STEPS}, verify: alert_cleared}}\n", ["again"], False, True),
        ("    rollback: {steps: snapshot}\n", [], True, False),
        ("", [], False, False),
    ],
)
def test_forms_of_the_way_back(
    written: str, steps: list[str], snapshot: bool, verified: bool
) -> None:
    text = changed(WAY_BACK, written)
    text = text.replace(", rollback: held}", "}").replace("{back: {alive: true}}", "{}")
    plan = plan_of(text)
    assert [call.id for call in plan.rollback] == steps
    assert plan.rollback_snapshot is snapshot
    assert (plan.rollback_verify is not None) is verified


def test_the_way_back_is_proven_by_what_is_observed_then() -> None:
    proof = plan_of(WHOLE).rollback_verify
    assert proof is not None
    assert [call.id for call in proof.observe] == ["back"]
    assert [p.text for p in proof.success] == ["back.alive"]


def test_what_is_done_where_the_proof_is_inconclusive() -> None:
    assert plan_of(WHOLE).on_inconclusive is OnInconclusive.ROLL_BACK_AND_ESCALATE
    assert plan_of(WHOLE, "wait").on_inconclusive is OnInconclusive.HOLD_AND_ESCALATE


def test_what_people_read() -> None:
    runbook = load(WHOLE)
    assert runbook.not_for == "lack of memory"
    assert runbook.review_by == "2027-01-31"


def test_a_whole_test() -> None:
    found = load_files([("r.yaml", WHOLE)], PLUGINS)
    assert not found.faults
    first, second = (loaded.test for loaded in found.tests("pod-crash"))
    given = first.given
    assert given.alert is not None
    assert given.alert.expression == "rate(x[30m]) > 1"
    assert given.object is not None
    assert given.object != "none"
    assert (given.object.name, given.object.facts["replicas"]) == ("prod-a/deployment/web", 3)
    assert given.before == {"pods": {"alive": False, "restarts": 4}}
    assert (given.window, given.healthy, given.busy) == ("open", 1.0, 0)
    assert given.restored.facts == {"back": {"alive": True}}
    assert [moment.time for moment in first.at] == [120.0, 300.0, 360.0]
    assert first.at[0].alert == "resolved"
    assert first.at[1].facts == {"pods": {"alive": True, "restarts": 4}}
    assert first.at[2].expect is not None
    assert first.at[2].expect.state == "resolved"
    assert first.expect.rollback == "held"
    assert second.given.object == "none"


def test_the_short_form_is_about_twelve_lines() -> None:
    assert len(SMALL.splitlines()) <= 13
    assert not faults_of(SMALL)
