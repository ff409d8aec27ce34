"""A plan that must not make it worse looks first, and does nothing where it cannot see."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.facts import facts_about
from agent.model.command import Command, CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.event import Acknowledged, Approved
from agent.model.incident import Ending, State
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.model.runbook import Lifecycle
from tests.support.careful import CAREFUL, NOT_WORSE
from tests.support.cases import START, WATCHED, Value, When, World, plan, runbook, step


def careful(**fields: Any) -> World:
    world = World(runbook("hung", plan("only", verify=CAREFUL), **fields))
    world.fire()
    return world


def look(world: World) -> Command:
    return world.only(CommandKind.OBSERVE)


def acted(world: World) -> World:
    """How it was before is known, and the step is done."""
    world.answer(look(world), alive=False, restarts=2)
    world.act()
    world.wait(6)
    return world


def test_it_looks_before_the_first_step_and_compares_with_that() -> None:
    world = careful()
    assert (world.case.state, world.asked(CommandKind.ACT)) == (State.DIAGNOSING, [])
    acted(world)
    assert world.case.before == {"after": {"alive": False, "restarts": 2}}
    assert facts_about(world.case, world.view)["before"]["after"]["restarts"] == 2
    world.answer(look(world), alive=True, restarts=2)
    assert world.case.outcome is Ending.HEALED


def test_worse_than_before_is_failed_at_once() -> None:
    world = acted(careful())
    world.answer(look(world), alive=True, restarts=3)
    assert world.case.plans[0].verdict is Verdict.FAILED
    assert (world.case.reason, world.case.reason_text) == (Reason.WORSENED, NOT_WORSE.text)
    assert world.paged == ["team-shop"]


def test_a_look_that_cannot_compare_is_no_good_look() -> None:
    world = acted(careful())
    world.answer(look(world), alive=True)
    assert (world.case.last_look, world.case.good_looks) == ("unknown", 0)
    world.wait(60)
    world.find(alive=True)
    world.wait(60)
    assert world.case.plans[0].verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (OutcomeStatus.FAILED, {}),
        (OutcomeStatus.TEMPORARY, {}),
        (OutcomeStatus.DONE, {"alive": True}),
    ],
)
def test_without_knowing_how_it_was_nothing_is_done(
    status: OutcomeStatus, value: dict[str, Any]
) -> None:
    world = careful()
    world.answer(look(world), status, detail="no answer", **value)
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.FACTS_UNKNOWN)
    assert world.case.reason_text.startswith("before the first step: ")
    assert world.case.steps == ()


def test_an_observation_that_cannot_even_be_asked_for_stops_it_too() -> None:
    asking = msgspec.structs.replace(CAREFUL.observe[0], params={"target": Value("status.gone")})
    verify = msgspec.structs.replace(CAREFUL, observe=(asking,))
    world = World(runbook("hung", plan("only", verify=verify)))
    world.fire()
    assert world.case.reason is Reason.FACTS_UNKNOWN
    assert "=status.gone is unknown" in world.case.reason_text


def test_a_look_that_was_interrupted_is_asked_for_once_more() -> None:
    world = careful()
    first = look(world)
    world.answer(first, OutcomeStatus.UNKNOWN)
    second = look(world)
    assert second.id != first.id
    world.answer(second, OutcomeStatus.UNKNOWN)
    assert world.case.reason is Reason.FACTS_UNKNOWN


def test_the_guards_are_asked_first_and_again() -> None:
    world = World(runbook("hung", plan("only", verify=CAREFUL)))
    world.keep("halt", "halt", Halt(at=START, who="bob", why="drill"))
    assert world.fire().reason is Reason.HALTED
    assert world.asked(CommandKind.OBSERVE) == [], "nothing is looked at for what may not be done"
    world = careful()
    world.keep("halt", "halt", Halt(at=START, who="bob", why="drill"))
    world.answer(look(world), alive=False, restarts=2)
    assert (world.case.reason, world.case.steps) == (Reason.HALTED, ())


def test_after_an_approval_it_looks_at_what_is_there_then() -> None:
    world = careful(lifecycle=Lifecycle.ASSISTED)
    assert world.case.state is State.AWAITING_APPROVAL
    assert world.asked(CommandKind.OBSERVE) == []
    world.wait(3600)
    world.tell(Approved(at=world.now, subject=world.last, who="bob"))
    assert (world.case.state, world.asked(CommandKind.ACT)) == (State.DIAGNOSING, [])
    acted(world)
    world.answer(look(world), alive=True, restarts=1)
    assert world.case.outcome is Ending.HEALED


def test_a_runbook_in_shadow_does_not_look() -> None:
    world = careful(lifecycle=Lifecycle.SHADOW)
    assert (world.case.reason, world.case.plan) == (Reason.RUNBOOK_IN_SHADOW, "only")
    assert world.asked(CommandKind.OBSERVE) == []


def test_each_plan_of_a_ladder_has_its_own_before() -> None:
    second = plan("second", step("process.flush", id="flush"), verify=CAREFUL)
    world = World(runbook("hung", plan("first", verify=CAREFUL), second))
    world.fire()
    acted(world)
    world.answer(look(world), alive=False, restarts=9)
    assert (world.case.plan, world.case.state, world.case.before) == (
        "second", State.DIAGNOSING, {},
    )  # fmt: skip
    world.answer(look(world), alive=False, restarts=9)
    assert world.only(CommandKind.ACT).plan == "second"
    assert world.case.before["after"]["restarts"] == 9


def test_a_plan_that_compares_nothing_begins_at_once() -> None:
    world = World(runbook("hung", plan("only", verify=WATCHED)))
    world.fire()
    assert world.case.state is State.ACTING


def test_what_clears_while_it_looks_needs_no_remedy() -> None:
    world = careful()
    world.clear()
    assert world.case.state is State.RESOLVED
    assert world.case.steps == ()


def test_somebody_who_takes_it_meanwhile_has_it() -> None:
    world = careful()
    asked = look(world)
    world.tell(Acknowledged(at=world.now, subject=world.last, who="bob"))
    world.answer(asked, alive=False, restarts=2)
    assert (world.case.state, world.case.steps) == (State.ACKNOWLEDGED, ())


def test_quiet_between_two_plans_does_not_hide_what_the_first_one_did() -> None:
    second = plan("second", verify=CAREFUL)
    world = World(runbook("hung", plan("first", verify=CAREFUL), second))
    world.fire()
    acted(world)
    world.answer(look(world), alive=False, restarts=9)
    world.clear()
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.WORSENED)
    assert world.paged == ["team-shop"]
    world.answer(look(world), alive=False, restarts=9)
    assert world.asked(CommandKind.ACT) == [], "what is quiet is not acted on"


def test_a_promise_that_is_broken_before_the_first_step_stops_it() -> None:
    fewer = When(
        "after.restarts < before.after.restarts",
        lambda f: f["after"]["restarts"] < f["before"]["after"]["restarts"],
    )
    verify = msgspec.structs.replace(CAREFUL, must_not_worsen=(fewer,))
    world = World(runbook("hung", plan("only", verify=verify)))
    world.fire()
    world.answer(look(world), alive=False, restarts=2)
    assert (world.case.steps, world.case.reason) == ((), Reason.DECIDED_TO_ESCALATE)
    assert world.case.reason_text == (
        f"before the first step: {fewer.text} does not hold, so only could only fail"
    )
