"""Outcome layer: a number that stands still while all is green below."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest

from agent.core.leadership import settled, watch
from agent.model.alert import Layer, Measure
from agent.model.decision import Decision
from agent.model.event import MeasureReceived
from agent.model.incident import State
from agent.model.product import LeadershipMetric, Registry
from agent.model.reason import Reason
from agent.model.records import MeasureSigns
from agent.model.signals import BlindSpot, BlindSpotKind
from tests.support.cases import REGISTRY, START, World, plan, runbook, step

UNREAD = ("unread", "product:shop")
ORDERS = "shop/orders"


def read(world: World, value: float, seconds: float, *, every: float = 60.0) -> None:
    """The same reading over and over, for so long."""
    for _ in range(int(seconds // every)):
        world.measure(value)
        world.wait(every)


def stalled(world: World) -> None:
    read(world, 7.0, 660)
    assert world.case.layer is Layer.OUTCOME


def spot(world: World, kind: BlindSpotKind, subject: str) -> BlindSpot | None:
    found = world.view.blind_spots.get(f"{kind.value}/{subject}")
    return found if found is not None and found.gone_at is None else None


def unread(world: World) -> BlindSpot | None:
    return spot(world, BlindSpotKind.METRIC_VANISHED, ORDERS)


def faulty(world: World, subject: str = ORDERS) -> BlindSpot | None:
    return spot(world, BlindSpotKind.SIGNAL_FAULTY, subject)


def tell(
    world: World,
    value: float,
    *,
    metric: str = "orders",
    product: str = "shop",
    sent_at: float | None = None,
    fault: str = "",
) -> Decision:
    said = Measure(product=product, metric=metric, value=value, sent_at=sent_at, fault=fault)
    return world.tell(MeasureReceived(at=world.now, measure=said))


def renamed(name: str | None) -> Registry:
    metric = LeadershipMetric(name=name, flat_for_seconds=600.0) if name else None
    shop = msgspec.structs.replace(REGISTRY.products["shop"], leadership_metric=metric)
    return msgspec.structs.replace(REGISTRY, products={**REGISTRY.products, "shop": shop})


def test_a_metric_that_moves_is_left_alone() -> None:
    world = World()
    for value in range(5):
        world.measure(value)
        world.wait(500)
    assert world.incidents == []


def test_one_that_stands_still_is_for_the_builder() -> None:
    world = World()
    stalled(world)
    assert (world.case.product, world.case.opened_at) == ("shop", START + 600)
    assert "orders stands at 7 for 600 s; all is green below" in world.case.title
    world.wait(15)
    assert world.paged == ["team-shop"]


@pytest.mark.parametrize("layer", list(Layer))
def test_it_is_never_healed_by_machine_whatever_runbook_matches(layer: Layer) -> None:
    restart = plan("restart", step(target="shop-worker"))
    world = World(runbook("hung", restart, alert="LeadershipMetricFlat", layer=layer))
    stalled(world)
    world.wait(120)
    assert world.case.reason is Reason.OUTCOME_LAYER
    assert world.case.steps == ()
    assert world.paged == ["team-shop"]


def test_it_moves_again() -> None:
    world = World()
    stalled(world)
    world.measure(8.0)
    assert world.case.state is State.RESOLVED
    assert Reason.METRIC_MOVING in world.reasons


def test_one_sample_alone_says_nothing() -> None:
    world = World()
    world.measure(7.0)
    world.wait(3600)
    assert world.incidents == []
    assert unread(world) is not None


def test_a_counter_that_begins_anew_is_no_stall() -> None:
    world = World()
    read(world, 900.0, 540)
    world.measure(0.0)
    world.wait(300)
    world.measure(0.0)
    assert world.incidents == []


def test_while_something_burns_below_it_is_a_symptom() -> None:
    world = World()
    world.measure(7.0)
    world.fire()
    read(world, 7.0, 1200)
    assert len(world.incidents) == 1


def test_after_what_burned_is_over_it_gets_its_whole_time_again() -> None:
    world = World()
    world.measure(7.0)
    world.fire()
    read(world, 7.0, 660)
    world.clear()
    cleared = world.now
    read(world, 7.0, 540)
    assert Reason.METRIC_FLAT not in world.reasons
    read(world, 7.0, 180)
    assert Reason.METRIC_FLAT in world.reasons
    assert world.case.opened_at >= cleared + 540


def test_what_it_stands_on_burns_and_so_it_is_a_symptom() -> None:
    world = World()
    world.measure(7.0)
    world.fire(entity="cache")
    read(world, 7.0, 1200)
    assert Reason.METRIC_FLAT not in world.reasons


def test_what_burns_beside_it_is_no_excuse() -> None:
    world = World()
    world.measure(7.0)
    world.fire(entity="pay-api")
    read(world, 7.0, 660)
    assert Reason.METRIC_FLAT in world.reasons


def test_another_products_stall_is_no_excuse() -> None:
    metric = LeadershipMetric(name="orders", flat_for_seconds=600.0)
    pay = msgspec.structs.replace(REGISTRY.products["pay"], leadership_metric=metric)
    shop = msgspec.structs.replace(REGISTRY.products["shop"], depends_on=("pay",))
    world = World(registry=msgspec.structs.replace(REGISTRY, products={"pay": pay, "shop": shop}))
    for _ in range(12):
        world.measure(1.0, "pay")
        world.measure(7.0)
        world.wait(60)
    assert {i.product for i in world.incidents} == {"shop", "pay"}


# absence


def test_what_was_never_read_is_a_blind_spot_and_no_incident() -> None:
    world = World()
    timer = watch("shop", world.view, at=START)
    assert timer is not None
    assert timer.due == START + 600
    assert watch("pay", world.view, at=START) is None
    world.tell(Decision(timers=(timer,)))
    world.wait(600)
    found = unread(world)
    assert found is not None
    assert (found.owner, found.product) == ("team-shop", "shop")
    assert "no reading of orders ever came" in found.text
    assert Reason.METRIC_UNREAD in world.reasons
    assert world.incidents == []


def test_a_metric_that_is_not_reported_any_more_is_a_blind_spot_until_it_is() -> None:
    world = World()
    read(world, 7.0, 300)
    world.wait(660)
    found = unread(world)
    assert found is not None
    assert found.since <= START + 240 + 600
    assert "whatever reports orders" in found.remedy
    assert world.incidents == []
    world.measure(7.0)
    assert unread(world) is None


def test_absence_ends_no_alert_that_fires() -> None:
    world = World()
    stalled(world)
    world.wait(7200)
    assert unread(world) is not None
    assert world.case.is_open
    assert world.case.is_firing


def test_how_soon_it_is_missed_goes_by_how_often_it_comes() -> None:
    often, seldom = World(), World()
    for world, every in ((often, 10.0), (seldom, 200.0)):
        for value in range(5):
            world.measure(value)
            world.wait(every)
    assert often.timer(*UNREAD) == 300.0 - 10.0
    assert seldom.timer(*UNREAD) == 600.0 - 200.0


def test_a_reading_that_came_while_the_timer_was_on_its_way_counts() -> None:
    world = World()
    world.measure(7.0)
    world.now += 600
    world.measure(8.0)
    decision = world.late(*UNREAD)
    assert decision.records == ()
    assert [t.due for t in decision.timers] == [world.now + 600]


# what cannot be used


@pytest.mark.parametrize(
    ("value", "fault"),
    [(math.nan, ""), (math.inf, ""), (-math.inf, ""), (1e200, ""), (math.nan, "3 series")],
)
def test_what_is_no_number_is_a_gap_and_a_blind_spot(value: float, fault: str) -> None:
    world = World()
    world.measure(7.0)
    before = world.view.measures["shop"]
    world.wait(60)
    tell(world, value, fault=fault)
    found = faulty(world)
    assert found is not None
    assert found.owner == "team-shop"
    assert fault in found.text
    assert world.view.measures["shop"] is before
    world.measure(8.0)
    assert faulty(world) is None
    assert world.incidents == []


def test_only_gaps_are_told_as_what_they_are_and_not_as_absence() -> None:
    world = World()
    world.measure(7.0)
    for _ in range(30):
        world.wait(60)
        tell(world, math.nan)
    assert faulty(world) is not None
    assert unread(world) is None
    assert world.incidents == []


@pytest.mark.parametrize(("off", "word"), [(3600.0, "ahead"), (-3600.0, "behind")])
def test_a_senders_clock_is_a_blind_spot_and_its_number_counts(off: float, word: str) -> None:
    world = World()
    tell(world, 7.0, sent_at=world.now + off)
    found = faulty(world, f"{ORDERS} (clock)")
    assert found is not None
    assert word in found.text
    assert world.view.measures["shop"].last_at == world.now
    tell(world, 8.0, sent_at=world.now + 299)
    assert faulty(world, f"{ORDERS} (clock)") is None


def test_other_metrics_and_products_are_not_kept_and_named_once() -> None:
    world = World()
    for product, metric in (("shop", "clicks"), ("pay", "orders"), ("ghost", "orders")):
        for number in range(50):
            tell(world, 1.0, product=product, metric=f"{metric}_{number}")
    assert world.state.single["measure"] == {}
    texts = {s.subject: s.text for s in world.view.blind_spots.values()}
    assert set(texts) == {
        "shop (other metrics)",
        "pay (other metrics)",
        "a product nobody registered",
    }
    assert (
        "'clicks_0' is reported as its outcome, and it declares 'orders'"
        in texts["shop (other metrics)"]
    )
    assert world.incidents == []


# the registry changes


def test_a_metric_of_another_name_begins_anew_and_ends_what_the_old_one_said() -> None:
    world = World()
    stalled(world)
    world.view.registry = renamed("sales")
    tell(world, 7.0, metric="sales")
    assert world.case.state is State.RESOLVED
    signs = world.view.measures["shop"]
    assert isinstance(signs, MeasureSigns)
    assert (signs.metric, signs.moved_at, signs.firing_since) == ("sales", world.now, None)


def test_a_metric_that_is_not_declared_any_more_is_forgotten() -> None:
    world = World()
    stalled(world)
    world.view.registry = renamed(None)
    world.wait(1200)
    assert world.case.state is State.RESOLVED
    assert "shop" not in world.view.measures
    assert unread(world) is None


def read_anew(world: World, **product: Any) -> None:
    """The registry is read anew; `shop` declares this instead."""
    shop = msgspec.structs.replace(REGISTRY.products["shop"], **product)
    world.view.registry = Registry(
        products={**REGISTRY.products, "shop": shop}, entities=REGISTRY.entities
    )
    decision = settled(world.view, at=world.now)
    world.tell(decision)
    for event in decision.emits:
        world.tell(event)


def test_a_metric_that_was_never_read_and_is_declared_no_more_is_missed_no_more() -> None:
    world = World()
    timer = watch("shop", world.view, at=world.now)
    assert timer is not None
    world.tell(Decision(timers=(timer,)))
    world.wait(86_400)
    assert unread(world) is not None
    read_anew(world, leadership_metric=None)
    assert unread(world) is None
    assert settled(world.view, at=world.now) == Decision(), "and that is said once"


def test_a_stall_of_what_is_declared_no_more_ends_at_once() -> None:
    world = World()
    stalled(world)
    tell(world, math.nan)
    assert faulty(world) is not None
    read_anew(world, leadership_metric=LeadershipMetric(name="carts", flat_for_seconds=600.0))
    assert world.case.state is State.RESOLVED
    assert (faulty(world), world.state.single["measure"]) == (None, {})


def test_what_is_declared_still_is_not_ended_by_another_reading_of_the_registry() -> None:
    world = World()
    stalled(world)
    tell(world, math.nan)
    assert settled(world.view, at=world.now) == Decision()


@pytest.mark.parametrize("value", [1e-300, -1e-200])
def test_a_reading_too_small_to_count_by_is_a_blind_spot(value: float) -> None:
    world = World()
    tell(world, value)
    found = faulty(world)
    assert found is not None
    assert "too small" in found.text
    tell(world, 0.0)
    assert faulty(world) is None
