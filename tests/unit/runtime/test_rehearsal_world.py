"""What a test says of the world, and what the decision makes of it."""

from __future__ import annotations

import pytest

from agent.catalog.runbooks import RunbookSet, load_files
from agent.runtime.rehearsal import TestResult, rehearse
from tests.support.proven_runbook import PLUGINS, PROVEN

FIRST = PROVEN.split("tests:\n")[1].split("  - name:")[1]
BEFORE = "      before: {pods: {ready: 1, restarts: 9, changed_ago: 10m}}\n"
LABELS = "{alertname: KubePodCrashLooping, namespace: prod-a, pod: web-1}"
GONE = "{pods: {ready: 1, restarts: 20, changed_ago: 10m}}"
WELL = "{pods: {ready: 3, restarts: 9, changed_ago: 10m}}"


def loaded(tests: str, text: str = PROVEN) -> RunbookSet:
    whole = f"{text.split('tests:')[0]}tests:\n  - name:{FIRST}{tests}"
    found = load_files([("runbook.yaml", whole)], PLUGINS)
    assert not found.faults, "\n".join(map(str, found.faults))
    return found


def played(given: str, expect: str, *, at: str = "[]", text: str = PROVEN) -> TestResult:
    """One test more, which takes the alert and what it does not say from the first one. Where it
    does not say how it is after the steps, all is well."""
    if "after:" not in given:
        rest = given.removeprefix("{")
        given = f"{{after: {{facts: {WELL}}}{', ' if rest != '}' else ''}{rest}"
    test = f"  - name: this one\n    given: {given}\n    at: {at}\n    expect: {expect}\n"
    return rehearse(loaded(test, text), PLUGINS)[-1]


@pytest.mark.parametrize(
    ("given", "expect"),
    [
        ("{}", "{actions: [web.pin], verdict: held}"),
        ("{object: none}", "{actions: [], stopped_by: object_unknown}"),
        ("{object: {facts: {replicas: 1}}}", "{stopped_by: requirement_false}"),
        ("{object: {name: elsewhere}}", "{stopped_by: requirement_unknown}"),
        ("{window: open}", "{verdict: held}"),
        ("{window: closed}", "{stopped_by: window_closed}"),
        ("{window: undeclared}", "{stopped_by: window_unknown}"),
        ("{healthy: 80%}", "{verdict: held}"),
        ("{healthy: 79.9%}", "{stopped_by: budget_min_healthy}"),
        ("{healthy: 0%}", "{stopped_by: budget_min_healthy}"),
        ("{healthy: 100%}", "{verdict: held}"),
        ("{busy: 1}", "{stopped_by: budget_concurrent}"),
        ("{history: 1 pin in 40m}", "{stopped_by: cooldown}"),
        ("{history: 1 pin in 3h}", "{verdict: held}"),
        ("{outcomes: {pin: unknown}}", "{stopped_by: step_unknown}"),
    ],
)
def test_what_is_given_decides(given: str, expect: str) -> None:
    assert played(given, expect).differences == ()


def test_an_object_without_a_name_is_named_after_what_it_is_found_by() -> None:
    text = PROVEN.replace("[entity.replicas >= 2, now.restarts < 50]", "REQUIRE")
    for name in ("prod-a/deployment/web-1", "another"):
        only = text.replace("REQUIRE", f'[entity.name == "{name}"]')
        got = played("{object: {facts: {replicas: 2}}}", "{verdict: held}", text=only)
        assert got.passed == (name == "prod-a/deployment/web-1"), got.timeline


def test_what_a_text_of_the_query_says_is_a_fact_of_the_object() -> None:
    text = PROVEN.replace("entity.replicas >= 2", 'entity.namespace == "prod-a"')
    assert played("{object: {facts: {}}}", "{verdict: held}", text=text).passed


def test_a_query_without_the_label_it_needs_finds_nothing() -> None:
    given = f"{{alert: {{labels: {LABELS.replace(', pod: web-1', '')}}}}}"
    result = played(f"{given[:-1]}, facts: {{now: {{restarts: 9}}}}}}", "{actions: []}")
    assert result.passed, result.differences
    assert any("object_unknown" in entry.reason.value for entry in result.journal)


def test_labels_of_the_registered_entity_make_the_alert_be_about_it() -> None:
    """No label has the entity's name, and still a person of its product is told."""
    assert played("{object: none}", "{route: builder}").passed


def test_a_registered_entity_is_found_by_its_labels_too() -> None:
    text = PROVEN.replace(
        "{kind: deployment, of: {namespace: =alert.labels.namespace, pod: =alert.labels.pod}}",
        "{kind: agent, of: {namespace: =alert.labels.namespace}}",
    ).replace("entity.replicas >= 2", 'entity.kind == "agent"')
    only = text[: text.index("  - name: a busy one")].replace(
        "      object: {name: prod-a/deployment/web, facts: {replicas: 3}}\n", ""
    )
    (result,) = rehearse(load_files([("runbook.yaml", only)], PLUGINS), PLUGINS)
    assert result.passed, result.timeline


def test_how_it_was_before_is_what_after_says_where_nothing_else_is_said() -> None:
    worse = f"{{after: {{alert: firing, facts: {GONE}}}}}"
    assert any(e.reason.value == "worsened" for e in played(worse, "{state: open}").journal)
    text = PROVEN.replace(BEFORE, "")
    only = text[: text.index("  - name: a busy one")].replace(
        "ready: 3, restarts: 9", "ready: 3, restarts: 20"
    )
    (result,) = rehearse(load_files([("runbook.yaml", only)], PLUGINS), PLUGINS)
    assert result.passed, "20 restarts are no more than 20"


def test_the_way_back_leads_to_how_it_was_before() -> None:
    text = PROVEN.replace("{id: back, use: web.pods", "{id: pods, use: web.pods").replace(
        "back.", "pods."
    )
    result = played(f"{{after: {{alert: firing, facts: {GONE}}}}}", "{rollback: held}", text=text)
    assert result.passed, result.timeline


def test_a_snapshot_names_the_action_the_plugin_itself_names() -> None:
    result = played(
        f"{{after: {{alert: firing, facts: {GONE}}}}}", "{actions: [web.pin, web.unpin]}"
    )
    assert result.passed, result.differences


def test_an_expression_that_looks_back_is_waited_for() -> None:
    """`rate(restarts[10m])` may fire for ten minutes and more after a good fix."""
    late = "[{time: 15m, alert: resolved}]"
    given = f"{{after: {{facts: {WELL}}}}}"
    assert played(given, "{verdict: held}", at=late).passed
    short = f"{{alert: {{labels: {LABELS}, expression: restarts > 0}}, {given[1:]}"
    short = f"{short[:-1]}, facts: {{now: {{ready: 1, restarts: 9, changed_ago: 1m}}}},"
    short += (
        " object: {facts: {replicas: 3}}, before: {pods: {ready: 1, restarts: 9, changed_ago: 1m}}}"
    )
    assert played(short, "{verdict: failed}", at=late).passed


def test_a_part_of_a_finding_is_read_as_the_diagnostic_would_give_it() -> None:
    """`changed_ago: 10m` is a duration also where the rest of the finding is left out."""
    given = "{facts: {now: {restarts: 9, changed_ago: 10m, is_busy: false}}}"
    assert played(given, "{plan: pin, verdict: held}").differences == ()
    unknown = played("{facts: {now: {restarts: 9}}}", "{stopped_by: facts_unknown}")
    assert unknown.differences == ()
