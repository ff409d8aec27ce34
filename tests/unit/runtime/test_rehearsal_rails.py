"""Rails in a rehearsal: what hangs on the runbook counts, what hangs on the rest of the world
stands aside, and nothing is ever really called."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agent.catalog.runbooks import RunbookSet, load_files
from agent.model.policy import Policy, Rails
from agent.ports.plugin import Plugin
from agent.runtime.rehearsal import TestResult, rehearse
from tests.support.runbook_plugins import FULL, PLUGINS, SMALL

DWELLS = SMALL.replace("plans:\n", "guard: {dwell: 10m}\nplans:\n", 1)
ALERT = "{labels: {alertname: ServiceNotAnswering, service: web}, starts_ago: %s}"


def load(text: str, tests: str = "") -> RunbookSet:
    found = load_files([("0.yaml", text + tests)], PLUGINS)
    assert not found.faults, "\n".join(map(str, found.faults))
    return found


def played(text: str, given: str, policy: Policy | None = None) -> TestResult:
    test = f"  - name: another\n    given: {given}\n    expect: {{verdict: held}}\n"
    return rehearse(load(text, test), PLUGINS, policy=policy)[-1]


def waited(result: TestResult) -> list[str]:
    return [entry.text for entry in result.journal if entry.kind == "waiting_for_rail"]


def test_a_test_begins_with_an_alert_that_has_fired_for_long_enough() -> None:
    for text in (SMALL, DWELLS):
        (result,) = rehearse(load(text), PLUGINS)
        assert result.passed
        assert waited(result) == []


def test_unless_it_says_otherwise() -> None:
    result = played(DWELLS, f"{{alert: {ALERT % '4m'}}}")
    assert result.passed, result.differences
    assert waited(result) == ["360 s of 600 s left"]
    result = played(SMALL, f"{{alert: {ALERT % '10s'}}}")
    assert waited(result) == ["50 s of 60 s left"], "the policy's own dwell counts then"


def test_how_much_else_is_under_way_is_not_the_runbooks_to_say() -> None:
    strict = Policy(rails=Rails(per_fleet=1, per_product=1, wip_per_fleet=1))
    many = SMALL.replace("plans:\n", "guard: {budget: {concurrent: 9}}\nplans:\n", 1)
    result = played(many, f"{{alert: {ALERT % '1h'}, busy: 7}}", strict)
    assert result.passed, result.differences


def test_its_own_limit_is_waited_for_in_no_time_and_then_told() -> None:
    one = SMALL.replace("plans:\n", "guard: {budget: {concurrent: 1}}\nplans:\n", 1)
    result = played(one, f"{{alert: {ALERT % '1h'}, busy: 1}}")
    assert result.got == {"verdict": None}
    assert result.why.startswith("budget_concurrent: ")
    assert len(waited(result)) == 1


def test_nothing_is_ever_called() -> None:
    """F-GRD-11. Whatever a plugin could do, a rehearsal answers from the test."""
    called: list[str] = []

    def deaf(plugin: Plugin) -> Plugin:
        async def run(*_: Any, **__: Any) -> Any:
            called.append(plugin.name)
            raise AssertionError("a rehearsal calls nothing")

        changed: Any = {"run": run}
        if getattr(plugin, "probe_function", None) is not None:
            changed["probe_function"] = run
        return replace(plugin, **changed)

    results = rehearse(load(FULL), {name: deaf(p) for name, p in PLUGINS.items()})
    assert [r.name for r in results if not r.passed] == []
    assert any(r.got.get("actions") for r in results), "some of them do act, on paper"
    assert called == []
