"""What came of playing tests, as text for people and as data for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agent.catalog.document import written
from agent.catalog.runbooks import RunbookSet
from agent.interface.cli.output import clean
from agent.model.fault import Fault
from agent.runtime.rehearsal import TestResult
from agent.runtime.rehearsal_coverage import Coverage, count, faults_of


def as_lines(result: TestResult, *, with_timeline: bool) -> list[str]:
    """One line for a test, and where it failed what was expected and what came, key by key."""
    word = "ok    " if result.passed else "FAILED"
    lines = [clean(f"{word} {result.file}:{result.line} {result.runbook}: {result.name}")]
    for key in result.differing:
        lines += [f"    {key}"]
        lines += [f"      exp: {_shown(result.expected.get(key))}"]
        lines += [f"      got: {_shown(result.got.get(key))}"]
    if not result.passed and result.why:
        more = "" if with_timeline else " (--verbose shows the timeline)"
        lines += [clean(f"    why: {result.why}{more}")]
    if with_timeline and not result.passed:
        lines += ["    what happened", *(f"      {clean(line)}" for line in result.timeline)]
    return lines


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return clean(f"[{', '.join(map(str, value))}]")
    return clean(value)


def summary(
    results: Sequence[TestResult], faults: Sequence[Fault], coverages: Sequence[Coverage]
) -> str:
    """`23 tests, 0 failed; 14 of 14 branches, 9 of 9 guards`."""
    failed = sum(not result.passed for result in results)
    errors = f", {len(faults)} errors" if faults else ""
    covered = ", ".join(
        f"{done} of {whole} {kind.value}" for kind, (done, whole) in count(coverages).items()
    )
    return f"{len(results)} tests, {failed} failed{errors}" + (f"; {covered}" if covered else "")


def uncovered(runbooks: RunbookSet, coverages: Iterable[Coverage]) -> list[str]:
    """What no test reaches, with its place, and tests that could be left out."""
    lines = []
    for coverage in coverages:
        name = coverage.runbook.name
        lines += [f"{name}: {fault}" for fault in faults_of(runbooks, coverage)]
        lines += [
            f"{name}: without the test {test!r} the others prove as much" for test in coverage.idle
        ]
    return [clean(line) for line in lines]


def result_data(result: TestResult) -> dict[str, Any]:
    return {
        "file": result.file,
        "line": result.line,
        "runbook": result.runbook,
        "name": result.name,
        "passed": result.passed,
        "expected": result.expected,
        "got": result.got,
        "differences": result.differences,
        "why": result.why,
        "timeline": result.timeline,
    }


def coverage_data(coverage: Coverage) -> dict[str, Any]:
    return {
        "runbook": coverage.runbook.name,
        "items": [
            {
                "kind": item.kind.value,
                "path": written(item.path),
                "text": item.text,
                "covered": item.is_covered,
                "lacks": item.lack.message if item.lack is not None else None,
            }
            for item in coverage.items
        ],
        "idle_tests": coverage.idle,
    }
