"""Finding the runbook of an alert must hardly cost more where there are many."""

from __future__ import annotations

import time

import pytest

from agent.core.matching import MatchIndex
from agent.model.alert import Layer
from agent.model.runbook import Guard, Lifecycle, Match, Runbook
from tests.bench.machine import REPEATS, Cpus, Report, calm

pytestmark = pytest.mark.bench

FEW, MANY = 10, 10_000
ROUNDS = 20_000


def index(count: int) -> MatchIndex:
    """Five runbooks to an alert name, told apart by a label."""
    return MatchIndex([runbook(n) for n in range(count)])


def runbook(number: int) -> Runbook:
    match = Match(
        alert=(f"Alert{number // 5}",),
        labels={"severity": ("critical",), "shard": (str(number % 5),)},
        layer=None,
        product=None,
        when=None,
    )
    return Runbook(
        name=f"r{number}",
        digest=f"{number:064x}",
        path="",
        text="",
        owner="team",
        layer=Layer.PRODUCT,
        tier="low",
        lifecycle=Lifecycle.ACTIVE,
        match=match,
        guard=Guard(),
        diagnose=(),
        decide=(),
        plans=(),
    )


def microseconds(tried: MatchIndex, labels: dict[str, str]) -> float:
    began = time.perf_counter()
    for _ in range(ROUNDS):
        tried.candidates(labels)
    return 1e6 * (time.perf_counter() - began) / ROUNDS


async def test_cost_of_a_match(report: Report, cpus: Cpus) -> None:
    few, many = index(FEW), index(MANY)
    labels = {"alertname": "Alert1", "severity": "critical", "shard": "3", "service": "api"}
    assert [r.name for r in few.candidates(labels)] == ["r8"]
    assert [r.name for r in many.candidates(labels)] == ["r8"]
    costs: dict[str, list[float]] = {"few": [], "many": []}
    for _ in range(max(REPEATS, 5)):
        await calm()
        costs["few"].append(microseconds(few, labels))
        costs["many"].append(microseconds(many, labels))
    report.add(
        "match at 10,000 runbooks", "us", costs["many"], costs["few"], of="at 10", goal="<= 2"
    )
