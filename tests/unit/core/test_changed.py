"""What a change is about: names of delivery tools become names of the registry."""

from __future__ import annotations

import pytest

from agent.core.changed import about, entities_named
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.alert import Change
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, InventoryObject, Product, Registry


def entity(name: str, product: str | None, *slugs: str) -> Entity:
    kind = EntityKind.SERVICE
    return Entity(name=name, kind=kind, product=product, owner="team", slugs=slugs)


REGISTRY = Registry(
    products={n: Product(name=n, builder="team", tier="low") for n in ("shop", "pay")},
    entities={
        e.name: e
        for e in (
            entity("checkout", "shop", "acme/Checkout-Service"),
            entity("cart", "shop"),
            entity("web", "shop", "acme/mono"),
            entity("worker", "shop", "acme/mono"),
            entity("till", "pay", "acme/mono"),
            entity("node", None),
        )
    },
)
VIEW = View(
    policy=Policy(),
    registry=REGISTRY,
    runbooks=MatchIndex(()),
    plugins={},
    inventory={
        n: InventoryObject(name=n, kind="deployment", entity="cart")
        for n in ("prod/deployment/x", "node/cart")
    },
)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("checkout", ["checkout"]),
        ("acme/checkout-service", ["checkout"]),
        ("acme/cart", ["cart"]),
        ("acme/checkout", []),
        ("evil/deep/cart", []),
        ("/cart", []),
        ("acme/mono", ["web", "worker", "till"]),
        ("acme/unknown", []),
        ("", []),
    ],
)
def test_a_name_is_found_by_what_is_declared_before_it_is_guessed(
    name: str, found: list[str]
) -> None:
    """`acme/checkout` is not `checkout`, since that one says that it is another repository."""
    assert [e.name for e in entities_named(name, REGISTRY)] == found


@pytest.mark.parametrize(
    ("product", "name", "places"),
    [
        ("", "acme/cart", [("cart", "shop")]),
        ("pay", "cart", [("cart", "shop")]),
        ("shop", "", [("shop", "shop")]),
        ("", "shop", [("shop", "shop")]),
        ("", "node", [("node", "")]),
        ("", "acme/mono", [("shop", "shop"), ("pay", "pay")]),
        ("", "prod/deployment/x", [("prod/deployment/x", "shop")]),
        ("", "nobody", [("nobody", "")]),
        ("pay", "nobody", [("nobody", "pay")]),
    ],
)
def test_what_it_is_about(product: str, name: str, places: list[tuple[str, str]]) -> None:
    change = Change(product=product, entity=name, what="deployed")
    assert [(c.entity, c.product) for c in about(change, VIEW)] == places


def test_by_hand_it_is_about_each_of_them() -> None:
    change = Change(product="", entity="acme/mono", what="edited", is_manual=True)
    assert [c.entity for c in about(change, VIEW)] == ["web", "worker", "till"]
