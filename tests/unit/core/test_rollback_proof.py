"""The way back is proven like any remedy: held, failed or inconclusive, and the page says which."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.core.facts import facts_about
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.runbook import Call, OnInconclusive, Plan
from tests.support.careful import BACK, RISKY, UNSEEN
from tests.support.cases import CLEARED, NAME, WATCHED, When, World, plan, runbook


def walked(*plans: Plan) -> World:
    """The first plan failed at its deadline, and its way back was walked to the end."""
    world = World(runbook("hung", *(plans or (RISKY, plan("second")))))
    world.fire()
    world.act()
    world.wait(301)
    world.act()
    return world


def run_of(world: World) -> tuple[bool, Verdict | None]:
    run = world.case.plans[0]
    return run.rolled_back, run.rollback_verdict


def test_a_way_back_that_led_back_lets_the_next_plan_be_tried() -> None:
    world = walked()
    assert (world.case.state, world.case.is_taken_back) == (State.VERIFYING, True)
    assert run_of(world) == (True, None)
    world.wait(2)
    world.find(fine=True, lost=False)
    assert run_of(world) == (True, Verdict.HELD)
    assert Reason.ROLLBACK_VERIFIED in world.reasons
    assert (world.case.plan, world.case.is_taken_back) == ("second", False)
    assert world.only(CommandKind.ACT).plan == "second"
    assert "look" not in {name for _, name in world.state.timers}


def test_the_page_says_that_it_is_as_it_was() -> None:
    world = walked(RISKY)
    world.wait(2)
    world.find(fine=True, lost=False)
    assert world.case.reason is Reason.STILL_FIRING
    assert "proof failed, rolled back and proven" in world.case.pages[0].text


def test_a_way_back_that_did_not_lead_back_ends_it() -> None:
    world = walked()
    world.wait(2)
    world.find(fine=False, lost=True)
    assert run_of(world) == (True, Verdict.FAILED)
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.ROLLBACK_FAILED)
    assert len(world.case.plans) == 1, "no other plan is put on top of that"
    assert "rolled back, and NOT as it was before" in world.case.pages[0].text


def test_one_that_stays_false_to_its_deadline_failed_too() -> None:
    world = walked()
    for _ in range(4):
        world.wait(10)
        world.find(fine=False, lost=False)
    assert run_of(world) == (True, Verdict.FAILED)


def test_a_way_back_nobody_could_see_ends_it_as_unproven() -> None:
    world = walked()
    for _ in range(4):
        world.wait(10)
        world.find(OutcomeStatus.FAILED)
    assert run_of(world) == (True, Verdict.INCONCLUSIVE)
    assert (world.case.state, world.case.reason) == (State.ESCALATED, Reason.ROLLBACK_UNPROVEN)
    assert len(world.case.plans) == 1
    assert "rolled back, not proven" in world.case.pages[0].text


def test_a_failed_proof_is_told_though_the_alert_went_quiet() -> None:
    world = walked()
    world.clear()
    assert world.case.state is State.VERIFYING, "its proof is not the alert"
    world.wait(2)
    world.find(fine=False, lost=True)
    assert world.paged == ["team-shop"]


def test_once_proven_and_quiet_nothing_more_is_tried() -> None:
    world = walked()
    world.clear()
    world.wait(2)
    world.find(fine=True, lost=False)
    assert (world.case.state, len(world.case.plans)) == (State.RESOLVED, 1)
    assert world.pages == []


def test_a_way_back_may_be_proven_by_the_alert_alone() -> None:
    by_alert = msgspec.structs.replace(RISKY, rollback_verify=CLEARED)
    world = walked(by_alert, plan("second"))
    world.clear()
    assert run_of(world) == (True, Verdict.HELD)


def test_looks_at_the_plan_and_at_its_way_back_are_never_mistaken_for_each_other() -> None:
    same = msgspec.structs.replace(
        WATCHED, observe=(msgspec.structs.replace(WATCHED.observe[0]),), consecutive=1
    )
    both = msgspec.structs.replace(RISKY, verify=same, rollback_verify=same)
    world = World(runbook("hung", both))
    world.fire()
    world.act()
    world.wait(6)
    world.find(alive=True, lost=True)
    world.act()
    world.wait(6)
    world.find(alive=True, lost=False)
    looks = [c.id for c in world.commands if c.kind is CommandKind.OBSERVE]
    assert len(looks) == len(set(looks)) == 2
    assert run_of(world) == (True, Verdict.HELD)


def restarts(now: str, then: str) -> When:
    text = f"{now}.restarts <= before.{then}.restarts"
    return When(text, lambda f: f[now]["restarts"] <= f["before"][then]["restarts"])


def test_the_way_back_may_compare_with_how_it_was_too() -> None:
    compared = msgspec.structs.replace(BACK, must_not_worsen=(restarts("restored", "restored"),))
    world = World(runbook("hung", msgspec.structs.replace(RISKY, rollback_verify=compared)))
    world.fire()
    world.find(fine=True, restarts=1)
    world.act()
    world.wait(301)
    world.act()
    world.wait(2)
    world.find(fine=True, lost=False, restarts=2)
    assert run_of(world) == (True, Verdict.FAILED)
    assert Reason.WORSENED.sentence in world.case.reason_text


def test_what_both_proofs_call_alike_is_kept_apart() -> None:
    one = msgspec.structs.replace(
        WATCHED, must_not_worsen=(restarts("after", "after"),), consecutive=1
    )
    other = msgspec.structs.replace(
        one, observe=(Call(id="after", use="process.log", params={"target": NAME}),)
    )
    both = msgspec.structs.replace(RISKY, verify=one, rollback_verify=other)
    world = World(runbook("hung", both))
    world.fire()
    for command in world.asked(CommandKind.OBSERVE):
        told: dict[str, Any] = {"process.status": {"restarts": 5}, "process.log": {"restarts": 1}}
        world.answer(command, **told[command.use])
    world.act()
    assert facts_about(world.case, world.view)["before"]["after"] == {"restarts": 5}
    world.wait(6)
    world.find(alive=True, lost=True, restarts=5)
    world.act()
    assert facts_about(world.case, world.view)["before"]["after"] == {"restarts": 1}


# what nobody could see of the remedy itself


def unseen(*plans: Plan) -> World:
    world = World(runbook("hung", *plans, plan("second")))
    world.fire()
    world.act()
    for _ in range(7):
        world.wait(10)
        world.find(OutcomeStatus.FAILED)
    return world


def test_what_nobody_could_see_stays_by_default() -> None:
    world = unseen(
        msgspec.structs.replace(UNSEEN, on_inconclusive=OnInconclusive.HOLD_AND_ESCALATE)
    )
    assert (world.case.state, world.case.reason) == (
        State.ESCALATED, Reason.VERIFICATION_INCONCLUSIVE,
    )  # fmt: skip
    assert len(world.case.steps) == 1


def test_what_nobody_could_see_may_be_taken_back_and_then_a_person_decides() -> None:
    world = unseen(UNSEEN)
    assert world.act().step == "back"
    world.wait(2)
    world.find(fine=True, lost=False)
    assert run_of(world) == (True, Verdict.HELD)
    assert (world.case.state, world.case.reason) == (
        State.ESCALATED, Reason.VERIFICATION_INCONCLUSIVE,
    )  # fmt: skip
    assert [p.plan for p in world.case.plans] == ["risky"], "never the ladder"
    assert "proof inconclusive, rolled back and proven" in world.case.pages[0].text


def test_nor_is_the_ladder_tried_where_the_way_back_has_no_proof() -> None:
    world = unseen(msgspec.structs.replace(UNSEEN, rollback_verify=None))
    world.act()
    assert run_of(world) == (True, Verdict.INCONCLUSIVE)
    assert [p.plan for p in world.case.plans] == ["risky"]
    assert world.paged == ["team-shop"]
