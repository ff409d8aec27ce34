"""A shorter variant of `make signals-proof`, for every test run, and some of its series once more
through the decision lane."""

from __future__ import annotations

import math
import random

import msgspec
import pytest

from agent.model.alert import Layer
from agent.model.product import LeadershipMetric
from agent.model.signals import Aspect, Counters
from tests.proof.signals import members, metrics
from tests.proof.signals.members import Shape
from tests.proof.signals.metrics import Fault, Sort
from tests.proof.signals.noise import DAY, START
from tests.proof.signals.run import Score, missed, score_of, table
from tests.support.cases import REGISTRY, World
from tests.support.members import Machinery, changed

SEED = 4


@pytest.fixture(scope="module")
def played() -> Score:
    return score_of(SEED, planted=3, months=3, days=40)


def test_planted_stalls_and_drifts_are_found_within_a_cadence(played: Score) -> None:
    told = "\n".join(table([played], details=True))
    assert missed(played) == [], told
    assert len(played.stalls) == len(played.drifts) == 3, told


def test_what_was_missed_is_named(played: Score) -> None:
    lost = Score(seed=9, stalls=list(played.stalls), months=3)
    for each in lost.stalls[:1]:
        each.found = None
    assert lost.stalls[0].what in missed(lost)[0]
    assert "2 of 3" in missed(lost)[0]


def orders(metric: LeadershipMetric) -> World:
    """A world whose shop reports such a metric."""
    shop = msgspec.structs.replace(
        REGISTRY.products["shop"],
        leadership_metric=msgspec.structs.replace(metric, name="orders"),
    )
    world = World(registry=msgspec.structs.replace(REGISTRY, products={"shop": shop}))
    world.now = START
    return world


def test_through_the_lane_a_leak_becomes_an_incident_for_the_builder() -> None:
    rng = random.Random("lane/metric")
    life = metrics.draw(rng, Sort.ORDERS, days=26)
    stall = metrics.Stall(
        fault=Fault.LEAK, begins=START + 22.6 * DAY, ends=START + 26 * DAY, left=0.15
    )
    motion = life.metric.motion
    assert motion is not None
    world = orders(life.metric)
    latest = stall.begins + motion.cadence_seconds
    for at, value in metrics.readings(rng, life, stall):
        if at > latest:
            break
        if at < world.now or not math.isfinite(value):
            continue
        world.wait(at - world.now)
        world.measure(value)
        if at < stall.begins:
            assert world.incidents == []
    assert [i.layer for i in world.incidents] == [Layer.OUTCOME]
    assert "is usual at that time" in str(world.incidents[0].alerts)


def test_through_the_lane_a_slow_member_becomes_an_incident() -> None:
    rng = random.Random("lane/member")
    life = members.draw(rng, days=8, memory=0.5)
    seen = members.seen_before(rng, life)
    begins = START + 6.4 * DAY
    drift = members.Drift(
        aspect=Aspect.LATENCY,
        shape=Shape.STEP,
        begins=begins,
        ends=begins + 2 * DAY,
        factor=1 + 3 * seen[Aspect.LATENCY][1] / seen[Aspect.LATENCY][0],
        spreads=3.0,
    )
    declared = members.baselines(rng, life, seen)
    world = Machinery(changed(baselines=declared, work=None, probes=()))
    world.now = START
    totals = Counters(tasks=0.0, errors=0.0, seconds=0.0, tokens=0.0)
    for window in members.windows(rng, life, drift):
        if window.at > begins + DAY:
            break
        world.wait(window.at - world.now)
        totals = added(totals, window)
        world.counts(**msgspec.structs.asdict(totals))
        if window.at < begins:
            assert world.firing("AgentDrifting") == []
    (found,) = world.firing("AgentDrifting")
    assert [a.labels["aspect"] for a in found.alerts.values()] == ["latency"]


def added(totals: Counters, window: members.Window) -> Counters:
    """Running totals after a window."""
    share, each = window.values.get(Aspect.ERRORS, 0.0), window.values.get(Aspect.LATENCY, 0.0)
    return Counters(
        tasks=(totals.tasks or 0.0) + window.tasks,
        errors=(totals.errors or 0.0) + round(share * window.tasks),
        seconds=(totals.seconds or 0.0) + each * window.tasks,
        tokens=(totals.tokens or 0.0) + window.values.get(Aspect.TOKENS, 0.0) * window.tasks,
    )
