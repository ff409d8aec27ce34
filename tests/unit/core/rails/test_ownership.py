"""Whose runbook may heal what."""

from __future__ import annotations

import msgspec
import pytest

from agent.core import guard as guards
from agent.core.guard import ask
from agent.core.ownership import speaks_for
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Product, Registry
from agent.model.reason import Reason
from tests.support.cases import REGISTRY, runbook
from tests.support.guarding import incident, question

PAY = incident(product="pay", entity="pay-api")


@pytest.mark.rail("runbook_of_its_team")
def test_a_builder_does_not_heal_the_product_of_another_one() -> None:
    """F-SEC-23: at run, whatever the runbook matches."""
    asked = question(incident=PAY, target="pay-api", runbook=runbook(owner="team-shop"))
    stop = ask(asked)
    assert stop is not None
    assert stop.reason is Reason.RUNBOOK_OF_ANOTHER_TEAM
    assert stop.text == "hung is team-shop's, and pay is not"


@pytest.mark.parametrize("owner", ["team-pay", "platform", "team-of-consultants"])
def test_its_builder_the_platform_and_who_builds_nothing_heal_it(owner: str) -> None:
    asked = question(incident=PAY, target="pay-api", runbook=runbook(owner=owner))
    assert ask(asked) is None


def test_the_rail_is_asked_again_at_the_act() -> None:
    assert "runbook_of_its_team" in {one.id for one in guards.RAILS}


def test_a_team_speaks_for_its_own_part_inside_of_another_product() -> None:
    cache = Entity(name="pay-db", kind=EntityKind.SERVICE, product="pay", owner="team-db")
    web = REGISTRY.entities["pay-api"]
    db = Product(name="db", builder="team-db", tier="low")
    registry = Registry(
        products={**REGISTRY.products, "db": db},
        entities={**REGISTRY.entities, "pay-db": cache},
    )
    platform = Policy().platform
    for entity, may in ((cache, True), (web, False), (None, True)):
        said = speaks_for("team-db", "pay", registry=registry, platform=platform, entity=entity)
        assert said is may
    owned = msgspec.structs.replace(REGISTRY.products["pay"], owner="team-db")
    registry = Registry(products={**REGISTRY.products, "db": db, "pay": owned})
    assert speaks_for("team-db", "pay", registry=registry, platform=platform, entity=web)
    assert speaks_for("team-shop", "nobody-knows", registry=REGISTRY, platform=platform)
