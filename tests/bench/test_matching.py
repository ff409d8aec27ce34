"""Finding the runbook of an alert must hardly cost more where there are many."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from agent.core.matching import MatchIndex
from agent.model.alert import Layer
from agent.model.runbook import Lifecycle, Match, Runbook
from tests.bench.machine import REPEATS, Cpus, Report, calm

pytestmark = pytest.mark.bench

FEW, MANY = 10, 10_000
ROUNDS = 20_000
LABELS = {"severity": "critical", "shard": "3", "team": "team-7", "zone": "7", "service": "api"}

Shape = Callable[[int], Match]


def by_name(number: int) -> Match:
    """Five runbooks to an alert name, told apart by a label."""
    labels = {"severity": ("critical",), "shard": (str(number % 5),)}
    return Match(alert=(f"Alert{number // 5}",), labels=labels)


def by_label(number: int) -> Match:
    """All for one alert name, told apart by one label."""
    labels = {"severity": ("critical",), "team": (f"team-{number}",)}
    return Match(alert=("Alert1",), labels=labels)


def by_two_labels(number: int) -> Match:
    """All for one alert name, told apart by two labels of which neither is rare."""
    labels = {"zone": (str(number % 100),), "shard": (str(number // 100 + 3),)}
    return Match(alert=("Alert1",), labels=labels)


def with_families(number: int) -> Match:
    """One in fifty is for a family of names."""
    name = f"*Family{number}*" if number % 50 == 0 else f"Alert{number}"
    return Match(alert=(name,), labels={"severity": ("critical",)})


SHAPES: dict[str, tuple[Shape, str]] = {
    "five to a name": (by_name, "r8"),
    "all for one name": (by_label, "r7"),
    "all for one name, two labels": (by_two_labels, "r7"),
    "2 % are families": (with_families, "r1"),
}


def index(count: int, shape: Shape) -> MatchIndex:
    return MatchIndex([runbook(n, shape(n)) for n in range(count)])


def runbook(number: int, match: Match) -> Runbook:
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
    )


def microseconds(tried: MatchIndex, labels: dict[str, str]) -> float:
    began = time.perf_counter()
    for _ in range(ROUNDS):
        tried.candidates(labels)
    return 1e6 * (time.perf_counter() - began) / ROUNDS


@pytest.mark.parametrize("name", SHAPES)
async def test_cost_of_a_match(name: str, report: Report, cpus: Cpus) -> None:
    shape, expected = SHAPES[name]
    few, many = index(FEW, shape), index(MANY, shape)
    labels = {"alertname": "Alert1", **LABELS}
    assert [r.name for r in few.candidates(labels)] == [expected]
    assert [r.name for r in many.candidates(labels)] == [expected]
    costs: dict[str, list[float]] = {"few": [], "many": []}
    for _ in range(max(REPEATS, 5)):
        await calm()
        costs["few"].append(microseconds(few, labels))
        costs["many"].append(microseconds(many, labels))
    report.add(
        f"match at 10,000 runbooks, {name}",
        "us",
        costs["many"],
        costs["few"],
        of="at 10",
        goal="<= 2",
    )


async def test_cost_of_names_that_were_never_seen(report: Report, cpus: Cpus) -> None:
    """Whoever makes up names pays each time for the 200 families, and no more than that."""
    many = index(MANY, with_families)
    seen = {"alertname": "Alert1", **LABELS}
    costs: dict[str, list[float]] = {"new": [], "seen": []}
    for repeat in range(max(REPEATS, 5)):
        await calm()
        costs["seen"].append(microseconds(many, seen))
        fresh = [{**seen, "alertname": f"Made{repeat}Up{n}"} for n in range(2_000)]
        began = time.perf_counter()
        for labels in fresh:
            many.candidates(labels)
        costs["new"].append(1e6 * (time.perf_counter() - began) / len(fresh))
    report.add("match of a name never seen", "us", costs["new"], costs["seen"], of="seen before")
