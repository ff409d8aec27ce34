from __future__ import annotations

import time

from agent.catalog.runbooks import RunbookSet, load_files
from agent.model.policy import Policy
from agent.runtime.rehearsal import TestResult, rehearse
from tests.support.runbook_plugins import FULL, PLUGINS, SMALL


def load(*texts: str) -> RunbookSet:
    found = load_files([(f"{n}.yaml", text) for n, text in enumerate(texts)], PLUGINS)
    assert not found.faults, "\n".join(map(str, found.faults))
    return found


def with_tests(tests: str, text: str = FULL) -> RunbookSet:
    """The runbook with its first test and these."""
    head, first = text.split("tests:\n")
    kept = first.split("  - name:")[1]
    return load(f"{head}tests:\n  - name:{kept}{tests}")


def played(tests: str, text: str = FULL) -> TestResult:
    """The result of the last of these tests."""
    return rehearse(with_tests(tests, text), PLUGINS)[-1]


def test_the_examples_come_true() -> None:
    results = rehearse(load(SMALL), PLUGINS)
    assert [(r.runbook, r.name, r.passed) for r in results] == [
        ("web-hung", "a hung service is restarted", True)
    ]
    assert (results[0].file, results[0].line) == ("0.yaml", 10)


def test_a_full_runbook() -> None:
    results = rehearse(load(FULL), PLUGINS)
    assert {r.name: r.differences for r in results if not r.passed} == {}
    assert len(results) == 8


def test_the_virtual_clock_costs_no_time() -> None:
    started = time.perf_counter()
    result = played(
        "  - name: waits\n"
        "    given: {after: {alert: firing, facts: {after: {}}}}\n"
        "    expect: {verdict: inconclusive, stopped_by: verification_inconclusive}\n"
    )
    assert result.passed, result.differences
    assert time.perf_counter() - started < 5.0


def test_a_remedy_that_does_not_hold_is_taken_back_and_the_ladder_goes_on() -> None:
    result = played(
        "  - name: fails\n"
        "    given: {after: {alert: firing, facts: {after: {alive: true, restarts: 3}}}}\n"
        "    expect: {actions: [process.restart, process.restart, process.restart], plan: again,"
        " verdict: failed, outcome: routed, stopped_by: still_firing, route: builder}\n"
    )
    assert result.passed, result.differences


def test_two_steps_on_one_target() -> None:
    one = "[{id: restart, use: process.restart}]"
    two = "[{id: restart, use: process.restart}, {id: again, use: process.restart}]"
    text = SMALL.replace(one, two)
    text = text.replace("actions: [process.restart]", "actions: [process.restart, process.restart]")
    (result,) = rehearse(load(text), PLUGINS)
    assert result.passed, result.differences


def test_the_second_plan_may_hold() -> None:
    result = played(
        "  - name: ladder\n"
        "    given: {outcomes: {undo: failed}}\n"
        "    expect: {plan: again, actions: [process.restart, process.restart], verdict: held}\n"
    )
    assert result.passed, result.differences


def test_a_step_of_unknown_outcome_goes_to_a_person() -> None:
    result = played(
        "  - name: unknown\n"
        "    given: {outcomes: {undo: unknown}}\n"
        "    expect: {stopped_by: step_unknown, route: builder, actions: [process.restart]}\n"
    )
    assert result.passed, result.differences


def test_history_and_policy() -> None:
    tests = (
        "  - name: just now\n"
        "    given: {history: 1 process.restart in 10m}\n"
        "    expect: {stopped_by: cooldown}\n"
    )
    found = with_tests(tests, SMALL)
    assert rehearse(found, PLUGINS)[-1].passed
    lenient = rehearse(found, PLUGINS, policy=Policy(cooldown_seconds=60.0))[-1]
    assert not lenient.passed
    assert lenient.differences == ("stopped_by: expected 'cooldown', got None",)


def test_who_is_told() -> None:
    substrate = (
        "  - name: shared\n"
        "    given:\n"
        "      alert: {labels: {alertname: ServiceNotAnswering, service: db}}\n"
        "      entity: {kind: substrate}\n"
        "    expect: {route: platform, actions: [], stopped_by: radius_systemic}\n"
    )
    assert played(substrate, SMALL).differences == ()
    nobody = (
        "  - name: names nothing\n"
        "    given: {alert: {labels: {product: shop}}}\n"
        "    expect: {route: builder, actions: [], stopped_by: parameter_unknown}\n"
    )
    assert played(nobody, SMALL).differences == ()


def test_a_runbook_in_shadow_is_rehearsed_as_if_active() -> None:
    shadow = SMALL.replace("tests:", "lifecycle: {state: shadow}\ntests:")
    assert rehearse(load(shadow), PLUGINS)[0].passed
    stopped = (
        SMALL.replace("{plan: restart, actions: [process.restart], verdict: held}", "EXPECT")
        .replace("EXPECT", "{stopped_by: runbook_in_shadow, actions: []}")
        .replace("tests:", "lifecycle: {state: shadow}\ntests:")
    )
    assert rehearse(load(stopped), PLUGINS)[0].differences == ()


def test_an_assisted_runbook_may_be_rehearsed_up_to_its_approval() -> None:
    assisted = SMALL.replace("tests:", "lifecycle: {state: assisted}\ntests:")
    assert rehearse(load(assisted), PLUGINS)[0].passed
    waits = assisted.replace("plan: restart, actions: [process.restart], verdict: held", "EXPECT")
    for expect in ("state: awaiting_approval", "stopped_by: runbook_needs_approval"):
        (result,) = rehearse(load(waits.replace("EXPECT", expect)), PLUGINS)
        assert result.passed, result.differences


def test_only_tests_of_this_name() -> None:
    assert [r.name for r in rehearse(load(FULL), PLUGINS, test="settles")] == [
        "one that lives settles"
    ]
    assert rehearse(load(FULL), PLUGINS, test="no such thing") == []


def test_only_one_runbook_and_a_competing_one() -> None:
    narrow = SMALL.replace("web-hung", "narrow").replace(
        "{alert: ServiceNotAnswering}", "{alert: ServiceNotAnswering, labels: {service: web}}"
    )
    found = load(SMALL, narrow.replace("expect: {", "expect: {runbook: narrow, "))
    assert [r.runbook for r in rehearse(found, PLUGINS, only="narrow")] == ["narrow"]
    both = {r.runbook: r for r in rehearse(found, PLUGINS)}
    assert both["narrow"].passed
    assert both["web-hung"].passed  # it says what is done, and not by which runbook


def test_a_wrong_expectation_shows_what_came() -> None:
    text = SMALL.replace("verdict: held", "verdict: failed, route: platform")
    (result,) = rehearse(load(text), PLUGINS)
    assert not result.passed
    assert result.expected["verdict"] == "failed"
    assert result.got["verdict"] == "held"
    assert result.differences == (
        "verdict: expected 'failed', got 'held'",
        "route: expected 'platform', got 'nobody'",
    )


def test_it_keeps_the_reason_that_decided_last() -> None:
    (held,) = rehearse(load(SMALL), PLUGINS)
    assert held.why.startswith("healed: healed and verified")
    given = "{history: 1 restart in 10m}"
    stopped = played(
        f"  - name: the third\n    given: {given}\n    expect: {{outcome: healed}}\n", SMALL
    )
    assert not stopped.passed
    assert stopped.why.startswith("cooldown: ")
