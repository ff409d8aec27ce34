"""Settling: explained, waited for, closed; and told to people where it does not come true."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import Ending, State
from agent.model.reason import Reason
from agent.model.runbook import Branch, Lifecycle, OnInconclusive, Plan
from tests.support.careful import CAREFUL, WAIT
from tests.support.cases import CLEARED, World, plan, runbook


def waiting(*plans: Plan, **fields: Any) -> World:
    world = World(runbook("hung", *(plans or (WAIT,)), **fields))
    world.fire()
    return world


# a row


def test_a_row_gives_it_its_own_time() -> None:
    row = Branch(when=None, plan=None, why="nightly", settle=True, settle_within_seconds=1800.0)
    world = World(runbook(decide=(row,), plans=()))
    world.fire(generator_url="http://p/graph?g0.expr=rate(x%5B1h%5D)+%3E+1")
    world.wait(1799)
    assert world.case.state is State.VERIFYING
    world.wait(2)
    assert world.case.reason is Reason.STILL_FIRING
    assert world.paged == ["team-shop"]


def test_an_explanation_may_name_facts() -> None:
    row = Branch(when=None, plan=None, why="${entity.name} at ${alert.labels.hour}", settle=True)
    world = World(runbook(decide=(row,), plans=()))
    assert world.fire(labels={"hour": "${entity.owner}"}).reason_text == (
        "shop-worker at ${entity.owner}"
    )


# a plan with a check of its own


def test_it_closes_when_the_check_holds_though_the_alert_still_fires() -> None:
    world = waiting()
    assert world.case.state is State.VERIFYING
    for _ in range(2):
        world.wait(10)
        world.find(alive=True, lost=False)
    assert (world.case.state, world.case.outcome) == (State.RESOLVED, Ending.SETTLED)
    assert world.case.verdict is Verdict.HELD
    assert world.case.reason is Reason.SETTLED
    assert [c.kind for c in world.commands] == [CommandKind.OBSERVE] * 2
    assert world.pages == []


def test_a_check_that_says_the_opposite_is_a_page_and_no_other_plan_is_tried() -> None:
    world = waiting(WAIT, plan("restart"))
    world.wait(6)
    world.find(alive=True, lost=True)
    assert (world.case.state, world.case.reason) == (
        State.ESCALATED, Reason.VERIFICATION_FAILED,
    )  # fmt: skip
    assert world.case.steps == ()
    assert "waited (wait), proof failed" in world.case.pages[0].text


def test_a_check_that_stays_false_is_a_page() -> None:
    world = waiting()
    for _ in range(7):
        world.wait(10)
        world.find(alive=False, lost=False)
    assert world.case.reason is Reason.VERIFICATION_FAILED
    assert world.case.verdict is Verdict.FAILED


def test_a_check_that_cannot_be_made_proves_nothing() -> None:
    back = msgspec.structs.replace(WAIT, on_inconclusive=OnInconclusive.ROLL_BACK_AND_ESCALATE)
    for one in (WAIT, back):
        world = waiting(one)
        for _ in range(7):
            world.wait(10)
            world.find(OutcomeStatus.FAILED)
        assert world.case.reason is Reason.VERIFICATION_INCONCLUSIVE
        assert world.paged == ["team-shop"]
        assert world.case.steps == ()


def test_by_the_alert_alone_it_has_to_clear() -> None:
    by_alert = msgspec.structs.replace(WAIT, verify=CLEARED)
    world = waiting(by_alert)
    world.clear()
    assert world.case.outcome is Ending.SETTLED
    world = waiting(by_alert)
    world.wait(301)
    assert world.case.reason is Reason.STILL_FIRING
    assert world.case.reason_text == "it was expected to settle by itself"


def test_it_compares_with_how_it_was_when_the_waiting_began() -> None:
    world = waiting(msgspec.structs.replace(WAIT, verify=CAREFUL))
    world.find(alive=False, restarts=1)
    assert world.case.state is State.VERIFYING
    world.wait(6)
    world.find(alive=False, restarts=2)
    assert world.case.reason is Reason.WORSENED


@pytest.mark.parametrize(
    ("lifecycle", "state", "reason"),
    [
        (Lifecycle.SHADOW, State.ESCALATED, Reason.RUNBOOK_IN_SHADOW),
        (Lifecycle.ASSISTED, State.VERIFYING, Reason.DECIDED_TO_SETTLE),
    ],
)
def test_waiting_is_no_act_but_keeps_people_out_of_it(
    lifecycle: Lifecycle, state: State, reason: Reason
) -> None:
    world = waiting(lifecycle=lifecycle)
    assert (world.case.state, world.case.reason, world.case.plan) == (state, reason, "wait")
