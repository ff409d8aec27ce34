"""One alert speaks for another: the rules are Alertmanager's."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.speakers import Speakers
from agent.model.alert import Alert
from agent.model.decision import Decision
from agent.model.event import ResolvedByPerson
from agent.model.incident import Incident, State
from agent.model.policy import InhibitRule, Policy
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from tests.support.cases import START, World, alert, received, resolved, runbook
from tests.support.inhibiting import rule

DOWN = rule("alertname=Down", "severity=warning", "cluster")


def down(cluster: str = "a", **labels: str) -> Alert:
    told = {"cluster": cluster, "severity": "critical", **labels}
    return alert("Down", "pay-api", labels=told)


def slow(cluster: str = "a", **labels: str) -> Alert:
    told = {"cluster": cluster, "severity": "warning", **labels}
    return alert("Slow", "shop-worker", labels=told)


def world(*rules: InhibitRule, runs: bool = False) -> World:
    books = [runbook("slow", alert="Slow")] if runs else []
    return World(*books, policy=Policy(inhibit_rules=rules or (DOWN,)))


def named(w: World, name: str) -> Incident:
    (found,) = [i for i in w.incidents if i.title.startswith(name)]
    return found


async def test_while_the_source_fires_the_target_needs_nobody() -> None:
    w = world(runs=True)
    source = w.fire(down())
    case = w.fire(slow())
    assert (case.state, case.reason) == (State.OPEN, Reason.INHIBITED)
    assert case.inhibited_by == next(iter(source.alerts))
    assert [c.subject for c in w.commands if c.subject == case.id] == []
    assert (await w.ledger())[case.id] == ["suppressed"]
    w.fire(slow(pod="b"))
    assert (await w.ledger())[case.id] == ["suppressed", "suppressed"]


def test_what_still_burns_a_moment_after_the_source_ended_is_taken_up() -> None:
    w = world(runs=True)
    w.fire(down())
    w.fire(slow())
    w.clear(down())
    w.wait(59)
    assert named(w, "Slow").inhibited_by is not None
    w.wait(2)
    found = named(w, "Slow")
    assert (found.state, found.inhibited_by) == (State.ACTING, None)


def test_what_ended_with_the_source_was_nobodys_business() -> None:
    w = world()
    w.fire(down())
    w.fire(slow())
    w.clear(down())
    w.wait(5)
    w.clear(slow())
    w.wait(600)
    assert named(w, "Slow").state is State.RESOLVED
    assert "team-shop" not in w.paged


def test_a_source_that_comes_back_within_the_moment_goes_on_speaking() -> None:
    w = world()
    w.fire(down())
    w.fire(slow())
    w.clear(down())
    w.wait(30)
    w.fire(msgspec.structs.replace(down(), starts_at=w.now))
    w.wait(600)
    assert named(w, "Slow").inhibited_by is not None


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(slow("b"), id="another value of an equal label"),
        pytest.param(slow("a", severity="info"), id="no target"),
        pytest.param(alert("Slow", labels={"severity": "warning"}), id="without the label"),
    ],
)
def test_what_the_rule_does_not_mean_is_told(other: Alert) -> None:
    w = world()
    w.fire(down())
    assert w.fire(other).inhibited_by is None
    assert "team-shop" in w.paged


def test_a_label_that_both_lack_is_equal() -> None:
    w = world(rule("alertname=Down", "alertname=Slow", "nowhere"))
    w.fire(down())
    assert w.fire(slow("b")).inhibited_by is not None


def test_what_both_sides_agree_with_is_not_inhibited_by_its_like() -> None:
    """Alertmanager's rule against self-inhibition."""
    w = world(rule("severity=~critical|warning", "severity=warning"))
    assert w.fire(slow()).inhibited_by is None
    assert w.fire(alert("Odd", "scout", labels={"severity": "warning"})).inhibited_by is None
    w.fire(down())
    third = alert("Third", "shop-worker", labels={"severity": "warning"})
    assert w.fire(third).inhibited_by is not None


def test_a_silenced_source_goes_on_speaking() -> None:
    w = world()
    silence = Silence(
        id="s", matchers=(SilenceMatcher(name="alertname", value="Down"),), starts_at=START,
        ends_at=START + 1000, created_by="ann", comment="", updated_at=START,
    )  # fmt: skip
    w.keep("silence", "s", silence)
    assert w.fire(down()).silenced_by == "s"
    assert w.fire(slow()).inhibited_by is not None


def test_an_alert_that_stands_alone_does_not_drown_in_an_inhibited_incident() -> None:
    w = world()
    w.fire(down())
    case = w.fire(slow())
    w.fire(slow("b"))
    assert w.incident(case.id).state is State.ESCALATED
    assert w.incident(case.id).inhibited_by is None


