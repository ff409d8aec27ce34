"""Whether what people did is what made it go away."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core import agreeing, credit, near_misses, proposing
from agent.core.aftermath import harm
from agent.core.view import View
from agent.model.decision import Decision
from agent.model.effect import OutcomeStatus
from agent.model.learning import Credit, Resolution, ToldCall
from agent.model.policy import Learning, Policy
from agent.model.reason import Reason
from agent.model.records import Act
from tests.support.cases import START, World, runbook
from tests.support.resolved import act, cured, fired, judged, kept, resolve, rule, told_over


def over_after(
    seconds: float, *, expression: str | None = None, act_at: float = 600.0
) -> Resolution:
    """An incident that ended so long after (or before) somebody restarted the thing."""
    world = World()
    url = rule(expression) if expression is not None else ""
    what = fired(world, generator_url=url)
    world.wait(act_at)
    act(world)
    resolve(world)
    world.wait(max(seconds, 0.0))
    told_over(world, what, ended_at=START + act_at + seconds)
    return judged(world)


def after_it(world: World) -> str:
    """Somebody restarted it, it went away, and a minute passed; returns the incident."""
    one = cured(world)
    world.wait(60)
    return one.incident_id


def in_the_end(world: World, incident: str) -> Resolution:
    world.wait(100_000)
    return kept(world, incident)


def test_what_went_away_in_time_after_the_act_and_stayed_away_is_credited() -> None:
    world = World()
    one = cured(world)
    world.wait(1_799)
    assert kept(world, one.incident_id).credit is Credit.PENDING
    found = in_the_end(world, one.incident_id)
    assert found.credit is Credit.CREDITED
    (entry,) = [e for d in world.batch.decisions for e in d.journal if e.kind == "credit"]
    assert (entry.subject, entry.reason) == (one.incident_id, Reason.RESOLUTION_CREDITED)
    assert found.credit_why in entry.text


def test_a_recovery_that_began_before_the_act_is_not_credited() -> None:
    found = over_after(-1.0)
    assert found.credit is Credit.BEFORE
    assert "1 s before process.restart began" in found.credit_why


def test_an_alert_that_looks_back_may_outlive_its_cause() -> None:
    """`rate(x[30m])` is still above its bound for a while after a good fix."""
    assert over_after(2400.0, expression="rate(x[30m]) > 5").credit is Credit.CREDITED
    assert over_after(2400.0, expression="x > 5").credit is Credit.NOT_CLEARED


@pytest.mark.parametrize(
    ("seconds", "credited"), [(300.0, False), (539.0, False), (540.0, True), (660.0, True)]
)
def test_what_surely_stays_true_for_a_while_had_recovered_before(
    seconds: float, credited: bool
) -> None:
    """`max_over_time(x[10m]) > 3` ends ten minutes after the last bad sample at the earliest."""
    found = over_after(seconds, expression="max_over_time(x[10m]) > 3")
    assert found.credit is (Credit.CREDITED if credited else Credit.BEFORE)
    assert credited or "the recovery had begun before" in found.credit_why


def test_whoever_writes_the_expression_does_not_get_more_time_than_the_policy_has() -> None:
    """F-SEC-28: an alert brings its expression along, and a week in it credits nothing."""
    policy = Policy(longest_decay_seconds=600.0)
    world = World(policy=policy)
    what = fired(world, generator_url=rule("rate(x[1w]) > 5"))
    act(world)
    resolve(world)
    world.wait(1_700)
    told_over(world, what)
    assert judged(world).credit is Credit.TOO_LATE


def test_too_late_is_not_credited_and_how_late_is_a_setting() -> None:
    assert over_after(600.0).credit is Credit.CREDITED
    assert over_after(601.0).credit is Credit.TOO_LATE
    world = World(policy=Policy(learning=Learning(proof_seconds=30.0)))
    assert in_the_end(world, cured(world).incident_id).credit is Credit.TOO_LATE


def test_with_nothing_done_there_is_nothing_to_credit() -> None:
    world = World()
    what = fired(world)
    told_over(world, what)
    assert judged(world).credit is Credit.NOTHING_DONE
    fired(world, name="Other")
    resolve(world)
    assert judged(world).credit is Credit.NOTHING_DONE


def test_of_what_nobody_says_when_it_was_done_nothing_is_known() -> None:
    world = World()
    what = fired(world)
    told_over(world, what)
    call = ToldCall(use="process.restart", params={"target": "shop-worker"})
    resolve(world, told=(call,))
    assert judged(world).credit is Credit.UNTIMED


def test_what_was_told_with_its_time_is_credited_like_what_was_seen() -> None:
    world = World()
    what = fired(world)
    world.wait(300)
    told_over(world, what)
    params = {"target": "shop-worker"}
    resolve(world, told=(ToldCall(use="process.restart", params=params, at=START + 200),))
    assert judged(world).credit is Credit.CREDITED


def test_words_besides_may_have_been_what_helped() -> None:
    world = World()
    what = fired(world)
    act(world)
    told_over(world, what)
    resolve(world, actions=("also pulled the plug",))
    found = judged(world)
    assert found.credit is Credit.UNTIMED
    assert "also pulled the plug" in found.credit_why


def test_what_still_fires_is_waited_for_as_long_as_the_act_has_and_then_not_credited() -> None:
    policy = Policy(learning=Learning(proof_seconds=3_600.0))
    world = World(policy=policy)
    fired(world)
    act(world)
    resolve(world)
    incident = world.last
    world.wait(3_599)
    assert kept(world, incident).credit is Credit.PENDING, "the first look was after half an hour"
    world.wait(1)
    assert kept(world, incident).credit is Credit.NOT_CLEARED


def test_what_ended_late_may_come_back_as_long_as_any_other() -> None:
    policy = Policy(learning=Learning(proof_seconds=3_600.0))
    world = World(policy=policy)
    what = fired(world)
    act(world)
    resolve(world)
    incident = world.last
    world.wait(1_700)
    told_over(world, what)
    world.wait(1_799)
    assert kept(world, incident).credit is Credit.PENDING
    world.wait(1)
    assert kept(world, incident).credit is Credit.CREDITED


def test_a_silent_source_is_no_recovery() -> None:
    world = World()
    fired(world, expires_at=START + 240)
    act(world)
    world.wait(300)
    resolve(world)
    assert judged(world).credit is Credit.NOT_CLEARED


@pytest.mark.parametrize("ends", [True, False])
def test_what_fired_again_was_not_cured(ends: bool) -> None:
    world = World()
    incident = after_it(world)
    again = fired(world, labels={"pod": "2"})
    if ends:
        world.wait(5)
        told_over(world, again)
    assert in_the_end(world, incident).credit is Credit.RELAPSED


def test_that_it_fired_again_is_known_also_where_nobody_was_told() -> None:
    """A runbook healed what came on the same entity: of that no resolution is kept."""
    world = World(runbook("second", alert="Second"), policy=Policy(cooldown_seconds=0.0))
    incident = after_it(world)
    again = fired(world, name="Second")
    world.act()
    told_over(world, again)
    assert world.case.id != incident
    assert in_the_end(world, incident).credit is Credit.RELAPSED


def test_the_same_elsewhere_or_much_later_is_another_trouble() -> None:
    world = World()
    incident = after_it(world)
    fired(world, entity="pay-api")
    world.wait(1_800)
    fired(world)
    assert kept(world, incident).credit is Credit.CREDITED


def test_a_sibling_that_went_away_with_it_is_no_relapse() -> None:
    world = World(policy=Policy(group_by=("pod",)))
    first = fired(world, labels={"pod": "1"})
    incident = world.last
    second = fired(world, labels={"pod": "2"})
    assert world.last != incident
    sibling = world.last
    world.wait(60)
    world.last = incident
    act(world)
    world.wait(30)
    told_over(world, first)
    world.wait(1)
    world.last = incident
    resolve(world)
    told_over(world, second)
    assert sibling in world.view.resolutions
    assert in_the_end(world, incident).credit is Credit.CREDITED


@pytest.mark.parametrize("place", ["shop-worker", "shop-web"])
@pytest.mark.parametrize("ends", [True, False])
def test_other_trouble_after_the_act_is_taken_for_its_doing(place: str, ends: bool) -> None:
    """On the same thing, or next to the one that was acted on."""
    world = World()
    what = fired(world)
    world.wait(120)
    act(world, target="cache" if place == "shop-web" else "shop-worker")
    world.wait(60)
    told_over(world, what)
    resolve(world)
    incident = world.last
    world.wait(60)
    other = fired(world, name="Broken", entity=place)
    trouble = world.last
    world.wait(20)
    world.last = trouble
    assert world.case.pages or world.case.held_by
    if ends:
        told_over(world, other)
    found = in_the_end(world, incident)
    assert found.credit is Credit.HARMED
    assert trouble in found.credit_why


def test_what_was_there_before_the_act_is_not_its_doing() -> None:
    world = World()
    fired(world, name="Broken", entity="shop-worker")
    world.wait(60)
    assert in_the_end(world, after_it(world)).credit is Credit.CREDITED


def test_trouble_elsewhere_is_not_its_doing() -> None:
    world = World()
    incident = after_it(world)
    fired(world, name="Broken", entity="pay-api")
    assert in_the_end(world, incident).credit is Credit.CREDITED


def test_what_was_judged_stays_judged_when_its_timer_comes_again() -> None:
    world = World()
    incident = after_it(world)
    found = in_the_end(world, incident)
    assert credit.judge(incident, world.view, at=world.now) == Decision()
    assert credit.judge("i-unknown", world.view, at=world.now) == Decision()
    assert kept(world, incident) is found


def test_what_follows_sees_the_resolution_as_it_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, Credit, Credit]] = []

    def noted(name: str) -> Any:
        def ask(resolution: Resolution, view: View, *, at: float) -> Decision:
            known = view.resolutions[resolution.incident_id]
            asked.append((name, resolution.credit, known.credit))
            return Decision()

        return ask

    monkeypatch.setattr(agreeing, "agree", noted("agree"))
    monkeypatch.setattr(near_misses, "notice", noted("notice"))
    monkeypatch.setattr(proposing, "consider", noted("consider"))
    over_after(60.0)
    yes = Credit.CREDITED
    assert asked == [("agree", yes, yes), ("notice", yes, yes), ("consider", yes, yes)]
    asked.clear()
    over_after(-1.0)
    assert [name for name, *_ in asked] == ["agree", "notice"], "nothing to learn from"


def test_an_act_that_the_rails_refused_healed_nothing() -> None:
    world = World()
    incident = after_it(world)
    refused = Act(
        key="k", target="shop-worker", product="shop", incident_id="i-other", runbook="r",
        plan="p", step="s", use="process.restart", by="agent", at=world.now,
        status=OutcomeStatus.REFUSED, entity="shop-worker",
    )  # fmt: skip
    world.keep("act", "k", refused)
    assert in_the_end(world, incident).credit is Credit.CREDITED
    world = World()
    incident = after_it(world)
    done = msgspec.structs.replace(refused, at=world.now, status=OutcomeStatus.DONE)
    world.keep("act", "k", done)
    assert in_the_end(world, incident).credit is Credit.RELAPSED


def test_harm_is_looked_for_where_it_was_acted_and_not_among_all_that_ended() -> None:
    """Ten thousand resolutions elsewhere are not looked at."""
    world = World()
    one = cured(world)
    seen: list[str] = []

    class Watched(dict[str, Resolution]):
        def get(self, key: str, default: Any = None) -> Any:
            seen.append(key)
            return super().get(key, default)

        def values(self) -> Any:
            raise AssertionError("all of them were looked at")

    for number in range(1_000):
        name = f"i-{number}"
        other = msgspec.structs.replace(one, incident_id=name, entity=f"other-{number}")
        world.keep("resolution", name, other)
    view = msgspec.structs.replace(world.view, resolutions=Watched(world.view.resolutions))
    assert harm(one, view, since=START, until=START + 9e5) is None
    assert set(seen) <= {one.incident_id}


def test_other_trouble_is_waited_for_as_long_as_the_policy_takes_an_act_for_its_cause() -> None:
    world = World()
    rails = msgspec.structs.replace(
        world.view.policy.rails, relapse_seconds=600.0, chain_seconds=3_600.0
    )
    world.view.policy = msgspec.structs.replace(world.view.policy, rails=rails)
    incident = cured(world).incident_id
    world.wait(1_200)
    fired(world, "Other")
    resolve(world)
    world.wait(100_000)
    assert kept(world, incident).credit is Credit.HARMED


@pytest.mark.parametrize(
    ("mattered", "found"), [(0, Credit.UNTIMED), (1, Credit.CREDITED), (None, Credit.CREDITED)]
)
def test_what_was_done_after_the_act_that_mattered_may_be_what_ended_it(
    mattered: int | None, found: Credit
) -> None:
    world = World()
    what = fired(world)
    world.wait(120)
    act(world, "process.restart")
    world.wait(30)
    act(world, "process.rollback", to="7")
    world.wait(30)
    told_over(world, what)
    steps = [step.id for step in world.case.steps]
    resolve(world, mattered=None if mattered is None else (steps[mattered],))
    assert judged(world).credit is found
