"""Of which products a signal speaks: what it says, and what the registry says of what it names."""

from __future__ import annotations

import pytest

from agent.interface.http.hot import products_of
from agent.model.alert import Alert, Alive, Change, Heartbeat, Measure, Signal
from agent.model.product import Entity, EntityKind, LeadershipMetric, Product, Registry
from tests.support.cases import alert


def entity(name: str, product: str | None, **labels: str) -> Entity:
    kind = EntityKind.SERVICE
    return Entity(
        name=name,
        kind=kind,
        product=product,
        owner="team",
        labels={name: (value,) for name, value in labels.items()},
    )


METRIC = LeadershipMetric(name="orders", flat_for_seconds=600.0)
REGISTRY = Registry(
    products={
        name: Product(name=name, builder="team", tier="low", leadership_metric=METRIC)
        for name in ("pay", "shop")
    },
    entities={
        made.name: made
        for made in (
            entity("cart", "shop"),
            entity("till", "pay"),
            entity("node", None),
            entity("web", "shop", pod="web-1"),
        )
    },
)


def labelled(**labels: str) -> Alert:
    return alert(labels=labels)


@pytest.mark.parametrize(
    ("signal", "products"),
    [
        (labelled(product="pay"), {"pay"}),
        (labelled(product="nobody-knows"), {"nobody-knows"}),
        (labelled(system="shop"), {"shop"}),
        (labelled(product="pay", entity="till"), {"pay"}),
        (labelled(product="pay", entity="cart"), {"pay", "shop"}),
        (labelled(product="pay", service="cart"), {"pay", "shop"}),
        (labelled(product="pay", pod="web-1"), {"pay", "shop"}),
        (labelled(product="pay", entity="node"), {"pay", None}),
        (labelled(entity="till"), {"pay"}),
        (labelled(entity="nobody-knows"), set()),
        (Change(product="pay", entity="till", what="deploy"), {"pay"}),
        (Change(product="pay", entity="cart", what="deploy"), {"pay", "shop"}),
        (Change(product="pay", entity="nobody-knows", what="deploy"), {"pay"}),
        (Measure(product="pay", metric="orders", value=1.0), {"pay"}),
        (Heartbeat(agent="till"), {"pay"}),
        (Heartbeat(agent="nobody-knows"), set()),
        (Alive(source="x"), set()),
    ],
)
def test_a_signal_speaks_of_what_it_says_and_of_what_it_names(
    signal: Signal, products: set[str | None]
) -> None:
    """F-SEC-11: a label cannot make a foreign entity one's own."""
    assert products_of(signal, REGISTRY) == products


def test_what_is_left_out_of_too_many_labels_names_nothing() -> None:
    """F-SEC-11: the alert is judged as it will be decided about, not as it was sent."""
    many = {f"a{number:03d}": "x" for number in range(200)}
    named = labelled(product="pay", process="till", agent="cart", **many)
    assert "shop" in products_of(named, REGISTRY)
