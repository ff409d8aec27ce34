"""One lane: what waits is one commit, a commit that fails never happened, and one bad event takes
nobody along."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from agent.model.alert import Alert, Heartbeat
from agent.model.command import CommandKind
from agent.model.decision import Decision, Record, Timer
from agent.model.effect import Outcome, OutcomeStatus
from agent.model.errors import StoreUnavailable
from agent.model.event import (
    Acknowledged,
    CommandFinished,
    Event,
    HeartbeatReceived,
    ResolvedByPerson,
    TimerFired,
)
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.ports.store import IncidentFilter
from agent.runtime import lane as lane_file
from agent.runtime.lane import Undecidable, commands_of
from agent.store.sqlite import SqliteStore
from tests.support.cases import START, alert, received, resolved, runbook
from tests.support.clock import settle
from tests.support.deciding import Deciding, Gate, deciding, make_view


def gate(made: Deciding) -> Gate:
    assert isinstance(made.store, Gate)
    return made.store


def told(name: str, **fields: object) -> Alert:
    return alert(name, labels={"n": name}, **fields)  # type: ignore[arg-type]


async def test_what_arrives_during_a_commit_is_the_next_one() -> None:
    async with deciding() as made:
        gate(made).shut()
        posts = [asyncio.create_task(made.lane.submit([received(told("first"), START)]))]
        await settle()
        posts += [
            asyncio.create_task(made.lane.submit([received(told(f"A{n}"), START)]))
            for n in range(50)
        ]
        await settle()
        gate(made).let_go()
        answers = await asyncio.gather(*posts)
        assert gate(made).sizes == [1, 50]
        assert len({answer[0].incident.id for answer in answers if answer[0].incident}) == 51
        assert await made.totals() == (51, 0)


async def test_nobody_is_answered_and_nothing_leaves_before_the_commit() -> None:
    async with deciding(runbook()) as made:
        gate(made).shut()
        post = asyncio.create_task(made.lane.submit([received(alert(), START)]))
        await settle()
        assert (post.done(), made.committed) == (False, [])
        gate(made).let_go()
        await post
        kinds = [command.kind for command in commands_of(made.committed)]
        assert kinds == [CommandKind.ACT], "the first intent rides in the same commit"


async def test_a_commit_that_fails_leaves_the_view_as_it_was() -> None:
    async with deciding(runbook()) as made:
        web = alert("Hung", "shop-web")
        await made.lane.submit([received(web, START)])
        before, gone = made.seen(), len(made.committed)
        events: list[Event] = [
            received(alert(), START),
            received(resolved(web, START + 1), START + 1),
            Acknowledged(at=START + 2, subject=next(iter(made.view.incidents)), who="ann"),
        ]
        gate(made).failures = 1
        posts = [asyncio.create_task(made.lane.submit([event])) for event in events]
        failed = await asyncio.gather(*posts, return_exceptions=True)
        assert [type(f) for f in failed] == [StoreUnavailable] * 3
        assert (made.seen(), len(made.committed)) == (before, gone)
        await made.lane.submit(events)
        assert made.seen() != before
        assert await made.totals() == (3, 1)


async def test_the_halt_is_taken_back_too() -> None:
    halt = Record(kind="halt", key="halt", body=Halt(at=START, who="ann", why="drill"))
    async with deciding() as made:
        gate(made).failures = 1
        with pytest.raises(StoreUnavailable):
            await made.lane.submit([Decision(records=(halt,))])
        assert made.view.halt is None
        await made.lane.submit([Decision(records=(halt,))])
        gate(made).failures = 1
        lifted = Record(kind="halt", key="halt", body=None)
        with pytest.raises(StoreUnavailable):
            await made.lane.submit([Decision(records=(lifted,))])
        assert made.view.halt is not None


async def test_what_cannot_be_stored_takes_nobody_along() -> None:
    bad = Decision(timers=(Timer(subject="i-x", name="look", due=float("nan")),))
    async with deciding() as made:
        gate(made).shut()
        first = asyncio.create_task(made.lane.submit([received(told("first"), START)]))
        await settle()
        told_together: list[list[Event | Decision]] = [
            [received(told("a"), START)],
            [received(told("b"), START), bad, received(told("c"), START)],
            [received(told("d"), START)],
        ]
        posts = [asyncio.create_task(made.lane.submit(events)) for events in told_together]
        await settle()
        gate(made).let_go()
        await first
        good, guilty, also_good = await asyncio.gather(*posts, return_exceptions=True)
        assert isinstance(guilty, Undecidable)
        assert guilty.events == (bad,)
        assert isinstance(good, list)
        assert isinstance(also_good, list)
        kept = await made.store.incidents(IncidentFilter())
        assert sorted(i.title for i in kept) == ["a", "b", "c", "d", "first"]
        assert ("i-x", "look") not in made.state.timers


async def test_an_event_that_cannot_be_decided_about_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decide = lane_file.advance

    def with_a_defect(incident, event, view):  # type: ignore[no-untyped-def]
        if isinstance(event, Acknowledged):
            raise ZeroDivisionError("a defect")
        decision = decide(incident, event, view)
        if decision.incident is not None and decision.incident.title == "poison":
            after = Acknowledged(at=event.at, subject=decision.incident.id, who="x")
            return msgspec.structs.replace(decision, emits=(after,))
        return decision

    monkeypatch.setattr(lane_file, "advance", with_a_defect)
    async with deciding() as made:
        events = [received(told(name), START) for name in ("a", "poison", "b")]
        with pytest.raises(Undecidable, match="a defect") as caught:
            await made.lane.submit(events)
        assert caught.value.events == (events[1],), "only it, and all of it"
        assert sorted(i.title for i in made.view.incidents.values()) == ["a", "b"]
        assert await made.totals() == (2, 0)
        monkeypatch.setattr(lane_file, "advance", decide)
        await made.lane.submit([events[1]])
        assert await made.totals() == (3, 0)


async def test_a_refusal_is_an_answer_and_changes_nothing() -> None:
    async with deciding() as made:
        [refused] = await made.lane.submit([Acknowledged(at=START, subject="i-no", who="ann")])
        assert refused.refused is Reason.MOVE_REFUSED
        assert gate(made).sizes == []


async def test_what_an_event_leads_to_is_in_the_same_commit() -> None:
    """A substrate fails: the incidents that stand on it are held back by that decision."""
    async with deciding() as made:
        below = [alert("Slow", name) for name in ("shop-web", "pay-api")]
        gate(made).shut()
        post = asyncio.create_task(
            made.lane.submit([received(a, START) for a in (*below, alert("Down", "cache"))])
        )
        await settle()
        gate(made).let_go()
        await post
        assert made.lane.commits == 1
        assert made.view.incidents == {
            i.id: i for i in await made.store.incidents(IncidentFilter())
        }


async def test_too_much_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_file, "MOST_WAITING_EVENTS", 100)
    async with deciding() as made:
        gate(made).shut()
        first = asyncio.create_task(made.lane.submit([received(told("first"), START)]))
        await settle()
        many = [received(told(f"A{n}"), START) for n in range(80)]
        second = asyncio.create_task(made.lane.submit(many))
        await settle()
        with pytest.raises(StoreUnavailable, match="too many"):
            await made.lane.submit(many)
        gate(made).let_go()
        await asyncio.gather(first, second)
        await made.lane.submit(many)
        assert await made.totals() == (161, 80)


async def test_a_post_larger_than_everything_is_taken_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lane_file, "MOST_WAITING_EVENTS", 100)
    monkeypatch.setattr(lane_file, "BATCH_EVENTS", 30)
    async with deciding() as made:
        answers = await made.lane.submit([received(told(f"A{n}"), START) for n in range(200)])
        assert [a.incident.title for a in answers if a.incident] == [f"A{n}" for n in range(200)]
        assert max(gate(made).sizes) <= 30
        gate(made).failures = 1
        events = [received(told(f"B{n}"), START) for n in range(90)]
        with pytest.raises(StoreUnavailable):
            await made.lane.submit(events)
        await made.lane.submit(events)
        assert (await made.totals())[0] == 200 + 60 + 90


async def test_a_repeat_in_the_commit_that_closes_its_incident_opens_no_other() -> None:
    """Healed and repeated at once: it was one batch, and memory knew the alert when it began."""
    async with deciding(runbook()) as made:
        firing = received(alert(), START)
        await made.lane.submit([firing])
        [act] = commands_of(made.committed)
        done = Outcome(status=OutcomeStatus.DONE, reason=Reason.STEP_DONE)
        await made.lane.submit([CommandFinished(at=START + 1, command=act, outcome=done)])
        over = received(resolved(alert(), START + 2), START + 2)
        late = received(alert(), START + 2.1)
        await made.lane.submit([over, late])
        assert made.view.incidents == {}
        assert len(await made.store.incidents(IncidentFilter())) == 1
        assert await made.totals() == (3, 2)


async def test_closed_by_a_person_and_repeated_in_one_commit_it_stays_closed() -> None:
    async with deciding() as made:
        [opened] = await made.lane.submit([received(alert(), START)])
        assert opened.incident is not None
        word = ResolvedByPerson(at=START + 5, subject=opened.incident.id, who="ann", cause="known")
        await made.lane.submit([word, received(alert(), START + 5.1)])
        assert made.view.incidents == {}
        assert len(await made.store.incidents(IncidentFilter())) == 1
        assert await made.totals() == (2, 1)


async def test_a_timer_that_was_set_anew_is_not_taken_away_by_its_old_time() -> None:
    async with deciding() as made:
        for due in (START, START + 100):
            anew = Timer(subject="i-x", name="look", due=due)
            await made.lane.submit([Decision(timers=(anew,))])
        await made.lane.submit([TimerFired(at=START, subject="i-x", name="look")])
        assert made.state.timers == {("i-x", "look"): START + 100}


async def test_a_timer_that_was_moved_on_its_way_does_nothing() -> None:
    async with deciding() as made:
        [opened] = await made.lane.submit([received(alert(expires_at=START + 60), START)])
        assert opened.incident is not None
        subject = opened.incident.id
        renewed = received(alert(expires_at=START + 300), START + 59)
        stale = TimerFired(at=START + 60, subject=subject, name="expiry")
        await made.lane.submit([renewed, stale, stale])
        assert made.state.timers[subject, "expiry"] == START + 300, "not lost"
        assert made.view.incidents[subject].is_firing
        await made.lane.submit([TimerFired(at=START + 300, subject=subject, name="expiry")])
        assert (subject, "expiry") not in made.state.timers


async def test_a_timer_of_nobody_is_taken_away() -> None:
    async with deciding() as made:
        stray = Timer(subject="i-gone", name="look", due=START)
        await made.lane.submit([Decision(timers=(stray,))])
        await made.lane.submit([TimerFired(at=START, subject="i-gone", name="look")])
        assert made.state.timers == {}


async def test_a_caller_that_leaves_takes_nothing_with_it() -> None:
    async with deciding() as made:
        gate(made).shut()
        post = asyncio.create_task(made.lane.submit([received(alert(), START)]))
        await settle()
        post.cancel()
        await settle()
        gate(made).let_go()
        await made.lane.submit([received(told("next"), START)])
        assert await made.totals() == (2, 0)


async def test_closing_decides_what_waits_and_takes_no_more() -> None:
    async with deciding() as made:
        gate(made).shut()
        posts = [
            asyncio.create_task(made.lane.submit([received(told(f"A{n}"), START)]))
            for n in range(3)
        ]
        await settle()
        made.lane.close()
        with pytest.raises(StoreUnavailable, match="stopping"):
            await made.lane.submit([received(told("late"), START)])
        gate(made).let_go()
        await asyncio.gather(*posts)
        assert await made.totals() == (3, 0)


async def test_a_lane_that_ends_leaves_nobody_waiting() -> None:
    made = Deciding(make_view(), Gate())
    await made.store.open(now=START)
    gate(made).shut()
    running = asyncio.create_task(made.lane.run())
    posts = [
        asyncio.create_task(made.lane.submit([received(told(f"A{n}"), START)])) for n in range(2)
    ]
    await settle()
    posts.append(asyncio.create_task(made.lane.submit([received(told("later"), START)])))
    await settle()
    running.cancel()
    answers = await asyncio.gather(*posts, return_exceptions=True)
    assert [type(a) for a in answers] == [StoreUnavailable] * 3
    assert made.view.incidents == {}


async def test_it_says_how_long_it_has_been_stuck() -> None:
    async with deciding() as made:
        made.clock.at += 3600
        assert made.lane.stuck_seconds == 0, "idle is not stuck"
        gate(made).shut()
        post = asyncio.create_task(made.lane.submit([received(alert(), START)]))
        await settle()
        assert made.lane.stuck_seconds == 0, "and an hour of idling before is none of it"
        made.clock.at += 31
        assert made.lane.stuck_seconds == 31
        gate(made).let_go()
        await post
        await settle()
        assert made.lane.stuck_seconds == 0


async def test_over_a_real_store_and_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "homeostat.db"
    async with deciding(runbook(), store=SqliteStore(path)) as made:
        await made.lane.submit([received(alert(), START), received(told("x"), START)])
        before = made.seen()
    async with deciding(runbook(), store=SqliteStore(path)) as again:
        assert again.seen() == before
        await again.lane.submit([received(alert(), START), received(told("x"), START)])
        assert again.seen() == before
        assert await again.totals() == (4, 2)
        states = {i.state for i in again.view.incidents.values()}
        assert states == {State.ACTING, State.ESCALATED}


def beat(agent: str) -> HeartbeatReceived:
    return HeartbeatReceived(at=START, heartbeat=Heartbeat(agent=agent))


async def test_readings_gather_and_whatever_is_more_ends_that_at_once() -> None:
    """A thousand members that beat each for itself are not a commit each; an alert waits for none
    of them, and takes them along in their order."""
    async with deciding() as made:
        beats = [asyncio.create_task(made.lane.submit([beat("scout")])) for _ in range(5)]
        await settle()
        assert gate(made).sizes == []
        assert made.lane.stuck_seconds == 0
        await made.lane.submit([received(told("A"), START)])
        assert gate(made).sizes == [6]
        await asyncio.gather(*beats)
        assert made.view.agents["scout"].beats == 5


async def test_readings_are_committed_soon_where_nothing_else_comes() -> None:
    async with deciding() as made:
        await asyncio.gather(*(made.lane.submit([beat("scout")]) for _ in range(3)))
        await made.lane.submit([beat("scout")])
        assert gate(made).sizes == [3, 1]


async def test_many_readings_are_not_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_file, "GATHER_SECONDS", 3600.0)
    async with deciding() as made:
        many = [beat("scout")] * (lane_file.MOST_GATHERED + 1)
        await asyncio.wait_for(made.lane.submit(many), 10)
        few = asyncio.create_task(made.lane.submit([beat("scout")]))
        await settle()
        assert not few.done(), "the next one waits for others again"
        made.lane.close()
        await asyncio.wait_for(few, 10)
