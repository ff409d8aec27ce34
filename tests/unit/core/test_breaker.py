"""A remedy that does not help is not tried for ever: one breaker per runbook and action."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.breaker import Position, position, who_tries
from agent.model.command import CommandKind
from agent.model.decision import Decision
from agent.model.effect import OutcomeStatus
from agent.model.event import ActionRequested, BreakerReset, ResolvedByPerson
from agent.model.incident import Ending, State
from agent.model.reason import Reason
from agent.model.records import Breaker
from tests.support.cases import WATCHED, World, plan, runbook, step
from tests.support.remembering import easy_world, heal

KEY = "hung process.restart"
ALONE = {"flapping_turns": 1_000, "chain_depth": 1_000, "relapse_seconds": -1.0}
"""Nothing but the breaker is under test, and what comes back is another failure, not a relapse."""


def world_of(*plans: Any, **rails: Any) -> World:
    return easy_world(runbook("hung", *plans), **{**ALONE, **rails})


def breaker(world: World, key: str = KEY) -> Breaker:
    return world.view.breakers[key]


def stands(world: World, key: str = KEY) -> Position:
    return position(breaker(world, key), world.view.policy.rails, world.now)


def fails(world: World, times: int = 1) -> None:
    """The action is done and the alert fires on: the proof says that it did not help."""
    for _ in range(times):
        world.fire()
        world.act()
        world.wait(301)
        assert world.case.state is State.ESCALATED
        world.clear()


def fails_at_once(world: World, times: int) -> None:
    for _ in range(times):
        world.fire()
        world.act(OutcomeStatus.FAILED)
        world.clear()
        world.wait(1)


def heals(world: World, times: int = 1) -> None:
    for _ in range(times):
        world.fire()
        heal(world)
        assert world.case.outcome is Ending.HEALED


def refused(world: World) -> Reason | None:
    """Why an incident is not acted on now. It clears again."""
    world.fire()
    assert world.asked(CommandKind.ACT) == []
    reason = world.case.reason
    world.clear()
    return reason


def test_three_that_did_not_hold_in_a_row_open_it() -> None:
    world = world_of()
    fails(world, 2)
    assert stands(world) is Position.CLOSED
    fails(world)
    assert stands(world) is Position.OPEN
    assert Reason.BREAKER_OPENED in world.reasons
    assert refused(world) is Reason.BREAKER_OPEN
    assert len(world.paged) == 4, "a person is told each time, also that the remedy is left alone"


def test_one_that_held_between_them_begins_the_row_anew() -> None:
    world = world_of()
    fails(world, 2)
    heals(world)
    fails(world, 2)
    assert stands(world) is Position.CLOSED


def test_more_than_half_of_the_last_ten_open_it() -> None:
    world = world_of()
    for _ in range(4):
        heals(world)
        fails(world)
    fails(world)
    assert breaker(world).results.count(False) == 5
    assert stands(world) is Position.CLOSED, "nine results are no ten"
    heals(world)
    assert stands(world) is Position.CLOSED, "five of ten are no more than half"
    fails(world)
    assert stands(world) is Position.OPEN


@pytest.mark.parametrize("how", ["failed", "inconclusive", "unknown"])
def test_everything_that_is_no_success_counts(how: str) -> None:
    key = "hung process.flush"
    world = world_of(plan("flush", step("process.flush", id="flush"), verify=WATCHED))
    world.fire()
    if how == "failed":
        world.act(OutcomeStatus.FAILED)
    elif how == "inconclusive":
        world.act()
        world.wait(120)
        assert world.case.reason is Reason.VERIFICATION_INCONCLUSIVE
    else:
        world.act(OutcomeStatus.UNKNOWN)
        for _ in range(world.view.policy.probe_tries):
            world.answer(world.only(CommandKind.PROBE), OutcomeStatus.FAILED)
        assert world.case.reason is Reason.STEP_UNKNOWN
    assert breaker(world, key).results == (False,)


def test_what_the_rails_refused_at_the_last_moment_says_nothing_of_the_remedy() -> None:
    world = world_of()
    world.fire()
    world.act(OutcomeStatus.REFUSED)
    assert world.view.breakers == {}


def test_each_action_of_a_plan_has_its_own() -> None:
    both = plan("both", step(), step("process.flush", id="flush"))
    world = world_of(both)
    world.fire()
    world.act()
    world.act()
    world.wait(301)
    assert breaker(world).results == (False,)
    assert breaker(world, "hung process.flush").results == (False,)


def test_the_next_plan_of_the_ladder_is_held_by_what_the_plan_before_did_to_it() -> None:
    again = plan("again", step(grace_seconds=9))
    world = world_of(plan(), again, breaker_in_a_row=1)
    world.fire()
    world.act()
    world.wait(301)
    assert world.asked(CommandKind.ACT) == []
    assert (world.case.plan, world.case.reason) == ("again", Reason.BREAKER_OPEN)


def test_after_a_while_exactly_one_may_try() -> None:
    world = world_of()
    fails(world, 3)
    world.wait(1700)
    assert refused(world) is Reason.BREAKER_OPEN
    world.wait(101)
    assert stands(world) is Position.HALF_OPEN
    first = world.fire(entity="shop-worker").id
    second = world.fire(entity="shop-web").id
    world.wait(20)
    (command,) = world.asked(CommandKind.ACT)
    assert (command.subject, breaker(world).trying) == (first, first)
    assert world.incident(second).reason is Reason.BREAKER_OPEN


def test_one_that_is_quiet_by_a_silence_does_not_keep_the_one_try() -> None:
    world = world_of()
    fails(world, 3)
    world.wait(1801)
    first = world.fire(entity="shop-worker")
    assert breaker(world).trying == first.id
    assert who_tries(breaker(world), world.view) == first.id
    for fields in ({"silenced_by": "s"}, {"inhibited_by": "am/x"}):
        quiet = msgspec.structs.replace(first, state=State.DIAGNOSING, **fields)
        world.tell(Decision(incident=quiet))
        assert who_tries(breaker(world), world.view) is None
    second = world.fire(entity="shop-web").id
    world.wait(20)
    assert breaker(world).trying == second


def test_a_try_that_holds_closes_it() -> None:
    world = world_of()
    fails(world, 3)
    world.wait(1801)
    heals(world)
    assert stands(world) is Position.CLOSED
    assert breaker(world).results == (True,)
    fails(world, 2)
    assert stands(world) is Position.CLOSED, "what was before does not count any more"


def test_the_second_opening_within_a_day_locks_it() -> None:
    world = world_of()
    fails(world, 3)
    world.wait(1801)
    fails(world)
    assert stands(world) is Position.LOCKED
    world.wait(20_000)
    assert refused(world) is Reason.BREAKER_LOCKED
    assert "homeostat breakers reset 'hung process.restart'" in world.case.pages[-1].text


def test_two_openings_a_day_apart_lock_nothing() -> None:
    world = world_of()
    fails(world, 3)
    world.wait(86_400)
    fails(world)
    assert stands(world) is Position.OPEN


def test_a_try_without_a_result_leaves_the_next_one_its_try() -> None:
    world = world_of()
    fails(world, 3)
    world.wait(1801)
    world.fire()
    world.act()
    world.tell(ResolvedByPerson(at=world.now, subject=world.last, who="bob", cause="by hand"))
    world.wait(1)
    assert stands(world) is Position.HALF_OPEN
    heals(world)
    assert stands(world) is Position.CLOSED


def test_what_was_under_way_when_it_opened_neither_closes_nor_opens_it() -> None:
    world = world_of()
    early = world.fire(entity="shop-web")
    world.wait(20)
    world.act()
    fails_at_once(world, 3)
    opened_at = breaker(world).opened_at
    world.last = early.id
    world.clear()
    assert world.case.outcome is Ending.HEALED
    assert breaker(world).opened_at == opened_at
    assert breaker(world).results[-1] is True


def test_what_people_do_through_the_agent_is_neither_held_nor_counted() -> None:
    world = world_of()
    fails(world, 3)
    world.fire()
    asked = ActionRequested(at=world.now, subject=world.last, who="bob", use="process.restart")
    assert world.tell(asked).refused is None
    before = breaker(world)
    world.act()
    assert breaker(world) == before


# relapses


def test_what_held_and_came_back_counts_as_what_did_not_hold() -> None:
    world = world_of(relapse_seconds=1800.0)
    heals(world)
    world.wait(1700)
    world.fire()
    assert breaker(world).results == (False,)
    assert Reason.RELAPSED in world.reasons
    (act,) = [a for acts in world.view.acts.values() for a in acts if a.verdict is not None]
    assert act.relapsed
    heal(world)
    world.wait(1900)
    world.fire()
    assert breaker(world).results == (False, True), "half an hour later it is another story"


@pytest.mark.parametrize("other", ["entity", "runbook"])
def test_another_entity_or_another_runbook_is_no_relapse(other: str) -> None:
    second = runbook("slow", alert="Slow")
    world = easy_world(runbook(), second, **{**ALONE, "relapse_seconds": 1800.0})
    heals(world)
    told: dict[str, Any] = {"entity": "shop-web"} if other == "entity" else {"name": "Slow"}
    world.fire(**told)
    assert breaker(world).results == (True,)
    assert Reason.RELAPSED not in world.reasons


def test_a_try_that_held_and_came_back_locks_it() -> None:
    world = world_of(relapse_seconds=1800.0)
    fails_at_once(world, 3)
    world.wait(1801)
    heals(world)
    assert stands(world) is Position.CLOSED
    world.wait(60)
    world.fire()
    assert stands(world) is Position.LOCKED
    assert world.case.reason is Reason.BREAKER_LOCKED


# people


def reset(world: World, **fields: Any) -> Any:
    told = {"at": world.now, "subject": KEY, "who": "olga", "why": "fixed the image", **fields}
    return world.tell(BreakerReset(**told))


def test_a_person_closes_it_with_a_reason() -> None:
    world = world_of()
    fails(world, 3)
    world.wait(1801)
    fails(world)
    decision = reset(world)
    assert decision.refused is None
    (entry,) = decision.journal
    assert (entry.reason, entry.who, entry.text) == (
        Reason.BREAKER_RESET,
        "olga",
        "fixed the image",
    )
    assert breaker(world) == Breaker(runbook="hung", use="process.restart")
    heals(world)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"subject": "hung process.stop"}, Reason.MOVE_REFUSED),
        ({"why": " "}, Reason.MOVE_REFUSED),
        ({"who": "agent"}, Reason.NOT_ALLOWED),
    ],
)
def test_what_is_no_reset(fields: dict[str, str], reason: Reason) -> None:
    world = world_of()
    fails(world, 3)
    assert reset(world, **fields).refused is reason
    assert stands(world) is Position.OPEN


def test_one_that_is_closed_cannot_be_closed() -> None:
    world = world_of()
    fails(world)
    assert reset(world).refused is Reason.MOVE_REFUSED
    assert breaker(world).results == (False,)
