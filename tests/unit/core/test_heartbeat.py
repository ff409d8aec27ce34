"""Machinery layer: an agent that falls silent is an incident with its owner."""

from __future__ import annotations

from agent.core.blind_spots import found
from agent.core.heartbeat import watch
from agent.model.alert import Layer
from agent.model.decision import Decision
from agent.model.incident import State
from agent.model.reason import Reason
from agent.model.records import AgentSigns
from agent.model.signals import BlindSpotKind
from tests.support.cases import START, World
from tests.support.members import Machinery

SILENCE = ("silence", "agent:scout")


def test_three_missed_beats_are_silence() -> None:
    world = World()
    world.beat()
    assert world.timer(*SILENCE) == 15.0
    world.wait(14)
    world.beat()
    world.wait(14)
    assert world.incidents == []
    world.wait(2)
    assert (world.case.layer, world.case.routed_to) == (Layer.MACHINERY, "team-agents")
    assert "last heard 15 s ago" in world.case.title


def test_a_beat_ends_it() -> None:
    world = World()
    world.beat()
    world.wait(16)
    world.beat()
    assert world.case.state is State.RESOLVED
    assert world.state.single["agent"]["scout"].firing_since is None
    assert world.timer(*SILENCE) == 15.0


def test_a_last_will_is_at_once_and_once() -> None:
    world = World()
    world.beat()
    world.beat(alive=False)
    world.beat(alive=False)
    world.wait(60)
    assert len(world.incidents) == 1
    assert Reason.AGENT_DEAD in world.reasons
    assert Reason.AGENT_SILENT not in world.reasons


def test_one_that_never_spoke_is_watched_too() -> None:
    world = World()
    timer = watch("scout", world.view, at=START)
    assert timer is not None
    assert (timer.subject, timer.due) == ("agent:scout", START + 15)
    assert watch("shop-web", world.view, at=START) is None
    world.tell(Decision(timers=(timer,)))
    world.wait(15)
    assert "never heard of" in world.case.title


def test_a_beat_that_came_while_the_timer_was_on_its_way_counts() -> None:
    world = World()
    world.beat()
    world.now += 15
    world.beat()
    (timer,) = world.late(*SILENCE).timers
    assert timer.due == world.now + 15, "nobody is silent, and it goes on being watched"


def test_who_promises_no_beat_is_not_missed() -> None:
    world = World()
    world.beat("stranger")
    assert world.late("silence", "agent:stranger", after=99.0) == Decision()


def test_it_falls_silent_again() -> None:
    world = World()
    for _ in range(2):
        world.beat()
        world.wait(16)
    assert len({i.id for i in world.incidents}) == 2


def test_the_first_beat_ends_what_a_survey_found_of_a_member_never_heard_of() -> None:
    world = Machinery()
    kind = BlindSpotKind.MEMBER_SILENT
    told = found(world.view, kind=kind, subject="drafter", text="t", remedy="r", at=world.now)
    for record in told.records:
        world.keep(record.kind, record.key, record.body)
    missed = AgentSigns(agent="drafter", last_at=0.0, alive=False, firing_since=world.now)
    world.keep("agent", "drafter", missed)
    assert "member_silent/drafter" in world.spots()
    world.says()
    assert "member_silent/drafter" not in world.spots()
