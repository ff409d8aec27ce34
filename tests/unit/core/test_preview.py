"""What a person's action would do, before it is done."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.preview import Preview, preview
from agent.model.event import ResolvedByPerson
from agent.model.policy import PluginFacts
from agent.model.product import Product
from agent.model.reason import Reason
from agent.model.records import Halt
from tests.support.cases import REGISTRY, START, World
from tests.support.resolved import act, fired, rule


def shown(world: World, use: str = "process.restart", **params: Any) -> Preview:
    return preview(world.case, world.view, use=use, params=params, who="bob", at=world.now)


def burning(entity: str = "shop-worker", **told: Any) -> World:
    world = World()
    fired(world, entity=entity, **told)
    return world


def test_what_is_shown_is_what_runs() -> None:
    world = burning()
    found = shown(world, "process.flush", all=True)
    assert (found.stops, found.stops_why) == (None, "")
    assert (found.effect, found.reversal, found.availability) == (
        "probed", "snapshot", "interrupts",
    )  # fmt: skip
    before = world.view.incidents[world.last]
    assert world.case == before, "nothing changed"
    act(world, "process.flush", all=True)
    (step,) = world.case.steps
    assert (step.use, step.params, step.target) == (found.use, found.params, found.target)


def test_it_says_how_and_until_when_it_is_verified() -> None:
    found = shown(burning())
    assert found.verified_until == START + 600
    assert "10 minutes" in found.verified_by
    looks_back = shown(burning(generator_url=rule("rate(x[30m]) > 5")))
    assert looks_back.verified_until == START + 600 + 1800 + 60 + 300


def test_it_says_what_stops_it_in_the_words_of_the_refusal() -> None:
    world = burning()
    world.keep("halt", "halt", Halt(at=START, who="eve", why="a move"))
    found = shown(world)
    assert found.stops is Reason.HALTED
    refused = act(world)
    assert refused.refused is found.stops
    assert refused.refused_text == found.stops_why


@pytest.mark.parametrize(
    ("use", "params", "reason"),
    [
        ("process.frobnicate", {}, Reason.PLUGIN_MISSING),
        ("process.restart", {"target": "nobody"}, Reason.TARGET_UNKNOWN),
        ("process.restart", {"target": "a\x00"}, Reason.PARAMETER_UNKNOWN),
        ("process.restart", {"target": float("nan")}, Reason.PARAMETER_UNKNOWN),
        ("process.restart", {"target": object()}, Reason.PARAMETER_UNKNOWN),
    ],
)
def test_what_cannot_run_is_named(use: str, params: dict[str, Any], reason: Reason) -> None:
    found = shown(burning(), use, **params)
    assert found.stops is reason
    assert found.stops_why


def test_over_is_over() -> None:
    world = burning()
    world.tell(ResolvedByPerson(at=START, subject=world.last, who="bob", cause="x"))
    found = shown(world)
    assert found.stops is Reason.MOVE_REFUSED
    assert found.stops_why == act(world).refused_text


def facts(name: str, **fields: Any) -> PluginFacts:
    return PluginFacts(name=name, kind="action", effect="idempotent", **fields)


def test_what_cannot_be_taken_back_is_said() -> None:
    world = burning()
    assert isinstance(world.view.plugins, dict)
    world.view.plugins |= {
        "x.keep": facts("x.keep", availability="keeps"),
        "x.drop": facts("x.drop", reversal="none"),
        "x.stop": facts("x.stop", availability="removes"),
        "x.cordon": facts("x.cordon", availability="removes", undone_by="x.uncordon"),
    }
    assert shown(world, "x.keep").not_undone == ""
    assert shown(world, "x.cordon").not_undone == ""
    assert "interrupted" in shown(world, "process.restart").not_undone
    assert "destroys" in shown(world, "x.drop").not_undone
    assert "stays away" in shown(world, "x.stop").not_undone
    assert "nobody can tell" in shown(world, "process.pull").not_undone
    assert "nothing is known" in shown(world, "process.frobnicate").not_undone


def test_the_risk_is_that_of_the_product_and_of_what_is_destroyed() -> None:
    assert shown(burning()).risk == "normal", "a product of high tier"
    assert shown(burning("pay-api")).risk == "routine"
    assert shown(burning("pay-api"), "process.frobnicate").risk == "major"
    world = burning()
    products = {"shop": Product(name="shop", builder="b", tier="high", regulated=True)}
    world.view.registry = msgspec.structs.replace(REGISTRY, products=products)
    assert shown(world).risk == "critical"
