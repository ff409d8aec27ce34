"""What began to flap while the agent worked on it is let go of, told, and closed in the end."""

from __future__ import annotations

import pytest

from agent.core.view import View
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.incident import State
from agent.model.product import EntityKind
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from tests.support.cases import World, on, plan, runbook
from tests.support.remembering import easy_world

HOUR = 3600.0


def pulse(world: World, times: int) -> None:
    """It goes and comes back, so many times; it fires at the end."""
    for _ in range(times):
        world.clear()
        world.wait(5)
        world.fire()
        world.wait(5)


def failed_while_quiet(status: OutcomeStatus = OutcomeStatus.FAILED) -> World:
    """It flaps while its step is under way; the step ends in a moment in which it is quiet."""
    world = easy_world(runbook("hung", plan("restart")))
    world.fire()
    pulse(world, 5)
    assert (world.case.state, world.case.is_flapping) == (State.ACTING, True)
    world.clear()
    world.wait(2)
    world.act(status)
    return world


def in_hand(view: View) -> list[str]:
    return list(view.in_hand)


def test_a_step_that_failed_in_a_quiet_moment_leaves_no_plan_in_hand() -> None:
    """F-STORM-04"""
    world = failed_while_quiet()
    assert world.case.is_open
    assert in_hand(world.view) == []


def test_what_flaps_on_after_its_step_failed_is_told() -> None:
    """F-STORM-04"""
    world = failed_while_quiet()
    world.wait(30)
    world.fire()
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.FLAPPING)
    assert world.paged == ["team-shop"]
    pulse(world, 3)
    assert world.paged == ["team-shop"], "once"


def test_it_closes_once_it_stood_still() -> None:
    world = failed_while_quiet()
    world.fire()
    world.clear()
    world.wait(HOUR)
    assert world.case.state is State.RESOLVED
    assert in_hand(world.view) == []


def test_it_closes_where_it_never_came_back() -> None:
    world = failed_while_quiet()
    world.wait(HOUR)
    assert (world.case.state, world.paged) == (State.RESOLVED, [])


def test_a_step_of_unknown_outcome_is_told_however_quiet_it_is() -> None:
    world = easy_world(runbook("hung", plan("restart")))
    world.fire()
    pulse(world, 5)
    world.clear()
    while world.asked(CommandKind.ACT):
        world.act(OutcomeStatus.UNKNOWN)
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.STEP_UNKNOWN)
    assert world.paged == ["team-shop"]


def test_findings_that_come_in_a_quiet_moment_lead_to_nothing_forgotten() -> None:
    world = World(runbook("hung", plan()), policy=on(EntityKind.SERVICE))
    world.fire()
    pulse(world, 5)
    while world.asked(CommandKind.ACT):
        world.act(OutcomeStatus.FAILED)
    world.clear()
    world.wait(1)
    world.find()
    world.wait(5)
    world.fire()
    assert world.case.is_flapping
    assert (world.case.state, world.paged) == (State.ESCALATED, ["team-shop"])
    world.clear()
    world.wait(HOUR)
    assert world.case.state is State.RESOLVED


def test_a_silence_covers_what_was_let_go_of() -> None:
    world = failed_while_quiet()
    matcher = SilenceMatcher(name="alertname", value="Hung")
    world.keep("silence", "s", Silence(
        id="s", matchers=(matcher,), starts_at=world.now, ends_at=world.now + HOUR,
        created_by="bob", comment="known", updated_at=world.now,
    ))  # fmt: skip
    world.fire()
    assert (world.case.silenced_by, world.paged) == ("s", [])
    world.wait(HOUR + 1)
    assert (world.case.silenced_by, world.paged) == (None, ["team-shop"])


@pytest.mark.parametrize("status", [OutcomeStatus.DONE, OutcomeStatus.FAILED])
def test_a_step_still_under_way_is_waited_for(status: OutcomeStatus) -> None:
    world = easy_world(runbook("hung", plan("restart")))
    world.fire()
    pulse(world, 5)
    world.clear()
    world.wait(HOUR)
    assert (world.case.state, world.case.is_open) == (State.ACTING, True)
    world.act(status)
    world.wait(HOUR)
    assert world.case.state is State.RESOLVED
