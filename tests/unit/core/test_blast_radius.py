"""How far it reaches: from the graph and what burns now."""

from __future__ import annotations

import msgspec

from agent.core.blast_radius import Assessment, assess, closure, shared
from agent.model.incident import Radius
from agent.model.product import Entity, EntityKind, Registry
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from tests.support.cases import REGISTRY, START, World

HEALTHY = {"status": {"healthy": ["cache"]}}
SICK = {"status": {"sick": ["cache"]}}


def judged(world: World, **changes: object) -> Assessment:
    return assess(msgspec.structs.replace(world.case, **changes), world.view)


def test_one_product_burns() -> None:
    world = World()
    world.fire(entity="shop-web")
    assert judged(world).radius is Radius.PRODUCT


def test_substrate_is_systemic() -> None:
    world = World()
    world.fire(entity="cache")
    found = judged(world)
    assert (found.radius, found.suspect) == (Radius.SYSTEMIC, "cache")


def test_an_unknown_product_widens() -> None:
    world = World()
    world.fire(entity="ghost")
    found = judged(world)
    assert (found.radius, found.suspect, found.reason) == (
        Radius.SYSTEMIC,
        None,
        Reason.PRODUCT_UNKNOWN,
    )


def test_a_dependency_that_is_known_to_be_sick() -> None:
    world = World()
    world.fire(entity="shop-web")
    found = judged(world, findings=SICK)
    assert (found.radius, found.path) == (Radius.SYSTEMIC, ("shop-web", "cache"))


def test_a_dependency_with_an_incident_of_its_own() -> None:
    world = World()
    world.fire(name="Down", entity="cache")
    world.fire(entity="shop-web")
    assert judged(world).suspect == "cache"


def test_several_products_on_something_nobody_vouches_for() -> None:
    world = World()
    world.fire(entity="pay-api")
    world.fire(entity="shop-web")
    assert judged(world).suspect == "cache"
    assert judged(world, findings=HEALTHY).radius is Radius.PRODUCT, "this one vouches for it"


def test_two_services_of_one_product_are_one_product() -> None:
    world = World()
    world.fire(name="Slow", entity="shop-web")
    world.fire(entity="shop-web")
    assert judged(world).radius is Radius.PRODUCT


def test_what_was_silenced_or_is_over_does_not_burn() -> None:
    world = World()
    matcher = SilenceMatcher(name="entity", value="pay-api")
    world.keep(
        "silence",
        "s1",
        Silence(
            id="s1",
            matchers=(matcher,),
            starts_at=START,
            ends_at=START + 99,
            created_by="bob",
            comment="",
            updated_at=START,
        ),
    )
    world.fire(entity="pay-api")
    world.fire(entity="shop-web")
    assert judged(world).radius is Radius.PRODUCT


def test_a_product_stands_on_what_its_parts_stand_on() -> None:
    world = World()
    case = world.fire(entity="unknown", labels={"product": "shop"})
    assert case.entity is None
    assert list(shared(REGISTRY, case)) == ["cache"]


def test_circles_in_the_graph_end() -> None:
    ring = {
        name: Entity(name=name, kind=EntityKind.SERVICE, product="p", owner="o", depends_on=(to,))
        for name, to in (("a", "b"), ("b", "c"), ("c", "a"))
    }
    assert closure(Registry(entities=ring), "a") == {"b": ("a", "b"), "c": ("a", "b", "c")}


def test_the_shortest_path_is_kept() -> None:
    names = {
        "a": ("b", "d"),
        "b": ("c",),
        "c": ("d",),
    }
    entities = {
        n: Entity(name=n, kind=EntityKind.SERVICE, product="p", owner="o", depends_on=d)
        for n, d in names.items()
    }
    assert closure(Registry(entities=entities), "a")["d"] == ("a", "d")
