"""Pages on their way: a page that does not get through goes another way, and nobody's is nobody's
only in a file that makes the health check fail."""

from __future__ import annotations

import msgspec
import pytest

from agent.core.audit_escalation import is_unheard
from agent.core.view import Channel
from agent.model.command import Command, CommandKind
from agent.model.decision import Decision
from agent.model.effect import Outcome, OutcomeStatus
from agent.model.event import Acknowledged, CommandFinished, TimerFired
from agent.model.incident import State
from agent.model.policy import Policy
from agent.model.reason import Reason
from tests.support.cases import CHANNELS, World
from tests.support.ladders import channel, staffed, told


def names(world: World) -> list[str]:
    return [str(c.params["channel"]) for c in world.pages]


def last_to(world: World, name: str, of: str | None = None) -> Command:
    """The last message to this channel, or the last about one incident."""
    sent = [c for c in world.pages if c.params["channel"] == name]
    return [c for c in sent if of is None or c.subject == of][-1]


def answer_temporarily(world: World, command: Command, after: float | None = None) -> Decision:
    outcome = Outcome(
        status=OutcomeStatus.TEMPORARY,
        reason=Reason.STEP_TEMPORARY,
        detail="503",
        after_seconds=after,
    )
    return world.tell(CommandFinished(at=world.now, command=command, outcome=outcome))


def test_a_receipt_is_kept() -> None:
    world = World()
    world.fire()
    world.answer(world.pages[0], receipt="250 ok")
    assert (world.case.pages[0].delivered, world.case.pages[0].detail) == (True, "250 ok")


def test_a_page_that_is_refused_goes_another_way_at_once_and_is_not_repeated() -> None:
    """F-NT-06"""
    world = staffed()
    case = world.fire()
    world.answer(world.pages[0], OutcomeStatus.FAILED, detail="401 bad token")
    assert told(world)[:2] == ["person:alice", "team-shop"]
    assert world.incident(case.id).pages[0].delivered is False
    assert [c for c in world.under_way.values() if c.attempt > 1] == []


def test_a_notifier_that_refuses_is_told_to_the_platform_once_until_it_works_again() -> None:
    """F-NT-06"""
    world = staffed()
    world.fire()
    world.answer(last_to(world, "person:alice/0"), OutcomeStatus.FAILED, detail="401 bad token")
    [broken] = [i for i in world.incidents if i.title.startswith("NotifierBroken")]
    assert broken.routed_to == "platform"
    assert "person:alice/0" in broken.title
    world.fire(labels={"alertname": "Other"}, name="Other")
    world.answer(last_to(world, "person:alice/0"), OutcomeStatus.FAILED, detail="401 bad token")
    assert len([i for i in world.incidents if i.title.startswith("NotifierBroken")]) == 1
    world.fire(name="Third")
    world.answer(last_to(world, "person:alice/0"), receipt="ok")
    assert world.incident(broken.id).state is State.RESOLVED


def test_of_a_broken_channel_nobody_is_told_by_way_of_itself() -> None:
    """F-NT-06: the platform's only channel is the broken one."""
    world = World()
    world.view.channels = {
        "platform": (channel("platform"),),
        "last-resort": (Channel(id="last-resort/0", use="last-resort"),),
    }
    world.fire(entity="ghost")
    world.answer(last_to(world, "platform/0"), OutcomeStatus.FAILED, detail="403")
    [broken] = [i for i in world.incidents if i.title.startswith("NotifierBroken")]
    assert [p.channel for p in broken.pages] == ["last-resort"]


def test_a_channel_that_fails_for_a_minute_is_not_waited_for() -> None:
    """F-NT-01"""
    world = staffed()
    world.fire()
    for _ in range(5):
        answer_temporarily(world, last_to(world, "person:alice/0"))
    world.wait(59)
    assert told(world) == ["person:alice"]
    world.wait(1)
    assert told(world) == ["person:alice", "team-shop"]
    answer_temporarily(world, last_to(world, "person:alice/0"))
    assert told(world) == ["person:alice", "team-shop"], "once is enough"


def test_what_gets_through_in_time_needs_no_second_way() -> None:
    world = staffed()
    world.fire()
    answer_temporarily(world, world.pages[0])
    world.wait(2)
    world.answer(world.pages[-1], receipt="ok")
    world.wait(200)
    assert told(world) == ["person:alice"]


def test_a_channel_that_wants_an_hour_is_left_at_once() -> None:
    """F-NT-08"""
    world = staffed()
    world.fire()
    answer_temporarily(world, world.pages[0], after=3600.0)
    assert told(world) == ["person:alice", "team-shop"]
    assert last_to(world, "person:alice/0").not_before == world.now + 3600.0


def test_what_may_have_got_through_is_sent_again_at_once_with_the_same_key() -> None:
    """F-NT-02"""
    world = staffed()
    world.fire()
    first = world.pages[0]
    world.answer(first, OutcomeStatus.UNKNOWN)
    again = world.pages[-1]
    assert (again.key, again.attempt, again.not_before) == (first.key, 2, world.now)
    assert again.params == first.params, "the receiver folds it by topic and key"


