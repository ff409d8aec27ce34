"""The kill switch as decisions: who set it first is kept, and only a reason lifts it."""

from __future__ import annotations

from agent.core.halting import NO_REASON, Place, Says, seen_on
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.event import HaltAsked, HaltLifted
from agent.model.incident import State
from agent.model.reason import Reason
from tests.support.cases import START, World, runbook


def asked(world: World, who: str = "ann", why: str = "drill") -> None:
    world.tell(HaltAsked(at=world.now, who=who, why=why))


def test_it_is_kept_with_who_and_why_and_told_in_the_journal() -> None:
    world = World()
    asked(world)
    halt = world.view.halt
    assert halt is not None
    assert (halt.at, halt.who, halt.why) == (START, "ann", "drill")
    assert world.reasons == [Reason.HALT_SET]


def test_set_again_it_stays_as_it_was_first_set() -> None:
    world = World()
    asked(world)
    world.wait(5)
    asked(world, "ben", "me too")
    assert world.view.halt is not None
    assert world.view.halt.who == "ann"
    assert world.reasons == [Reason.HALT_SET]


def test_a_reason_is_bounded_and_harmless_and_none_is_a_reason_too() -> None:
    world = World()
    asked(world, why="\x1b[2J" + "x" * 10_000)
    assert world.view.halt is not None
    assert "\x1b" not in world.view.halt.why
    assert len(world.view.halt.why) < 600
    world = World()
    asked(world, why=" ")
    assert world.view.halt is not None
    assert world.view.halt.why == NO_REASON


def test_only_a_reason_lifts_it_and_only_what_is_on() -> None:
    """F-GRD-04"""
    world = World()
    lift = HaltLifted(at=START, who="pat", why="mended")
    assert world.tell(lift).refused is Reason.MOVE_REFUSED
    asked(world)
    assert world.tell(HaltLifted(at=START, who="pat", why="  ")).refused is Reason.MOVE_REFUSED
    assert world.view.halt is not None
    assert world.tell(lift).refused is None
    assert world.view.halt is None
    assert world.reasons[-1] is Reason.HALT_LIFTED


def test_a_file_that_cannot_be_read_says_so() -> None:
    """F-GRD-07"""
    world = World()
    place = Place(path="/x/HALT", says=Says.UNREADABLE, why="cannot be read: no such device")
    world.tell(seen_on(place, at=world.now))
    halt = world.view.halt
    assert halt is not None
    assert (halt.who, halt.is_unreadable) == ("file:/x/HALT", True)
    assert world.reasons == [Reason.HALT_UNREADABLE]


def test_what_was_decided_before_goes_to_people_once_with_the_reason() -> None:
    world = World(runbook())
    world.fire(starts_at=START - 600)
    for _ in range(30):
        if world.asked(CommandKind.ACT):
            break
        world.wait(10)
    command = world.only(CommandKind.ACT)
    asked(world)
    world.answer(command, OutcomeStatus.REFUSED, reason=Reason.HALTED, detail="ann: drill")
    world.find()
    world.wait(60)
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.HALTED)
    assert world.paged == ["team-shop"]
    assert world.commands.count(command) == 1
