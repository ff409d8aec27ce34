"""The path of a radius: what is known of each dependency, and what would make it wider."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.view import View
from agent.interface.http.incident_json import incident_json
from agent.interface.radius_path import hops_of, nodes_of, would_widen
from agent.model.incident import Radius
from agent.model.product import Edge, EdgeKind, Entity, EntityKind, Registry
from tests.support.cases import REGISTRY, START, World
from tests.support.decisions import make_incident

DAY = 86_400.0


def view_with(**edge: Any) -> View:
    """shop-web depends on cache by one edge of which this is known."""
    web = REGISTRY.entities["shop-web"]
    web = msgspec.structs.replace(web, edges=(Edge(to="cache", **edge),))
    registry = Registry(products=REGISTRY.products, entities={**REGISTRY.entities, web.name: web})
    return World(registry=registry).view


PATH = ("shop-web", "cache")
CASE = make_incident(
    entity="shop-web",
    product="shop",
    radius=Radius.SYSTEMIC,
    suspect="cache",
    radius_path=PATH,
    opened_at=START,
    updated_at=START,
)


def test_what_is_only_written_down_is_sure() -> None:
    (hop,) = hops_of(CASE, World().view, START)
    assert (hop.kind, hop.confidence, hop.seen_at, hop.doubt) == ("declared", 1.0, None, "")


def test_a_stale_edge_says_since_when() -> None:
    view = view_with(kind=EdgeKind.OBSERVED, confidence=0.9, seen_at=START - 41 * DAY)
    (hop,) = hops_of(CASE, view, START)
    assert (hop.kind, hop.confidence) == ("observed", 0.9)
    assert hop.doubt == "that shop-web depends on cache was last seen 41 days ago"


def test_an_edge_of_little_confidence_is_in_doubt() -> None:
    (hop,) = hops_of(CASE, view_with(kind=EdgeKind.LEARNED, confidence=0.4), START)
    assert "sure to 40% only" in hop.doubt


def test_a_product_leads_to_its_parts_and_what_is_gone_says_so() -> None:
    case = msgspec.structs.replace(CASE, radius_path=("shop", "shop-web", "gone"))
    part, gone = hops_of(case, World().view, START)
    assert (part.kind, part.doubt) == ("part", "")
    assert (gone.kind, gone.doubt) == ("gone", "it stands in no catalog any more")


def test_nodes_are_what_they_are_and_the_sick_ones_are_known() -> None:
    world = World()
    world.fire(name="CacheDown", entity="cache")
    first, last = nodes_of(CASE, world.view)
    assert (first.name, first.kind, first.product, first.is_suspect) == (
        "shop-web", "service", "shop", False,
    )  # fmt: skip
    assert (last.name, last.kind, last.product, last.is_sick, last.is_suspect) == (
        "cache", "substrate", None, True, True,
    )  # fmt: skip
    (alone,) = nodes_of(msgspec.structs.replace(CASE, radius_path=()), world.view)
    assert alone.name == "shop-web"
    unknown = msgspec.structs.replace(CASE, radius_path=(), entity=None, product=None)
    assert nodes_of(unknown, world.view) == []


def test_json_has_the_edges_beside_the_names() -> None:
    view = view_with(kind=EdgeKind.OBSERVED, confidence=0.4, seen_at=START - DAY)
    told = incident_json(CASE, [], view, now=START)
    assert told["radius_path"] == list(PATH)
    (edge,) = told["radius_edges"]
    assert (edge["from"], edge["to"], edge["kind"]) == ("shop-web", "cache", "observed")
    assert edge["doubt"] is not None
    assert edge["seen_at"].endswith("Z")
    assert incident_json(CASE)["radius_edges"] == []


def test_what_would_make_it_wider() -> None:
    view = World().view
    case = make_incident(entity="shop-web", product="shop", radius=Radius.PRODUCT)
    assert would_widen(case, view) == [
        "cache sick; pay stand on it too",
        "pay sick as well, while nobody vouches for cache",
    ]
    vouched = msgspec.structs.replace(case, findings={"look": {"healthy": ["cache"]}})
    assert would_widen(vouched, view) == []
    alone = make_incident(entity="shop-worker", product="shop", radius=Radius.PRODUCT)
    assert would_widen(alone, view) == []


@pytest.mark.parametrize("fields", [{"radius": Radius.SYSTEMIC}, {"entity": None, "product": None}])
def test_what_is_as_wide_as_can_be_gets_no_wider(fields: dict[str, Any]) -> None:
    given = {"entity": "shop-web", "product": "shop", **fields}
    assert would_widen(make_incident(**given), World().view) == []


def test_what_belongs_to_another_product_below_or_above_would_widen_it() -> None:
    api = Entity(
        name="pay-ui", kind=EntityKind.SERVICE, product="pay", owner="team-pay",
        depends_on=("shop-worker",),
    )  # fmt: skip
    entities = {**REGISTRY.entities, api.name: api}
    view = World(registry=Registry(products=REGISTRY.products, entities=entities)).view
    below = make_incident(entity="pay-ui", product="pay", radius=Radius.PRODUCT)
    assert "shop-worker sick, which belongs to another product" in would_widen(below, view)
    above = make_incident(entity="shop-worker", product="shop", radius=Radius.PRODUCT)
    assert would_widen(above, view) == ["pay sick as well: they stand on shop-worker"]
