"""What a runbook may not say, with the code, the place and the words of the fault."""

from __future__ import annotations

import pytest

from agent.catalog.runbooks import load_files
from agent.model.fault import Fault
from tests.support.runbook_plugins import PLUGINS, SMALL, WHOLE

DESTROYS = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: full-volume, owner: team-pay, layer: product, tier: low}
match: {alert: VolumeFull}
guard: {budget: {min_healthy: 80%}}
plans:
  clear:
    steps: [{id: clear, use: volume.delete, with: {target: =entity}}]
    verify: {observe: [{id: disk, use: process.status}], success: [disk.alive]}
    rollback: [{id: back, use: process.restart}]
lifecycle: {state: active}
tests:
  - name: a full volume is cleared
    given: {alert: {labels: {alertname: VolumeFull, service: web}}}
    expect: {plan: clear}
"""

BUDGETED = SMALL.replace("plans:", "guard: {budget: {min_healthy: 80%}}\nplans:")


def changed(old: str, new: str, text: str = WHOLE) -> str:
    assert old in text
    return text.replace(old, new, 1)


def faults_of(text: str) -> tuple[Fault, ...]:
    return load_files([("r.yaml", text)], PLUGINS).faults


@pytest.mark.parametrize(
    ("old", "new", "code", "path", "message"),
    [
        ("kind: deployment, of", "kind: deploymnt, of", "HS218", "match.entity.kind",
         "unknown kind of entity deploymnt"),
        ("pod: =alert.labels.pod", "pood: =alert.labels.pod", "HS218", "match.entity.of.pood",
         "a deployment is not found by pood"),
        ("pod: =alert.labels.pod}", "pod: =alert.label.pod}", "HS204", "match.entity.of.pod",
         "unknown name alert.label.pod"),
        ("pod: =alert.labels.pod}", "pod: =web.alive}", "HS205", "match.entity.of.pod",
         "known only later"),
        ('when: alert.labels.namespace.startsWith("prod-")', "when: entity.replicas > 1", "HS204",
         "match.when", "unknown name entity.replicas"),
        ("entity.replicas_ready >= 1", "entity.replicas_redy >= 1", "HS204", "guard.require[0]",
         "unknown name entity.replicas_redy"),
        ("entity.replicas_ready >= 1", "entity.replicas_ready", "HS204", "guard.require[0]",
         "this is int"),
        ("entity.replicas_ready >= 1", "before.pods.alive", "HS205", "guard.require[0]",
         "only must_not_worsen"),
        ("success: [pods.alive], within", "success: [before.pods.alive], within", "HS205",
         "plans.wait.verify.success[0]", "only must_not_worsen"),
        ("<= before.pods.restarts + 1", "<= before.pods.restart + 1", "HS204",
         "plans.undo.verify.must_not_worsen[0]", "unknown name before.pods.restart"),
        ("<= before.pods.restarts + 1", "<= before.web.restarts + 1", "HS204",
         "plans.undo.verify.must_not_worsen[0]", "unknown name before.web.restarts"),
        ("success: [back.alive]", "success: [pods.alive]", "HS205",
         "plans.undo.rollback.verify.success[0]", "plan undo observes it"),
        ("min_healthy: 80%", "min_healthy: 0.8", "HS200", "guard.budget.min_healthy",
         "a percentage from 0% to 100%"),
        ("concurrent: 1}", "concurrent: 0}", "HS200", "guard.budget.concurrent", "greater than"),
        ("window: business-safe", "window: business safe", "HS200", "guard.window", "pattern"),
        ("plan: undo}", "plan: undo, within: 5m}", "HS206", "decide[2].within", "row that settles"),
        ("    do: settle\n", "", "HS222", "plans.wait", "the plan has no steps"),
        ("    do: settle\n", "    do: settle\n    steps: [{id: undo, use: process.restart}]\n",
         "HS222", "plans.wait.steps", "has no steps"),
        ("    do: settle\n", "    do: settle\n    rollback: snapshot\n", "HS222",
         "plans.wait.rollback", "has no rollback"),
        ("verify: {observe: [{id: pods, use: process.status}], success: [pods.alive], within: 1h}",
         "verify: {success: alert_cleared, must_not_worsen: alert.name == entity}", "HS221",
         "plans.wait.verify.must_not_worsen", "nothing is observed"),
        ("expression: 'rate(x[30m]) > 1', for", "expression: 'rate(x[30m]', for", "HS226",
         "plans.undo.verify.decay.expression", "not PromQL"),
        ("review_by: 2027-01-31", "review_by: 2027-13-31", "HS200", "lifecycle.review_by",
         "is not a date"),
        ("object: {name", "objct: {name", "HS200", "tests[0].given.objct", "unknown key"),
        ("{replicas: 3, rep", "{replica: 3, rep", "HS213", "tests[0].given.object.facts.replica",
         "a deployment has no fact replica"),
        ("{replicas: 3, rep", "{replicas: three, rep", "HS213",
         "tests[0].given.object.facts.replicas", "is int"),
        ("before: {pods: {alive", "before: {web: {alive", "HS213", "tests[0].given.before.web",
         "no diagnostic web"),
        ("before: {pods: {alive", "before: {pods: {aliv", "HS213",
         "tests[0].given.before.pods.aliv", "unknown field"),
        ("restored: {facts: {back: {alive", "restored: {facts: {back: {alve", "HS213",
         "tests[0].given.restored.facts.back.alve", "unknown field"),
        ("time: 5m, facts: {pods: {alive", "time: 5m, facts: {pods: {aliv", "HS213",
         "tests[0].at[1].facts.pods.aliv", "unknown field"),
        ("time: 5m", "time: 1m", "HS213", "tests[0].at[1].time", "an earlier moment is later"),
        ("{time: 2m, alert: resolved}", "{time: 2m}", "HS213", "tests[0].at[0]", "nothing happens"),
        ("plan: undo}}", "plan: undoo}}", "HS213", "tests[0].at[2].expect.plan", "unknown plan"),
        ("state: resolved", "state: solved", "HS200", "tests[0].at[2].expect.state", "not one of"),
        ("expression: 'rate(x[30m]) > 1'\n", "expression: 'rate(x[30m]'\n", "HS226",
         "tests[0].given.alert.expression", "not PromQL"),
        ("  window: business-safe\n", "", "HS213", "tests[0].given.window", "no guard"),
        ("min_healthy: 80%, ", "", "HS213", "tests[0].given.healthy", "no guard"),
        ("busy: 0", "busy: -1", "HS200", "tests[1].given.busy", "greater than or equal"),
        ("{stopped_by: object_unknown}", "{}", "HS213", "tests[1]", "it cannot fail"),
    ],
)  # fmt: skip
def test_one_fault_with_its_code_place_and_words(
    old: str, new: str, code: str, path: str, message: str
) -> None:
    (fault,) = faults_of(changed(old, new))
    assert (fault.code, fault.path) == (code, path)
    assert message in fault.message


def test_a_budget_has_to_limit_something() -> None:
    (fault,) = faults_of(changed("{budget: {min_healthy: 80%}}", "{budget: {}}", BUDGETED))
    assert (fault.code, fault.path) == ("HS217", "guard.budget")


def test_before_is_no_name_for_a_diagnostic() -> None:
    text = SMALL.replace("plans:", "diagnose: [{id: before, use: process.status}]\nplans:")
    (fault,) = faults_of(text)
    assert (fault.code, fault.path) == ("HS212", "diagnose[0].id")


def test_without_an_object_only_what_the_registry_knows_can_be_read() -> None:
    text = WHOLE.replace(
        "  entity: {kind: deployment, of: {namespace: =alert.labels.namespace,"
        " pod: =alert.labels.pod}}\n",
        "",
    )
    found = faults_of(text)
    assert [(f.code, f.path) for f in found] == [
        ("HS204", "guard.require[0]"),
        ("HS213", "tests[1].given.object"),
    ]
    registered = text.replace("entity.replicas_ready >= 1", "entity.owner == entity.product")
    assert [f.path for f in faults_of(registered)] == ["tests[1].given.object"]


def test_an_object_that_a_diagnostic_finds_is_given_by_its_whole_name() -> None:
    with_it = SMALL.replace("given: {alert", "given: {object: %s, alert")
    assert with_it != SMALL
    assert not faults_of(with_it % "{name: prod-a/deployment/web, facts: {gitops: shop}}")
    (fault,) = faults_of(with_it % "{name: web}")
    assert (fault.code, fault.path) == ("HS213", "tests[0].given.object")
    (fault,) = faults_of(with_it % "{name: prod-a/deployment/web, facts: {git: shop}}")
    assert (fault.code, fault.path) == ("HS213", "tests[0].given.object.facts.git")


def test_an_entity_that_cannot_be_read_makes_no_other_fault() -> None:
    for old, new in (
        ("kind: deployment, of", "kind: deploymnt, of"),
        ("kind: deployment, of", "kind: [deployment], of"),
        ("  entity: {kind", "  entiti: {kind"),
    ):
        assert len(faults_of(changed(old, new))) == 1


# F-RB-15
@pytest.mark.parametrize(
    ("old", "new", "codes"),
    [
        ("guard: {budget: {min_healthy: 80%}}", "guard: {budget: {min_healthy: 80%}}", []),
        (", with: {target: =entity}", "", ["HS219"]),
        ("guard: {budget: {min_healthy: 80%}}\n", "", ["HS219"]),
        ("min_healthy: 80%", "concurrent: 1", ["HS219"]),
        ("verify: {observe: [{id: disk, use: process.status}], success: [disk.alive]}",
         "verify: alert_cleared", ["HS219"]),
        ("success: [disk.alive]", "success: alert_cleared, fail: disk.alive", ["HS219"]),
        ("success: [disk.alive]", "success: [disk.alive, alert_cleared]", []),
        ("    rollback: [{id: back, use: process.restart}]\n", "", ["HS220"]),
        ("rollback: [{id: back, use: process.restart}]", "rollback: snapshot", ["HS223"]),
        ("rollback: [{id: back, use: process.restart}]",
         "rollback: [{id: back, use: volume.delete}]", ["HS219"]),
    ],
)  # fmt: skip
def test_a_step_that_destroys_needs_a_target_a_floor_a_proof_and_a_way_back(
    old: str, new: str, codes: list[str]
) -> None:
    assert [f.code for f in faults_of(changed(old, new, DESTROYS))] == codes


# F-RB-15
def test_everything_a_destructive_step_lacks_is_told_at_once() -> None:
    text = changed(", with: {target: =entity}", "", DESTROYS)
    text = changed("guard: {budget: {min_healthy: 80%}}\n", "", text)
    text = changed("    rollback: [{id: back, use: process.restart}]\n", "", text)
    assert sorted(f.message for f in faults_of(text)) == [
        "volume.delete destroys something and lacks a floor",
        "volume.delete destroys something and lacks an explicit target",
        "volume.delete destroys something, with no way back",
    ]


def test_without_a_way_back_a_person_has_to_approve() -> None:
    text = changed("    rollback: [{id: back, use: process.restart}]\n", "", DESTROYS)
    for state, codes in (("active", ["HS220"]), ("assisted", []), ("shadow", [])):
        found = faults_of(text.replace("state: active", f"state: {state}"))
        assert [f.code for f in found] == codes


def test_a_step_that_destroys_nothing_needs_none_of_that() -> None:
    assert not faults_of(SMALL)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plans before match", [("plans", "section plans is out of order")]),
        ("tests first", [("tests", "section tests is out of order")]),
        ("nothing moved", []),
    ],
)
def test_a_section_out_of_order_is_told_where_it_stands(
    text: str, told: list[tuple[str, str]]
) -> None:
    lines = SMALL.splitlines(keepends=True)
    head, match, plans, tests = lines[:3], lines[3:4], lines[4:8], lines[8:]
    order = {
        "plans before match": [*head, *plans, *match, *tests],
        "tests first": [*tests, *head, *match, *plans],
        "nothing moved": lines,
    }[text]
    found = faults_of("".join(order))
    assert [(f.path, f.message) for f in found if f.code == "HS224"] == told
    assert len(found) == len(told)
    for fault in found:
        assert order[fault.line - 1].startswith(fault.path)
        assert fault.column == 1


def test_an_out_of_order_section_says_where_it_belongs() -> None:
    lines = SMALL.splitlines(keepends=True)
    (fault,) = faults_of("".join([*lines[:3], *lines[4:8], *lines[3:4], *lines[8:]]))
    assert fault.remedy.startswith("move it below match; the order is apiVersion, kind,")
