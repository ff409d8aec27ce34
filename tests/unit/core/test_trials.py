"""Every run is counted where its verdict is given."""

from __future__ import annotations

import msgspec

from agent.core.trials import MOST_TRIALS
from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.event import Rejected, ResolvedByPerson
from agent.model.incident import Ending
from agent.model.learning import Standing, Trial
from agent.model.policy import Policy
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Plan, Verify
from tests.support.cases import WATCHED, World, plan, runbook, settle, step
from tests.support.remembering import approve, heal
from tests.support.standings import held_to_its_runs, runs, standing, told, trial

TWO = (plan("first", step(id="one")), plan("second", step(id="two")))


def verdicts(world: World) -> list[tuple[str | None, Verdict | None, bool]]:
    return [(t.plan, t.verdict, t.is_rung) for t in standing(world).trials]


def test_a_run_that_healed_and_one_that_failed_are_trials_of_their_version() -> None:
    world = held_to_its_runs(runbook())
    runs(world, "+-")
    good, bad = standing(world).trials
    assert (good.verdict, bad.verdict) == (Verdict.HELD, Verdict.FAILED)
    assert (good.digest, good.state, good.plan) == ("digest-hung", Lifecycle.ACTIVE, "restart")
    assert good.incident != bad.incident


def test_a_failed_run_counts_before_anybody_closed_the_incident() -> None:
    world = held_to_its_runs(runbook())
    world.fire()
    world.act(OutcomeStatus.FAILED)
    assert world.case.is_open
    assert verdicts(world) == [("restart", Verdict.FAILED, False)]
    world.clear()
    assert len(standing(world).trials) == 1


def test_a_ladder_whose_later_plan_held_is_a_run_that_held() -> None:
    world = held_to_its_runs(runbook("hung", *TWO))
    world.fire()
    world.act(OutcomeStatus.FAILED)
    assert verdicts(world) == [("first", Verdict.FAILED, True)], "another one is still to come"
    heal(world)
    assert world.case.outcome is Ending.HEALED
    assert verdicts(world) == [("first", Verdict.FAILED, True), ("second", Verdict.HELD, False)]


def test_a_ladder_at_its_end_is_one_run_that_failed() -> None:
    world = held_to_its_runs(runbook("hung", *TWO))
    world.fire()
    world.act(OutcomeStatus.FAILED)
    world.act(OutcomeStatus.FAILED)
    assert verdicts(world) == [("first", Verdict.FAILED, True), ("second", Verdict.FAILED, False)]


def test_a_proof_that_could_not_be_seen_is_a_run_too() -> None:
    world = held_to_its_runs(runbook("hung", plan(verify=WATCHED)))
    world.fire()
    world.act()
    world.wait(120)
    assert world.case.reason is Reason.VERIFICATION_INCONCLUSIVE
    assert verdicts(world) == [("restart", Verdict.INCONCLUSIVE, False)]


def test_what_settled_as_its_row_said_is_a_run_that_held() -> None:
    world = held_to_its_runs(runbook(decide=settle()))
    world.fire()
    world.clear()
    world.wait(301)
    assert world.case.outcome is Ending.SETTLED
    assert verdicts(world) == [(None, Verdict.HELD, False)]


def test_what_was_expected_to_settle_and_did_not_is_a_run_that_failed() -> None:
    world = held_to_its_runs(runbook(decide=settle()))
    world.fire()
    world.wait(301)
    assert verdicts(world) == [(None, Verdict.FAILED, False)]


def test_what_went_away_by_itself_is_no_run() -> None:
    world = held_to_its_runs(runbook(lifecycle=Lifecycle.ASSISTED))
    world.fire()
    world.clear()
    assert standing(world).trials == ()


def test_who_clicked_and_who_said_no_is_kept() -> None:
    world = held_to_its_runs(runbook(lifecycle=Lifecycle.ASSISTED))
    world.fire()
    approve(world)
    heal(world)
    world.wait(100)
    world.fire()
    world.tell(Rejected(at=world.now, subject=world.last, who="olga", why="not now"))
    first, second = standing(world).trials
    assert (first.by, first.verdict, first.rejected) == ("olga", Verdict.HELD, False)
    assert (second.by, second.verdict, second.rejected) == ("olga", None, True)


