"""Deciding, acting, and what each outcome of a step leads to."""

from __future__ import annotations

from typing import Any

import pytest

from agent.model.command import Command, CommandKind
from agent.model.effect import Effect, OutcomeStatus, Verdict
from agent.model.event import ActionRequested
from agent.model.incident import Ending, State
from agent.model.policy import Policy
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.model.runbook import Branch, Lifecycle, OnInconclusive
from tests.support.cases import STATUS, World, fact, plan, runbook, settle, step

EFFECTS = {
    "process.restart": Effect.IDEMPOTENT,
    "process.rollback": Effect.CONDITIONAL,
    "process.flush": Effect.PROBED,
}


def acting(use: str = "process.restart") -> World:
    world = World(runbook("hung", plan("only", step(use))))
    world.fire()
    assert world.case.state is State.ACTING
    return world


def interrupted(world: World) -> Command:
    """A kill between the intent and the act: after the next start its outcome is unknown."""
    command = world.only(CommandKind.ACT)
    world.answer(command, OutcomeStatus.UNKNOWN, reason=Reason.INTERRUPTED)
    return command


def act_of(world: World) -> OutcomeStatus | None:
    (record,) = world.state.acts["shop-worker"]
    return record.status


# deciding


def test_the_first_true_row_names_the_plan() -> None:
    decide = (
        Branch(when=fact("status.lost"), plan="b"),
        Branch(when=fact("status.alive"), plan="a"),
        Branch(when=None, plan="b"),
    )
    world = World(runbook("hung", plan("a"), plan("b"), decide=decide, diagnose=(STATUS,)))
    world.fire()
    world.find(lost=False, alive=True)
    assert world.case.plan == "a"


def test_an_unknown_row_stops_before_any_row_below() -> None:
    decide = (Branch(when=fact("status.lost"), plan="b"), Branch(when=None, plan="restart"))
    world = World(runbook("hung", plan(), decide=decide, diagnose=(STATUS,)))
    world.fire()
    world.find(alive=True)
    assert world.case.reason is Reason.FACTS_UNKNOWN
    assert world.case.steps == ()


def test_a_row_may_ask_for_a_person() -> None:
    world = World(runbook(decide=(Branch(when=None, plan=None, why="by hand"),)))
    case = world.fire()
    assert (case.reason, case.reason_text) == (Reason.DECIDED_TO_ESCALATE, "by hand")


def test_no_true_row_is_a_page() -> None:
    world = World(runbook(decide=(Branch(when=fact("incident.severity", "info"), plan="restart"),)))
    assert world.fire().reason is Reason.DECIDED_TO_ESCALATE


def test_settle_waits_without_acting() -> None:
    world = World(runbook(decide=settle(), plans=()))
    assert world.fire().state is State.VERIFYING
    world.clear()
    assert world.case.outcome is Ending.SETTLED
    assert world.commands == []


def test_what_does_not_settle_is_a_page() -> None:
    world = World(runbook(decide=settle(), plans=()))
    world.fire()
    world.wait(301)
    assert world.case.reason is Reason.STILL_FIRING
    assert world.paged == ["team-shop"]


def test_a_runbook_in_shadow_neither_acts_nor_keeps_people_out_of_it() -> None:
    world = World(runbook(lifecycle=Lifecycle.SHADOW))
    case = world.fire()
    assert (case.reason, case.plan) == (Reason.RUNBOOK_IN_SHADOW, "restart")
    assert world.paged == ["team-shop"]
    world = World(runbook(decide=settle(), plans=(), lifecycle=Lifecycle.SHADOW))
    assert world.fire().reason is Reason.RUNBOOK_IN_SHADOW
    assert world.paged == ["team-shop"]


def test_a_parameter_that_is_unknown_stops_the_step() -> None:
    world = World(runbook("hung", plan("only", step("process.restart"))))
    world.view.registry = type(world.view.registry)(products=world.view.registry.products)
    case = world.fire(labels={"product": "shop"})
    assert case.reason is Reason.PARAMETER_UNKNOWN


# acting


def test_the_intent_is_written_with_the_act_that_guards_count() -> None:
    world = acting()
    command = world.only(CommandKind.ACT)
    assert command.effect is Effect.IDEMPOTENT
    assert (command.target, command.by) == ("shop-worker", "agent")
    (record,) = world.state.acts["shop-worker"]
    assert (record.key, record.status) == (command.key, None)
    assert world.case.waiting == (command.key,)


