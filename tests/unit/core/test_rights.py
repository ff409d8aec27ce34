"""Where the agent has not the right to do what a runbook says."""

from __future__ import annotations

from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.event import ActionRequested
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.runbook import Branch
from tests.support.cases import World, plan, runbook, step
from tests.support.standings import held_to_its_runs, standing

MISSING = "rights missing: the agent may not patch deployments.apps in prod-a (homeostat rbac)"


def refused(world: World) -> None:
    command = world.only(CommandKind.ACT)
    world.answer(command, OutcomeStatus.FAILED, reason=Reason.RIGHTS_MISSING, detail=MISSING)


def test_people_are_told_at_once_and_the_runbook_is_suspended() -> None:
    """F-K8-06: no other plan is tried, and no other incident runs into it."""
    two = runbook("hung", plan("a"), plan("b", step("process.flush", id="b")))
    world = held_to_its_runs(two)
    world.fire()
    refused(world)
    assert world.asked(CommandKind.ACT) == []
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.RIGHTS_MISSING)
    assert MISSING in world.case.reason_text
    assert any("may not patch deployments.apps" in str(p.params["text"]) for p in world.pages)
    out = standing(world)
    assert (out.is_suspended, out.reason) == (True, Reason.RIGHTS_MISSING)
    assert "homeostat rbac" in out.brings_back


def test_a_person_who_lacks_the_right_suspends_nothing() -> None:
    world = held_to_its_runs(runbook(decide=(Branch(when=None, plan=None),)))
    case = world.fire()
    world.tell(ActionRequested(at=world.now, subject=case.id, who="ana", use="process.restart"))
    refused(world)
    assert not standing(world).is_suspended
    assert Reason.RIGHTS_MISSING in world.reasons
