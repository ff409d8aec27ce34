"""The guards again, at the moment of acting."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.core.guard import recheck
from agent.core.matching import MatchIndex
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.records import Halt
from tests.support.cases import REGISTRY, START, World, runbook

HALT = Halt(at=START, who="bob", why="fire drill")


def acting(**fields: Any) -> World:
    world = World(runbook(**{"owner": "team-pay", **fields}))
    world.fire(entity="pay-api")
    world.wait(0)
    return world


def again(world: World, *, at: float | None = None) -> Reason | None:
    command = world.only(CommandKind.ACT)
    found = world.state.incidents.get(command.subject)
    stop = recheck(command, found, world.view, at=world.now if at is None else at)
    return stop.reason if stop else None


def test_the_step_itself_is_not_in_its_own_way() -> None:
    assert again(acting()) is None


def test_an_old_decision_is_not_acted_on() -> None:
    world = acting()
    assert again(world, at=START + 299) is None
    assert again(world, at=START + 301) is Reason.TIMED_OUT


def test_a_retry_that_was_to_wait_is_not_old_by_that() -> None:
    world = acting()
    world.answer(world.only(CommandKind.ACT), OutcomeStatus.TEMPORARY)
    command = msgspec.structs.replace(world.only(CommandKind.ACT), not_before=START + 600)
    assert recheck(command, world.case, world.view, at=START + 601) is None


def test_the_kill_switch_stops_what_was_decided_before() -> None:
    world = acting()
    world.keep("halt", "halt", HALT)
    assert again(world) is Reason.HALTED


def test_an_incident_that_is_closed_is_not_acted_on() -> None:
    world = acting()
    command = world.only(CommandKind.ACT)
    closed = msgspec.structs.replace(world.case, state=State.RESOLVED)
    for found in (None, closed):
        stop = recheck(command, found, world.view, at=START)
        assert stop is not None
        assert stop.reason is Reason.MOVE_REFUSED


def test_a_runbook_nobody_knows_any_more_is_not_acted_on() -> None:
    """Without it there is nothing left that limits, windows and approvals could be read from."""
    world = acting()
    world.view.runbooks = MatchIndex(())
    assert again(world) is Reason.RUNBOOK_NOT_RUNNABLE


def test_a_plan_that_is_not_in_hand_any_more_is_not_acted_on() -> None:
    world = acting()
    command = world.only(CommandKind.ACT)
    for plan in (None, "another"):
        about = msgspec.structs.replace(world.case, plan=plan, digest=None)
        stop = recheck(command, about, world.view, at=START)
        assert stop is not None
        assert stop.reason is Reason.MOVE_REFUSED


def test_what_became_systemic_meanwhile_is_not_acted_on() -> None:
    world = acting()
    world.fire(name="Down", entity="cache")
    assert again(world) is Reason.RADIUS_SYSTEMIC


def test_a_target_that_left_the_registry_is_not_acted_on() -> None:
    world = acting()
    gone = {n: e for n, e in REGISTRY.entities.items() if n != "pay-api"}
    world.view.registry = msgspec.structs.replace(REGISTRY, entities=gone)
    assert again(world) is Reason.TARGET_UNKNOWN