def test_steps_follow_each_other() -> None:
    world = World(runbook("hung", plan("two", step(), step("process.flush", id="flush"))))
    world.fire()
    assert world.act().step == "restart"
    assert world.act().step == "flush"
    assert world.case.state is State.VERIFYING
    assert [s.status for s in world.case.steps] == [OutcomeStatus.DONE] * 2


@pytest.mark.parametrize("use", EFFECTS)
def test_done_leads_to_the_proof(use: str) -> None:
    world = acting(use)
    world.act()
    assert world.case.state is State.VERIFYING
    assert act_of(world) is OutcomeStatus.DONE


@pytest.mark.parametrize("use", EFFECTS)
def test_failed_ends_the_plan(use: str) -> None:
    world = acting(use)
    world.act(OutcomeStatus.FAILED, detail="no")
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.STEP_FAILED)
    assert act_of(world) is OutcomeStatus.FAILED


@pytest.mark.parametrize("use", EFFECTS)
def test_refused_at_the_moment_of_acting_is_a_page_with_the_reason(use: str) -> None:
    world = acting(use)
    world.act(OutcomeStatus.REFUSED, reason=Reason.HALTED, detail="drill")
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.HALTED)
    assert act_of(world) is OutcomeStatus.REFUSED


@pytest.mark.parametrize("use", EFFECTS)
def test_temporary_is_tried_again_with_the_same_key_and_then_failed(use: str) -> None:
    world = acting(use)
    keys = []
    for attempt in range(1, Policy().temporary_retries + 2):
        command = world.act(OutcomeStatus.TEMPORARY)
        assert command.attempt == attempt
        keys.append((command.key, command.not_before))
    assert len({k for k, _ in keys}) == 1
    assert [n for _, n in keys[1:]] == [world.now + 2, world.now + 4, world.now + 8]
    assert world.case.reason is Reason.STEP_FAILED
    assert act_of(world) is OutcomeStatus.FAILED


@pytest.mark.parametrize("use", ["process.restart", "process.rollback"])
def test_what_can_be_repeated_is_repeated_after_an_interruption(use: str) -> None:
    world = acting(use)
    first = interrupted(world)
    again = world.only(CommandKind.ACT)
    assert (again.key, again.attempt) == (first.key, 2)
    assert again.id != first.id
    world.act()
    assert world.case.state is State.VERIFYING


def test_what_goes_on_being_unknown_is_a_page() -> None:
    world = acting()
    for _ in range(Policy().temporary_retries + 1):
        interrupted(world)
    assert world.case.reason is Reason.STEP_UNKNOWN
    assert act_of(world) is OutcomeStatus.UNKNOWN
    assert (
        "check by eye whether process.restart on shop-worker happened"
        in world.pages[0].params["text"]
    )


@pytest.mark.parametrize("last", [OutcomeStatus.REFUSED, OutcomeStatus.TEMPORARY])
def test_unknown_is_never_forgotten_by_a_later_attempt(last: OutcomeStatus) -> None:
    """The second attempt did nothing, but the first may have: that still counts."""
    world = acting()
    interrupted(world)
    while world.asked(CommandKind.ACT):
        world.act(last, reason=Reason.HALTED)
    assert act_of(world) is OutcomeStatus.UNKNOWN
    assert world.case.reason is Reason.STEP_UNKNOWN


def test_a_probed_step_is_looked_for_and_had_happened() -> None:
    world = acting("process.flush")
    lost = interrupted(world)
    probe = world.only(CommandKind.PROBE)
    assert probe.key == lost.key
    assert world.asked(CommandKind.ACT) == []
    world.answer(probe, probed="happened")
    assert world.case.state is State.VERIFYING
    assert len([c for c in world.commands if c.kind is CommandKind.ACT]) == 1, "done once"


def test_a_probed_step_that_had_not_happened_is_done_now() -> None:
    world = acting("process.flush")
    interrupted(world)
    world.answer(world.only(CommandKind.PROBE), probed="not_happened")
    assert world.only(CommandKind.ACT).attempt == 2
    world.act()
    assert world.case.state is State.VERIFYING


def test_a_probed_step_that_never_happens_has_failed() -> None:
    world = acting("process.flush")
    for _ in range(Policy().temporary_retries + 1):
        interrupted(world)
        world.answer(world.only(CommandKind.PROBE), probed="not_happened")
    assert world.case.reason is Reason.STEP_FAILED
    assert act_of(world) is OutcomeStatus.FAILED


