"""Members are asked what has a known answer."""

from __future__ import annotations

from agent.core.reference_probes import KEPT
from agent.model.reason import Reason
from tests.support.members import Machinery, changed

SPOT = "member_silent/drafter/capital"


def test_two_wrong_answers_are_an_incident_and_two_right_ones_end_it() -> None:
    world = Machinery()
    world.answers(False, said="Rome")
    assert world.firing("AgentProbeWrong") == []
    world.answers(False, said="Rome")
    (case,) = world.firing("AgentProbeWrong")
    assert "capital, it said 'Rome'" in case.title
    world.answers(True)
    assert world.firing("AgentProbeWrong")
    world.answers(True)
    assert world.firing("AgentProbeWrong") == []
    assert Reason.PROBE_RIGHT in world.reasons


def test_one_wrong_answer_between_right_ones_is_nothing() -> None:
    world = Machinery()
    for is_right in (True, False, True, False, True):
        world.answers(is_right)
    assert world.incidents == []


def test_no_answer_says_nothing_of_right_or_wrong() -> None:
    world = Machinery()
    world.answers(False)
    world.answers(None)
    assert world.firing("AgentProbeWrong") == []
    world.answers(False)
    assert world.firing("AgentProbeWrong"), "the second wrong answer in a row"


def test_no_answers_are_a_blind_spot_until_one_comes() -> None:
    world = Machinery()
    for _ in range(5):
        world.answers(None)
    assert world.spots() == {}
    world.answers(None)
    assert "a wrong answer would not be seen" in world.spots()[SPOT].text
    world.answers(True)
    assert world.spots() == {}
    assert world.incidents == []


def test_an_answer_to_what_is_not_asked_any_more_is_dropped() -> None:
    world = Machinery(changed(probes=()))
    world.answers(False)
    world.answers(False)
    assert (world.incidents, world.state.single["probe"]) == ([], {})


def test_what_is_remembered_is_bounded() -> None:
    world = Machinery()
    for _ in range(50):
        world.answers(True, said="x" * 10_000)
    signs = world.state.single["probe"]["drafter/capital"]
    assert (len(signs.results), len(signs.said)) == (KEPT, 120)
