"""Escalation climbs until somebody acknowledges, never past an acknowledgement, and never ends with
nobody told."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from agent.core.audit_escalation import audit, is_at_its_end, mended
from agent.core.escalation import ladder_of
from agent.model.effect import OutcomeStatus
from agent.model.event import Acknowledged, Approved, Rejected, ResolvedByPerson, TimerFired
from agent.model.incident import State
from agent.model.on_call import OnCall, Rung, RungKind
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher
from agent.model.runbook import Lifecycle
from tests.support.cases import World, alert, runbook
from tests.support.ladders import SHOP, Fixed, on_call, staffed, told


def ack(world: World, case_id: str, who: str = "bob") -> None:
    world.tell(Acknowledged(at=world.now, subject=case_id, who=who))


def test_it_climbs_from_the_person_on_call_to_the_team_and_then_to_the_platform() -> None:
    """M13: product and platform are on call apart."""
    world = staffed()
    case = world.fire()
    assert told(world) == ["person:alice"]
    world.wait(300)
    world.wait(300)
    assert told(world) == ["person:alice", "person:bob", "team-shop"]
    world.wait(600)
    assert told(world)[3:] == ["platform"]
    world.wait(10_000)
    assert len(told(world)) == 4
    assert is_at_its_end(world.incident(case.id))
    assert Reason.LADDER_ENDED in world.reasons
    assert "ESCALATED" in str(world.pages[1].params["title"])


def test_a_ladder_is_climbed_again_as_often_as_it_says() -> None:
    world = staffed(repeat=1, shop=SHOP[:1])
    world.fire()
    world.wait(10_000)
    assert told(world) == ["person:alice", "person:alice", "platform"]


def test_who_is_on_call_is_asked_at_each_rung_and_the_ladder_is_not() -> None:
    world = staffed(repeat=1, shop=SHOP[:1])
    world.fire()
    world.view.on_call = on_call("bob", shop=SHOP[2:])
    world.wait(10_000)
    assert told(world) == ["person:alice", "person:bob", "platform"]


def test_a_rung_of_a_rotation_that_is_gone_is_skipped() -> None:
    world = staffed(repeat=1, shop=SHOP[:1])
    world.fire()
    world.view.on_call = OnCall()
    world.wait(10_000)
    assert told(world) == ["person:alice", "platform"]


@pytest.mark.parametrize("who", [None, "mallory"])
def test_without_a_person_the_next_rung_is_told_at_once(who: str | None) -> None:
    """F-NT-05"""
    world = staffed(who=who)
    world.fire()
    assert told(world) == ["person:bob"]
    assert Reason.NOBODY_REACHED in world.reasons


def test_with_nobody_on_call_at_all_the_team_is_told_and_then_the_platform() -> None:
    """F-NT-05"""
    world = staffed(who=None, shop=SHOP[:1])
    world.fire()
    assert told(world) == ["team-shop"]
    world.wait(300)
    assert told(world) == ["team-shop", "platform"]


@pytest.mark.parametrize(
    ("gone", "wanted"),
    [
        (("team-shop",), ["platform"]),
        (("team-shop", "platform"), ["default"]),
        (("team-shop", "platform", "default"), ["last-resort"]),
    ],
)
def test_never_nobody(gone: tuple[str, ...], wanted: list[str]) -> None:
    """F-NT-05"""
    world = staffed(who=None, shop=SHOP[:1])
    world.view.channels = {k: v for k, v in world.view.channels.items() if k not in gone}
    world.fire()
    assert told(world)[:1] == wanted


@pytest.mark.parametrize("severity", ["info", "none"])
def test_what_needs_nobody_awake_does_not_climb(severity: str) -> None:
    world = staffed()
    world.fire(labels={"severity": severity})
    world.wait(10_000)
    assert told(world) == ["person:alice"]


def test_where_no_ladder_is_declared_nobody_climbs() -> None:
    world = World()
    world.fire()
    world.wait(10_000)
    assert len(world.pages) == 1


def test_a_team_without_a_ladder_is_told_and_then_the_platforms_is_climbed() -> None:
    world = staffed()
    world.view.on_call = msgspec.structs.replace(
        world.view.on_call, ladders={"platform": world.view.on_call.ladders["platform"]}
    )
    world.fire()
    world.wait(300)
    assert told(world) == ["team-shop", "platform"]


def test_an_acknowledgement_ends_it_and_those_who_were_called_hear_of_it() -> None:
    """F-NT-03"""
    world = staffed()
    case = world.fire()
    world.wait(300)
    ack(world, case.id)
    world.wait(10_000)
    assert told(world) == ["person:alice", "person:bob"]
    assert told(world, "acknowledged") == ["person:alice", "person:bob"]
    heard = [c.params for c in world.commands if c.params.get("telling") == "acknowledged"]
    assert {p["who"] for p in heard} == {"bob"}
    assert "acknowledged by bob" in str(heard[0]["title"])


def test_of_the_end_those_hear_who_were_called_once() -> None:
    world = staffed()
    case = world.fire()
    ack(world, case.id)
    ack(world, case.id, "carol")
    for command in list(world.pages):
        world.answer(command, receipt="ok")
    world.tell(ResolvedByPerson(at=world.now, subject=case.id, who="bob", cause="disk full"))
    for command in list(world.under_way.values()):
        world.answer(command, receipt="ok")
    assert told(world, "acknowledged") == ["person:alice"]
    assert told(world, "resolved") == ["person:alice"]
    last = next(c for c in world.commands if c.params.get("telling") == "resolved")
    assert "disk full" in str(last.params["text"])
    assert last.params["topic"] == world.pages[0].params["topic"] == case.id


def test_a_channel_that_cannot_say_such_a_thing_is_not_asked_to() -> None:
    world = World()
    case = world.fire()
    ack(world, case.id)
    world.clear()
    assert len(world.commands) == 1


def test_ack_climb_and_receipt_in_every_order() -> None:
    """F-NT-03: after an acknowledgement nobody further is called, whatever comes when."""
    for order in itertools.permutations(("ack", "climb", "receipt", "failed")):
        world = staffed()
        case = world.fire()
        page = world.pages[0]
        world.now += 300.0
        acked, at_ack = False, 0
        for what in order:
            match what:
                case "ack":
                    ack(world, case.id)
                    acked, at_ack = True, len(told(world))
                case "climb":
                    world.tell(TimerFired(at=world.now, subject=case.id, name="climb"))
                case "receipt":
                    world.answer(page, receipt="ok")
                case _:
                    world.answer(page, OutcomeStatus.TEMPORARY)
        assert acked
        world.wait(20_000)
        assert len(told(world)) == at_ack, order
        assert world.incident(case.id).state is State.ACKNOWLEDGED
        called = {c for c in told(world) if c != "last-resort"}
        assert set(told(world, "acknowledged")) == called, order


def test_a_climb_that_lost_the_race_says_nothing_even_if_it_is_asked_to() -> None:
    """F-NT-03: the core by itself, without the lane that drops timers which were taken away."""
    world = staffed()
    case = world.fire()
    ack(world, case.id)
    late = world.late("climb", after=300.0)
    assert (late.commands, late.incident) == ((), None)


def test_a_climb_ends_with_the_incident() -> None:
    world = staffed()
    case = world.fire()
    world.clear()
    world.wait(10_000)
    assert told(world) == ["person:alice"]
    assert world.timer("climb", case.id) is None


def test_an_approval_climbs_too_until_somebody_decides() -> None:
    for word in (Approved, Rejected):
        world = staffed(runbook(lifecycle=Lifecycle.ASSISTED))
        case = world.fire()
        assert world.incident(case.id).state is State.AWAITING_APPROVAL
        world.wait(300)
        assert told(world) == ["person:alice", "person:bob"]
        world.tell(word(at=world.now, subject=case.id, who="bob"))
        assert world.timer("climb", case.id) is None
        assert told(world) == ["person:alice", "person:bob"]


def test_what_comes_back_after_its_root_ended_begins_a_new_call() -> None:
    world = staffed()
    first = world.fire()
    ack(world, first.id)
    again = msgspec.structs.replace(
        world.incident(first.id), state=State.ESCALATED, held_by="i-root"
    )
    world.state.incidents[first.id] = again
    world.state.timers[first.id, "release"] = world.now + 60
    world.wait(61)
    assert told(world) == ["person:alice", "person:alice"]
    case = world.incident(first.id)
    assert [p.wave for p in case.pages if p.telling == "page"] == [1, 2]
    assert case.climb is not None
    assert (case.climb.at, case.climb.due is not None) == (0, True)


def test_the_same_text_is_no_news_to_those_already_called() -> None:
    world = staffed()
    world.fire()
    world.fire(labels={"pod": "b"})
    assert told(world) == ["person:alice"]


# an acknowledgement that comes late, or from a stranger


def test_an_old_incident_cannot_be_acknowledged() -> None:
    """F-NT-04"""
    world = staffed()
    case = world.fire()
    world.clear()
    decision = world.tell(Acknowledged(at=world.now, subject=case.id, who="bob"))
    assert decision.refused is Reason.MOVE_REFUSED
    unknown = world.tell(Acknowledged(at=world.now, subject="i-nothing", who="bob"))
    assert unknown.refused is Reason.MOVE_REFUSED


def test_a_second_acknowledgement_takes_nothing_from_the_first() -> None:
    """F-NT-04"""
    world = staffed()
    case = world.fire()
    ack(world, case.id, "bob")
    before = len(world.commands)
    ack(world, case.id, "bob")
    ack(world, case.id, "mallory")
    assert world.incident(case.id).acknowledged_by == "bob"
    assert len(world.commands) == before


# the auditor


def test_the_auditor_has_nothing_to_say_of_a_call_that_runs() -> None:
    world = staffed()
    world.fire()
    for _ in range(40):
        assert audit(world.view, world.state.timers, world.now) == ()
        for command in list(world.under_way.values()):
            world.answer(command, receipt="ok")
        world.wait(60)


def mend(world: World) -> list[str]:
    findings = audit(world.view, world.state.timers, world.now)
    world.tell(mended(findings, world.now))
    world.wait(1)
    return [f.why for f in findings]


def test_a_call_whose_timer_was_lost_goes_on() -> None:
    world = staffed()
    case = world.fire()
    del world.state.timers[case.id, "climb"]
    world.now += 400
    assert mend(world) == ["its next call was not due"]
    assert told(world) == ["person:alice", "person:bob"]
    assert Reason.ESCALATION_MENDED in world.reasons


def test_an_incident_whose_people_were_never_told_is_told_now() -> None:
    world = staffed()
    case = world.fire()
    lost = msgspec.structs.replace(world.incident(case.id), pages=(), climb=None)
    world.state.incidents[case.id] = lost
    del world.state.timers[case.id, "climb"]
    world.now += 400
    assert mend(world) == ["nobody was told"]
    assert told(world)[1:] == ["person:alice"]
    assert mend(world) == []


def test_a_rung_that_was_not_told_is_followed_by_the_next() -> None:
    world = staffed()
    case = world.fire()
    climb = msgspec.structs.replace(world.incident(case.id).climb, wave=7)  # type: ignore[type-var]
    world.state.incidents[case.id] = msgspec.structs.replace(world.incident(case.id), climb=climb)
    assert mend(world) == ["rung 1 was not told"]
    assert told(world) == ["person:alice", "person:bob"]


def test_a_page_nobody_gave_a_receipt_for_goes_another_way() -> None:
    """F-NT-01"""
    world = staffed(shop=(Rung(kind=RungKind.PERSON, to="alice", ack_seconds=3600.0),))
    world.fire()
    world.now += 400
    assert mend(world) == ["no receipt for its page"]
    assert told(world) == ["person:alice", "team-shop"]
    for command in list(world.under_way.values()):
        if command.params["channel"] == "team-shop/0":
            world.answer(command, receipt="ok")
    assert mend(world) == []


def test_held_silenced_or_acknowledged_is_not_the_auditors_business() -> None:
    world = staffed()
    case = world.fire()
    del world.state.timers[case.id, "climb"]
    root = world.fire(name="Other")
    for fields in ({"held_by": root.id}, {"silenced_by": "s"}, {"inhibited_by": "a"}):
        changed = msgspec.structs.replace(case, **fields)
        world.state.incidents[case.id] = changed
        found = audit(world.view, world.state.timers, world.now)
        assert [f for f in found if f.subject == case.id] == []


def test_the_ladder_is_flat_and_in_the_order_of_climbing() -> None:
    world = staffed(repeat=1)
    world.view.on_call.rotations["shop-primary"] = Fixed("alice")  # type: ignore[index]
    rungs = ladder_of(world.view, "team-shop", "critical", world.now)
    assert [r.to for r in rungs] == [*[r.to for r in SHOP] * 2, "platform"]
    assert alert().labels["severity"] == "critical"


def silenced_for(world: World, seconds: float) -> None:
    matchers = (SilenceMatcher(name="entity", value="shop-worker"),)
    world.keep(
        "silence",
        "s-1",
        Silence(
            id="s-1",
            matchers=matchers,
            starts_at=world.now,
            ends_at=world.now + seconds,
            created_by="anna",
            comment="I am at it",
            updated_at=world.now,
        ),
    )


def test_a_silence_keeps_the_next_rung_from_being_told_for_as_long_as_it_lasts() -> None:
    """Whoever silences what people were called for has it: nobody further is woken."""
    world = staffed()
    world.fire()
    called = len(world.pages)
    silenced_for(world, 3_600.0)
    world.wait(3_500)
    assert len(world.pages) == called
    assert [e.text for d in world.batch.decisions for e in d.journal if e.kind == "climb"][-1:] == [
        "anna: I am at it"
    ], "said once"
    world.wait(400)
    assert len(world.pages) > called, "it still burns, and nobody has acknowledged"
