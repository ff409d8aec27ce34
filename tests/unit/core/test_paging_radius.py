"""What a page says of how far it reaches: whom it hits, by which path, and what is in doubt."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from agent.core.blast_radius import assess
from agent.core.paging import LONGEST, compose
from agent.model.policy import Policy
from agent.model.product import Edge, EdgeKind, Registry
from tests.support.cases import START, World
from tests.support.fleets import fleet, registry_of, service, substrate

DAY = 86_400.0


def text_of(world: World, team: str = "platform") -> str:
    return str([c for c in world.pages if c.params["to"] == team][-1].params["text"])


def line_of(world: World, word: str, team: str = "platform") -> str:
    [line] = [x for x in text_of(world, team).splitlines() if x.startswith(word)]
    return line


def two_products(*edges: Edge) -> Registry:
    return registry_of(service("api", "shop"), service("till", "pay", "api", edges=edges))


def test_a_service_that_hits_another_product_is_named_with_both() -> None:
    world = World(registry=two_products())
    world.fire(entity="api")
    world.fire(entity="till")
    assert line_of(world, "HIT").startswith("HIT: service api of shop, products pay, shop, ")
    assert "more than one product is hit" in line_of(world, "WHY")
    assert "look at api first" in line_of(world, "NEXT")


def test_the_path_and_what_is_in_doubt_about_it_are_shown() -> None:
    stale = Edge(to="api", kind=EdgeKind.OBSERVED, seen_at=START - 41 * DAY)
    registry = registry_of(
        service("api", "shop"), service("till", "pay", "api", edges=(stale,)), service("x", "lab")
    )
    world = World(registry=registry, policy=Policy(page_hold_seconds=0.0))
    world.fire(entity="till")
    world.fire(entity="api")
    why = line_of(world, "WHY")
    assert why.endswith("; in doubt: that till depends on api was last seen 41 days ago")


def test_a_path_of_any_length_leaves_room_for_the_doubt_and_the_next_step() -> None:
    names = [f"a-service-with-quite-a-long-name-{n}" for n in range(40)]
    unsure = (Edge(to="base", kind=EdgeKind.LEARNED, confidence=0.1),)
    chain = [service(a, "shop", b) for a, b in pairwise(names)]
    last = service(names[-1], "shop", "base", edges=unsure)
    world = World(registry=registry_of(*chain, last, substrate("base")))
    world.fire(entity="base", name="Down")
    held = world.fire(entity=names[0], name="Slow" * 100, annotations={"summary": "x" * 5_000})
    assert held.radius_path == (*names, "base")
    assert held.radius_doubt == (f"that {names[-1]} depends on base is sure to 10% only",)
    text = compose(held, world.view, assess(held, world.view))
    assert "; in doubt: that a-service-with-quite-a-long-name-39 depends on base" in text
    assert "\nNEXT: look at base first" in text
    assert len(text) <= LONGEST


def test_of_many_products_some_are_named() -> None:
    world = World(registry=fleet(30, 1, "cache"))
    for product in range(30):
        world.fire(entity=f"p{product}-s0")
    root = world.fire(name="Down", entity="cache")
    text = compose(root, world.view, assess(root, world.view))
    assert (
        "HIT: substrate cache, products p0, p1, p10, p11, p12, p13, p14, p15 and 22 more," in text
    )


def test_the_root_of_a_storm_says_that_it_is_one_and_of_how_many() -> None:
    world = World(registry=fleet(20, 9))
    first = world.fire(entity="p0-s0")
    for number in range(1, 5):
        world.fire(entity=f"p0-s{number}")
    assert "STORM" not in text_of(world, "team-p0"), "nobody knew then"
    root = msgspec.structs.replace(world.incident(first.id), storm="p0")
    lines = compose(root, world.view, assess(root, world.view)).splitlines()
    assert lines[0] == (
        "STORM: p0, since 15:06:40Z: 5 incidents burn. Further pages are held under this one"
    )
