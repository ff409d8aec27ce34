"""A JUnit report is well-formed, whatever stands in a runbook."""

from __future__ import annotations

from xml.etree import ElementTree

from agent.interface.cli.junit import junit
from agent.model.fault import Fault
from agent.runtime.rehearsal import TestResult


def result(name: str, *, passed: bool = True, runbook: str = "web") -> TestResult:
    return TestResult(
        file="web.yaml",
        line=3,
        runbook=runbook,
        name=name,
        passed=passed,
        expected={"plan": "a"},
        got={"plan": "a" if passed else "\x00\x1b<&]]>"},
    )


def test_a_suite_for_each_runbook_and_for_each_file_that_is_broken() -> None:
    fault = Fault(file="bad.yaml", line=1, column=2, code="HS200", message="wrong", path="match")
    results = [result("one"), result("two", passed=False), result("three", runbook="other")]
    root = ElementTree.fromstring(junit(results, [fault]))
    told = {key: root.get(key) for key in ("tests", "failures", "errors")}
    assert told == {"tests": "4", "failures": "1", "errors": "1"}
    suites = [(s.get("name"), s.get("tests"), s.get("failures")) for s in root]
    assert suites == [("bad.yaml", "1", "0"), ("web", "2", "1"), ("other", "1", "0")]


def test_what_xml_cannot_hold_is_replaced() -> None:
    told = junit([result("a\x00\x1b<b>", passed=False)], [])
    case = ElementTree.fromstring(told).find("testsuite/testcase")
    assert case is not None
    assert case.get("name") == "a��<b>"
    failure = case.find("failure")
    assert failure is not None
    assert "]]>" in str(failure.text)


def test_nothing_at_all_is_a_report_too() -> None:
    assert ElementTree.fromstring(junit([], [])).get("tests") == "0"
