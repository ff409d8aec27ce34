"""Taking a runbook out of service, and letting it back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.matching import MatchIndex
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.incident import State
from agent.model.learning import Standing
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Match
from tests.support.cases import World, alert, plan, runbook, settle, step
from tests.support.remembering import approve, heal
from tests.support.standings import (
    acts,
    asked,
    held_to_its_runs,
    read,
    runs,
    standing,
    suspended_cases,
    suspensions,
    told,
)

DAY = 86_400.0
MINE = Match(alert=("Hung",), product="shop")


# by its runs


def test_a_new_version_that_is_worse_than_the_old_is_out_after_two_failures_in_five() -> None:
    """F-RB-12. The old version's good runs do not speak for the new one."""
    world = held_to_its_runs(runbook())
    runs(world, "+" * 15)
    newer = runbook(digest="digest-newer")
    world.view.runbooks = MatchIndex([newer], [runbook()])
    runs(world, "++-+")
    assert not standing(world).is_suspended, "one in four may be chance"
    runs(world, "-")
    out = standing(world)
    assert (out.is_suspended, out.reason) == (True, Reason.RUNS_FAIL)
    assert out.why == (
        "2 of its latest 5 runs failed, were inconclusive or relapsed; tier low allows 5%, and so "
        "many would come with 2.26% then (below 5%)"
    )
    assert not acts(world)


@pytest.mark.parametrize(("good", "is_out"), [(5, True), (6, False)])
def test_two_bad_in_seven_are_too_many_and_two_in_eight_are_not(good: int, is_out: bool) -> None:
    world = held_to_its_runs(runbook())
    runs(world, "-", "+" * good, "-")
    assert standing(world).is_suspended is is_out


@pytest.mark.parametrize(("tier", "is_out"), [("low", False), ("medium", True), ("high", True)])
def test_a_higher_tier_may_fail_less(tier: str, is_out: bool) -> None:
    world = held_to_its_runs(runbook("hung", plan("r", step("process.flush", id="f")), tier=tier))
    world.view.registry = msgspec.structs.replace(
        world.view.registry,
        products={
            name: msgspec.structs.replace(p, tier="low")
            for name, p in world.view.registry.products.items()
        },
    )
    world.fire()
    if world.case.state is State.AWAITING_APPROVAL:
        approve(world)
    world.act(OutcomeStatus.FAILED)
    assert standing(world).is_suspended is is_out


def test_what_relapses_takes_it_out_before_it_runs_again() -> None:
    world = held_to_its_runs(runbook(), relapse_seconds=1_800.0)
    runs(world, "-+")
    assert not standing(world).is_suspended
    world.fire()
    assert world.asked(CommandKind.ACT) == []
    assert (world.case.reason, world.case.state) == (Reason.RUNBOOK_SUSPENDED, State.ESCALATED)


def test_an_older_version_that_was_still_running_does_not_take_the_new_one_out() -> None:
    world = held_to_its_runs(runbook())
    runs(world, "-")
    world.fire()
    world.view.runbooks = MatchIndex([runbook(digest="digest-newer")], [runbook()])
    world.act(OutcomeStatus.FAILED)
    assert not standing(world).is_suspended


def test_a_runbook_that_only_looks_on_is_not_taken_out() -> None:
    world = held_to_its_runs(runbook(lifecycle=Lifecycle.SHADOW))
    for _ in range(5):
        world.fire()
        world.clear()
        world.wait(100)
    assert not standing(world).is_suspended


# what it does then


def test_people_are_told_instead_and_no_less_specific_one_steps_in() -> None:
    wide = runbook("wide")
    world = held_to_its_runs(runbook(match=MINE), wide)
    runs(world, "--")
    assert standing(world).is_suspended
    before = len(world.pages)
    world.fire()
    assert world.asked(CommandKind.ACT) == []
    assert (world.case.runbook, world.case.reason) == ("hung", Reason.RUNBOOK_SUSPENDED)
    assert "hung: 2 of its latest 2 runs failed" in world.case.reason_text
    assert len(world.pages) == before + 1


def test_an_approval_that_waited_for_it_is_not_carried_out() -> None:
    world = held_to_its_runs(runbook(lifecycle=Lifecycle.ASSISTED))
    case = world.fire()
    assert asked(world, suspend=True) is None
    world.last = case.id
    approve(world)
    assert world.asked(CommandKind.ACT) == []
    assert world.case.state is State.ESCALATED
    assert world.case.reason is Reason.RUNBOOK_SUSPENDED


def test_it_settles_nothing_either() -> None:
    world = held_to_its_runs(runbook(decide=settle()))
    assert asked(world, suspend=True) is None
    world.fire()
    assert world.case.state is State.ESCALATED


