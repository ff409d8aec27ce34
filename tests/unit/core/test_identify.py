"""Whose alert it is: a label proposes, the registry decides."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from agent.core.identify import identify
from agent.core.inventory import Inventory
from agent.model.alert import Layer
from agent.model.product import InventoryObject, Registry
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


# by the labels an entity declares


def declaring(**entities: dict[str, tuple[str, ...]]) -> Registry:
    made = {
        name.replace("_", "-"): msgspec.structs.replace(
            REGISTRY.entities[name.replace("_", "-")], labels=labels
        )
        for name, labels in entities.items()
    }
    return msgspec.structs.replace(REGISTRY, entities={**REGISTRY.entities, **made})


def found_in(registry: Registry, **labels: str) -> tuple[str | None, str | None]:
    named = msgspec.structs.replace(alert(), labels={"alertname": "Hung", **labels})
    found = identify(named, registry)
    return found.entity, found.product


def test_an_alert_that_names_nothing_known_is_about_whoever_declares_its_labels() -> None:
    registry = declaring(shop_web={"namespace": ("prod-a", "prod-b")})
    assert found_in(registry, namespace="prod-b", pod="x") == ("shop-web", "shop")
    assert found_in(registry, namespace="prod-c") == (None, None)
    assert found_in(registry, namespace="prod-b", product="pay") == ("shop-web", "shop")


def test_every_declared_label_has_to_be_there() -> None:
    registry = declaring(shop_web={"namespace": ("prod-a",), "app": ("web",)})
    assert found_in(registry, namespace="prod-a") == (None, None)
    assert found_in(registry, namespace="prod-a", app="web")[0] == "shop-web"


def test_a_known_name_goes_before_declared_labels() -> None:
    registry = declaring(shop_web={"namespace": ("prod-a",)})
    assert found_in(registry, namespace="prod-a", service="pay-api") == ("pay-api", "pay")


def test_most_labels_win_and_a_tie_is_nobodys() -> None:
    registry = declaring(
        shop_web={"namespace": ("prod-a",)},
        shop_worker={"namespace": ("prod-a",), "app": ("worker",)},
        pay_api={"zone": ("z1",)},
    )
    assert found_in(registry, namespace="prod-a", app="worker")[0] == "shop-worker"
    assert found_in(registry, namespace="prod-a")[0] == "shop-web"
    assert found_in(registry, namespace="prod-a", zone="z1") == (None, None)


def test_a_label_that_was_changed_at_the_door_points_to_nobody() -> None:
    registry = declaring(shop_web={"namespace": ("prod-a",)})
    named = msgspec.structs.replace(
        alert(), labels={"namespace": "prod-a"}, flags=("cleaned:namespace",)
    )
    assert identify(named, registry).entity is None


def test_an_entity_that_declares_nothing_is_not_everybodys() -> None:
    assert found_in(declaring(shop_web={}), namespace="prod-a") == (None, None)


# by what the inventory knows


def of_shop(kind: str, name: str, entity: str | None = "shop-web") -> InventoryObject:
    return InventoryObject(
        name=f"prod-a/{kind}/{name}",
        kind=kind,
        entity=entity,
        keys={"namespace": ("prod-a",), "name": (name,)},
    )


RUNNING = Inventory(
    (
        of_shop("pod", "web-1"),
        of_shop("deployment", "web"),
        of_shop("pod", "api-1", "pay-api"),
        of_shop("pod", "stray", None),
        of_shop("pod", "old", "ghost"),
    )
)


def seen(inventory: Mapping[str, InventoryObject] = RUNNING, /, **labels: str) -> str | None:
    named = msgspec.structs.replace(alert(), labels={"alertname": "KubePodCrashLooping", **labels})
    return identify(named, REGISTRY, inventory).entity


def test_an_alert_that_names_a_pod_is_about_the_entity_it_belongs_to() -> None:
    assert seen(namespace="prod-a", pod="web-1") == "shop-web"
    assert seen(dict(RUNNING), namespace="prod-a", pod="web-1") == "shop-web"
    assert seen({}, namespace="prod-a", pod="web-1") is None
    assert seen(namespace="prod-b", pod="web-1") is None
    assert seen(pod="web-1") is None, "a name without its namespace is anybody's"


def test_all_that_is_named_has_to_belong_to_one() -> None:
    assert seen(namespace="prod-a", deployment="web", pod="web-1") == "shop-web"
    assert seen(namespace="prod-a", deployment="web", pod="gone") == "shop-web"
    assert seen(namespace="prod-a", deployment="web", pod="api-1") is None
    assert seen(namespace="prod-a", deployment="web", pod="stray") is None


def test_what_belongs_to_nobody_that_is_registered_is_nobodys() -> None:
    assert seen(namespace="prod-a", pod="stray") is None
    assert seen(namespace="prod-a", pod="old") is None


def test_a_named_entity_and_declared_labels_come_before_the_inventory() -> None:
    assert seen(namespace="prod-a", pod="api-1", service="shop-web") == "shop-web"
    registry = declaring(shop_web={"namespace": ("prod-a",)})
    named = msgspec.structs.replace(alert(), labels={"namespace": "prod-a", "pod": "api-1"})
    assert identify(named, registry, RUNNING).entity == "shop-web"


def test_the_pod_of_an_exporter_is_not_what_it_tells_of() -> None:
    """Without `honor_labels` Prometheus writes what was scraped under `exported_`."""
    scraped = {"namespace": "monitoring", "pod": "kube-state-metrics-0"}
    told = {"exported_namespace": "prod-a", "exported_pod": "web-1"}
    assert seen(**scraped, **told) == "shop-web"
    assert seen(namespace="prod-a", pod="api-1", exported_namespace="prod-a", deployment="web") == (
        "shop-web"
    )


def test_the_product_comes_from_the_registry_there_as_well() -> None:
    named = msgspec.structs.replace(
        alert(), labels={"namespace": "prod-a", "pod": "web-1", "product": "pay"}
    )
    assert identify(named, REGISTRY, RUNNING).product == "shop"
