"""A member that hangs, or runs something else than declared; and beats that cannot be used."""

from __future__ import annotations

import pytest

from agent.model.alert import Layer
from agent.model.reason import Reason
from agent.model.signals import Mode, Work
from tests.support.members import BEAT_SECONDS, WITHIN, Machinery, changed, drafter

FAULTY = "signal_faulty/drafter"


# a hang


def test_one_that_beats_and_does_nothing_hangs() -> None:
    world = Machinery()
    world.says(work=7.0)
    world.beats_for(WITHIN - BEAT_SECONDS, work=7.0)
    assert world.firing("AgentHung") == []
    world.beats_for(BEAT_SECONDS, work=7.0)
    (case,) = world.firing("AgentHung")
    assert (case.layer, case.product, case.routed_to) == (Layer.MACHINERY, "shop", "team-agents")
    assert "stands at 7 for 60 s" in case.title
    assert world.firing("AgentSilent") == []


def test_a_hang_ends_when_work_moves_and_not_by_a_restart_alone() -> None:
    world = Machinery()
    world.says(work=7.0)
    world.beats_for(WITHIN, work=7.0)
    world.says(boot="b2", seq=1, work=0.0)
    assert world.firing("AgentHung"), "it was started anew, and has done nothing yet"
    world.says(boot="b2", seq=2, work=1.0)
    assert world.firing("AgentHung") == []
    assert Reason.AGENT_WORKS in world.reasons


def test_small_steps_add_up_to_work() -> None:
    world = Machinery(changed(work=Work(within_seconds=WITHIN, least=10.0)))
    for step in range(40):
        world.wait(BEAT_SECONDS)
        world.says(work=float(step))
    assert world.firing("AgentHung") == []


def test_steps_too_small_are_no_work() -> None:
    world = Machinery(changed(work=Work(within_seconds=WITHIN, least=10.0)))
    for step in range(40):
        world.wait(BEAT_SECONDS)
        world.says(work=step / 10)
    assert world.firing("AgentHung")


def test_in_quarantine_it_does_not_hang_and_has_its_time_again_after_it() -> None:
    world = Machinery()
    world.says(work=7.0)
    world.beats_for(3 * WITHIN, work=7.0, mode=Mode.OBSERVE)
    assert world.firing("AgentHung") == []
    world.beats_for(WITHIN - BEAT_SECONDS, work=7.0, mode=Mode.ACT)
    assert world.firing("AgentHung") == []
    world.beats_for(2 * BEAT_SECONDS, work=7.0, mode=Mode.ACT)
    assert world.firing("AgentHung")


def test_what_it_did_while_nobody_heard_it_is_not_known() -> None:
    """A broker that was away, or an agent that was: it is no hang."""
    world = Machinery()
    world.says(work=7.0)
    world.wait(10 * WITHIN)
    assert world.firing("AgentSilent")
    world.says(work=7.0)
    assert world.firing("AgentHung") == []
    assert world.firing("AgentSilent") == []


def test_one_that_declares_no_work_does_not_hang() -> None:
    world = Machinery(changed(work=None))
    world.beats_for(3 * WITHIN, work=7.0)
    assert world.incidents == []


def test_a_counter_that_begins_anew_is_no_hang() -> None:
    world = Machinery()
    world.says(work=1000.0)
    world.beats_for(WITHIN / 2, work=1000.0)
    world.beats_for(WITHIN / 2, work=3.0)
    world.beats_for(WITHIN / 2, work=4.0)
    assert world.firing("AgentHung") == []


def test_work_that_is_not_said_any_more_is_a_blind_spot_and_no_hang() -> None:
    world = Machinery()
    world.says()
    world.beats_for(3 * WITHIN, work=None)
    assert world.incidents == []
    assert "work: missing" in world.spots()[FAULTY].text
    assert world.spots()[FAULTY].owner == "team-agents"


# pins


def test_a_rollout_passes_and_what_stays_is_told() -> None:
    world = Machinery()
    world.says()
    world.says(version="1.5.0")
    world.says(version="1.5.0")
    assert world.firing("AgentNotAsPinned") == []
    world.says()
    for _ in range(3):
        world.says(version="1.5.0", config_hash="ffff")
    (case,) = world.firing("AgentNotAsPinned")
    assert "version is 1.5.0, and 1.4.2 is declared" in case.title
    assert "config hash is ffff" in case.title
    world.says()
    assert world.firing("AgentNotAsPinned") == []
    assert Reason.AGENT_AS_PINNED in world.reasons


def test_the_pin_moves_to_what_it_runs() -> None:
    world = Machinery()
    for _ in range(3):
        world.says(version="1.5.0")
    assert world.firing("AgentNotAsPinned")
    world.declare(drafter(changed(version="1.5.0")))
    world.says(version="1.5.0")
    assert world.firing("AgentNotAsPinned") == []


