"""What comes and goes is told once and left alone until it stands still."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.flapping import forgotten
from agent.model.command import CommandKind
from agent.model.event import Acknowledged, ResolvedByPerson
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from tests.support.careful import CAREFUL
from tests.support.cases import World, alert, plan, runbook
from tests.support.remembering import easy, easy_world

HOUR = 3600.0


def flap(world: World, times: int, *, on: float = 10.0, off: float = 10.0, **told: Any) -> None:
    """It fires, the action (if any) is done at once, and it is gone again: so many times."""
    for _ in range(times):
        world.fire(**told)
        for command in world.asked(CommandKind.ACT):
            world.answer(command)
        world.wait(on)
        world.clear()
        world.wait(off)


def test_an_hour_of_flapping_every_20_s_is_told_once_and_nothing_is_done_after_the_5th_turn() -> (
    None
):
    """F-STORM-04"""
    world = easy_world(runbook(), breaker_in_a_row=100, breaker_window=100, chain_depth=100)
    flap(world, 5)
    done = len([c for c in world.commands if c.kind is CommandKind.ACT])
    assert done == 4, "each of the first four turns was healed, as far as one could see"
    flap(world, 175)
    assert len([c for c in world.commands if c.kind is CommandKind.ACT]) == done
    assert world.paged == ["team-shop"]
    assert len(world.incidents) == 5, "four that were healed, and one that flaps"
    assert world.case.reason is Reason.FLAPPING
    assert "it comes and goes" in world.case.pages[0].text
    assert world.case.is_open


def test_what_nobody_wrote_a_runbook_for_is_told_once_and_once_more_as_flapping() -> None:
    """F-STORM-04: the first page cannot know; what comes back so soon waits until it stays."""
    world = World(policy=easy())
    flap(world, 180)
    assert world.paged == ["team-shop", "team-shop"]
    assert "it comes and goes" in world.case.pages[0].text


def test_what_came_back_and_stays_is_told() -> None:
    world = World(policy=easy())
    flap(world, 1)
    world.fire()
    assert world.paged == ["team-shop"]
    world.wait(60)
    assert world.paged == ["team-shop", "team-shop"]


def test_it_is_over_once_it_stood_still_and_begins_anew_after_that() -> None:
    world = easy_world()
    flap(world, 5, entity="shop-worker")
    one = world.case
    assert one.is_flapping
    assert one.is_open
    world.wait(580)
    assert world.incident(one.id).is_open
    world.wait(11)
    assert world.incident(one.id).state is State.RESOLVED
    assert world.view.flaps == {}
    world.fire()
    assert (world.case.id != one.id, world.case.is_flapping) == (True, False)


def test_each_turn_begins_the_wait_anew() -> None:
    world = easy_world()
    flap(world, 5)
    for _ in range(3):
        world.wait(500)
        world.fire()
        world.wait(50)
        world.clear()
    assert world.case.is_open
    world.wait(599)
    assert world.case.is_open
    world.wait(2)
    assert not world.case.is_open


def test_what_fires_on_is_not_closed_by_the_calm_timer() -> None:
    world = easy_world()
    flap(world, 5)
    world.fire()
    world.wait(HOUR)
    assert world.case.is_open
    assert world.case.is_firing


def test_turns_that_are_far_apart_are_no_flapping() -> None:
    world = easy_world()
    flap(world, 10, on=10.0, off=500.0)
    assert not any(i.is_flapping for i in world.incidents)
    assert all(len(f.turns) <= 5 for f in world.view.flaps.values())


def test_two_things_of_one_name_are_counted_apart() -> None:
    world = easy_world()
    for _ in range(4):
        flap(world, 1, entity="shop-worker")
        flap(world, 1, entity="shop-web")
    assert not any(i.is_flapping for i in world.incidents)
    assert len(world.view.flaps) == 2


def test_a_page_that_waits_for_a_common_cause_is_not_lost_in_a_quiet_moment() -> None:
    """shop-web stands on the cache, so its page is held back for 15 s, and 10 s later it is gone.
    The first four say so and go; the fifth time people are told, once."""
    world = easy_world()
    flap(world, 5, entity="shop-web")
    assert world.paged == []
    flap(world, 20, entity="shop-web")
    assert world.paged == ["team-shop"]
    assert world.case.reason is Reason.FLAPPING


def test_a_silence_covers_it() -> None:
    world = easy_world()
    flap(world, 4, entity="shop-web")
    matcher = SilenceMatcher(name="alertname", value="Hung")
    world.keep("silence", "s", Silence(
        id="s", matchers=(matcher,), starts_at=world.now, ends_at=world.now + HOUR,
        created_by="bob", comment="known", updated_at=world.now,
    ))  # fmt: skip
    flap(world, 10, entity="shop-web")
    assert world.paged == []


def test_who_takes_it_keeps_it_while_it_flaps() -> None:
    world = easy_world()
    flap(world, 5)
    world.tell(Acknowledged(at=world.now, subject=world.last, who="bob"))
    told = len(world.pages)
    flap(world, 10)
    assert (world.case.state, world.case.acknowledged_by) == (State.ACKNOWLEDGED, "bob")
    assert len(world.pages) == told
    world.wait(601)
    assert world.case.state is State.RESOLVED


def test_who_resolves_it_ends_it() -> None:
    world = easy_world()
    flap(world, 5)
    one = world.case.id
    world.tell(ResolvedByPerson(at=world.now, subject=one, who="bob", cause="loose cable"))
    assert not world.incident(one).is_open
    world.wait(HOUR)
    assert len(world.incidents) == 5


def test_no_next_plan_is_tried_for_what_began_to_flap_while_its_proof_was_out() -> None:
    second = plan("second", verify=CAREFUL)
    world = easy_world(runbook("hung", plan(verify=CAREFUL), second))
    world.fire()
    world.find(alive=False, restarts=1)
    world.act()
    for _ in range(5):
        world.wait(4)
        world.clear()
        world.wait(4)
        world.fire()
    assert world.case.is_flapping
    world.find(alive=False, restarts=2)
    world.wait(400)
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.FLAPPING)
    assert len([c for c in world.commands if c.kind is CommandKind.ACT]) == 1


def test_what_came_and_went_long_ago_is_forgotten() -> None:
    world = easy_world()
    flap(world, 1)
    assert forgotten(world.view, world.now) == ()
    (record,) = forgotten(world.view, world.now + 1801)
    world.keep(record.kind, record.key, record.body)
    assert world.view.flaps == {}


@pytest.mark.parametrize("turns", [3, 8])
def test_the_policy_says_how_often_is_too_often(turns: int) -> None:
    world = easy_world(flapping_turns=turns)
    flap(world, turns - 1)
    assert not world.case.is_flapping
    world.fire(alert(starts_at=world.now))
    assert world.case.is_flapping


def test_a_flap_can_be_stored_and_read_again() -> None:
    world = easy_world()
    flap(world, 2)
    (known,) = world.view.flaps.values()
    assert msgspec.json.decode(msgspec.json.encode(known), type=type(known)) == known