def test_its_way_back_is_still_walked() -> None:
    back = plan("risky", rollback=(step("process.rollback", id="back"),))
    world = held_to_its_runs(runbook("hung", back))
    world.fire()
    world.act()
    case = world.last
    assert asked(world, suspend=True) is None
    world.last = case
    world.wait(301)
    assert world.only(CommandKind.ACT).step == "back"


def test_its_owner_is_told_by_an_alert_that_says_what_brings_it_back() -> None:
    world = held_to_its_runs(runbook(match=MINE))
    runs(world, "--")
    (case,) = suspended_cases(world)
    (state,) = case.alerts.values()
    assert (state.labels["runbook"], state.labels["owner"]) == ("hung", "team-shop")
    assert (state.labels["product"], state.labels["severity"]) == ("shop", "warning")
    assert "2 of its latest 2 runs" in state.annotations["summary"]
    assert "homeostat runbooks resume hung" in state.annotations["description"]
    assert (case.routed_to, told(world)) == ("team-shop", [])


def test_an_owner_whom_that_alert_would_not_reach_is_told_besides() -> None:
    world = held_to_its_runs(runbook())
    runs(world, "--")
    (case,) = suspended_cases(world)
    assert case.routed_to == "platform"
    (word,) = told(world)
    assert (word.team, "is suspended" in word.title) == ("team-shop", True)
    assert "What brings it back" in word.text


# and back


def test_only_a_person_lets_it_run_again_and_its_count_begins_anew() -> None:
    world = held_to_its_runs(runbook())
    runs(world, "--")
    world.wait(10 * DAY)
    assert not acts(world)
    assert asked(world, suspend=False, why="the health address is mended") is None
    back = standing(world)
    assert (back.is_suspended, back.resumed_by, back.counts_from) == (False, "anna", world.now)
    assert all(case.state is State.RESOLVED for case in suspended_cases(world))
    assert acts(world)
    runs(world, "-")
    assert not standing(world).is_suspended, "what was before does not count any more"


def test_the_alert_ends_with_the_labels_it_was_raised_with() -> None:
    world = held_to_its_runs(runbook(match=MINE))
    runs(world, "--")
    moved = runbook(match=MINE, owner="team-pay")
    world.view.runbooks = MatchIndex([moved])
    assert asked(world, suspend=False) is None
    raised, ended = suspensions(world)
    assert raised.alert.labels == ended.alert.labels


@pytest.mark.parametrize("suspend", [True, False])
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"why": "  "}, Reason.MOVE_REFUSED),
        ({"who": "agent"}, Reason.NOT_ALLOWED),
        ({"who": ""}, Reason.NOT_ALLOWED),
    ],
)
def test_nobody_changes_it_without_saying_why_and_no_machine_does(
    suspend: bool, fields: dict[str, Any], reason: Reason
) -> None:
    world = held_to_its_runs(runbook())
    if not suspend:
        runs(world, "--")
    before = standing(world)
    assert asked(world, suspend=suspend, **fields) is reason
    assert standing(world) == before


def test_what_is_not_possible_is_refused() -> None:
    world = held_to_its_runs(runbook())
    assert asked(world, suspend=False) is Reason.MOVE_REFUSED
    assert asked(world, suspend=True) is None
    assert asked(world, suspend=True) is Reason.MOVE_REFUSED
    world.view.runbooks = MatchIndex([runbook(lifecycle=Lifecycle.SHADOW)])
    world.keep("standing", "hung", Standing(runbook="hung"))
    assert asked(world, suspend=True) is Reason.MOVE_REFUSED, "it does nothing by its file"
    world.view.runbooks = MatchIndex([])
    assert asked(world, suspend=True) is Reason.MOVE_REFUSED


def test_the_words_of_a_person_are_kept_as_words() -> None:
    world = held_to_its_runs(runbook())
    assert asked(world, suspend=True, why="${alert} = <b>x</b> " + "y" * 1_000) is None
    out = standing(world)
    assert out.why.startswith("anna: ${alert} = <b>x</b>")
    assert len(out.why) == 300


# what it relies on


def with_contract(world: World, use: str, contract: str) -> None:
    facts = msgspec.structs.replace(world.view.plugins[use], contract=contract)
    world.view.plugins = {**world.view.plugins, use: facts}


def test_a_plugin_that_promises_something_else_takes_it_out() -> None:
    world = held_to_its_runs(runbook())
    with_contract(world, "process.restart", "params=a effect=idempotent")
    read(world)
    read(world)
    assert not standing(world).is_suspended
    with_contract(world, "process.restart", "params=b effect=idempotent")
    read(world)
    out = standing(world)
    assert (out.reason, out.why) == (
        Reason.PLUGIN_CHANGED,
        "process.restart (params), not as when this version was first seen",
    )
    assert asked(world, suspend=False) is None
    read(world)
    assert not standing(world).is_suspended, "whoever resumed it has looked"


