"""By when it has to be proven, and what is too old, too early or too far back to prove anything."""

from __future__ import annotations

from urllib.parse import quote_plus

import msgspec

from agent.core.matching import MatchIndex
from agent.core.receiving import reopens
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.event import TimerFired
from agent.model.incident import Ending, State
from agent.model.policy import Policy
from agent.model.reason import Reason
from agent.model.runbook import Decay, Plan, Verify
from tests.support.careful import RISKY
from tests.support.cases import CLEARED, WATCHED, World, alert, fact, plan, received, runbook, step

HOUR = 3600.0
QUARTER = Decay(seconds=0.0, for_seconds=900.0)
QUIET = msgspec.structs.replace(CLEARED, decay=QUARTER)
"""An alert with `for: 15m`: it may be silent for 16 minutes before it fires again."""


def url(expression: str) -> str:
    return "http://p/graph?g0.expr=" + quote_plus(expression)


ENDLESS = url("rate(x[200y]) > 0")


def proving(verify: Verify, generator_url: str = "", policy: Policy | None = None) -> World:
    world = World(runbook("hung", plan("only", verify=verify)), policy=policy)
    world.fire(generator_url=generator_url)
    world.act()
    return world


# what looks back too far


def test_an_alert_that_looks_back_for_ever_is_not_waited_for_for_ever() -> None:
    world = proving(CLEARED, ENDLESS)
    world.wait(6 * HOUR)
    assert world.case.state is State.VERIFYING
    world.wait(HOUR)
    assert world.case.plans[0].verdict is Verdict.INCONCLUSIVE, "it may still be well"
    assert world.paged == ["team-shop"]


def test_the_policy_says_how_long_and_the_runbook_may_say_more() -> None:
    world = proving(CLEARED, ENDLESS, Policy(longest_decay_seconds=600.0))
    world.wait(600 + 60 + 300)
    assert world.case.reason is Reason.VERIFICATION_INCONCLUSIVE
    written = msgspec.structs.replace(CLEARED, decay=Decay(seconds=48 * HOUR))
    world = proving(written, ENDLESS)
    world.wait(47 * HOUR)
    assert world.case.state is State.VERIFYING
    world.wait(HOUR)
    assert world.case.reason is Reason.STILL_FIRING


def test_time_that_the_runbook_allows_anyway_is_used() -> None:
    patient = msgspec.structs.replace(CLEARED, within_seconds=9 * HOUR)
    world = proving(patient, url("rate(x[8h]) > 0"))
    world.wait(9 * HOUR)
    assert world.case.reason is Reason.STILL_FIRING


def test_an_alert_that_joins_later_does_not_push_the_deadline() -> None:
    world = proving(CLEARED)
    world.wait(100)
    world.fire(alert(starts_at=world.now, labels={"pod": "b"}, generator_url=ENDLESS))
    assert world.timer("deadline") == 200
    world.wait(201)
    assert world.case.reason is Reason.STILL_FIRING


def test_a_look_cannot_tell_where_the_alert_looks_back_too_far() -> None:
    both = msgspec.structs.replace(WATCHED, alert_cleared=True, consecutive=1)
    world = proving(both, ENDLESS, Policy(longest_decay_seconds=1.0))
    for _ in range(8):
        world.wait(60)
        world.find(alive=True, lost=False)
    assert world.case.last_look == "unknown"
    assert world.case.reason is Reason.VERIFICATION_INCONCLUSIVE


def test_what_fires_on_long_after_it_was_healed_is_opened_anew() -> None:
    watched = msgspec.structs.replace(WATCHED, consecutive=1)
    world = proving(watched, ENDLESS)
    world.wait(6)
    world.find(alive=True, lost=False)
    assert world.case.outcome is Ending.HEALED
    told = received(alert(generator_url=ENDLESS), world.now + 6 * HOUR)
    assert not reopens(world.case, told)
    assert reopens(world.case, msgspec.structs.replace(told, at=world.now + 7 * HOUR))


# silence that proves nothing yet


def test_silence_just_before_the_deadline_puts_it_off_once() -> None:
    world = proving(QUIET)
    world.wait((world.timer("deadline") or 0.0) - 5)
    world.clear()
    world.wait(6)
    assert (world.case.state, world.case.is_extended) == (State.VERIFYING, True)
    world.wait(950)
    assert world.case.is_open
    world.wait(10)
    assert world.case.outcome is Ending.HEALED


def test_a_relapse_after_that_has_failed() -> None:
    world = proving(QUIET)
    world.wait((world.timer("deadline") or 0.0) - 5)
    world.clear()
    world.wait(900)
    world.fire(alert(starts_at=world.now))
    world.wait(100)
    assert world.case.reason is Reason.STILL_FIRING


def test_one_that_comes_and_goes_is_inconclusive_in_the_end() -> None:
    world = proving(QUIET)
    world.wait((world.timer("deadline") or 0.0) - 5)
    world.clear()
    world.wait(900)
    again = alert(starts_at=world.now)
    world.fire(again)
    world.clear(again)
    world.wait(100)
    assert world.case.reason is Reason.VERIFICATION_INCONCLUSIVE
    assert "silent for long enough" in world.case.reason_text