def test_what_a_person_says_afterwards_counts_nothing_twice() -> None:
    world = held_to_its_runs(runbook())
    runs(world, "-")
    said = ResolvedByPerson(at=world.now, subject=world.last, who="bob", cause="disk")
    assert world.tell(said).refused is None
    assert len(standing(world).trials) == 1


def test_what_relapsed_was_not_healed() -> None:
    world = held_to_its_runs(runbook(), relapse_seconds=1_800.0)
    runs(world, "+")
    world.fire()
    (first,) = standing(world).trials
    assert (first.verdict, first.relapsed) == (Verdict.HELD, True)


def test_the_latest_are_kept() -> None:
    world = held_to_its_runs(runbook())
    old = tuple(trial(-n) for n in range(MOST_TRIALS, 0, -1))
    world.keep("standing", "hung", Standing(runbook="hung", trials=old))
    runs(world, "+")
    kept = standing(world).trials
    assert len(kept) == MOST_TRIALS
    assert kept[0] == old[1]


def test_its_owner_is_told_once_that_it_has_proven_itself() -> None:
    world = held_to_its_runs(runbook(lifecycle=Lifecycle.ASSISTED))
    before = tuple(trial(-n) for n in range(19, 0, -1))
    world.keep("standing", "hung", Standing(runbook="hung", trials=before, counts_from=-1.0))
    for _ in range(2):
        world.fire()
        approve(world)
        heal(world)
        world.wait(100)
    (word,) = told(world)
    assert (word.team, word.subject) == ("team-shop", "runbook:hung")
    assert "has proven itself: 20 of 20" in word.title
    assert world.reasons.count(Reason.PROVEN) == 1


# the ladder by effect


def ladder(*, by_effect: bool, trials: tuple[Trial, ...]) -> str:
    """Name of the plan that follows on the first of three, which failed."""
    plans: tuple[Plan, ...] = (
        plan("first", step(id="one")),
        plan("second", step(id="two"), verify=Verify(alert_cleared=True)),
        plan("third", step(id="three")),
    )
    world = World(
        runbook("hung", *plans, plans_by_effect=by_effect), policy=Policy(attempts_per_day=100)
    )
    world.keep("standing", "hung", Standing(runbook="hung", trials=trials))
    world.fire()
    world.act(OutcomeStatus.FAILED)
    return world.only(CommandKind.ACT).plan


SECOND_FAILS = (trial(1, plan="second", verdict=Verdict.FAILED), trial(2, plan="third"))


def test_where_the_runbook_allows_it_the_plan_that_held_most_often_is_next() -> None:
    assert ladder(by_effect=True, trials=SECOND_FAILS) == "third"
    assert ladder(by_effect=True, trials=()) == "second", "what is not known stays as written"
    assert ladder(by_effect=False, trials=SECOND_FAILS) == "second"


def test_effects_of_another_version_order_nothing() -> None:
    old = tuple(msgspec.structs.replace(t, digest="old") for t in SECOND_FAILS)
    assert ladder(by_effect=True, trials=old) == "second"


def test_every_plan_is_tried_once_whatever_the_order() -> None:
    plans = (plan("a", step(id="a")), plan("b", step(id="b")), plan("c", step(id="c")))
    world = held_to_its_runs(runbook("hung", *plans, plans_by_effect=True, decide=()))
    world.keep(
        "standing", "hung", Standing(runbook="hung", trials=(trial(-1, plan="c"),), counts_from=-9)
    )
    world.fire()
    tried = []
    while commands := world.asked(CommandKind.ACT):
        tried.append(commands[0].plan)
        world.act(OutcomeStatus.FAILED)
    assert tried == ["a", "c", "b"]
    assert world.paged == ["team-shop"]
