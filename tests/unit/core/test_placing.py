"""To whom an object of a cluster belongs: declared, or nobody's."""

from __future__ import annotations

import pytest

from agent.core.placing import Places
from agent.model.cluster import ClusterPlace
from agent.model.product import Entity, EntityKind, Registry


def entity(name: str, *places: ClusterPlace) -> Entity:
    return Entity(name=name, kind=EntityKind.SERVICE, product="shop", owner="t", places=places)


def places(*entities: Entity) -> Places:
    return Places(Registry(entities={e.name: e for e in entities}))


WEB = entity("web", ClusterPlace(namespace="shop", kind="deployment", name="web"))
FRONT = entity("front", ClusterPlace(namespace="shop", labels={"tier": "front"}))
CART = entity("cart", ClusterPlace(namespace="shop", labels={"tier": "front", "app": "cart"}))
ALL = entity("all", ClusterPlace(namespace="shop"))
NODES = entity("nodes", ClusterPlace(kind="node", labels={"pool": "shop"}))


@pytest.mark.parametrize(
    ("kind", "namespace", "name", "labels", "owner"),
    [
        ("deployment", "shop", "web", {"tier": "front"}, "web"),
        ("statefulset", "shop", "web", {}, "all"),
        ("deployment", "pay", "web", {"tier": "front"}, None),
        ("deployment", "shop", "x", {"tier": "front"}, "front"),
        ("deployment", "shop", "x", {"tier": "front", "app": "cart"}, "cart"),
        ("node", "", "n1", {"pool": "shop"}, "nodes"),
        ("node", "", "n1", {}, None),
    ],
)
def test_a_name_comes_first_and_then_the_most_labels(
    kind: str, namespace: str, name: str, labels: dict[str, str], owner: str | None
) -> None:
    known = places(WEB, FRONT, CART, ALL, NODES)
    assert known.owner(kind, namespace, name, labels) == owner


def test_what_two_declare_alike_is_nobodys() -> None:
    twice = places(WEB, entity("other", *WEB.places))
    assert twice.owner("deployment", "shop", "web", {}) is None
    both = places(FRONT, entity("second", ClusterPlace(namespace="shop", labels={"app": "x"})))
    assert both.owner("pod", "shop", "p", {"tier": "front", "app": "x"}) is None


def test_the_namespaces_are_those_that_somebody_declares() -> None:
    pay = entity("pay", ClusterPlace(namespace="pay", labels={"a": "b"}))
    assert places(WEB, pay, NODES).namespaces == ("pay", "shop")
