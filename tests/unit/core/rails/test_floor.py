"""What stays up whatever is done, and how much one step may touch."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.guard import Question, ask
from agent.model.policy import PluginFacts, Rails
from agent.model.product import Entity, EntityKind, Floor, InventoryObject, Registry
from agent.model.reason import Reason
from tests.support.cases import REGISTRY
from tests.support.guarding import WEB, act, incident, question
from tests.support.policies import OUT_OF_THE_WAY

LIMITS = msgspec.structs.replace(OUT_OF_THE_WAY, floor=Rails().floor)
SELF = {"replica_of": "web", "product": "shop", "owner": "team-shop"}


def replicas(size: int, **fields: Any) -> Registry:
    """So many instances that do one job: web-0, web-1 and so on."""
    told: dict[str, Any] = {**SELF, **fields}
    made = {
        f"web-{n}": Entity(name=f"web-{n}", kind=EntityKind.SERVICE, **told) for n in range(size)
    }
    return msgspec.structs.replace(REGISTRY, entities={**REGISTRY.entities, **made})


def asked(
    target: str, registry: Registry = REGISTRY, *, about: str = "shop-worker", **fields: Any
) -> Question:
    """A restart of `target` for an incident about something else of its product."""
    made = question(
        rails=LIMITS, registry=registry, incident=incident(entity=about), target=target, **fields
    )
    facts = {
        name: PluginFacts(name=name, kind="action", effect="idempotent", availability=harm)
        for name, harm in (("x.stop", "removes"), ("x.config", "keeps"), ("x.scale", "keeps"))
    }
    made.view.plugins = {**made.view.plugins, **facts}
    return made


def reason(q: Question) -> Reason | None:
    stop = ask(q)
    return stop.reason if stop is not None else None


class TestFloor:
    @pytest.mark.rail("floor")
    def test_the_last_one_that_works_is_not_taken_down(self) -> None:
        """F-GRD-02"""
        two = replicas(2)
        assert reason(asked("web-0", two, burning=("web-1",))) is Reason.BELOW_FLOOR
        stop = ask(asked("web-0", two, burning=("web-1",)))
        assert stop is not None
        assert stop.text == "0 of 2 would be up, at least 2"

    @pytest.mark.rail("floor")
    def test_more_than_half_of_what_is_wanted_stays_up(self) -> None:
        three = replicas(3)
        assert reason(asked("web-0", three)) is None
        assert reason(asked("web-0", three, burning=("web-1",))) is Reason.BELOW_FLOOR

    @pytest.mark.rail("floor")
    def test_what_is_being_acted_on_is_not_up(self) -> None:
        busy = act(key="b", target="web-1", entity="web-1", status=None)
        made = asked("web-0", replicas(3))
        made.view.acting = {"b": busy}
        assert reason(made) is Reason.BELOW_FLOOR

    def test_to_heal_the_only_one_is_no_loss(self) -> None:
        assert reason(asked("shop-worker")) is None
        assert reason(asked("web-0", replicas(2), burning=("web-0", "web-1"))) is None

    @pytest.mark.rail("floor")
    @pytest.mark.parametrize("by", ["agent", "bob"])
    def test_people_do_not_take_away_the_last_one_either(self, by: str) -> None:
        told = {"by": by, "runbook": None, "use": "x.stop"}
        assert reason(asked("shop-web", **told)) is Reason.BELOW_FLOOR

    @pytest.mark.rail("floor")
    def test_what_does_its_job_alone_a_person_may_restart(self) -> None:
        assert reason(asked("shop-web", by="bob", runbook=None)) is None
        assert reason(asked("shop-web")) is Reason.BELOW_FLOOR

    def test_what_keeps_serving_takes_nothing_away(self) -> None:
        assert reason(asked("shop-web", use="x.config")) is None

    @pytest.mark.rail("floor")
    def test_the_entitys_own_floor_counts_then_the_products(self) -> None:
        two = replicas(2, floor=Floor(count=1, share=0.0))
        assert reason(asked("web-0", two)) is None
        product = msgspec.structs.replace(
            REGISTRY.products["shop"], floor=Floor(count=3, share=0.0)
        )
        four = replicas(4)
        strict = msgspec.structs.replace(four, products={**four.products, "shop": product})
        assert reason(asked("web-0", strict)) is None
        assert reason(asked("web-0", strict, burning=("web-1",))) is Reason.BELOW_FLOOR

    @pytest.mark.rail("floor")
    @pytest.mark.parametrize(("number", "wanted"), [(3, None), (2, None), (1, Reason.BELOW_FLOOR)])
    def test_a_number_of_replicas_is_not_below_it(self, number: int, wanted: Reason | None) -> None:
        """F-GRD-02"""
        params = {"target": WEB.name, "replicas": number}
        made = asked(WEB.name, use="x.scale", params=params)
        three = InventoryObject(
            name=WEB.name, kind="deployment", entity="shop-worker", facts={"replicas": 3}
        )
        made.view.inventory = {WEB.name: three}
        assert reason(made) is wanted

    @pytest.mark.rail("floor")
    def test_none_at_all_is_below_every_floor(self) -> None:
        """F-GRD-02"""
        told = {"use": "x.scale", "params": {"target": "shop-worker", "replicas": 0}}
        assert reason(asked("shop-worker", **told)) is Reason.BELOW_FLOOR
        assert reason(asked("shop-worker", by="bob", runbook=None, **told)) is Reason.BELOW_FLOOR

    def test_the_way_back_is_not_held_half_way(self) -> None:
        assert reason(asked("shop-web", is_rollback=True, runbook=None)) is None


@pytest.mark.rail("few_targets")
@pytest.mark.parametrize("how", [{}, {"by": "bob", "runbook": None}])
def test_a_step_is_about_one_thing(how: dict[str, Any]) -> None:
    """F-GRD-01"""
    many = {"target": ["shop-web", "shop-worker"]}
    assert reason(question(target=None, params=many, **how)) is Reason.TOO_MANY_TARGETS
    for nothing in ({"target": []}, {"target": ""}, {}):
        assert reason(question(target=None, params=nothing, **how)) is Reason.TARGET_MISSING