def test_what_it_does_not_say_is_not_known() -> None:
    world = Machinery()
    for _ in range(5):
        world.says(version="", config_hash="")
    assert world.incidents == []
    assert "what it runs is not known" in world.spots()[FAULTY].text


# what cannot be used


@pytest.mark.parametrize("off", [3600.0, -3600.0])
def test_a_clock_that_is_an_hour_off_moves_no_timer(off: float) -> None:
    world = Machinery()
    for _ in range(30):
        world.wait(BEAT_SECONDS)
        world.says(sent_at=world.now + off)
    assert world.incidents == []
    (spot,) = world.spots().values()
    way = "ahead" if off > 0 else "behind"
    assert f"the clock of its sender is more than 1 h {way}" in spot.text
    assert len([r for r in world.reasons if r is Reason.BLIND_SPOT_FOUND]) == 1


def test_a_blind_spot_goes_once_good_beats_have_come_for_a_while() -> None:
    world = Machinery()
    world.says(faults=("seq: expected a whole number from 0 on, found text",))
    assert list(world.spots()) == [FAULTY]
    world.beats_for(50)
    assert list(world.spots()) == [FAULTY], "who else may take turns with it?"
    world.beats_for(15)
    assert world.spots() == {}
    assert Reason.BLIND_SPOT_GONE in world.reasons
    assert world.signs.faulty_at is None


def test_a_sequence_that_goes_back_is_no_sign_of_life() -> None:
    world = Machinery()
    for _ in range(10):
        world.says()
    world.wait(10)
    world.says(seq=4)
    assert world.timer("silence", "agent:drafter") == 5.0
    spot = world.spots()[FAULTY]
    assert "its sequence goes back (to 4)" in spot.text
    assert "no sign of life" in spot.remedy
    world.wait(5)
    assert world.firing("AgentSilent")
    world.says(seq=5)
    assert world.firing("AgentSilent"), "a recording keeps nobody alive"


def test_the_latest_beat_delivered_twice_is_no_finding() -> None:
    world = Machinery()
    world.says()
    before = world.signs
    world.says(seq=1)
    assert (world.signs, world.spots()) == (before, {})


def test_what_somebody_else_says_under_its_name_is_told_and_keeps_nobody_alive() -> None:
    """F-ING-21."""
    world = Machinery()
    world.says()
    world.wait(10)
    world.says(is_sign=False, faults=("names another agent",))
    assert world.timer("silence", "agent:drafter") == 5.0
    spot = world.spots()[FAULTY]
    assert "names another agent" in spot.text
    assert "access list" in spot.remedy
    assert world.signs.beats == 1


def test_one_that_keeps_its_boot_over_a_restart_lives_by_its_clock() -> None:
    world = Machinery()
    for _ in range(10):
        world.says(sent_at=world.now)
    sent = world.now
    world.wait(10)
    world.says(seq=1, sent_at=world.now)
    assert world.timer("silence", "agent:drafter") == 15.0
    assert "a boot of its own" in world.spots()[FAULTY].text
    world.wait(10)
    world.says(seq=1, sent_at=sent)
    world.says(seq=1, sent_at=world.now + 3600)
    assert world.timer("silence", "agent:drafter") == 5.0, "a recording, and a clock gone wrong"


def test_a_restart_begins_a_new_sequence() -> None:
    world = Machinery()
    for _ in range(10):
        world.says()
    world.wait(10)
    world.says(boot="b2", seq=1)
    assert world.timer("silence", "agent:drafter") == 15.0
    assert world.spots() == {}


def test_without_a_boot_a_lower_sequence_may_be_a_restart_and_counts() -> None:
    world = Machinery()
    world.says(boot="", seq=5000)
    world.wait(10)
    world.says(boot="", seq=1)
    assert world.timer("silence", "agent:drafter") == 15.0
    assert "send `boot`" in world.spots()[FAULTY].text


def test_two_instances_of_one_name_both_live_and_are_told_of() -> None:
    world = Machinery()
    for n in range(1, 20):
        world.wait(BEAT_SECONDS)
        world.says(boot="old", seq=100 + n)
        world.says(boot="new", seq=n)
    assert world.incidents == []
    assert "two instances with one name" in world.spots()[FAULTY].text
    assert len([r for r in world.reasons if r is Reason.BLIND_SPOT_FOUND]) == 1


def test_the_will_of_an_earlier_life_kills_nobody() -> None:
    world = Machinery()
    world.says(boot="b1")
    world.says(boot="b2", seq=1)
    world.says(boot="b1", seq=None, alive=False)
    assert world.incidents == []
    world.says(boot="b2", seq=None, alive=False)
    assert world.firing("AgentSilent")


def test_lives_are_not_remembered_for_ever() -> None:
    world = Machinery()
    for n in range(100):
        world.says(boot=f"b{n}", seq=1)
    assert len(world.signs.lives) == 8
    assert "b99" in world.signs.lives
