"""A leadership metric with a cadence: held against how it usually moves, reading by reading."""

from __future__ import annotations

import math

import msgspec

from agent.model.alert import Measure
from agent.model.event import MeasureReceived
from agent.model.incident import State
from agent.model.product import LeadershipMetric, Registry
from agent.model.reason import Reason
from agent.model.signals import Direction, Motion
from tests.support.cases import REGISTRY, START, World

HOUR, DAY = 3600.0, 86_400.0
STEP = 900.0
CADENCE = 6 * HOUR


def declaring(*, flat_for: float | None = None, is_count: bool = True, query: str = "") -> Registry:
    motion = Motion(
        cadence_seconds=CADENCE,
        season_seconds=DAY,
        is_count=is_count,
        direction=Direction.UP if is_count else Direction.ANY,
    )
    metric = LeadershipMetric(name="orders", motion=motion, flat_for_seconds=flat_for, query=query)
    shop = msgspec.structs.replace(REGISTRY.products["shop"], leadership_metric=metric)
    return msgspec.structs.replace(REGISTRY, products={**REGISTRY.products, "shop": shop})


class Selling:
    """A shop whose orders come and go with the day, read every quarter of an hour."""

    def __init__(self, *, flat_for: float | None = None) -> None:
        self.world = World(registry=declaring(flat_for=flat_for))
        self.orders = 0.0

    def sell(self, seconds: float, *, share: float = 1.0) -> None:
        """Orders as they usually come, times `share`, for so long."""
        for _ in range(int(seconds // STEP)):
            day = (self.world.now - START) / DAY
            noise = 1.0 + 0.1 * math.sin(day * 97.0) * math.cos(day * 31.0)
            usual = 60.0 + 30.0 * math.sin(2 * math.pi * day)
            self.orders += round(usual * noise * share)
            self.world.measure(self.orders)
            self.world.wait(STEP)

    @property
    def flat_at(self) -> float | None:
        opened = [i.opened_at for i in self.world.incidents if i.product == "shop"]
        return max(opened, default=None)


def test_as_usual_is_no_stall_and_a_stall_is_found_within_one_cadence() -> None:
    selling = Selling()
    selling.sell(10 * DAY)
    assert selling.world.incidents == []
    began = selling.world.now
    selling.sell(CADENCE, share=0.0)
    assert selling.flat_at is not None
    assert began < selling.flat_at <= began + CADENCE
    assert Reason.METRIC_STALLED in selling.world.reasons
    assert "all is green below" in selling.world.case.title


def test_it_ends_when_it_moves_as_usual_again() -> None:
    selling = Selling()
    selling.sell(10 * DAY)
    selling.sell(CADENCE, share=0.0)
    selling.sell(CADENCE)
    assert selling.world.case.state is State.RESOLVED
    assert Reason.METRIC_MOVING in selling.world.reasons


def test_what_burns_below_explains_it_and_so_does_what_has_just_burned() -> None:
    selling = Selling()
    selling.sell(10 * DAY)
    selling.world.fire(entity="shop-web")
    selling.sell(CADENCE, share=0.0)
    selling.world.clear()
    selling.sell(CADENCE)
    assert [i.entity for i in selling.world.incidents] == ["shop-web"]


def test_a_counter_that_begins_anew_and_gaps_are_no_stalls() -> None:
    selling = Selling()
    selling.sell(10 * DAY)
    selling.orders = 0.0
    selling.sell(HOUR)
    for _ in range(4):
        gap = Measure(product="shop", metric="orders", value=math.nan)
        selling.world.tell(MeasureReceived(at=selling.world.now, measure=gap))
        selling.world.wait(STEP)
    selling.sell(DAY)
    assert selling.world.incidents == []


def test_only_a_bin_that_is_closed_is_written_into_the_series() -> None:
    selling = Selling()
    selling.sell(DAY)
    records = [r.kind for d in selling.world.batch.decisions for r in d.records]
    assert records.count("measure") == DAY / STEP
    bin_seconds = selling.world.view.motions["shop"].bin_seconds
    assert 0 < records.count("motion") <= DAY / bin_seconds
    assert bin_seconds > 0


def test_both_rules_together_a_short_stand_still_is_one_already() -> None:
    selling = Selling(flat_for=HOUR)
    selling.sell(2 * DAY)
    selling.sell(2 * HOUR, share=0.0)
    assert Reason.METRIC_FLAT in selling.world.reasons
    assert "stands at" in selling.world.case.title


def test_where_a_level_stood_is_not_held_against_what_a_count_does() -> None:
    """It was declared as a level by mistake, and its increments are far below where it stood."""
    selling = Selling()
    selling.world.view.registry = declaring(is_count=False)
    selling.orders = 1e6
    selling.sell(10 * DAY)
    assert selling.world.incidents == []
    selling.world.view.registry = declaring()
    selling.sell(10 * DAY)
    assert selling.world.incidents == []
    selling.sell(CADENCE, share=0.0)
    assert selling.flat_at is not None, "it is learned anew"


def test_what_another_query_finds_is_not_held_against_what_it_found() -> None:
    selling = Selling()
    selling.world.view.registry = declaring(query="sum(orders_total)")
    selling.sell(10 * DAY)
    known = selling.world.view.motions["shop"]
    selling.world.view.registry = declaring(query="sum(\n  orders_total)")
    selling.sell(STEP)
    assert len(selling.world.view.motions["shop"].values) >= len(known.values), "it says the same"
    selling.world.view.registry = declaring(query="sum(orders_total) / 100")
    selling.sell(3 * CADENCE, share=0.01)
    assert selling.world.incidents == []
