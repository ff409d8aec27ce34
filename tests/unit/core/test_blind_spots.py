"""Blind spots come, go, and do not flicker."""

from __future__ import annotations

from agent.core.blind_spots import MOST_TIMES, SEEN_SECONDS, found, gone
from agent.model.decision import Decision
from agent.model.reason import Reason
from agent.model.signals import BlindSpotKind
from tests.support.cases import World

FAULTY = BlindSpotKind.SIGNAL_FAULTY


def see(world: World) -> Decision:
    made = found(world.view, kind=FAULTY, subject="it", text="NaN", remedy="mend it", at=world.now)
    world.tell(made)
    return made


def miss(world: World) -> Decision:
    made = gone(world.view, kind=FAULTY, subject="it", at=world.now)
    world.tell(made)
    return made


def test_what_is_mended_is_gone_at_once() -> None:
    world = World()
    assert [line.reason for line in see(world).journal] == [Reason.BLIND_SPOT_FOUND]
    assert see(world) == Decision(), "the same again is not written down"
    assert [line.reason for line in miss(world).journal] == [Reason.BLIND_SPOT_GONE]
    assert miss(world) == Decision()


def test_what_comes_and_goes_all_the_time_stands() -> None:
    world = World()
    lines = 0
    for _ in range(200):
        world.wait(60)
        lines += len(see(world).journal)
        world.wait(60)
        lines += len(miss(world).journal)
    hours = 200 * 120 / SEEN_SECONDS
    assert lines <= 2 * (MOST_TIMES + 1 + hours)
    spot = world.view.blind_spots["signal_faulty/it"]
    assert spot.times > MOST_TIMES
