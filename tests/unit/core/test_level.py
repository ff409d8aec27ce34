"""The level check: what the source lists is truth, and one miss may be a race."""

from __future__ import annotations

import msgspec

from agent.core.level import compare
from agent.model.alert import AlertStatus
from agent.model.incident import State
from tests.support.cases import World, alert, received

A, B = alert(labels={"pod": "a"}), alert(labels={"pod": "b"})


def test_what_we_did_not_hear_of_is_new() -> None:
    world = World()
    world.fire(A)
    reading = compare([A, B], source="am", view=world.view, misses={}, at=world.now)
    assert reading.new == (B,)
    assert reading.gone == ()


def test_what_is_suppressed_there_is_neither_new_nor_gone() -> None:
    world = World()
    world.fire(A)
    quiet = [msgspec.structs.replace(x, flags=("suppressed",)) for x in (A, B)]
    reading = compare(quiet, source="am", view=world.view, misses={}, at=world.now)
    assert (reading.new, reading.gone, reading.misses) == ((), (), {})


def test_twice_in_a_row_missing_is_over() -> None:
    world = World()
    world.fire(A)
    once = compare([], source="am", view=world.view, misses={}, at=world.now)
    assert (once.gone, once.misses) == ((), {A.identity: 1})
    twice = compare([], source="am", view=world.view, misses=once.misses, at=world.now + 60)
    (gone,) = twice.gone
    assert (gone.status, gone.inferred, gone.identity) == (AlertStatus.RESOLVED, True, A.identity)
    assert twice.misses == {}
    world.tell(received(gone, world.now + 60))
    assert world.case.state is State.RESOLVED


def test_a_miss_in_between_is_forgotten() -> None:
    world = World()
    world.fire(A)
    back = compare([A], source="am", view=world.view, misses={A.identity: 1}, at=world.now)
    assert back.misses == {}


def test_other_sources_are_none_of_its_business() -> None:
    world = World()
    world.fire(msgspec.structs.replace(A, source="other"))
    reading = compare([], source="am", view=world.view, misses={}, at=world.now)
    assert reading.misses == {}


async def test_a_gone_alert_leaves_the_ledger_balanced() -> None:
    world = World()
    world.fire(A)
    reading = compare([], source="am", view=world.view, misses={A.identity: 1}, at=world.now)
    for gone in reading.gone:
        world.tell(received(gone, world.now))
    assert await world.ledger() == {world.case.id: ["routed"]}
