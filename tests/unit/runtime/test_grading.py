"""A grade is what the runbook's own tests prove with this alert in the place of theirs."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.runbooks import RunbookSet, load_files
from agent.model.policy import Policy
from agent.runtime.corpus import Entry
from agent.runtime.grading import Grade, Graded, Grader
from tests.support.runbook_plugins import PLUGINS

HEALS = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: restarts, owner: team-shop, layer: product, tier: low}
match: {alert: "*Hung", labels: {severity: [warning, critical]}}
diagnose: [{id: seen, use: process.status, with: {target: =entity.name}}]
decide:
  - {when: '!seen.alive', plan: restart}
  - {default: escalate}
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: {success: alert_cleared, within: 2m}
lifecycle: {state: active}
tests:
  - name: one that is gone is restarted
    given:
      alert: {labels: {alertname: ShopHung, service: web, severity: critical}}
      facts: {seen: {alive: false}}
    expect: {plan: restart, actions: [process.restart], verdict: held, outcome: healed}
  - name: one that lives goes to people
    given: {facts: {seen: {alive: true}}}
    expect: {actions: [], outcome: routed}
"""
SETTLES = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: waits, owner: team-shop, layer: product, tier: low}
match: {alert: "*Slow"}
diagnose: [{id: seen, use: process.status, with: {target: =entity.name}}]
decide:
  - {when: seen.alive, do: settle, why: it is catching up}
  - {default: escalate}
lifecycle: {state: active}
tests:
  - name: one that catches up is left alone
    given:
      alert: {labels: {alertname: ShopSlow, service: web}}
      facts: {seen: {alive: true}}
    expect: {outcome: settled}
  - name: one that is gone goes to people
    given: {facts: {seen: {alive: false}}}
    expect: {outcome: routed}
"""
POLICY = Policy(default_diagnostics={"service": ("prometheus.query",)})


def loaded(*texts: str) -> RunbookSet:
    found = load_files(
        [(f"runbooks/family-{n}/r.yaml", text) for n, text in enumerate(texts)], PLUGINS
    )
    assert [str(f) for f in found.faults if f.severity.value == "error"] == []
    return found


def grade(*texts: str, alert: str = "WebHung", policy: Policy = POLICY, **labels: str) -> Graded:
    told = {"alertname": alert, "severity": "critical", "namespace": "prod", **labels}
    entry = Entry(name=alert, labels=told, where="here")
    return Grader(loaded(*texts), PLUGINS, policy=policy).grade(entry)


def test_healed_is_proven_by_a_test_that_acts_and_ends_healed_with_this_alert() -> None:
    found = grade(HEALS)
    assert (found.grade, found.proof) == (Grade.HEALED, ("one that is gone is restarted",))
    assert (found.runbook, found.state, found.family) == ("restarts", "active", "family-0")
    assert found.severity == "critical"


def test_one_click_heals_too_and_the_state_says_so() -> None:
    found = grade(HEALS.replace("state: active", "state: assisted"))
    assert (found.grade, found.state) == (Grade.HEALED, "assisted")


def test_one_in_shadow_heals_nobody() -> None:
    found = grade(HEALS.replace("state: active", "state: shadow"))
    assert (found.grade, found.state) == (Grade.ROUTED, "shadow")
    assert "process.status" in found.evidence


def test_an_alert_the_runbook_is_not_for_is_not_healed_by_its_tests() -> None:
    assert grade(HEALS, severity="info").runbook is None
    named = HEALS.replace("match: {alert", "match: {when: 'alert.labels.service == \"web\"', alert")
    assert grade(named).grade is Grade.ROUTED, "this alert has no such label, whatever the test has"
    assert grade(named, service="web").grade is Grade.HEALED


def test_a_plan_that_does_not_act_heals_nobody() -> None:
    idle = HEALS.replace("outcome: healed}", "outcome: routed}")
    unproven = idle.replace("facts: {seen: {alive: false}}", "facts: {seen: {}}").replace(
        "plan: restart, actions: [process.restart], verdict: held, ", ""
    )
    assert grade(unproven).grade is Grade.ROUTED


def test_settled_needs_a_check_that_could_have_said_the_opposite() -> None:
    found = grade(SETTLES, alert="WebSlow")
    assert found.grade is Grade.SETTLED
    assert found.proof == ("one that catches up is left alone", "one that is gone goes to people")
    blind = SETTLES.replace("when: seen.alive", "when: alert.name != ''").replace(
        "expect: {outcome: routed}", "expect: {outcome: settled}"
    )
    assert grade(blind, alert="WebSlow").grade is Grade.ROUTED


def test_an_alert_that_merely_goes_on_is_no_check() -> None:
    """The facts are the same, so nothing the runbook asked could have told them apart."""
    same = SETTLES.replace(
        "given: {facts: {seen: {alive: false}}}",
        "given: {facts: {seen: {alive: true}}, after: {alert: firing}}",
    )
    assert grade(same, alert="WebSlow").grade is Grade.ROUTED


def test_without_a_runbook_the_default_diagnostics_are_the_evidence() -> None:
    found = grade(HEALS, alert="Other")
    assert (found.grade, found.runbook) == (Grade.ROUTED, None)
    assert (found.evidence, found.routed_to) == (("prometheus.query",), "builder")


def test_routed_without_anything_looked_at_is_unknown() -> None:
    found = grade(HEALS, alert="Other", policy=Policy())
    assert (found.grade, found.evidence) == (Grade.UNKNOWN, ())


def test_of_two_that_match_the_more_specific_one_is_graded() -> None:
    narrow = SETTLES.replace('alert: "*Slow"', "alert: WebHung, labels: {severity: [critical]}")
    assert grade(HEALS, narrow).runbook == "waits"


OBJECT = (
    HEALS.replace(
        "match: {alert",
        "match: {entity: {kind: deployment, of: {namespace: =alert.labels.namespace,"
        " pod: =alert.labels.pod}}, alert",
    )
    .replace("=entity.name", "=entity")
    .replace("service: web,", "namespace: prod-a, pod: web-1,")
)


@pytest.mark.parametrize(
    ("labels", "expected"), [({"pod": "web-7"}, Grade.HEALED), ({}, Grade.ROUTED)]
)
def test_an_object_is_found_only_by_labels_the_alert_has(
    labels: dict[str, str], expected: Grade
) -> None:
    assert grade(OBJECT, **labels).grade is expected


def test_the_corpus_and_the_families_are_named_by_folder(tmp_path: Path) -> None:
    folder = tmp_path / "pods"
    folder.mkdir()
    found = load_files([(str(folder / "a.yaml"), HEALS)], PLUGINS)
    entry = Entry(name="WebHung", labels={"alertname": "WebHung", "severity": "warning"})
    assert Grader(found, PLUGINS, policy=POLICY).grade(entry).family == "pods"
