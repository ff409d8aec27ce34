"""The way back and the ladder."""

from __future__ import annotations

import msgspec

from agent.core.matching import MatchIndex
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import Ending, PlanRun, State
from agent.model.policy import PluginFacts, Policy
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.model.runbook import Call, Lifecycle, Plan
from tests.support.cases import NAME, START, WATCHED, Value, World, plan, runbook, step

OWNER = Value("entity.owner")
BACK = step("process.rollback", id="back")
DECLARED = plan("risky", step("process.flush", id="flush"), rollback=(BACK, step(id="again")))
SNAPSHOT = plan("risky", step(), step("process.flush", id="flush"), rollback_snapshot=True)


def undo(version: str) -> dict[str, object]:
    return {"use": "process.rollback", "with": {"target": "shop-worker", "to": version}}


def failed_proof(*plans: Plan) -> World:
    """The first plan is done, and the alert is still firing at its deadline."""
    world = World(runbook("hung", *plans))
    world.fire()
    while world.case.state is State.ACTING:
        world.act(undo=undo(f"v{len(world.case.steps)}"))
    world.wait(301)
    return world


def test_a_declared_way_back_is_walked_step_by_step() -> None:
    world = failed_proof(DECLARED)
    assert world.case.state is State.ACTING
    assert world.act().step == "back"
    assert world.act().step == "again"
    run = PlanRun(
        plan="risky",
        verdict=Verdict.FAILED,
        reason=Reason.STILL_FIRING,
        attempt=1,
        runbook="hung",
        digest="digest-hung",
        at=START + 300.0,
        rolled_back=True,
        rollback_verdict=Verdict.INCONCLUSIVE,
    )
    assert world.case.plans == (run,)
    assert [s.is_rollback for s in world.case.steps] == [False, True, True]
    assert world.case.state is State.ESCALATED
    assert "rolled back, not proven" in world.case.pages[0].text
    assert Reason.ROLLBACK_UNPROVEN in world.reasons


def test_a_snapshot_is_undone_backwards() -> None:
    world = failed_proof(SNAPSHOT)
    assert world.only(CommandKind.ACT).params["to"] == "v2"
    world.act()
    assert world.only(CommandKind.ACT).params["to"] == "v1"
    world.act()
    assert world.case.plans[0].rolled_back


def test_only_what_was_done_is_undone() -> None:
    world = World(runbook("hung", SNAPSHOT))
    world.fire()
    world.act(undo=undo("v1"))
    world.act(OutcomeStatus.FAILED)
    assert world.only(CommandKind.ACT).params["to"] == "v1"
    world.act()
    assert world.case.reason is Reason.STEP_FAILED


def test_where_nothing_was_done_nothing_is_taken_back() -> None:
    world = World(runbook("hung", DECLARED))
    world.fire()
    world.act(OutcomeStatus.FAILED)
    assert world.case.state is State.ESCALATED
    assert len(world.case.steps) == 1


def test_a_way_back_that_fails_is_a_page_and_ends_the_ladder() -> None:
    world = failed_proof(DECLARED, plan("second"))
    world.act(OutcomeStatus.FAILED, detail="stuck")
    assert world.case.reason is Reason.ROLLBACK_FAILED
    assert not world.case.plans[0].rolled_back
    assert world.case.plans[0].rollback_verdict is Verdict.FAILED
    assert "NOT rolled back" in world.case.pages[0].text
    assert world.case.rollback_step is None
    assert world.paged == ["team-shop"]


def test_a_way_back_of_unknown_outcome_is_not_called_done() -> None:
    world = failed_proof(DECLARED)
    for _ in range(Policy().temporary_retries + 1):
        world.act(OutcomeStatus.UNKNOWN)
    assert world.case.reason is Reason.ROLLBACK_FAILED


def test_the_kill_switch_stops_the_way_back_too() -> None:
    world = World(runbook("hung", DECLARED))
    world.fire()
    world.act()
    world.keep("halt", "halt", Halt(at=world.now, who="bob", why="drill"))
    world.wait(301)
    assert world.case.reason is Reason.ROLLBACK_FAILED
    assert "kill switch" in world.case.reason_text


def test_the_ladder_tries_the_next_plan_and_it_heals() -> None:
    world = failed_proof(plan("first"), plan("second", step("process.flush", id="flush")))
    assert world.only(CommandKind.ACT).plan == "second"
    world.act()
    world.clear()
    assert world.case.outcome is Ending.HEALED
    assert [p.verdict for p in world.case.plans] == [Verdict.FAILED, Verdict.HELD]
    assert world.pages == []
    verdicts = {a.plan: a.verdict for a in world.state.acts["shop-worker"]}
    assert verdicts == {"first": Verdict.FAILED, "second": Verdict.HELD}


