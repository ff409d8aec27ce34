"""People's words: who may what, and when."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.model.command import CommandKind
from agent.model.decision import Decision
from agent.model.effect import OutcomeStatus
from agent.model.event import Acknowledged, ActionRequested, Approved, Rejected, ResolvedByPerson
from agent.model.incident import Ending, State
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.model.runbook import Lifecycle
from tests.support.careful import CAREFUL
from tests.support.cases import STATUS, World, alert, plan, runbook


def say(world: World, what: Any, who: str = "bob", **fields: Any) -> Decision:
    return world.tell(what(at=world.now, subject=world.last, who=who, **fields))


def run(world: World, use: str = "process.restart", **fields: Any) -> Decision:
    return say(world, ActionRequested, use=use, **fields)


def resolve(world: World, **fields: Any) -> Decision:
    return say(world, ResolvedByPerson, cause="disk full", **fields)


def assisted(*plans: Any) -> World:
    world = World(runbook("hung", *plans, lifecycle=Lifecycle.ASSISTED))
    world.fire()
    assert world.case.state is State.AWAITING_APPROVAL
    return world


STATES = {
    "open": lambda: started(World(), entity="shop-web"),
    "diagnosing": lambda: started(World(runbook(diagnose=(STATUS,)))),
    "awaiting_approval": assisted,
    "acting": lambda: started(World(runbook())),
    "verifying": lambda: verifying(),
    "escalated": lambda: started(World()),
    "acknowledged": lambda: acknowledged(),
    "resolved": lambda: cleared(),
}


def started(world: World, **alert: Any) -> World:
    world.fire(**alert)
    return world


def verifying() -> World:
    world = started(World(runbook()))
    world.act()
    return world


def acknowledged() -> World:
    world = started(World())
    say(world, Acknowledged)
    return world


def cleared() -> World:
    world = started(World())
    world.clear()
    return world


# what is possible in which state

POSSIBLE = {
    Acknowledged: {
        "open": "acknowledged",
        "diagnosing": "acknowledged",
        "awaiting_approval": "acknowledged",
        "acting": "acting",
        "verifying": "verifying",
        "escalated": "acknowledged",
        "acknowledged": "acknowledged",
    },
    Approved: {"awaiting_approval": "acting"},
    Rejected: {"awaiting_approval": "acknowledged"},
    ActionRequested: {
        name: name
        for name in ("open", "diagnosing", "awaiting_approval", "escalated", "acknowledged")
    },
    ResolvedByPerson: {name: "resolved" for name in STATES if name != "acting"},
}
FIELDS: dict[Any, dict[str, Any]] = {
    ActionRequested: {"use": "process.restart"},
    ResolvedByPerson: {"cause": "disk"},
}


@pytest.mark.parametrize("what", POSSIBLE)
@pytest.mark.parametrize("state", STATES)
def test_what_a_person_may_say_when(state: str, what: Any) -> None:
    world = STATES[state]()
    assert world.case.state.value == state
    before = world.case
    decision = say(world, what, **FIELDS.get(what, {}))
    if state in POSSIBLE[what]:
        assert decision.refused is None
        assert world.case.state.value == POSSIBLE[what][state]
    else:
        assert decision.refused in (Reason.MOVE_REFUSED, Reason.TARGET_BUSY)
        assert decision.refused_text
        assert world.case == before


def test_nobody_speaks_about_what_does_not_exist() -> None:
    world = World()
    world.last = "i-unknown"
    assert say(world, Acknowledged).refused is Reason.MOVE_REFUSED


# approval


def test_one_approval_page_and_then_it_heals() -> None:
    world = assisted()
    assert world.paged == ["team-shop"]
    assert "incidents approve" in world.case.pages[0].text
    say(world, Approved)
    assert (world.case.state, world.case.approved_by) == (State.ACTING, "bob")
    world.act()
    world.clear()
    assert world.case.outcome is Ending.HEALED
    assert len(world.pages) == 1


@pytest.mark.parametrize("who", ["anna", "local", "agent"])
def test_neither_the_author_nor_nobody_in_particular_may_approve(who: str) -> None:
    world = assisted()
    decision = say(world, Approved, who)
    assert decision.refused is Reason.NOT_ALLOWED
    assert world.case.approved_by is None
    assert world.asked(CommandKind.ACT) == []


def test_what_the_guards_refuse_after_the_approval_is_a_persons() -> None:
    world = assisted()
    world.keep("halt", "halt", Halt(at=world.now, who="eve", why="drill"))
    say(world, Approved)
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.HALTED)
    assert len(world.pages) == 2


def test_a_person_acts_first_and_the_approval_finds_the_target_busy() -> None:
    world = assisted()
    run(world)
    say(world, Approved, "carl")
    assert world.case.reason is Reason.TARGET_BUSY
    assert len(world.asked(CommandKind.ACT)) == 1


def test_who_takes_it_while_the_approved_plan_looks_around_ends_the_plan_on_the_record() -> None:
    world = assisted(plan("only", verify=CAREFUL))
    say(world, Approved)
    assert world.case.state is State.DIAGNOSING
    say(world, Acknowledged, "carl")
    world.find(alive=False, restarts=1)
    assert world.asked(CommandKind.ACT) == []
    told = [e.text for d in world.batch.decisions for e in d.journal if e.kind == "stopped"]
    assert told == ["only, which bob approved, is not carried out"]


async def test_rejected_is_a_persons() -> None:
    world = assisted()
    say(world, Rejected, why="not now")
    assert (world.case.state, world.case.reason_text) == (State.ACKNOWLEDGED, "not now")
    assert await world.ledger() == {world.case.id: ["routed"]}
    assert world.asked(CommandKind.ACT) == []


# actions through the agent


def test_an_action_is_aimed_at_the_incidents_entity_by_itself() -> None:
    world = started(World())
    run(world)
    command = world.only(CommandKind.ACT)
    assert (command.target, command.by) == ("shop-worker", "bob")
    world.act()
    assert world.case.steps[0].status is OutcomeStatus.DONE
    assert world.case.state is State.ESCALATED


def test_a_person_may_go_where_the_agent_may_not() -> None:
    world = started(World(), entity="cache")
    assert run(world, "process.pull").refused is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"use": "process.status"}, Reason.PLUGIN_MISSING),
        ({"params": {"target": "ghost"}}, Reason.TARGET_UNKNOWN),
        ({"params": {"target": ["a", "list"]}}, Reason.TOO_MANY_TARGETS),
    ],
)
def test_what_is_refused_to_people(fields: dict[str, Any], reason: Reason) -> None:
    world = started(World())
    assert run(world, **fields).refused is reason
    assert world.commands == world.pages


def test_one_action_at_a_time() -> None:
    world = started(World())
    run(world)
    assert run(world).refused is Reason.TARGET_BUSY


def test_the_agent_waits_for_a_person_who_acts() -> None:
    world = World(runbook(diagnose=(STATUS,)))
    world.fire()
    run(world)
    world.find(alive=False)
    assert world.case.reason is Reason.TARGET_BUSY
    assert world.paged == ["team-shop"]


@pytest.mark.parametrize(
    "status", [OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN, OutcomeStatus.REFUSED]
)
def test_a_persons_action_that_came_to_nothing_is_on_the_record(status: OutcomeStatus) -> None:
    world = started(World())
    run(world, "process.pull")
    world.act(status)
    assert world.case.steps[0].status is status
    assert world.state.acts["shop-worker"][0].status is status
    assert run(world).refused is None, "the target is free again"


# resolving


async def test_a_resolution_is_recorded() -> None:
    world = started(World())
    run(world)
    assert resolve(world).refused is Reason.TARGET_BUSY, "the action is still under way"
    world.act()
    assert resolve(world).refused is None
    assert (world.case.outcome, world.case.resolved_by) == (Ending.ROUTED, "bob")
    (kept,) = world.state.single["resolution"].values()
    assert [deed.use for deed in kept.deeds] == ["process.restart"]
    assert await world.ledger() == {world.case.id: ["routed"]}


def test_after_it_cleared_by_itself_it_is_told_once() -> None:
    world = started(World())
    run(world)
    world.act()
    world.clear()
    assert resolve(world).refused is None
    assert world.case.cause == "disk full"
    assert len(world.state.single["resolution"]) == 1
    assert resolve(world, who="carl").refused is Reason.MOVE_REFUSED
    assert world.case.resolved_by == "bob"


def test_not_before_the_action_has_ended() -> None:
    world = started(World())
    run(world)
    world.clear()
    assert resolve(world).refused is Reason.TARGET_BUSY
    world.act()
    assert resolve(world).refused is None
    assert len(world.state.single["resolution"]) == 1


def test_what_the_agent_healed_is_nobodys_resolution() -> None:
    world = verifying()
    world.clear()
    assert world.case.outcome is Ending.HEALED
    assert resolve(world).refused is Reason.MOVE_REFUSED


def test_what_was_done_outside_is_evidence_and_no_deed() -> None:
    world = started(World())
    run(world)
    world.act()
    resolve(world, actions=("pulled the plug",))
    (kept,) = world.state.single["resolution"].values()
    assert [deed.use for deed in kept.deeds] == ["process.restart"]
    assert kept.outside == ("pulled the plug",)


def test_an_act_in_doubt_is_told_instead_of_closed_over() -> None:
    world = started(World(runbook(diagnose=(STATUS,))))
    run(world, use="process.flush", who="anna", params={"target": "shop-web"})
    hers = world.only(CommandKind.ACT)
    world.find(alive=False)
    (ours,) = [c for c in world.asked(CommandKind.ACT) if c.by == "agent"]
    world.answer(ours)
    world.answer(hers, OutcomeStatus.FAILED)
    steps = (
        msgspec.structs.replace(s, status=OutcomeStatus.UNKNOWN) if s.by == "anna" else s
        for s in world.case.steps
    )
    world.tell(Decision(incident=msgspec.structs.replace(world.case, steps=tuple(steps))))
    assert world.case.state.value == "verifying"
    resolve(world)
    assert world.case.state.value == "escalated"
    assert world.case.resolved_by is None
    assert world.paged


def test_resolving_takes_a_silenced_or_held_one_too() -> None:
    world = World()
    world.fire(name="Down", entity="cache")
    world.fire(alert(entity="shop-web"))
    assert world.case.held_by is not None
    resolve(world)
    assert world.case.state is State.RESOLVED
