"""An act a person asked for, of which nobody knows whether it happened, is told in any case."""

from __future__ import annotations

import msgspec

from agent.model.command import CommandKind
from agent.model.decision import Decision
from agent.model.effect import OutcomeStatus
from agent.model.event import ActionRequested, ResolvedByPerson
from agent.model.incident import State, StepRun
from agent.model.product import EntityKind
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from tests.support.cases import START, World, on, plan, runbook, step


def asked(world: World) -> None:
    """Anna has the agent restart it."""
    told = world.tell(
        ActionRequested(
            at=world.now,
            subject=world.last,
            who="anna",
            use="process.restart",
            params={"target": "shop-worker"},
        )
    )
    assert told.refused is None


def by_anna(world: World) -> World:
    world.fire()
    asked(world)
    return world


def unknown(world: World) -> None:
    while world.asked(CommandKind.ACT):
        world.answer(world.asked(CommandKind.ACT)[0], OutcomeStatus.UNKNOWN)


def test_an_incident_does_not_end_while_a_persons_act_is_under_way() -> None:
    world = by_anna(World())
    world.clear()
    assert world.case.is_open
    world.act()
    assert world.case.state is State.RESOLVED


def test_what_nobody_knows_is_told_though_the_alert_is_gone() -> None:
    world = by_anna(World())
    told = len(world.pages)
    world.clear()
    unknown(world)
    assert world.case.is_open
    assert world.case.reason is Reason.STEP_UNKNOWN
    assert len(world.pages) > told
    world.tell(ResolvedByPerson(at=world.now, subject=world.last, who="anna", cause="looked"))
    assert world.case.state is State.RESOLVED


def test_it_is_told_in_an_incident_that_a_silence_covers() -> None:
    world = World()
    matcher = SilenceMatcher(name="alertname", value="Hung")
    world.keep("silence", "s", Silence(
        id="s", matchers=(matcher,), starts_at=START, ends_at=START + 9000,
        created_by="anna", comment="mine", updated_at=START,
    ))  # fmt: skip
    by_anna(world)
    assert [i.silenced_by for i in world.incidents] == ["s"]
    unknown(world)
    assert [i.silenced_by for i in world.incidents] == [None]
    assert world.paged == ["team-shop"]


def test_what_burns_again_before_the_act_ended_is_not_forgotten() -> None:
    world = by_anna(World())
    world.clear()
    world.wait(5)
    world.fire()
    world.act()
    assert world.case.is_open
    world.clear()
    assert not world.case.is_open


def test_what_nobody_was_told_of_yet_is_told_where_it_burns_again() -> None:
    """What was looked at came back in a quiet moment, and led to nothing."""
    world = by_anna(World(policy=on(EntityKind.SERVICE)))
    assert world.case.state is State.DIAGNOSING
    world.clear()
    world.find()
    world.wait(5)
    assert (world.case.is_open, world.paged) == (True, [])
    world.fire()
    assert (world.case.state, world.paged) == (State.ESCALATED, ["team-shop"])
    world.act()
    assert world.case.is_open


def test_what_the_agent_healed_meanwhile_is_told_and_not_just_closed() -> None:
    world = World(runbook("hung", plan("restart", step())))
    world.fire()
    steps = (
        StepRun(id="p", use="process.flush", params={}, target=None, by="anna", plan="",
                started_at=START, status=OutcomeStatus.UNKNOWN),
    )  # fmt: skip
    assert world.case.state is State.ACTING
    world.tell(Decision(incident=msgspec.structs.replace(
        world.case, steps=(*steps, *world.case.steps))))  # fmt: skip
    world.act()
    world.clear()
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.STEP_UNKNOWN)
    assert world.paged == ["team-shop"]


def test_one_that_waits_for_an_approval_is_not_carried_out_on_top_of_it() -> None:
    world = by_anna(World(runbook("hung", plan("restart", step()), tier="high")))
    assert world.case.state is State.AWAITING_APPROVAL
    told = len(world.pages)
    unknown(world)
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.STEP_UNKNOWN)
    assert len(world.pages) > told


def test_an_incident_open_for_another_doubt_is_not_closed_by_an_act_that_went_well() -> None:
    world = World(runbook("hung", plan("restart", step())))
    world.fire()
    world.clear()
    unknown(world)
    assert (world.case.state, world.case.is_firing) == (State.ESCALATED, False)
    world.wait(9000)
    asked(world)
    world.act()
    assert world.case.is_open