def test_the_ladder_has_an_end() -> None:
    world = failed_proof(*(plan(name) for name in "abcde"))
    for _ in range(2):
        world.act()
        world.wait(301)
    assert world.case.reason is Reason.ATTEMPTS_EXHAUSTED
    assert len(world.case.plans) == 3


def test_what_cleared_during_the_way_back_needs_no_further_remedy() -> None:
    world = failed_proof(DECLARED, plan("second"))
    world.clear()
    world.act()
    world.act()
    assert [run.plan for run in world.case.plans] == ["risky"]
    assert world.paged == ["team-shop"], "nothing proves that it is as it was"
    assert "rolled back, not proven" in world.case.pages[0].text


def test_a_look_that_comes_back_after_the_deadline_judges_nothing() -> None:
    """It was for the plan before; the one in hand waits for a person."""
    world = World(runbook("hung", plan("first", verify=WATCHED), plan("second")))
    world.fire()
    world.act()
    world.wait(66)
    look = world.only(CommandKind.OBSERVE)
    assert world.case.plan == "first" or world.case.state is not State.VERIFYING
    before = world.case
    world.answer(look, alive=True)
    assert world.case.plan == before.plan
    assert world.case.good_looks == before.good_looks


def test_an_assisted_runbook_asks_once_for_its_ladder() -> None:
    world = World(runbook("hung", plan("a"), plan("b"), lifecycle=Lifecycle.ASSISTED))
    world.fire()
    assert world.case.state is State.AWAITING_APPROVAL
    assert world.paged == ["team-shop"]


def test_a_snapshot_that_was_lost_in_a_crash_is_told_and_nothing_else_is_tried() -> None:
    flushed = plan("risky", step("process.flush", id="flush"), rollback_snapshot=True)
    world = World(runbook("hung", flushed, plan("second")))
    world.fire()
    world.act(OutcomeStatus.UNKNOWN)
    world.answer(world.only(CommandKind.PROBE), probed="happened")
    world.wait(301)
    assert world.case.state is State.ESCALATED
    assert world.case.reason is Reason.ROLLBACK_FAILED
    assert "never told" in world.case.reason_text
    assert [run.plan for run in world.case.plans] == ["risky"]


SCALE = PluginFacts(name="x.scale", kind="action", effect="idempotent", reversal="snapshot")


def test_a_snapshot_of_a_second_attempt_is_what_the_first_one_left() -> None:
    scaled = plan("scaled", step("x.scale", id="scale"), verify=WATCHED, rollback_snapshot=True)
    world = World(runbook("hung", scaled, plan("second")))
    world.view.plugins = {**world.view.plugins, SCALE.name: SCALE}
    world.fire()
    world.act(OutcomeStatus.UNKNOWN)
    world.act(undo={"use": "x.scale", "with": {"target": "shop-worker", "replicas": 5}})
    world.wait(6)
    world.find(alive=False, lost=True)
    assert world.asked(CommandKind.ACT) == []
    assert world.case.reason is Reason.ROLLBACK_FAILED


def test_the_way_back_is_about_the_entity_as_it_was_before_the_first_step() -> None:
    back = Call(id="back", use="process.rollback", params={"target": NAME, "to": OWNER})
    world = failed_first(plan("risky", rollback=(back,)))
    entities = dict(world.view.registry.entities)
    entities["shop-worker"] = msgspec.structs.replace(entities["shop-worker"], owner="changed")
    world.view.registry = msgspec.structs.replace(world.view.registry, entities=entities)
    world.wait(301)
    assert world.only(CommandKind.ACT).params["to"] == "team-shop"


def failed_first(*plans: Plan) -> World:
    world = World(runbook("hung", *plans))
    world.fire()
    world.act()
    return world


def test_a_way_back_whose_text_is_gone_is_told() -> None:
    world = failed_first(DECLARED, plan("second"))
    world.wait(301)
    world.view.runbooks = MatchIndex(())
    world.act()
    assert not world.case.plans[0].rolled_back, "half of it is missing"
    assert world.case.reason is Reason.ROLLBACK_FAILED


def test_an_earlier_plan_in_doubt_is_no_reason_to_act_on_what_is_quiet() -> None:
    world = failed_first(plan("first", verify=WATCHED), plan("second"), plan("third"))
    world.wait(6)
    world.find(alive=False, lost=True)
    assert world.only(CommandKind.ACT).plan == "second"
    world.clear()
    world.act(OutcomeStatus.FAILED)
    assert [run.plan for run in world.case.plans] == ["first", "second"]
    assert world.paged == ["team-shop"]
