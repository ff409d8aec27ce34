"""The graph: everything that depends on a thing, however the graph is made, and what is sure."""

from __future__ import annotations

import pytest

from agent.core.graph import Graph, graph_of, numbers_in, shortest
from agent.model.policy import Policy
from agent.model.product import Edge, EdgeKind, EntityKind, Registry
from tests.support.cases import REGISTRY, START
from tests.support.fleets import layered, registry_of, service, substrate

DAY = 86_400.0
POLICY = Policy()


def observed(to: str, *, confidence: float = 1.0, days_ago: float = 1.0) -> Edge:
    return Edge(
        to=to, kind=EdgeKind.OBSERVED, confidence=confidence, seen_at=START - days_ago * DAY
    )


def names(graph: Graph, nodes: int) -> set[str]:
    return {graph.names[number] for number in numbers_in(nodes)}


def way(graph: Graph, start: str, end: str) -> tuple[str, ...]:
    path = shortest(graph.all, graph.number[start], graph.number[end])
    return tuple(graph.names[number] for number in path)


def test_a_product_depends_on_its_parts_but_not_on_its_agents() -> None:
    registry = registry_of(
        service("web", "shop", "cache"),
        service("proxy", "shop", kind=EntityKind.AGENT),
        substrate("cache"),
    )
    graph = graph_of(registry)
    assert names(graph, graph.below[graph.number["shop"]]) == {"shop", "web", "cache"}
    assert names(graph, graph.all.above[graph.number["cache"]]) == {"cache", "web", "shop"}
    assert names(graph, graph.targets["shop"]) == {"web", "proxy"}
    assert names(graph, graph.of_product["shop"]) == {"web", "proxy", "shop"}


def test_dependencies_are_numbered_first() -> None:
    graph = graph_of(layered(400, 2_000))
    edges = [(n, to) for n, targets in enumerate(graph.all.down) for to in targets]
    assert len(edges) == 2_000
    assert all(to < number for number, to in edges)


def test_what_depends_on_each_other_stands_together() -> None:
    ring = [service(a, "p", b) for a, b in (("a", "b"), ("b", "c"), ("c", "a"))]
    graph = graph_of(registry_of(*ring, service("d", "p", "a")))
    together = {"a", "b", "c"}
    assert names(graph, graph.below[graph.number["b"]]) == together
    assert names(graph, graph.all.above[graph.number["b"]]) == {*together, "d", "p"}
    assert len({graph.height[graph.number[name]] for name in together}) == 1
    assert way(graph, "a", "c") == ("a", "b", "c")


def test_the_shortest_way_down_is_found_from_both_ends() -> None:
    graph = graph_of(
        registry_of(
            service("a", "p", "b", "x1"),
            service("x1", "p", "x2"),
            service("x2", "p", "end"),
            service("b", "p", "end"),
            *(service(f"other{n}", "q", "end") for n in range(50)),
            substrate("end"),
        )
    )
    assert way(graph, "a", "end") == ("a", "b", "end")
    assert way(graph, "a", "a") == ("a",)
    assert way(graph, "end", "a") == ()


def test_what_stands_in_no_catalog_is_a_node_that_may_be_everybodys() -> None:
    graph = graph_of(registry_of(service("web", "shop", "ghost")))
    assert names(graph, graph.unknown) == names(graph, graph.shared) == {"ghost"}
    assert graph.bit("nobody") == 0


def test_what_is_shared_belongs_to_no_product() -> None:
    graph = graph_of(
        registry_of(
            substrate("cache"),
            service("queue", None, kind=EntityKind.RESOURCE),
            service("db", "shop", kind=EntityKind.RESOURCE),
            service("scout", None, kind=EntityKind.AGENT),
        )
    )
    assert names(graph, graph.shared) == {"cache", "queue"}


@pytest.mark.parametrize(
    ("edge", "said"),
    [
        (observed("db"), ""),
        (Edge(to="db", kind=EdgeKind.LEARNED, confidence=0.9), ""),
        (observed("db", confidence=0.3), "that web depends on db is sure to 30% only"),
        (observed("db", days_ago=41), "that web depends on db was last seen 41 days ago"),
    ],
)
def test_an_edge_of_little_confidence_or_long_unseen_is_in_doubt(edge: Edge, said: str) -> None:
    registry = registry_of(service("web", "shop", "db", edges=(edge,)), service("db", "shop"))
    graph = graph_of(registry)
    web, db = graph.number["web"], graph.number["db"]
    assert graph.doubt(web, db, POLICY, START) == said
    is_sure = bool(graph.sure(POLICY, START).above[db] >> web & 1)
    assert is_sure is (said == "")
    assert graph.all.above[db] >> web & 1, "it counts wherever it makes a failure wider"


def test_one_sure_edge_is_enough() -> None:
    both = (observed("db", days_ago=99), observed("db"))
    registry = registry_of(service("web", "shop", "db", edges=both), service("db", "shop"))
    graph = graph_of(registry)
    assert graph.doubt(graph.number["web"], graph.number["db"], POLICY, START) == ""


def test_edges_age_while_the_registry_stays_as_it_is() -> None:
    registry = registry_of(
        service("web", "shop", "db", edges=(observed("db", days_ago=0),)), service("db", "shop")
    )
    graph = graph_of(registry)
    web, db = graph.number["web"], graph.number["db"]
    for days, is_sure in ((1, 1), (29, 1), (31, 0), (1, 1)):
        assert graph.sure(POLICY, START + days * DAY).above[db] >> web & 1 == is_sure


def test_a_graph_is_made_once_per_registry() -> None:
    assert graph_of(REGISTRY) is graph_of(REGISTRY)
    assert graph_of(Registry()) is not graph_of(REGISTRY)
