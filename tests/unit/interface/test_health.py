"""The three layers of a product: what was never heard of is unknown, never green."""

from __future__ import annotations

import pytest

from agent.interface.health import product_layers
from agent.model.alert import Layer
from agent.model.records import AgentSigns, MeasureSigns
from tests.support.facade import NOW, FakeFacade, burning


def colours(facade: FakeFacade, product: str = "shop") -> dict[Layer, str]:
    return {h.layer: h.colour for h in product_layers(facade.view, product)}


def test_nothing_heard_is_unknown() -> None:
    assert colours(FakeFacade()) == {
        Layer.PRODUCT: "green",
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
    assert colours(facade)[Layer.PRODUCT] == "green"
    assert colours(facade, "pay")[Layer.OUTCOME] == "green"