def test_looks_count_only_once_the_alert_was_silent_for_long_enough() -> None:
    both = msgspec.structs.replace(WATCHED, alert_cleared=True, consecutive=1, decay=QUARTER)
    world = proving(both)
    world.clear()
    world.wait(6)
    world.find(alive=True, lost=False)
    assert (world.case.last_look, world.case.state) == ("unknown", State.VERIFYING)
    world.wait(954)
    world.find(alive=True, lost=False)
    world.wait(10)
    world.find(alive=True, lost=False)
    assert world.case.outcome is Ending.HEALED


def test_the_alert_alone_proves_nothing_before_the_remedy_has_settled() -> None:
    world = World(
        runbook("hung", plan(verify=msgspec.structs.replace(CLEARED, settle_seconds=60.0)))
    )
    world.fire()
    world.clear()
    world.act()
    assert world.case.state is State.VERIFYING
    world.wait(59)
    assert world.case.is_open
    world.wait(1)
    assert world.case.outcome is Ending.HEALED


# looks that are too old


def slept(world: World, seconds: float) -> None:
    """The agent was down so long; at its start all that fell due meanwhile fires at once."""
    world.now += seconds
    due = sorted((d, k) for k, d in world.state.timers.items() if d <= world.now)
    for _, (subject, name) in due:
        world.tell(TimerFired(at=world.now, subject=subject, name=name))


def seen_badly() -> World:
    back = plan(verify=WATCHED, rollback=(step("process.rollback", id="back"),))
    world = World(runbook("hung", back))
    world.fire()
    world.act()
    world.wait(6)
    world.find(alive=False, lost=False)
    return world


def test_after_a_long_sleep_it_is_looked_at_once_more_before_it_is_judged() -> None:
    world = seen_badly()
    slept(world, 600)
    assert world.asked(CommandKind.ACT) == [], "nothing is taken back unseen"
    world.find(alive=True, lost=False)
    world.wait(10)
    world.find(alive=True, lost=False)
    assert world.case.outcome is Ending.HEALED


def test_what_is_still_bad_then_has_failed() -> None:
    world = seen_badly()
    slept(world, 600)
    for _ in range(4):
        world.find(alive=False, lost=False)
        world.wait(10)
    assert world.case.plans[0].verdict is Verdict.FAILED
    assert world.only(CommandKind.ACT).step == "back"


def test_without_a_fresh_look_an_old_one_is_no_verdict() -> None:
    world = seen_badly()
    slept(world, 600)
    world.wait(60)
    assert world.case.plans[0].verdict is Verdict.INCONCLUSIVE
    assert "too old" in world.case.reason_text


def test_a_look_that_hangs_at_the_deadline_leaves_the_one_before_too_old() -> None:
    world = seen_badly()
    world.wait(60)
    assert (world.case.state, world.case.is_extended) == (State.VERIFYING, True)
    world.find(alive=False, lost=True)
    assert world.case.reason is not Reason.VERIFICATION_INCONCLUSIVE
    assert world.case.plans[0].verdict is Verdict.FAILED


def test_after_a_long_sleep_the_source_may_speak_first() -> None:
    world = proving(CLEARED)
    slept(world, 900)
    assert world.case.state is State.VERIFYING
    world.clear()
    assert world.case.outcome is Ending.HEALED
    world = proving(CLEARED)
    slept(world, 900)
    world.wait(75)
    assert world.case.reason is Reason.STILL_FIRING


# what could not be seen


def test_a_condition_of_failure_that_nobody_could_see_is_no_proof() -> None:
    verify = Verify(
        alert_cleared=True,
        settle_seconds=5.0,
        within_seconds=60.0,
        observe=WATCHED.observe,
        fail=(fact("after.lost"),),
    )
    world = proving(verify)
    world.clear()
    for _ in range(7):
        world.wait(10)
        world.find(OutcomeStatus.FAILED)
    assert world.case.reason is Reason.VERIFICATION_INCONCLUSIVE


def forgotten(*plans: Plan) -> World:
    world = World(runbook("hung", *plans))
    world.fire()
    world.act()
    return world


def test_a_plan_whose_text_is_gone_is_neither_held_nor_settled() -> None:
    for verify in (WATCHED, CLEARED, QUIET):
        world = forgotten(plan(verify=verify))
        world.wait(1)
        world.view.runbooks = MatchIndex(())
        world.clear()
        world.wait(2000)
        assert world.case.plans[0].verdict is Verdict.INCONCLUSIVE
        assert world.case.reason is Reason.RUNBOOK_NOT_RUNNABLE
        assert world.paged == ["team-shop"]


def test_so_it_is_where_only_a_timer_or_a_look_tells() -> None:
    for is_asked in (False, True):
        world = forgotten(plan(verify=WATCHED))
        world.wait(6 if is_asked else 1)
        world.view.runbooks = MatchIndex(())
        world.wait(0 if is_asked else 5)
        world.find(alive=True, lost=False)
        assert world.case.reason is Reason.RUNBOOK_NOT_RUNNABLE


def test_a_way_back_whose_text_is_gone_is_unproven() -> None:
    world = forgotten(RISKY, plan("second"))
    world.wait(301)
    world.act()
    assert world.case.is_taken_back
    world.view.runbooks = MatchIndex(())
    world.clear()
    world.wait(1000)
    assert world.case.plans[0].rollback_verdict is Verdict.INCONCLUSIVE
    assert world.paged == ["team-shop"]
