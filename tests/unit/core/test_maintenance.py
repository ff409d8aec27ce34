"""Planned maintenance: a silence nobody has to set, and what still burns when it ends."""

from __future__ import annotations

import msgspec

from agent.model.command import CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.incident import State
from agent.model.policy import Maintenance, Policy
from agent.model.product import EntityKind
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from tests.support.cases import START, World, alert, on, runbook
from tests.support.periods import Endless, Raising, maintenance, period


def world(*planned: Maintenance, runs: bool = True) -> World:
    return World(*([runbook()] if runs else []), policy=Policy(maintenance=planned))


async def test_what_fires_in_a_maintenance_needs_nobody_and_is_taken_up_when_it_ends() -> None:
    w = world(maintenance(START - 10, START + 100))
    case = w.fire()
    assert (case.state, case.silenced_by) == (State.OPEN, "maintenance:backup")
    assert case.reason is Reason.MAINTENANCE
    assert w.commands == []
    assert await w.ledger() == {case.id: ["suppressed"]}
    w.fire(alert(labels={"pod": "b"}))
    assert await w.ledger() == {case.id: ["suppressed", "suppressed"]}
    w.wait(101)
    assert w.case.state is State.ACTING
    assert w.case.silenced_by is None
    assert await w.ledger() == {case.id: ["open", "open"]}


def test_what_clears_in_a_maintenance_is_over() -> None:
    w = world(maintenance(START - 10, START + 100))
    w.fire()
    w.clear()
    assert (w.case.state, w.pages) == (State.RESOLVED, [])


def test_a_maintenance_covers_products_and_with_matchers_only_those_alerts_of_them() -> None:
    whole = Maintenance(name="m", period=period(START, START + 100), products=("shop",))
    part = msgspec.structs.replace(whole, matchers=(SilenceMatcher(name="pod", value="a"),))
    assert world(whole).fire().silenced_by == "maintenance:m"
    assert world(whole).fire(name="Other", entity="pay-api").silenced_by is None
    assert world(part).fire(alert(labels={"pod": "a"})).silenced_by == "maintenance:m"
    assert world(part).fire(alert(labels={"pod": "b"})).silenced_by is None


def test_an_alert_outside_of_it_does_not_drown_in_the_incident() -> None:
    part = msgspec.structs.replace(
        maintenance(START, START + 100), matchers=(SilenceMatcher(name="pod", value="a"),)
    )
    w = world(part, runs=False)
    w.fire(alert(labels={"pod": "a"}))
    w.fire(alert(labels={"pod": "b"}))
    assert w.case.state is State.ESCALATED


def test_a_maintenance_that_cannot_say_covers_nothing() -> None:
    """Telling people fails open."""
    odd = msgspec.structs.replace(maintenance(START, START + 100), period=Raising())
    w = world(odd, runs=False)
    w.fire()
    assert w.paged == ["team-shop"]


def test_without_a_known_end_it_is_looked_at_again_without_a_word() -> None:
    endless = Endless()
    w = world(msgspec.structs.replace(maintenance(START, START + 1), period=endless))
    w.fire()
    w.wait(3600)
    assert w.case.silenced_by == "maintenance:backup"
    assert [r for r in w.reasons if r is Reason.MAINTENANCE] == [Reason.MAINTENANCE]
    endless.is_on = False
    w.wait(301)
    assert w.case.state is State.ACTING


def test_a_maintenance_taken_out_of_the_policy_ends_soon() -> None:
    w = world(maintenance(START - 10, START + 86_400))
    w.fire()
    w.view.policy = msgspec.structs.replace(w.view.policy, maintenance=())
    w.wait(301)
    assert w.case.state is State.ACTING


def test_one_that_begins_after_people_were_told_takes_nothing_back() -> None:
    w = world(maintenance(START + 10, START + 100), runs=False)
    w.fire()
    w.wait(20)
    w.fire(alert(labels={"pod": "b"}))
    assert w.case.state is State.ESCALATED
    assert w.case.silenced_by is None
    assert w.paged == ["team-shop"]


def test_one_that_begins_while_the_agent_looks_keeps_people_from_being_told() -> None:
    policy = msgspec.structs.replace(
        on(EntityKind.SERVICE), maintenance=(maintenance(START + 5, START + 100),)
    )
    w = World(policy=policy)
    w.fire()
    assert w.case.state is State.DIAGNOSING
    w.wait(6)
    w.find()
    assert w.case.silenced_by == "maintenance:backup"
    assert w.pages == []
    w.wait(100)
    w.find()
    assert w.paged == ["team-shop"]


def test_one_that_begins_before_the_held_page_keeps_it_back() -> None:
    w = world(maintenance(START + 5, START + 100, alertname="Slow"), runs=False)
    w.fire(name="Slow", entity="shop-web")
    assert w.case.page_held_until is not None
    w.wait(50)
    assert (w.case.silenced_by, w.pages) == ("maintenance:backup", [])
    w.wait(100)
    assert w.paged == ["team-shop"]


def test_one_that_begins_before_the_act_stops_the_step_and_nobody_is_told() -> None:
    w = world(maintenance(START + 5, START + 100))
    w.fire()
    asked = w.only(CommandKind.ACT)
    w.wait(6)
    w.answer(asked, OutcomeStatus.REFUSED, reason=Reason.MAINTENANCE)
    assert (w.case.silenced_by, w.pages) == ("maintenance:backup", [])
    w.wait(100)
    assert w.case.state is State.ACTING


def test_a_silence_that_goes_on_after_the_maintenance_goes_on_holding() -> None:
    w = world(maintenance(START - 10, START + 100))
    w.fire()
    person = Silence(
        id="s1", matchers=(SilenceMatcher(name="alertname", value="Hung"),),
        starts_at=START, ends_at=START + 500, created_by="bob", comment="mine", updated_at=START,
    )  # fmt: skip
    w.keep("silence", "s1", person)
    w.wait(101)
    incident = next(iter(w.state.incidents.values()))
    assert incident.silenced_by == "s1"
    w.wait(500)
    assert next(iter(w.state.incidents.values())).state is State.ACTING
