"""How much is under way at a time. Each test names the one limit it is about; the others stand
out of the way."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.guard import Question, Stop, ask
from agent.model.incident import State
from agent.model.policy import Policy, Rails
from agent.model.product import Entity, EntityKind, Registry
from agent.model.reason import Reason
from tests.support.cases import REGISTRY, START, World, alert, plan, runbook, step
from tests.support.guarding import act, incident, question
from tests.support.policies import OUT_OF_THE_WAY


def only(**limits: Any) -> Rails:
    return msgspec.structs.replace(OUT_OF_THE_WAY, wait_seconds=300.0, **limits)


def stopped(asked: Question) -> Stop:
    stop = ask(asked)
    assert stop is not None
    return stop


def in_zones(**zones: str | None) -> Registry:
    """The services of the shop in these failure domains; None: it is not known."""
    made = {
        name.replace("_", "-"): msgspec.structs.replace(
            REGISTRY.entities[name.replace("_", "-")], failure_domain=zone
        )
        for name, zone in zones.items()
    }
    return msgspec.structs.replace(REGISTRY, entities={**REGISTRY.entities, **made})


busy = act(key="b", target="shop-web", entity="shop-web", status=None)


class TestFailureDomain:
    @pytest.mark.rail("domain_free")
    def test_acts_of_one_kind_in_one_domain_follow_each_other(self) -> None:
        """F-GRD-05"""
        zones = in_zones(shop_worker="zone-a", shop_web="zone-a")
        there = msgspec.structs.replace(busy, domain="zone-a")
        stop = stopped(question(there, rails=only(per_domain=1), registry=zones))
        assert stop.reason is Reason.DOMAIN_BUSY
        assert stop.after_seconds is not None
        assert "zone-a" in stop.text

    @pytest.mark.rail("domain_free")
    def test_a_domain_reaches_across_products(self) -> None:
        zones = in_zones(shop_worker="zone-a")
        there = msgspec.structs.replace(busy, target="pay-api", product="pay", domain="zone-a")
        stop = stopped(question(there, rails=only(per_domain=1), registry=zones))
        assert stop.reason is Reason.DOMAIN_BUSY

    @pytest.mark.rail("domain_free")
    @pytest.mark.parametrize(("mine", "theirs"), [(None, ""), ("zone-a", ""), (None, "zone-a")])
    def test_where_one_is_not_known_the_product_is_the_domain(
        self, mine: str | None, theirs: str
    ) -> None:
        there = msgspec.structs.replace(busy, domain=theirs)
        limits = only(per_domain=1)
        stop = stopped(question(there, rails=limits, registry=in_zones(shop_worker=mine)))
        assert stop.reason is Reason.DOMAIN_BUSY

    def test_another_domain_and_another_action_are_free(self) -> None:
        zones, limits = in_zones(shop_worker="zone-a"), only(per_domain=1)
        elsewhere = msgspec.structs.replace(busy, domain="zone-b")
        assert ask(question(elsewhere, rails=limits, registry=zones)) is None
        other = msgspec.structs.replace(busy, domain="zone-a", use="process.flush")
        assert ask(question(other, rails=limits, registry=zones)) is None


class TestProductAndFleet:
    @pytest.mark.rail("product_concurrency")
    def test_few_acts_are_under_way_in_a_product(self) -> None:
        stop = stopped(question(busy, rails=only(per_product=1)))
        assert (stop.reason, stop.text) == (
            Reason.PRODUCT_CONCURRENCY,
            "shop-web; at most 1 at a time",
        )
        assert ask(question(busy, rails=only(per_product=2))) is None
        elsewhere = msgspec.structs.replace(busy, target="pay-api", product="pay")
        assert ask(question(elsewhere, rails=only(per_product=1))) is None

    @pytest.mark.rail("fleet_concurrency")
    def test_few_acts_are_under_way_in_all(self) -> None:
        elsewhere = msgspec.structs.replace(busy, target="pay-api", product="pay")
        stop = stopped(question(elsewhere, rails=only(per_fleet=1)))
        assert stop.reason is Reason.FLEET_CONCURRENCY
        assert ask(question(elsewhere, rails=only(per_fleet=2))) is None

    def test_people_and_ways_back_are_not_counted_out(self) -> None:
        limits = only(per_domain=1, per_product=1, per_fleet=1)
        assert ask(question(busy, rails=limits, by="bob", runbook=None)) is None
        assert ask(question(busy, rails=limits, is_rollback=True, runbook=None)) is None

    def test_the_steps_of_one_incident_follow_each_other(self) -> None:
        own = msgspec.structs.replace(busy, incident_id="i-1")
        limits = only(per_domain=1, per_product=1, per_fleet=1)
        assert ask(question(own, rails=limits)) is None


class TestPlansInHand:
    def asked(self, limits: Rails) -> Question:
        asked = question(rails=limits)
        asked.view.in_hand = {"i-7": "shop", "i-8": "pay"}
        return asked

    @pytest.mark.rail("wip_product")
    def test_what_was_done_in_a_product_is_proven_before_more_is_begun(self) -> None:
        stop = stopped(self.asked(only(wip_per_product=1)))
        assert (stop.reason, stop.text) == (Reason.WIP_PRODUCT, "i-7; at most 1")
        assert ask(self.asked(only(wip_per_product=2))) is None

    @pytest.mark.rail("wip_fleet")
    def test_few_plans_are_in_hand_in_all(self) -> None:
        stop = stopped(self.asked(only(wip_per_fleet=2)))
        assert stop.reason is Reason.WIP_FLEET
        assert ask(self.asked(only(wip_per_fleet=3))) is None

    def test_a_plan_in_hand_does_not_stand_in_its_own_way(self) -> None:
        asked = self.asked(only(wip_per_product=1, wip_per_fleet=1))
        mine = msgspec.structs.replace(asked, incident=incident(id="i-7"))
        assert ask(mine) is None

    def test_a_plan_is_in_hand_until_it_is_proven(self) -> None:
        world = World(runbook())
        case = world.fire()
        assert world.view.in_hand == {case.id: "shop"}
        world.act()
        assert world.case.state is State.VERIFYING
        assert world.view.in_hand == {case.id: "shop"}
        world.clear()
        assert not world.view.in_hand
        assert not world.view.acting


WORKERS = 50


def fifty() -> Registry:
    made = {
        f"w-{n}": Entity(
            name=f"w-{n}",
            kind=EntityKind.SERVICE,
            product="shop",
            owner="team-shop",
            failure_domain=f"zone-{n}",
        )
        for n in range(WORKERS)
    }
    return msgspec.structs.replace(REGISTRY, entities=made)


@pytest.mark.rail("fleet_concurrency")
def test_of_fifty_that_ask_for_the_last_place_exactly_one_gets_it() -> None:
    """F-GRD-09. Within one batch each decision sees what the one before it intends."""
    aside = {"product_sick_least": 1000, "fleet_new_per_minute": 1000}
    policy = Policy(rails=only(per_fleet=1, **aside))
    world = World(runbook("hung", plan("restart", step())), policy=policy, registry=fifty())
    for n in range(WORKERS):
        world.fire(alert(entity=f"w-{n}", starts_at=START - 600))
    assert len(world.view.acting) == 1
    assert len([c for c in world.commands if c.kind == "act"]) == 1
    waiting = [i for i in world.incidents if i.waits_for == (Reason.FLEET_CONCURRENCY,)]
    assert len(waiting) == WORKERS - 1