def test_when_every_channel_fails_it_stands_in_the_last_file_and_health_fails() -> None:
    """F-NT-01"""
    world = staffed()
    case = world.fire()
    while failing := [c for c in world.asked(CommandKind.NOTIFY) if c.use == "hook"]:
        for command in failing:
            world.answer(command, OutcomeStatus.FAILED)
    case = world.incident(case.id)
    assert [p.channel for p in case.pages][-1] == "last-resort"
    assert is_unheard(case)
    assert Reason.NOBODY_REACHED in world.reasons
    world.tell(Acknowledged(at=world.now, subject=case.id, who="bob"))
    assert not is_unheard(world.incident(case.id))


def test_the_file_of_last_resort_is_nothing_to_worry_about_once_somebody_was_reached() -> None:
    world = staffed()
    case = world.fire()
    for name in ("person:alice/0", "team-shop/0", "platform/0"):
        world.answer(last_to(world, name, case.id), OutcomeStatus.FAILED)
    assert is_unheard(world.incident(case.id))
    world.wait(300)
    world.answer(last_to(world, "person:bob/0", case.id), receipt="ok")
    assert not is_unheard(world.incident(case.id))


def test_without_any_channel_the_last_one_is_used() -> None:
    world = World()
    world.view.channels = {"fallback": CHANNELS["fallback"]}
    world.fire()
    assert names(world) == ["file"]


def test_a_second_channel_of_the_same_people_is_waited_for_before_others_are_told() -> None:
    world = staffed()
    both = (channel("person:alice"), Channel(id="person:alice/1", use="hook"))
    world.view.channels = {**world.view.channels, "person:alice": both}
    world.fire()
    world.answer(world.pages[0], OutcomeStatus.FAILED)
    assert "team-shop" not in told(world)
    world.answer(world.pages[1], receipt="ok")
    world.wait(100)
    assert "team-shop" not in told(world)


def test_a_channel_of_this_machine_is_no_person() -> None:
    """A file says `delivered` though nobody reads it."""
    world = staffed()
    both = (channel("person:alice"), Channel(id="person:alice/1", use="file"))
    world.view.channels = {**world.view.channels, "person:alice": both}
    world.fire()
    world.answer(world.pages[1], receipt="ok")
    world.answer(world.pages[0], OutcomeStatus.FAILED)
    assert "team-shop" in told(world)


def test_nobody_is_woken_for_what_is_over_or_taken() -> None:
    for is_over in (True, False):
        world = staffed()
        case = world.fire()
        page = world.pages[0]
        if is_over:
            world.clear()
        else:
            world.tell(Acknowledged(at=world.now, subject=case.id, who="bob"))
        answer_temporarily(world, page)
        world.wait(100)
        assert told(world) == ["person:alice"]
        assert world.incident(case.id).pages[0].delivered is False


def test_a_page_withheld_at_the_moment_of_sending_is_no_failure_of_the_channel() -> None:
    world = staffed()
    case = world.fire()
    page = world.pages[0]
    world.tell(Acknowledged(at=world.now, subject=case.id, who="bob"))
    world.answer(page, withheld="bob has it")
    assert world.incident(case.id).pages[0].detail == "bob has it"
    assert [i.title for i in world.incidents if "NotifierBroken" in i.title] == []


def test_the_receipt_of_a_closed_incident_is_kept() -> None:
    world = World()
    world.fire()
    world.clear()
    world.answer(world.pages[0], receipt="late")
    assert world.case.pages[0].delivered is True
    assert world.case.state is State.RESOLVED


@pytest.mark.parametrize("status", [OutcomeStatus.DONE, OutcomeStatus.FAILED])
def test_pages_say_why(status: OutcomeStatus) -> None:
    world = World()
    world.fire()
    world.answer(world.pages[0], status)
    wanted = Reason.PAGE_DELIVERED if status is OutcomeStatus.DONE else Reason.PAGE_FAILED
    assert wanted in world.reasons


def test_tries_end_and_the_platform_hears_of_a_channel_that_never_answers() -> None:
    world = staffed(policy=Policy(page_retries=3))
    world.fire()
    for _ in range(3):
        answer_temporarily(world, last_to(world, "person:alice/0"))
    assert len([n for n in names(world) if n == "person:alice/0"]) == 3
    assert [i.title for i in world.incidents if "NotifierBroken" in i.title]


def test_a_bounded_number_of_pages_is_kept() -> None:
    world = staffed(repeat=40)
    case = world.fire()
    world.wait(200_000)
    kept = world.incident(case.id)
    assert len(kept.pages) == 50
    assert kept.pages[-1].to == "platform"


def test_the_same_is_not_said_twice_in_one_call() -> None:
    world = staffed()
    case = world.fire()
    again = msgspec.structs.replace(world.pages[0])
    world.answer(again, OutcomeStatus.FAILED)
    world.answer(again, OutcomeStatus.FAILED)
    ids = [p.id for p in world.incident(case.id).pages]
    assert len(ids) == len(set(ids))


def test_where_one_of_a_call_got_through_the_other_is_not_watched_for_ever() -> None:
    """Its timer would be due at once, again and again, with nothing left to do."""
    world = World()
    two = (Channel(id="team-shop/0", use="hook"), Channel(id="team-shop/1", use="hook"))
    world.view.channels = {**CHANNELS, "team-shop": two}
    case = world.fire()
    first, second = world.pages
    answer_temporarily(world, second, after=5.0)
    assert (case.id, "second_way") in world.state.timers
    world.answer(first, receipt="250 ok")
    world.now += 61.0
    world.tell(TimerFired(at=world.now, subject=case.id, name="second_way"))
    assert (case.id, "second_way") not in world.state.timers
