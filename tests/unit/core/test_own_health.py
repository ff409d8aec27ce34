"""The agent itself: what it did wrong adds up, stops it, and is told."""

from __future__ import annotations

from typing import Any

import pytest

from agent.core.own_health import BACK_AT, MOST_EXAMPLES, Unreadable, spent, stops
from agent.model.alert import Layer
from agent.model.event import Announced, OwnRead, OwnReviewed
from agent.model.incident import Incident
from agent.model.own import OwnExample, OwnState, Slip
from agent.model.reason import Reason
from agent.model.records import AnnouncedOnce
from tests.support.cases import START, World
from tests.support.own import DAY, day, state, terms


def read(world: World, **fields: Any) -> OwnState:
    world.tell(OwnRead(at=world.now, **{"terms": terms(), **fields}))
    return world.view.own["own"]


def told(world: World) -> list[Incident]:
    """The incidents that say that it only advises."""
    return [i for i in world.incidents if "AgentAdvisesOnly" in i.title]


def test_late_minutes_wrong_verdicts_and_lost_alerts_spend_in_this_order() -> None:
    """43.2 bad minutes are the budget of 99.9% of 30 days."""
    counted = spent(state(day(late_minutes=2, wrong=3, lost=1), day(3, lost=1)), START)
    assert counted.minutes == 2 + 3 * 4 + 2 * 10
    assert counted.share == pytest.approx(34 / 43.2)


def test_what_is_older_than_the_window_counts_no_more() -> None:
    old = state(day(30, lost=5), day(29, lost=1))
    assert spent(old, START).lost == 1
    assert stops(old, START) is None


def test_counts_of_a_day_are_added_up_and_survive_their_day() -> None:
    world = World()
    read(world, decisions=10, late=1, late_minutes=1)
    read(world, decisions=5, verdicts=2)
    world.wait(DAY)
    now = spent(read(world, lost=1), world.now)
    assert (now.decisions, now.late, now.late_minutes, now.verdicts, now.lost) == (15, 1, 1, 2, 1)
    assert len(world.view.own["own"].days) == 2


def test_buckets_and_examples_are_bounded() -> None:
    world = World()
    for number in range(40):
        one = OwnExample(slip=Slip.LATE, at=world.now, subject=f"i-{number}", text="x\n" * 400)
        found = read(world, decisions=1, examples=(one,))
        world.wait(DAY)
    assert len(found.days) <= 31
    assert [e.subject for e in found.examples] == [f"i-{n}" for n in range(40 - MOST_EXAMPLES, 40)]
    assert all(len(e.text) <= 300 and "\n" not in e.text for e in found.examples)


def test_while_nothing_happens_nothing_is_written() -> None:
    world = World()
    read(world, decisions=1)
    before = len(world.batch.decisions)
    world.wait(60)
    read(world)
    assert len(world.batch.decisions) == before


def test_a_ledger_out_of_balance_is_lost_alerts_each_once() -> None:
    world = World()
    read(world, unbalanced=2)
    read(world, unbalanced=2)
    read(world)
    assert spent(read(world, unbalanced=-3), world.now).lost == 3


def test_a_spent_budget_stops_it_and_its_owner_is_told_once() -> None:
    world = World()
    read(world, lost=4)
    assert told(world) == []
    stopped = read(world, lost=1)
    assert (stopped.advising_since, stopped.why) == (world.now, Reason.OWN_BUDGET_SPENT)
    world.wait(60)
    read(world, lost=1)
    (case,) = told(world)
    (alert,) = case.alerts.values()
    assert (case.layer, case.severity) == (Layer.MACHINERY, "warning")
    assert alert.labels["agent"] == "homeostat"
    assert "5 lost alerts" in alert.annotations["summary"]
    assert "homeostat self review" in alert.annotations["description"]
    assert world.reasons.count(Reason.OWN_BUDGET_SPENT) == 1
    world.wait(300)
    assert world.paged == ["platform"]


def test_an_owner_who_is_not_the_platform_learns_it_too() -> None:
    world = World()
    read(world, lost=5, terms=terms(owner="team-agents"))
    (once,) = world.view.announced.values()
    assert isinstance(once, AnnouncedOnce)
    assert once.team == "team-agents"


