"""A plan that only keeps the harm from spreading heals nothing, however well it goes."""

from __future__ import annotations

from agent.model.effect import Verdict
from agent.model.incident import Ending, State
from agent.model.reason import Reason
from agent.model.runbook import OnHeld
from tests.support.cases import WATCHED, World, plan, runbook

CONTAINS = plan("quarantine", verify=WATCHED, on_held=OnHeld.HOLD_AND_ESCALATE)


def contained() -> World:
    """The plan was run, and is about to be looked at for the last time."""
    world = World(runbook("drifting", CONTAINS))
    world.fire()
    world.act()
    world.wait(6)
    world.find(alive=True, lost=False)
    world.wait(10)
    return world


def test_while_its_alert_fires_people_are_told_and_it_stays_open() -> None:
    world = contained()
    world.find(alive=True, lost=False)
    assert (world.case.state, world.case.outcome) == (State.ESCALATED, None)
    assert (world.case.verdict, world.case.reason) == (Verdict.HELD, Reason.QUARANTINED)
    assert world.paged == ["team-shop"]
    world.clear()
    assert world.case.state is State.RESOLVED
    assert world.case.outcome is Ending.ROUTED


def test_where_the_alert_is_over_by_then_nobody_is_told() -> None:
    world = contained()
    world.clear()
    world.find(alive=True, lost=False)
    assert world.case.outcome is Ending.HEALED
    assert world.pages == []


def test_one_that_fails_goes_the_way_of_every_plan() -> None:
    world = contained()
    world.find(alive=True, lost=True)
    assert (world.case.verdict, world.case.reason) == (
        Verdict.FAILED,
        Reason.VERIFICATION_FAILED,
    )
