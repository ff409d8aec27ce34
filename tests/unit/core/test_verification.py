"""Three verdicts: held, failed, inconclusive. No data is inconclusive, never success."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.receiving import reopens
from agent.model.command import CommandKind
from agent.model.decision import Decision
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.event import Acknowledged, ResolvedByPerson
from agent.model.incident import Ending, Radius, State
from agent.model.policy import Policy
from agent.model.reason import Reason
from agent.model.runbook import Decay, Verify
from tests.support.cases import (
    CLEARED,
    START,
    WATCHED,
    World,
    alert,
    fact,
    plan,
    received,
    runbook,
)


def proving(verify: Verify) -> World:
    world = World(runbook("hung", plan("only", verify=verify)))
    world.fire()
    world.act()
    assert world.case.state is State.VERIFYING
    return world


def verdict_of(world: World) -> Verdict | None:
    (record,) = world.state.acts["shop-worker"]
    assert record.verdict is world.case.verdict
    return record.verdict


# by the alert


async def test_the_alert_clears_and_it_is_healed() -> None:
    world = proving(CLEARED)
    world.wait(200)
    world.clear()
    assert (world.case.outcome, world.case.radius) == (Ending.HEALED, Radius.ROUTINE)
    assert verdict_of(world) is Verdict.HELD
    assert world.pages == []
    assert [k for k in world.state.timers if k[0] == world.case.id] == []
    assert "absorbed" in (await world.ledger())[world.case.id]


def test_still_firing_at_the_deadline_is_failed() -> None:
    world = proving(CLEARED)
    world.wait(299)
    assert world.case.state is State.VERIFYING
    world.wait(2)
    assert verdict_of(world) is Verdict.FAILED
    assert world.case.reason is Reason.STILL_FIRING


def test_an_alert_that_looks_back_gets_its_decay_time() -> None:
    world = proving(msgspec.structs.replace(CLEARED, decay=Decay(seconds=1800.0)))
    world.wait(1799)
    assert world.case.state is State.VERIFYING
    world.clear()
    assert world.case.outcome is Ending.HEALED


def test_a_source_that_fell_silent_proves_nothing() -> None:
    world = World(runbook())
    world.fire(expires_at=world.now + 60)
    world.act()
    world.wait(61)
    assert world.case.state is State.VERIFYING
    world.wait(300)
    assert verdict_of(world) is Verdict.INCONCLUSIVE
    assert world.paged == ["team-shop"]


# by what is observed


def test_it_is_looked_at_after_settling_and_so_often_in_a_row() -> None:
    world = proving(WATCHED)
    world.wait(4)
    assert world.asked(CommandKind.OBSERVE) == []
    world.wait(2)
    world.find(alive=True, lost=False)
    assert (world.case.good_looks, world.case.state) == (1, State.VERIFYING)
    world.wait(10)
    world.find(alive=True, lost=False)
    assert world.case.outcome is Ending.HEALED


def test_one_bad_look_starts_the_row_anew() -> None:
    world = proving(WATCHED)
    for alive in (True, False, True):
        world.wait(10)
        world.find(alive=alive, lost=False)
    assert (world.case.good_looks, world.case.looks) == (1, 3)
    assert world.case.is_open


def test_a_condition_of_failure_ends_it_at_once() -> None:
    world = proving(WATCHED)
    world.wait(6)
    world.find(alive=True, lost=True)
    assert verdict_of(world) is Verdict.FAILED
    assert world.case.reason is Reason.VERIFICATION_FAILED


def test_false_to_the_end_is_failed() -> None:
    world = proving(WATCHED)
    for _ in range(7):
        world.wait(10)
        world.find(alive=False, lost=False)
    assert verdict_of(world) is Verdict.FAILED


@pytest.mark.parametrize(
    ("status", "value"),
    [
        (OutcomeStatus.FAILED, {}),
        (OutcomeStatus.TEMPORARY, {}),
        (OutcomeStatus.UNKNOWN, {}),
        (OutcomeStatus.DONE, {}),
    ],
)
def test_no_data_is_inconclusive(status: OutcomeStatus, value: dict[str, bool]) -> None:
    world = proving(WATCHED)
    for _ in range(7):
        world.wait(10)
        world.find(status, **value)
    assert verdict_of(world) is Verdict.INCONCLUSIVE
    assert world.case.reason is Reason.VERIFICATION_INCONCLUSIVE
    assert world.paged == ["team-shop"]
    assert world.case.outcome is None


def test_a_look_that_never_comes_back_is_inconclusive() -> None:
    world = proving(WATCHED)
    world.wait(66)
    assert verdict_of(world) is Verdict.INCONCLUSIVE


def test_old_facts_prove_nothing() -> None:
    """What a look could not see is not taken from the look before."""
    world = proving(WATCHED)
    world.wait(6)
    world.find(alive=True, lost=False)
    world.wait(10)
    world.find(OutcomeStatus.FAILED)
    assert world.case.good_looks == 0


def test_a_cleared_alert_is_not_enough_where_something_is_observed() -> None:
    world = proving(WATCHED)
    world.clear()
    assert world.case.state is State.VERIFYING
    for _ in range(7):
        world.wait(10)
        world.find(alive=False, lost=False)
    assert world.case.reason is Reason.VERIFICATION_FAILED
    assert world.paged == ["team-shop"]


def test_both_may_be_asked_for() -> None:
    world = proving(msgspec.structs.replace(WATCHED, alert_cleared=True, consecutive=1))
    world.wait(6)
    world.find(alive=True, lost=False)
    assert world.case.is_open, "it is still firing"
    world.clear()
    world.wait(10)
    world.find(alive=True, lost=False)
    assert world.case.outcome is Ending.HEALED


def test_one_of_several_conditions_may_be_enough() -> None:
    two = (fact("after.alive"), fact("after.idle"))
    verify = msgspec.structs.replace(WATCHED, success=two, success_any=True, consecutive=1)
    world = proving(verify)
    world.wait(6)
    world.find(alive=False, lost=False)
    assert world.case.last_look == "unknown"
    world.wait(10)
    world.find(alive=True, lost=False)
    assert world.case.outcome is Ending.HEALED


# what comes between


def test_somebody_looks_on() -> None:
    world = proving(CLEARED)
    world.tell(Acknowledged(at=world.now, subject=world.last, who="bob"))
    assert (world.case.state, world.case.acknowledged_by) == (State.VERIFYING, "bob")
    world.clear()
    assert world.case.outcome is Ending.HEALED


def test_somebody_resolves_it_meanwhile() -> None:
    world = proving(WATCHED)
    world.wait(6)
    world.tell(ResolvedByPerson(at=world.now, subject=world.last, who="bob", cause="by hand"))
    assert (world.case.state, world.case.outcome) == (State.RESOLVED, Ending.ROUTED)
    world.find(alive=True)
    assert world.case.outcome is Ending.ROUTED


def test_a_timer_of_an_earlier_proof_does_not_end_this_one() -> None:
    world = proving(CLEARED)
    decision = world.late("deadline", after=10.0)
    assert decision.incident is None
    assert [t.due for t in decision.timers] == [world.now + 300]


def test_timers_that_nobody_knows_change_nothing() -> None:
    assert proving(CLEARED).late("from_an_older_version") == Decision()


@pytest.mark.parametrize("name", ["look", "deadline", "page_hold", "release", "expiry"])
def test_a_timer_after_the_end_changes_nothing(name: str) -> None:
    world = proving(CLEARED)
    world.clear()
    assert world.late(name, after=999.0) == Decision()


# an expression that looks back

LOOKS_BACK = "http://p:9090/graph?g0.expr=increase(errors_total%5B30m%5D)+%3E+5&g0.tab=1"
POLICY = Policy(evaluation_interval_seconds=0.0, group_interval_seconds=0.0)


def looking_back(verify: Verify, url: str = LOOKS_BACK) -> World:
    world = World(runbook("hung", plan("only", verify=verify)), policy=POLICY)
    world.fire(generator_url=url)
    world.act()
    return world


def test_by_default_the_alerts_own_expression_says_how_long_it_may_fire_on() -> None:
    world = looking_back(CLEARED)
    world.wait(1799)
    assert world.case.state is State.VERIFYING
    world.wait(2)
    assert world.case.reason is Reason.STILL_FIRING
    world = looking_back(CLEARED, url="")
    world.wait(301)
    assert world.case.reason is Reason.STILL_FIRING


def test_what_is_seen_directly_does_not_wait_for_the_expression() -> None:
    world = looking_back(WATCHED)
    for _ in range(7):
        world.wait(10)
        world.find(alive=False, lost=False)
    assert world.case.reason is Reason.VERIFICATION_FAILED


def test_while_it_looks_back_firing_is_unknown_and_afterwards_false() -> None:
    both = msgspec.structs.replace(WATCHED, alert_cleared=True, every_seconds=600.0, consecutive=1)
    world = looking_back(both)
    world.wait(6)
    world.find(alive=True, lost=False)
    assert world.case.last_look == "unknown"
    world.wait(1200)
    world.find(alive=True, lost=False)
    assert world.case.last_look == "unknown"
    world.wait(600)
    assert world.case.reason is Reason.STILL_FIRING
    assert verdict_of(world) is Verdict.FAILED


def test_a_repeat_while_it_looks_back_opens_nothing_new() -> None:
    watched = msgspec.structs.replace(WATCHED, consecutive=1)
    world = looking_back(watched)
    world.wait(6)
    world.find(alive=True, lost=False)
    assert world.case.outcome is Ending.HEALED
    healed, starts_at = world.case, START
    assert healed.decays_until == START + 1800
    event = received(alert(starts_at=starts_at, generator_url=LOOKS_BACK), START + 1700)
    assert not reopens(healed, event)
    assert reopens(healed, msgspec.structs.replace(event, at=START + 1801))
    assert reopens(msgspec.structs.replace(healed, decays_until=None), event)
