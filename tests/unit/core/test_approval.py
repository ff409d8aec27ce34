"""An approval is for what was approved: one plan, with the parameters its steps had then."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.approval import approval_of, fingerprint_of
from agent.core.guard import recheck
from agent.core.matching import MatchIndex
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.incident import State
from agent.model.product import InventoryObject
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.model.runbook import Call, EntityQuery, Lifecycle, Match, Plan
from tests.support.careful import CAREFUL
from tests.support.cases import Value, World, alert, plan, runbook, step
from tests.support.remembering import approve

SECOND = plan("second", step("process.rollback", id="back"))


def assisted(*plans: Plan, **fields: Any) -> World:
    return World(runbook("hung", *plans, lifecycle=Lifecycle.ASSISTED, **fields))


def uses(world: World) -> list[str]:
    return [c.use for c in world.asked(CommandKind.ACT)]


@pytest.mark.parametrize("fails", ["the step", "its proof"])
def test_the_next_plan_of_the_ladder_is_asked_for_again(fails: str) -> None:
    world = assisted(plan(), SECOND)
    world.fire()
    approve(world)
    world.act(OutcomeStatus.FAILED if fails == "the step" else OutcomeStatus.DONE)
    world.wait(301)
    assert uses(world) == []
    assert (world.case.state, world.case.plan) == (State.AWAITING_APPROVAL, "second")
    assert (world.case.approved_by, world.case.approval) == (None, None)
    assert world.paged == ["team-shop", "team-shop"], "people are told that they are asked again"
    assert "incidents approve" in world.case.pages[-1].text
    approve(world, "carl")
    assert (uses(world), world.case.approved_by) == (["process.rollback"], "carl")


def test_an_approval_ends_with_its_plan_where_nobody_can_be_asked_for_the_next() -> None:
    world = assisted(plan(), SECOND)
    world.fire()
    approve(world)
    world.keep("halt", "halt", Halt(at=world.now, who="bob", why="drill"))
    world.act(OutcomeStatus.FAILED)
    assert (world.case.plan, world.case.reason) == ("second", Reason.HALTED)
    assert (world.case.approved_by, world.case.approval) == (None, None)


@pytest.mark.parametrize("is_known_then", [True, False])
def test_an_approval_does_not_survive_a_start_over(is_known_then: bool) -> None:
    first = runbook("hung", lifecycle=Lifecycle.ASSISTED)
    world = World(first)
    below = world.fire(alert(entity="shop-web", starts_at=world.now)).id
    approve(world)
    world.act()
    root = world.fire(alert("CacheDown", entity="cache", starts_at=world.now)).id
    world.wait(400)
    assert world.incident(below).held_by == root
    other = runbook("better", SECOND, lifecycle=Lifecycle.ASSISTED)
    world.view.runbooks = MatchIndex((other,) if is_known_then else (), (first,))
    world.last = root
    world.clear()
    world.wait(2000)
    assert uses(world) == []
    case = world.incident(below)
    assert (case.approved_by, case.approval) == (None, None)
    assert (case.runbook == "better") is (case.matched is not None) is is_known_then


def scaling(*before: Call, **fields: Any) -> World:
    """A runbook whose step asks for as many replicas as there are."""
    query = EntityQuery(kind="deployment", of={"pod": Value("alert.labels.pod")})
    call = Call(
        id="scale",
        use="process.restart",
        params={"target": Value("entity.name"), "replicas": Value("entity.replicas")},
    )
    steps = (*before, call)
    world = assisted(plan("scale", *steps, **fields), match=Match(alert=("Hung",), entity=query))
    has(world, replicas=3)
    world.fire(labels={"pod": "web-1"})
    return world


def has(world: World, **facts: Any) -> None:
    thing = InventoryObject(
        name="web",
        kind="deployment",
        entity="shop-worker",
        keys={"pod": ("web-1",)},
        facts=facts,
    )
    world.view.inventory = {thing.name: thing}


def test_a_step_that_came_out_differently_since_then_does_not_run() -> None:
    world = scaling(step())
    approve(world)
    has(world, replicas=30)
    world.act()
    assert uses(world) == []
    assert world.case.reason is Reason.RUNBOOK_NEEDS_APPROVAL
    assert "step scale is not as it was approved" in world.case.reason_text
    assert len(world.paged) == 2


def test_what_changed_while_it_looked_around_is_asked_for_again() -> None:
    world = scaling(verify=CAREFUL)
    approve(world)
    has(world, replicas=30)
    world.find(alive=False, restarts=1)
    assert uses(world) == []
    assert (world.case.state, world.case.approved_by) == (State.AWAITING_APPROVAL, None)
    assert len(world.paged) == 2
    approve(world)
    assert world.only(CommandKind.ACT).params == {"target": "web", "replicas": 30}


def test_one_that_did_not_change_runs() -> None:
    world = scaling(step())
    approve(world)
    world.act()
    assert world.only(CommandKind.ACT).params == {"target": "web", "replicas": 3}


def test_a_step_nobody_could_work_out_is_not_approved() -> None:
    world = scaling(step())
    has(world)
    approve(world)
    assert world.case.asked is not None
    assert [s.unknown.partition(":")[0] for s in world.case.asked.steps] == ["", "replicas"]
    approve(world)
    assert world.case.approval is not None
    assert set(world.case.approval.steps) == {"restart"}
    has(world, replicas=3)
    world.act()
    assert world.case.reason is Reason.RUNBOOK_NEEDS_APPROVAL


def test_at_the_moment_of_acting_it_is_compared_again() -> None:
    world = assisted(plan(), SECOND)
    world.fire()
    approve(world)
    command, case = world.only(CommandKind.ACT), world.case

    def stopped(asked: Any = command, about: Any = case) -> Reason | None:
        stop = recheck(asked, about, world.view, at=world.now)
        return stop.reason if stop is not None else None

    assert stopped() is None
    more = msgspec.structs.replace(command, params={**command.params, "grace_seconds": 0})
    assert stopped(more) is Reason.RUNBOOK_NEEDS_APPROVAL
    assert case.approval is not None
    other = msgspec.structs.replace(case.approval, plan="second")
    older = msgspec.structs.replace(case.approval, digest="older")
    for told in ({"approval": a} for a in (None, other, older)):
        changed = msgspec.structs.replace(case, **told)
        assert stopped(about=changed) is Reason.RUNBOOK_NEEDS_APPROVAL, told
    withdrawn = msgspec.structs.replace(case, approved_by=None)
    assert stopped(about=withdrawn) is Reason.RUNBOOK_NEEDS_APPROVAL


def test_what_is_approved_is_the_same_after_it_was_stored() -> None:
    params = {"target": "web", "list": ("a", 1, 2.0, None), "map": {"b": 1, "a": {2: True}}}
    stored = msgspec.json.decode(msgspec.json.encode(params))
    assert stored != params
    assert fingerprint_of("x", stored) == fingerprint_of("x", params)
    assert fingerprint_of("x", dict(reversed(params.items()))) == fingerprint_of("x", params)
    assert fingerprint_of("y", params) != fingerprint_of("x", params)
    assert fingerprint_of("x", {**params, "target": "db"}) != fingerprint_of("x", params)


def test_an_approval_names_the_version_the_plan_and_its_steps() -> None:
    found = approval_of(runbook("hung", SECOND), SECOND, {"entity": {"name": "web"}})
    assert (found.digest, found.plan, set(found.steps)) == ("digest-hung", "second", {"back"})
