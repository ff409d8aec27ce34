"""Outcome layer: a number that stands still while all is green below."""

from __future__ import annotations

from agent.core.leadership import watch
from agent.model.alert import Layer, Measure
from agent.model.decision import Decision
from agent.model.event import MeasureReceived
from agent.model.incident import State
from agent.model.reason import Reason
from tests.support.cases import START, World, runbook

FLAT = ("flat", "product:shop")


def test_a_metric_that_moves_is_left_alone() -> None:
    world = World()
    for value in range(5):
        world.measure(value)
        world.wait(500)
    assert world.incidents == []


def test_one_that_stands_still_is_for_the_builder() -> None:
    world = World()
    for _ in range(3):
        world.measure(7.0)
        world.wait(299)
    world.wait(5)
    assert (world.case.layer, world.case.product) == (Layer.OUTCOME, "shop")
    assert "orders stands at 7 for 600 s" in world.case.title
    world.wait(15)
    assert world.paged == ["team-shop"]


def test_it_is_never_healed_by_machine() -> None:
    world = World(runbook(alert="LeadershipMetricFlat"))
    world.measure(7.0)
    world.wait(620)
    assert world.case.reason in (Reason.OUTCOME_LAYER, Reason.PARAMETER_UNKNOWN)
    assert world.case.steps == ()


def test_it_moves_again() -> None:
    world = World()
    world.measure(7.0)
    world.wait(620)
    world.measure(8.0)
    assert world.case.state is State.RESOLVED
    assert world.timer(*FLAT) == 600.0


def test_while_something_burns_below_it_is_a_symptom() -> None:
    world = World()
    world.measure(7.0)
    world.fire()
    world.wait(610)
    assert len(world.incidents) == 1
    assert world.timer(*FLAT) == 590.0
    world.clear()
    world.wait(600)
    assert Reason.METRIC_FLAT in world.reasons


def test_no_reading_at_all_is_no_health() -> None:
    world = World()
    timer = watch("shop", world.view, at=START)
    assert timer is not None
    assert timer.due == START + 600
    assert watch("pay", world.view, at=START) is None
    world.tell(Decision(timers=(timer,)))
    world.wait(600)
    assert "no reading of orders at all" in world.case.title


def test_a_reading_that_came_while_the_timer_was_on_its_way_counts() -> None:
    world = World()
    world.measure(7.0)
    world.now += 600
    world.measure(8.0)
    decision = world.late(*FLAT)
    assert decision.emits == ()
    assert [t.due for t in decision.timers] == [world.now + 600]


def test_other_metrics_and_products_are_not_kept() -> None:
    world = World()
    for product, metric in (("shop", "clicks"), ("pay", "orders"), ("ghost", "orders")):
        read = Measure(product=product, metric=metric, value=1.0)
        world.tell(MeasureReceived(at=START, measure=read))
    assert world.state.single["measure"] == {}