def test_what_people_were_told_is_not_taken_back() -> None:
    w = world()
    w.fire(slow())
    assert named(w, "Slow").state is State.ESCALATED
    w.fire(down())
    w.wait(1000)
    assert named(w, "Slow").state is State.ESCALATED
    assert named(w, "Slow").inhibited_by is None


def test_what_waits_to_be_told_is_kept_back_when_the_source_comes() -> None:
    w = world()
    late = alert("Slow", "shop-web", labels={"severity": "warning", "cluster": "a"})
    assert w.fire(late).page_held_until is not None
    w.wait(5)
    w.fire(alert("Down", "scout", labels={"cluster": "a"}))
    w.wait(0)
    assert named(w, "Slow").inhibited_by is not None
    w.wait(1000)
    assert "team-shop" not in w.paged


def test_two_that_speak_for_each_other_do_not_hush_both() -> None:
    """Telling people fails open: somebody is told."""
    w = world(rule("alertname=Down", "alertname=Slow"), rule("alertname=Slow", "alertname=Down"))
    w.fire(down())
    w.fire(slow())
    w.wait(1000)
    quiet = [i.title for i in w.incidents if i.inhibited_by is not None]
    assert quiet == ["Slow"]
    assert w.paged != []


def test_a_circle_of_three_leaves_somebody_who_is_told() -> None:
    ring = ["Down", "Slow", "Odd"]
    rules = [rule(f"alertname={a}", f"alertname={b}") for a, b in zip(ring, [*ring[1:], ring[0]],
                                                                     strict=True)]  # fmt: skip
    w = world(*rules)
    for name in ("Odd", "Down", "Slow"):
        w.fire(alert(name, "shop-web", labels={}))
    w.wait(1000)
    assert 1 <= len([i for i in w.incidents if i.inhibited_by is not None]) <= 2


def test_the_end_of_one_of_two_sources_changes_nothing() -> None:
    w = world()
    w.fire(down())
    other = alert("Down", "scout", labels={"cluster": "a"})
    w.fire(other)
    w.fire(slow())
    w.clear(down())
    w.wait(600)
    assert named(w, "Slow").inhibited_by is not None
    w.clear(other)
    w.wait(61)
    assert named(w, "Slow").inhibited_by is None


def test_a_person_who_closes_the_source_ends_its_word() -> None:
    w = world()
    source = w.fire(down())
    w.fire(slow())
    w.tell(ResolvedByPerson(at=w.now, subject=source.id, who="ann", cause="gone"))
    w.wait(61)
    assert named(w, "Slow").inhibited_by is None


def test_rules_taken_out_of_the_policy_let_go_soon() -> None:
    w = world()
    w.fire(down())
    w.fire(slow())
    w.view.policy = msgspec.structs.replace(w.view.policy, inhibit_rules=())
    w.state.use_rules()
    assert (w.view.speaking, bool(w.view.inhibited)) == ({}, True)
    w.wait(301)
    assert named(w, "Slow").inhibited_by is None


def test_rules_that_come_into_the_policy_find_what_fires_already() -> None:
    w = World()
    w.fire(down())
    w.view.policy = Policy(inhibit_rules=(DOWN,))
    w.state.use_rules()
    assert w.fire(slow()).inhibited_by is not None


def test_what_is_taken_back_with_its_batch_does_not_go_on_speaking() -> None:
    w = world()
    w.state.keep()
    w.fire(down())
    w.fire(slow())
    assert w.view.speaking
    assert w.view.inhibited
    w.state.take_back()
    assert (w.view.speaking, w.view.inhibited) == ({}, {})


def test_what_is_kept_while_alerts_come_and_go_is_what_one_look_finds() -> None:
    w = world(DOWN, rule("severity=critical", "severity=~warning|critical"))
    for number in range(6):
        w.fire(down(f"c{number % 3}", pod=str(number)))
        w.fire(slow(f"c{number % 3}", pod=str(number)))
    w.tell(received(resolved(down("c1", pod="1"), START + 1), START + 1))
    fresh = Speakers()
    fresh.use(w.view.policy.inhibit_rules, w.state.incidents.values())
    assert {k: set(v) for k, v in fresh.speaking.items()} == {
        k: set(v) for k, v in w.view.speaking.items()
    }
    assert {k: set(v) for k, v in fresh.inhibited.items()} == {
        k: set(v) for k, v in w.view.inhibited.items()
    }


def test_without_rules_nothing_is_kept() -> None:
    w = World()
    w.fire(down())
    assert (w.view.speaking, w.view.inhibited) == ({}, {})
    assert isinstance(w.tell(Decision()), Decision)