def test_a_new_version_was_written_knowing_its_plugins_as_they_are() -> None:
    world = held_to_its_runs(runbook())
    read(world)
    with_contract(world, "process.restart", "params=b")
    world.view.runbooks = MatchIndex([runbook(digest="newer")])
    read(world)
    assert not standing(world).is_suspended


def test_reading_the_same_again_writes_nothing() -> None:
    world = held_to_its_runs(runbook(review_by="2030-01-31"), runbook("other", alert="X"))
    read(world)
    before = len([r for d in world.batch.decisions for r in d.records])
    read(world)
    assert len([r for d in world.batch.decisions for r in d.records]) == before


def by_rule(expression: str) -> str:
    return f"http://prometheus:9090/graph?g0.expr={expression}&g0.tab=1"


def fire_by(world: World, expression: str, **told: Any) -> None:
    what = alert(starts_at=world.now, generator_url=by_rule(expression), **told)
    world.fire(what)
    if world.asked(CommandKind.ACT):
        heal(world)
    world.clear()
    world.wait(5_000)


def test_an_alert_that_is_made_of_other_metrics_takes_it_out_at_once() -> None:
    world = held_to_its_runs(runbook())
    fire_by(world, "errors>5")
    fire_by(world, "sum(errors)>9")
    assert not standing(world).is_suspended, "the same metric in another expression"
    fire_by(world, "latency>5")
    out = standing(world)
    assert (out.reason, out.why) == (
        Reason.METRIC_CHANGED,
        "Hung looked at errors; now at latency",
    )
    hung = [c for c in world.commands if c.kind is CommandKind.ACT]
    assert len(hung) == 2, "not even once on what it was not written for"


def test_an_alert_without_an_expression_says_nothing_of_its_metrics() -> None:
    world = held_to_its_runs(runbook())
    fire_by(world, "errors>5")
    runs(world, "+")
    fire_by(world, "errors>5")
    assert not standing(world).is_suspended


def test_a_rule_of_the_same_name_in_another_product_is_another_rule() -> None:
    world = held_to_its_runs(runbook(owner="platform"))
    fire_by(world, "shop_errors>5")
    fire_by(world, "pay_errors>5", entity="pay-api")
    assert not standing(world).is_suspended


# reviews


def test_its_owner_is_told_once_two_weeks_before_and_after_the_day_it_is_out() -> None:
    world = held_to_its_runs(runbook(review_by="2025-07-15"))  # it is 2025-06-15 now
    read(world)
    world.wait(10 * DAY)
    assert told(world) == []
    world.wait(10 * DAY)
    read(world)
    (word,) = told(world)
    assert (word.team, word.title) == (
        "team-shop",
        "runbook hung has to be read again by 2025-07-15",
    )
    assert not standing(world).is_suspended
    world.wait(10.7 * DAY)
    out = standing(world)
    assert (out.reason, out.why) == (
        Reason.REVIEW_OVERDUE,
        "it was to be read again by 2025-07-15",
    )
    assert len(suspensions(world)) == 1


def test_a_date_that_has_passed_when_it_is_read_takes_it_out() -> None:
    world = held_to_its_runs(runbook(review_by="2025-01-01"))
    read(world)
    assert standing(world).reason is Reason.REVIEW_OVERDUE


def test_whoever_lets_it_run_again_after_the_day_has_read_it() -> None:
    world = held_to_its_runs(runbook(review_by="2025-01-01"))
    read(world)
    assert asked(world, suspend=False) is None
    read(world)
    assert not standing(world).is_suspended
    world.wait(181 * DAY)
    assert standing(world).is_suspended, "until it has to be read again"


def test_a_new_date_in_its_file_moves_the_timer() -> None:
    world = held_to_its_runs(runbook(review_by="2025-07-15"))
    read(world)
    world.view.runbooks = MatchIndex([runbook(review_by="2026-07-15")])
    read(world)
    world.wait(60 * DAY)
    assert told(world) == []
    assert not standing(world).is_suspended
    world.view.runbooks = MatchIndex([runbook()])
    read(world)
    assert world.timer("review", "runbook:hung") is None


def test_the_alert_of_a_runbook_that_is_gone_ends() -> None:
    world = held_to_its_runs(runbook())
    runs(world, "--")
    world.view.runbooks = MatchIndex([])
    read(world)
    assert all(case.state is State.RESOLVED for case in suspended_cases(world))
    world.view.runbooks = MatchIndex([runbook()])
    assert standing(world).is_suspended, "it comes back as it went"
