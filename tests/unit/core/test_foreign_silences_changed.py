"""A silence of an Alertmanager that is changed there counts here as it is now."""

from __future__ import annotations

from agent.model.event import SilencesRead
from agent.model.records import Silence
from tests.support.cases import START, World
from tests.unit.core.test_foreign_silences import HERE, silence


def read(world: World, *silences: Silence) -> None:
    world.tell(SilencesRead(at=world.now, source=HERE, silences=silences))
    world.wait(0)


def silenced() -> World:
    world = World()
    read(world, silence(ends_at=START + 8 * 3600))
    assert world.fire().silenced_by == f"{HERE}/a1"
    world.wait(60)
    return world


def test_one_that_is_shortened_ends_when_it_says_now() -> None:
    world = silenced()
    read(world, silence(ends_at=START + 300))
    assert world.timer("silence_end") == 240
    world.wait(239)
    assert (world.case.silenced_by, world.paged) == (f"{HERE}/a1", [])
    world.wait(2)
    assert (world.case.silenced_by, world.paged) == (None, ["team-shop"])


def test_one_that_means_something_else_now_lets_go_at_once() -> None:
    world = silenced()
    read(world, silence(value="Other"))
    assert world.case.silenced_by is None


def test_one_that_was_over_before_it_left_the_list_lets_go_as_well() -> None:
    """As a silence may have come into the store before its incidents looked again."""
    world = silenced()
    [known] = world.view.silences.values()
    over = silence(known.id, ends_at=world.now - 1, source=HERE)
    world.keep("silence", over.id, over)
    assert world.case.silenced_by == known.id
    read(world)
    assert world.case.silenced_by is None


def test_one_that_is_over_and_was_forgotten_is_not_learned_again() -> None:
    world = World()
    read(world, silence(ends_at=START - 1))
    assert world.view.silences == {}
