"""Playing the tests of runbooks must cost about as little as reading them."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from agent.catalog.runbooks import load_files
from agent.catalog.strict_yaml import read_all
from agent.runtime.rehearsal import Company, rehearse
from agent.runtime.rehearsal_coverage import cover
from tests.bench.machine import REPEATS, Cpus, Report, calm
from tests.support.proven_runbook import PLUGINS, PROVEN

pytestmark = pytest.mark.bench

RUNBOOKS = 40


def text(number: int) -> str:
    """One of many: each for alerts of its own, so that it has no competitor."""
    name = PROVEN.replace("web-crash-loop", f"web-crash-loop-{number}")
    return name.replace('"*CrashLoop*"', "Crash").replace("Crash", f"Crash{number}")


TEXTS = [(f"{number}.yaml", text(number)) for number in range(RUNBOOKS)]


def milliseconds(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return 1e3 * (time.process_time() - began)


async def test_cost_of_a_test(report: Report, cpus: Cpus) -> None:
    found = load_files(TEXTS, PLUGINS)
    assert not found.faults
    results = rehearse(found, PLUGINS)
    assert all(result.passed for result in results)
    company = Company(found, PLUGINS)

    def prove() -> None:
        for runbook in found.runbooks:
            cover(company, runbook, company.play_all(runbook))

    def parse() -> None:
        for file, content in TEXTS:
            read_all(content, file=file)

    costs: dict[str, list[float]] = {"play": [], "prove": [], "parse": []}
    for _ in range(max(REPEATS, 5)):
        await calm()
        costs["parse"].append(milliseconds(parse) / len(results))
        costs["play"].append(milliseconds(lambda: rehearse(found, PLUGINS)) / len(results))
        costs["prove"].append(milliseconds(prove) / len(results))
    of = "to parse its YAML"
    report.add("play one test", "ms", costs["play"], costs["parse"], of=of, goal="<= 10 ms")
    report.add("play one test, and what it proves", "ms", costs["prove"], costs["parse"], of=of)