@pytest.mark.parametrize(
    "status", [OutcomeStatus.DONE, OutcomeStatus.FAILED, OutcomeStatus.UNKNOWN]
)
def test_a_probe_that_cannot_tell_is_asked_again_and_then_a_person_is(
    status: OutcomeStatus,
) -> None:
    world = acting("process.flush")
    interrupted(world)
    for _ in range(Policy().probe_tries):
        world.answer(world.only(CommandKind.PROBE), status, probed="unclear")
    assert world.case.reason is Reason.STEP_UNKNOWN
    assert act_of(world) is OutcomeStatus.UNKNOWN
    assert world.paged == ["team-shop"]


def test_an_outcome_that_is_told_twice_counts_once() -> None:
    world = World(runbook("hung", plan("two", step(), step("process.flush", id="flush"))))
    world.fire()
    command = world.act()
    world.answer(command)
    assert world.case.step == 1
    assert world.only(CommandKind.ACT).step == "flush"


def test_the_outcome_of_a_plan_that_is_over_only_closes_its_act() -> None:
    world = World(runbook("hung", plan("a"), plan("b", step("process.flush", id="flush"))))
    world.fire()
    old = world.only(CommandKind.ACT)
    world.act(OutcomeStatus.FAILED)
    world.answer(old)
    assert world.case.plan == "b"
    assert world.case.step == 0
    assert world.only(CommandKind.ACT).step == "flush"


@pytest.mark.parametrize(
    "status",
    [OutcomeStatus.DONE, OutcomeStatus.FAILED, OutcomeStatus.TEMPORARY, OutcomeStatus.UNKNOWN],
)
def test_no_persons_act_stays_under_way_when_the_alert_is_gone(status: OutcomeStatus) -> None:
    world = World()
    case = world.fire()
    world.tell(ActionRequested(at=world.now, subject=case.id, who="bob", use="process.flush"))
    world.clear()
    assert world.case.is_open, "until it is known what came of the act"
    while acts := world.asked(CommandKind.ACT):
        world.answer(acts[0], status)
    while probes := world.asked(CommandKind.PROBE):
        world.answer(probes[0], probed="unclear")
    assert act_of(world) is not None, "or the target would be busy for ever"
    assert world.case.is_open is (status is OutcomeStatus.UNKNOWN)


@pytest.mark.parametrize("undo", ["text", 5, {}, {"use": 5}, {"use": "x", "with": "y"}, [1]])
def test_an_odd_way_back_told_by_a_plugin_is_one_that_nobody_knows(undo: object) -> None:
    world = World(runbook("hung", plan("only", step(), rollback_snapshot=True)))
    world.fire()
    world.act(undo=undo)
    world.wait(301)
    assert world.case.reason is Reason.ROLLBACK_FAILED
    assert world.case.steps[0].undo is None


def two_steps(**fields: Any) -> World:
    """The first of two steps is under way."""
    two = plan("two", step(), step("process.rollback", id="second"), **fields)
    world = World(runbook("hung", two))
    world.fire()
    return world


def halt(world: World) -> None:
    world.keep("halt", "halt", Halt(at=world.now, who="bob", why="drill"))


def test_half_a_plan_is_told_though_it_went_quiet() -> None:
    world = two_steps()
    world.clear()
    halt(world)
    world.act()
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.HALTED)
    assert world.case.plans[0].verdict is Verdict.INCONCLUSIVE
    assert world.paged == ["team-shop"]


def test_a_stop_before_anything_was_done_is_no_verdict() -> None:
    world = two_steps()
    halt(world)
    world.act(OutcomeStatus.REFUSED, reason=Reason.HALTED)
    assert (world.case.reason, world.case.plans) == (Reason.HALTED, ())


def test_half_a_plan_may_be_taken_back() -> None:
    back = OnInconclusive.ROLL_BACK_AND_ESCALATE
    way = (step("process.flush", id="back"),)
    world = two_steps(on_inconclusive=back, rollback=way)
    world.act()
    world.act(OutcomeStatus.REFUSED, reason=Reason.COOLDOWN)
    assert world.act().step == "back"
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.COOLDOWN)
    assert world.case.plans[0].rolled_back


def test_half_a_plan_whose_next_step_may_have_happened_is_left_to_people() -> None:
    back = OnInconclusive.ROLL_BACK_AND_ESCALATE
    world = two_steps(on_inconclusive=back, rollback=(step("process.flush", id="back"),))
    world.act()
    for _ in range(Policy().temporary_retries + 1):
        world.act(OutcomeStatus.UNKNOWN)
    assert world.case.reason is Reason.STEP_UNKNOWN
    assert not world.case.plans[0].rolled_back
    assert world.asked(CommandKind.ACT) == []