def test_it_acts_again_once_enough_of_the_budget_is_back() -> None:
    """Not at its very edge: 35 of 43.2 minutes are more than 80%, 34 are less."""
    world = World()
    read(world, lost=1)
    world.wait(DAY)
    read(world, lost=3, late_minutes=5)
    assert world.view.own["own"].advising_since is not None
    world.wait(29 * DAY)
    assert spent(read(world), world.now).share < 1
    assert world.view.own["own"].advising_since is not None, f"more than {BACK_AT:.0%} is spent"
    world.wait(DAY)
    assert read(world).advising_since is None
    (case,) = told(world)
    assert not case.is_firing
    assert world.reasons.count(Reason.OWN_BUDGET_BACK) == 1


def test_a_review_by_a_person_begins_the_count_anew() -> None:
    world = World()
    read(world, lost=5, examples=(OwnExample(slip=Slip.LOST, at=START, subject="a", text="b"),))
    world.tell(OwnReviewed(at=world.now, who="ann", why="the disk was\nfull"))
    now = world.view.own["own"]
    assert (now.advising_since, now.days, now.examples) == (None, (), ())
    assert (now.reviewed_by, now.reviewed_why) == ("ann", "the disk was full")
    assert world.reasons.count(Reason.OWN_REVIEWED) == 1
    assert not told(world)[0].is_firing
    assert stops(now, world.now) is None


@pytest.mark.parametrize("why", ["", "\n"])
def test_a_review_says_why(why: str) -> None:
    world = World()
    read(world, lost=5)
    refused = world.tell(OwnReviewed(at=world.now, who="ann", why=why))
    assert refused.refused is Reason.MOVE_REFUSED
    assert world.view.own["own"].advising_since is not None


def test_there_is_nothing_to_review_before_it_was_measured() -> None:
    refused = World().tell(OwnReviewed(at=START, who="ann", why="x"))
    assert refused.refused is Reason.MOVE_REFUSED


@pytest.mark.parametrize(
    ("date", "why"),
    [("review_by", Reason.OWN_REVIEW_OVERDUE), ("retire", Reason.OWN_RETIRED)],
)
def test_a_date_that_passed_is_moved_only_in_the_settings(date: str, why: Reason) -> None:
    world = World()
    assert read(world, terms=terms(**{date: START + 60})).advising_since is None
    world.wait(60)
    assert read(world, terms=terms(**{date: START + 60})).why is why
    world.tell(OwnReviewed(at=world.now, who="ann", why="looked at it"))
    assert world.view.own["own"].why is why
    assert read(world, terms=terms(**{date: START + 90 * DAY})).advising_since is None
    assert not told(world)[0].is_firing


def test_one_trouble_may_follow_another_without_a_second_alert() -> None:
    world = World()
    read(world, lost=5, terms=terms(review_by=START + 60))
    world.wait(60)
    both = read(world, terms=terms(review_by=START + 60))
    assert (both.why, both.advising_since) == (Reason.OWN_REVIEW_OVERDUE, START)
    assert len(told(world)) == 1
    dated = read(world, terms=terms(review_by=START + DAY))
    assert dated.why is Reason.OWN_BUDGET_SPENT


def test_its_alert_ends_also_where_it_got_another_name_meanwhile() -> None:
    world = World()
    read(world, lost=5)
    read(world, terms=terms(name="warden", window_seconds=90 * DAY))
    world.tell(OwnReviewed(at=world.now, who="ann", why="x"))
    (case,) = told(world)
    assert not case.is_firing


def test_what_makes_no_sense_is_no_number() -> None:
    with pytest.raises(Unreadable):
        spent(state(day(wrong=-1)), START)


def test_the_owner_is_told_in_words_that_need_no_look_at_the_code() -> None:
    world = World()
    world.view.own = {}
    decision = world.tell(OwnRead(at=START, terms=terms(owner="team-agents"), lost=5))
    (said,) = [e for e in decision.emits if isinstance(e, Announced)]
    assert "only advises" in said.title
    assert "5 lost alerts" in said.text
    assert "homeostat self review" in said.text
