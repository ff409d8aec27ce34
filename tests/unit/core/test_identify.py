"""Whose alert it is: a label proposes, the registry decides."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.identify import identify
from agent.model.alert import Layer
from tests.support.cases import REGISTRY, alert


def of(**labels: str) -> tuple[str | None, str | None]:
    named = msgspec.structs.replace(alert(), labels={"alertname": "Hung", **labels})
    found = identify(named, REGISTRY)
    return found.entity, found.product


def test_the_product_of_a_known_entity_comes_from_the_registry() -> None:
    assert of(service="shop-web", product="pay") == ("shop-web", "shop")


def test_a_product_label_counts_where_the_registry_knows_it() -> None:
    assert of(product="pay") == (None, "pay")
    assert of(product="../../etc") == (None, None)


def test_unknown_names_belong_to_nobody() -> None:
    assert of(service="ghost") == (None, None)
    assert of() == (None, None)


def test_a_name_that_is_unknown_does_not_hide_one_that_is_known() -> None:
    assert of(service="ghost", job="shop-web") == ("shop-web", "shop")


def test_substrate_belongs_to_no_product() -> None:
    assert of(resource="cache", product="shop") == ("cache", None)


@pytest.mark.parametrize(
    ("labels", "layer"),
    [
        ({"layer": "outcome"}, Layer.OUTCOME),
        ({"layer": "nonsense"}, Layer.PRODUCT),
        ({"agent": "scout"}, Layer.MACHINERY),
        ({"service": "shop-web"}, Layer.PRODUCT),
    ],
)
def test_layers(labels: dict[str, str], layer: Layer) -> None:
    named = msgspec.structs.replace(alert(), labels=labels)
    assert identify(named, REGISTRY).layer is layer


@pytest.mark.parametrize(
    ("told", "severity"),
    [("page", "critical"), ("ticket", "warning"), ("CRITICAL", "critical"), ("x", "warning")],
)
def test_severities_are_a_closed_list(told: str, severity: str) -> None:
    named = msgspec.structs.replace(alert(), labels={"severity": told})
    assert identify(named, REGISTRY).severity == severity
