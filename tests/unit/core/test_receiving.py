"""Alert messages meet what is known: in any order, at any moment, each with its ledger line."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.receiving import REOPEN_AFTER_SECONDS
from agent.model.alert import AlertStatus
from agent.model.command import CommandKind
from agent.model.decision import Decision
from agent.model.effect import OutcomeStatus
from agent.model.event import Acknowledged, ResolvedByPerson
from agent.model.incident import Ending, State
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle
from tests.support.cases import START, STATUS, World, alert, plan, received, resolved, runbook, step


async def test_a_new_alert_opens_an_incident_and_its_end_closes_it() -> None:
    world = World()
    case = world.fire(entity="shop-web")
    assert (case.product, case.entity, case.state) == ("shop", "shop-web", State.OPEN)
    world.clear()
    assert world.case.state is State.RESOLVED
    assert world.case.outcome is None
    assert world.pages == [], "nobody is told of what went away while the page waited"
    assert sorted((await world.ledger())[case.id]) == ["cleared", "duplicate"]


async def test_exact_repeats_only_count() -> None:
    world = World()
    for _ in range(5):
        world.fire(alert())
    assert len(world.incidents) == 1
    totals = await (await world.stored()).totals()
    assert (totals.received, totals.duplicate, totals.routed) == (5, 4, 1)


def test_alerts_of_one_group_join_one_incident() -> None:
    world = World()
    first = world.fire(labels={"pod": "a"})
    second = world.fire(labels={"pod": "b"})
    other = world.fire(entity="pay-api")
    assert first.id == second.id != other.id
    assert len(second.alerts) == 2


def test_the_incident_ends_with_its_last_alert() -> None:
    world = World()
    a, b = alert(labels={"pod": "a"}), alert(labels={"pod": "b"})
    world.fire(a)
    world.fire(b)
    world.clear(a)
    assert world.case.is_open
    world.clear(b)
    assert world.case.state is State.RESOLVED


async def test_an_end_that_comes_first_keeps_the_late_start_from_opening_anything() -> None:
    world = World()
    world.clear(alert())
    world.tell(received(alert(), START + 1))
    assert world.incidents == []
    totals = await (await world.stored()).totals()
    assert (totals.received, totals.cleared) == (2, 2)


async def test_a_message_of_an_older_episode_is_late() -> None:
    world = World()
    world.fire(alert(starts_at=START))
    world.tell(received(alert(starts_at=START - 100), START + 1))
    state = world.case.alerts[alert().identity]
    assert state.starts_at == START
    assert Reason.OLDER_THAN_KNOWN in [e.reason for d in world.batch.decisions for e in d.entries]
    assert (await (await world.stored()).totals()).balanced


def test_an_inferred_end_is_taken_back_by_the_source() -> None:
    world = World()
    a, other = alert(), alert(labels={"pod": "b"})
    world.fire(a)
    world.fire(other)
    world.tell(received(resolved(a, START + 5, inferred=True), START + 5))
    assert world.case.alerts[a.identity].status is AlertStatus.RESOLVED
    world.tell(received(a, START + 6))
    assert world.case.alerts[a.identity].status is AlertStatus.FIRING


def test_an_inferred_end_never_replaces_one_that_was_told() -> None:
    world = World()
    a = alert()
    world.fire(alert(labels={"pod": "b"}))
    world.fire(a)
    world.tell(received(resolved(a, START + 5), START + 5))
    world.tell(received(resolved(a, START + 6, inferred=True), START + 6))
    assert not world.case.alerts[a.identity].inferred
    world.tell(received(a, START + 7))
    assert world.case.alerts[a.identity].status is AlertStatus.RESOLVED


def test_of_two_ends_the_later_one_counts() -> None:
    world = World()
    a = alert()
    world.fire(alert(labels={"pod": "b"}))
    world.fire(a)
    world.tell(received(resolved(a, START + 9), START + 10))
    world.tell(received(resolved(a, START + 5), START + 11))
    assert world.case.alerts[a.identity].ends_at == START + 9


def test_what_is_not_repeated_in_time_is_over() -> None:
    world = World()
    world.fire(expires_at=START + 60)
    assert world.timer("expiry") == 60.0
    world.wait(61)
    assert world.case.state is State.RESOLVED
    assert Reason.EXPIRED in world.reasons


def test_a_repeat_moves_the_expiry() -> None:
    world = World()
    world.fire(starts_at=START, expires_at=START + 60)
    world.now = START + 40
    world.fire(starts_at=START, expires_at=START + 100)
    world.wait(30)
    assert world.case.is_open
    world.wait(40)
    assert not world.case.is_open


def test_still_firing_long_after_the_end_opens_a_new_incident() -> None:
    world = World()
    first = world.fire(alert())
    world.tell(ResolvedByPerson(at=START, subject=first.id, who="bob", cause="?"))
    world.now = START + REOPEN_AFTER_SECONDS - 1
    world.fire(alert())
    assert world.state.incidents == {}
    world.now += 2
    second = world.fire(alert())
    assert second.is_open
    assert second.id != first.id


async def test_two_episodes_in_one_body_are_two_incidents() -> None:
    world = World()
    first = world.fire(alert(starts_at=START - 10))
    world.clear(alert(starts_at=START - 10))
    second = world.fire(alert(starts_at=START - 5))
    assert first.id != second.id
    world.wait(60)  # people were just told: what comes back waits until it stays
    assert len({c.id for c in world.commands}) == len(world.commands)
    assert (await world.ledger())[second.id] == ["routed"]


# the alert clears at every possible moment


def assisted() -> World:
    world = World(runbook(lifecycle=Lifecycle.ASSISTED))
    world.fire()
    assert world.case.state is State.AWAITING_APPROVAL
    return world


async def test_it_clears_while_it_is_diagnosed() -> None:
    world = World(runbook(diagnose=(STATUS,)))
    world.fire()
    assert world.case.state is State.DIAGNOSING
    world.clear()
    assert (world.case.state, world.case.outcome) == (State.RESOLVED, None)
    world.find(alive=True)
    assert world.case.state is State.RESOLVED, "a late finding changes nothing"
    assert [c for c in world.commands if c.kind is CommandKind.ACT] == []


async def test_it_clears_while_somebody_is_asked() -> None:
    world = assisted()
    world.clear()
    assert (world.case.state, world.case.outcome) == (State.RESOLVED, Ending.ROUTED)
    assert sorted((await world.ledger())[world.case.id]) == ["duplicate", "routed"]


async def test_it_clears_while_the_agent_acts() -> None:
    world = World(runbook())
    world.fire()
    world.clear()
    assert world.case.state is State.ACTING
    world.act()
    assert (world.case.state, world.case.outcome) == (State.RESOLVED, Ending.HEALED)
    assert sorted((await world.ledger())[world.case.id]) == ["absorbed", "duplicate"]


@pytest.mark.parametrize("status", [OutcomeStatus.FAILED, OutcomeStatus.REFUSED])
async def test_it_clears_while_the_agent_acts_in_vain(status: OutcomeStatus) -> None:
    """Nothing burns any more: no further remedy is tried and nobody is woken."""
    world = World(runbook("hung", plan(), plan("second", step("process.rollback", id="back"))))
    world.fire()
    world.clear()
    world.act(status, reason=Reason.STEP_FAILED)
    assert (world.case.state, world.case.outcome) == (State.RESOLVED, None)
    assert world.pages == []
    assert len(world.case.steps) == 1
    assert sorted((await world.ledger())[world.case.id]) == ["cleared", "duplicate"]


def test_where_nobody_knows_what_was_done_a_person_is_told_even_if_it_cleared() -> None:
    world = World(runbook("hung", plan("flush", step("process.flush"))))
    world.fire()
    world.clear()
    world.act(OutcomeStatus.UNKNOWN)
    for _ in range(3):
        world.answer(world.only(CommandKind.PROBE), probed="unclear")
    assert world.case.state is State.ESCALATED
    assert world.paged == ["team-shop"]
    assert "check by eye" in world.case.pages[0].text


def test_an_end_by_silence_alone_does_not_end_what_the_agent_could_not_do() -> None:
    world = World(runbook())
    world.fire(expires_at=START + 30)
    world.wait(31)
    assert world.case.is_gone_silent
    world.act(OutcomeStatus.FAILED)
    assert world.case.state is State.ESCALATED
    assert world.paged == ["team-shop"]


def test_it_clears_while_it_is_verified() -> None:
    world = World(runbook())
    world.fire()
    world.act()
    assert world.case.state is State.VERIFYING
    world.clear()
    assert world.case.outcome is Ending.HEALED


@pytest.mark.parametrize("is_acknowledged", [False, True])
async def test_it_clears_after_somebody_was_told(is_acknowledged: bool) -> None:
    world = World()
    world.fire()
    if is_acknowledged:
        world.tell(Acknowledged(at=world.now, subject=world.last, who="bob"))
    world.clear()
    assert (world.case.state, world.case.outcome) == (State.RESOLVED, Ending.ROUTED)
    assert sorted((await world.ledger())[world.case.id]) == ["duplicate", "routed"]
    assert not [k for k in world.state.timers if k[0] == world.case.id]


# where an alert that joins stands in the ledger


async def test_alerts_that_join_stand_where_the_others_do() -> None:
    world = World(runbook(diagnose=(STATUS,)))
    world.fire(labels={"pod": "1"})
    world.fire(labels={"pod": "2"})  # diagnosing
    world.find(alive=False)
    world.fire(labels={"pod": "3"})  # acting
    world.act()
    world.fire(labels={"pod": "4"})  # verifying
    assert await world.ledger() == {world.case.id: ["open"] * 4}
    world.clear()
    assert (await world.ledger())[world.case.id].count("absorbed") == 4


async def test_alerts_that_join_an_escalated_incident_are_routed() -> None:
    world = World()
    world.fire(labels={"pod": "1"})
    world.fire(labels={"pod": "2"})
    assert world.paged == ["team-shop"], "once"
    world.tell(Acknowledged(at=world.now, subject=world.last, who="bob"))
    world.fire(labels={"pod": "3"})
    assert await world.ledger() == {world.case.id: ["routed"] * 3}


async def test_alerts_that_join_while_somebody_is_asked() -> None:
    world = assisted()
    world.fire(labels={"pod": "2"})
    assert await world.ledger() == {world.case.id: ["open", "open"]}
    world.tell(ResolvedByPerson(at=world.now, subject=world.last, who="bob", cause="x"))
    assert await world.ledger() == {world.case.id: ["routed", "routed"]}


async def test_a_further_alert_of_what_is_held_stands_where_the_others_do() -> None:
    """Under a root, or as a part of a storm: the ledger says which."""
    for reason in (Reason.HELD_UNDER_ROOT, Reason.HELD_IN_STORM):
        world = World()
        one = world.fire()
        world.tell(Decision(incident=msgspec.structs.replace(one, held_by="i-1", reason=reason)))
        world.fire(starts_at=world.now, labels={"pod": "b"})
        entries = await (await world.stored()).ledger(limit=10)
        assert [e.reason for e in entries if e.state.value == "suppressed"] == [reason]
