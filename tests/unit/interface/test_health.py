"""The three layers of a product: what was never heard of is unknown, never green."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.objectives import key_of
from agent.interface.health import product_layers
from agent.model.alert import Layer
from agent.model.records import AgentSigns, MeasureSigns
from agent.model.signals import BlindSpot, BlindSpotKind, SloSigns
from tests.support.facade import NOW, FakeFacade, burning


def colours(facade: FakeFacade, product: str = "shop") -> dict[Layer, str]:
    return {h.layer: h.colour for h in product_layers(facade.view, product)}


def test_nothing_heard_is_unknown() -> None:
    assert colours(FakeFacade()) == {
        Layer.PRODUCT: "unknown",
        Layer.MACHINERY: "unknown",
        Layer.OUTCOME: "unknown",
    }


@pytest.mark.parametrize(
    ("alive", "firing_since", "colour"),
    [(True, None, "green"), (False, None, "red"), (True, NOW, "red")],
)
def test_machinery_follows_the_heartbeat(
    alive: bool, firing_since: float | None, colour: str
) -> None:
    facade = FakeFacade()
    signs = AgentSigns(agent="picker", last_at=NOW, alive=alive, firing_since=firing_since)
    facade.view.agents = {"picker": signs}
    assert colours(facade)[Layer.MACHINERY] == colour


def test_outcome_is_green_with_a_reading_and_red_with_an_incident() -> None:
    facade = FakeFacade()
    facade.view.measures = {
        "shop": MeasureSigns(product="shop", metric="orders", value=3.0, moved_at=NOW, last_at=NOW)
    }
    assert colours(facade)[Layer.OUTCOME] == "green"
    facade.view.incidents = {"i": burning("i", layer=Layer.OUTCOME)}
    assert colours(facade)[Layer.OUTCOME] == "red"
    assert colours(facade, "pay")[Layer.OUTCOME] == "green"


@pytest.mark.parametrize(
    ("fields", "colour"),
    [
        ({"bad": 0.0001, "spent": 0.1}, "green"),
        ({"bad": 0.5, "spent": 9.0, "spent_since": NOW}, "red"),
        ({"bad": None}, "unknown"),
        ({"bad": 0.0001, "spent": 0.1, "unknown_since": NOW}, "unknown"),
    ],
)
def test_the_product_layer_follows_its_objectives(fields: dict[str, Any], colour: str) -> None:
    facade = FakeFacade()
    [slo] = facade.view.registry.products["shop"].slos
    assert slo.sli is not None
    signs = SloSigns(product="shop", slo=slo.name, last_at=NOW, **fields)
    facade.view.objectives = {key_of("shop", slo.name): signs}
    assert colours(facade)[Layer.PRODUCT] == colour
    assert colours(facade, "pay")[Layer.PRODUCT] == "green"


def of_shop(facade: FakeFacade, **fields: Any) -> tuple[str, tuple[str, ...]]:
    told: dict[str, Any] = {"value": 3.0, "moved_at": NOW, "last_at": NOW, **fields}
    facade.view.measures = {"shop": MeasureSigns(product="shop", metric="orders", **told)}
    layer = {h.layer: h for h in product_layers(facade.view, "shop")}[Layer.OUTCOME]
    return layer.colour, layer.why


def test_a_metric_that_is_missed_or_stalls_below_something_is_not_known() -> None:
    facade = FakeFacade()
    assert of_shop(facade) == ("green", ("orders = 3",))
    assert of_shop(facade, moved_at=NOW - 900) == ("unknown", ("orders stands at 3 for 900 s",))
    spot = BlindSpot(
        kind=BlindSpotKind.METRIC_VANISHED,
        subject="shop/orders",
        owner="team-shop",
        text="no reading of orders comes any more",
        remedy="look",
        since=NOW,
        last_at=NOW,
    )
    facade.view.blind_spots = {"metric_vanished/shop/orders": spot}
    assert of_shop(facade) == ("unknown", ("no reading of orders comes any more",))
    over = msgspec.structs.replace(spot, gone_at=NOW)
    facade.view.blind_spots = {"metric_vanished/shop/orders": over}
    assert of_shop(facade)[0] == "green"


def test_the_reading_of_a_metric_that_is_not_declared_any_more_is_none() -> None:
    facade = FakeFacade()
    facade.view.measures = {
        "shop": MeasureSigns(product="shop", metric="clicks", value=3.0, moved_at=NOW, last_at=NOW)
    }
    assert colours(facade)[Layer.OUTCOME] == "unknown"
