"""What burns, and who speaks for it: kept with every change, it is what a fresh look would find."""

from __future__ import annotations

import msgspec

from agent.core.graph import graph_of
from agent.core.signs import (
    ABOUT,
    ACCUSED,
    BURNING,
    FLEET,
    HELD,
    OWN,
    PRODUCT,
    TOLD,
    UNTOLD,
    Signs,
    loose,
    vouched,
)
from agent.core.view import signs
from agent.model.alert import Layer
from agent.model.decision import Decision
from agent.model.incident import Radius, State
from tests.support.cases import REGISTRY, World, alert


def held_families(world: World) -> dict[str, dict[str, set[str]]]:
    """What is kept, against the same made of the incidents alone; both must agree."""
    fresh = signs(msgspec.structs.replace(world.view, signs=None))
    found = {}
    for family in (BURNING, PRODUCT, OWN, ACCUSED, ABOUT, TOLD, UNTOLD, HELD, loose(Layer.PRODUCT)):
        kept = {k: set(world.state.signs.ids(family, k)) for k in world.state.signs.keys(family)}
        assert kept == {k: set(fresh.ids(family, k)) for k in fresh.keys(family)}, family
        graph = graph_of(world.view.registry)
        assert world.state.signs.nodes(family, graph) == graph.set_of(list(kept)), family
        found[family] = kept
    return found


def test_an_incident_is_found_by_what_it_says() -> None:
    world = World()
    case = world.fire(entity="shop-web")
    found = held_families(world)
    assert found[BURNING] == found[OWN] == found[UNTOLD] == {"shop-web": {case.id}}
    assert found[PRODUCT] == {"shop": {case.id}}
    world.wait(16)
    found = held_families(world)
    assert (found[UNTOLD], found[TOLD]) == ({}, {"shop": {case.id}})
    world.clear(alert(entity="shop-web"))
    assert not any(held_families(world).values())
    assert world.view.burning == {}


def test_the_root_and_those_it_holds() -> None:
    world = World()
    web = world.fire(entity="shop-web")
    root = world.fire(name="Down", entity="cache")
    found = held_families(world)
    assert found[HELD] == {root.id: {web.id}}
    assert found[ACCUSED] == found[ABOUT] == {"cache": {root.id}}
    assert found[TOLD] == {FLEET: {root.id}}
    assert set(found[BURNING]) == {"shop-web", "cache"}
    assert set(found[OWN]) == {"cache"}


def test_what_a_remedy_holds_is_a_symptom_that_is_explained() -> None:
    world = World()
    case = world.fire(entity="shop-web")
    healing = msgspec.structs.replace(case, state=State.ACTING, radius=Radius.ROUTINE)
    world.tell(Decision(incident=healing))
    found = held_families(world)
    assert (set(found[BURNING]), found[loose(Layer.PRODUCT)]) == ({"shop-web"}, {})


def test_what_needs_nobody_is_no_symptom() -> None:
    world = World()
    case = world.fire(entity="shop-web")
    for field in ("silenced_by", "inhibited_by"):
        world.tell(Decision(incident=msgspec.structs.replace(case, **{field: "x"})))
        assert not any(held_families(world).values())


def test_what_was_taken_back_was_never_said() -> None:
    world = World()
    world.fire(entity="shop-web")
    world.state.keep()
    before, opened = held_families(world), list(world.view.opened)
    mark = world.state.mark()
    world.fire(name="Down", entity="cache")
    world.fire(entity="pay-api")
    world.wait(20)
    world.clear(alert(entity="shop-web"))
    assert held_families(world) != before
    world.state.take_back(mark)
    assert held_families(world) == before
    assert world.view.opened == opened


def test_names_that_diagnostics_call_healthy_are_forgotten_with_the_incident() -> None:
    kept = Signs()
    world = World()
    case = world.fire(entity="shop-web")
    found = msgspec.structs.replace(case, findings={"look": {"healthy": ["cache", "made-up"]}})
    kept.change(None, found)
    assert set(kept.ids(vouched("made-up"), "shop-web")) == {case.id}
    kept.change(found, None)
    assert kept.keys(vouched("made-up")) == ()


def test_a_new_registry_is_read_anew() -> None:
    world = World()
    world.fire(entity="shop-web")
    smaller = msgspec.structs.replace(
        REGISTRY, entities={n: e for n, e in REGISTRY.entities.items() if n != "cache"}
    )
    for registry in (REGISTRY, smaller, REGISTRY):
        graph = graph_of(registry)
        assert world.state.signs.nodes(BURNING, graph) == graph.bit("shop-web")


def test_the_latest_openings_are_kept() -> None:
    world = World()
    for number in range(20):
        world.fire(name=f"A{number}", entity="shop-worker")
        world.now += 60.0
        world.state.keep()
    assert len(world.view.opened) < 15
    assert list(world.view.opened) == sorted(world.view.opened)
    assert world.view.opened[-1] == world.now - 60.0
