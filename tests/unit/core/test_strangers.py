"""What beats and is not registered: one line with a remedy, whatever names are invented."""

from __future__ import annotations

from agent.core.strangers import FORGOTTEN_SECONDS, MORE, MOST
from tests.support.cases import World
from tests.support.members import Machinery, drafter

KEY = "member_unknown/stranger"


def test_a_stranger_is_a_blind_spot_with_the_lines_that_register_it() -> None:
    world = Machinery()
    world.says("stranger")
    spot = world.spots()[KEY]
    assert spot.owner == "platform"
    assert "metadata: {name: stranger}" in spot.remedy
    assert "stranger" not in world.state.single["agent"]
    assert world.incidents == []


def test_nobody_is_told_when_a_stranger_dies() -> None:
    world = Machinery()
    world.says("stranger", alive=False)
    assert world.incidents == []
    assert list(world.spots()) == [KEY]


def test_ten_thousand_names_fill_neither_the_memory_nor_the_list() -> None:
    world = Machinery()
    for n in range(10_000):
        world.says(f"invented-{n}")
    assert len(world.spots()) == MOST + 1
    assert f"member_unknown/{MORE}" in world.spots()
    assert len(world.state.timers) == MOST + 1
    assert world.state.single["agent"] == {}


def test_a_name_that_cannot_be_registered_is_not_written_as_yaml() -> None:
    world = Machinery()
    world.says("x}, spec: {owner: evil")
    (spot,) = world.spots().values()
    assert "evil" not in spot.remedy
    assert "give it a name of letters and digits" in spot.remedy


def test_one_that_is_not_heard_any_more_is_forgotten() -> None:
    world = Machinery()
    world.says("stranger")
    world.wait(FORGOTTEN_SECONDS + 1)
    assert world.spots() == {}


def test_one_that_beats_on_stays() -> None:
    world = World()
    for _ in range(72):
        world.beat("stranger")
        world.wait(3601)
    assert "gone_at=None" in repr(world.state.single["blind_spot"][KEY])
    world.wait(FORGOTTEN_SECONDS + 3601)
    assert world.state.single["blind_spot"][KEY].gone_at is not None


def test_once_registered_it_is_none() -> None:
    world = Machinery()
    world.says("stranger")
    world.declare(drafter(name="stranger", member=None))
    world.says("stranger")
    assert KEY not in world.spots()
    assert "stranger" in world.state.single["agent"]
