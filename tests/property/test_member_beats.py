"""Beats in any order, any number of times: no false hang, and a recording keeps nobody alive."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.members import BEAT_SECONDS, WITHIN, Machinery, changed

BEATS = 30
LIVES = st.lists(st.integers(1, BEATS), min_size=1, max_size=4)
"""Beats of each life of the member."""


def recorded(lives: list[int]) -> list[dict[str, Any]]:
    """What it says while it works: one task more with each beat."""
    return [
        {"boot": f"b{life}", "seq": seq, "work": float(seq)}
        for life, beats in enumerate(lives)
        for seq in range(1, beats + 1)
    ]


def play(world: Machinery, beats: list[dict[str, Any]], pauses: list[float]) -> None:
    for n, beat in enumerate(beats):
        world.wait(pauses[n % len(pauses)])
        world.says(**beat)


PAUSES = st.lists(st.floats(0.0, 2 * BEAT_SECONDS), min_size=1, max_size=8)


@given(lives=LIVES, pauses=PAUSES, data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_order_and_no_repetition_makes_a_working_member_hang(
    lives: list[int], pauses: list[float], data: st.DataObject
) -> None:
    beats = recorded(lives)
    more = data.draw(st.lists(st.sampled_from(beats), max_size=20))
    world = Machinery()
    play(world, data.draw(st.permutations([*beats, *more])), pauses)
    assert not any("AgentHung" in i.title for i in world.incidents)


@given(lives=LIVES, pauses=PAUSES, data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_recording_keeps_no_dead_member_alive(
    lives: list[int], pauses: list[float], data: st.DataObject
) -> None:
    beats = recorded(lives)
    world = Machinery()
    play(world, beats, [BEAT_SECONDS])
    replayed = data.draw(st.lists(st.sampled_from(beats), min_size=1, max_size=60))
    play(world, replayed, pauses)
    world.wait(3 * BEAT_SECONDS)
    assert world.firing("AgentSilent")
    play(world, replayed, pauses)
    assert world.firing("AgentSilent")


@given(stood=st.integers(0, 20), pauses=st.lists(st.floats(0.5, BEAT_SECONDS), min_size=1))
@settings(max_examples=60, deadline=None)
def test_one_that_beats_on_and_does_nothing_is_found_within_a_beat_of_its_time(
    stood: int, pauses: list[float]
) -> None:
    world = Machinery(changed(version="", config_hash=""))
    for n in range(stood + 1):
        world.wait(pauses[n % len(pauses)])
        world.says(work=float(n))
    began = world.now
    n = 0
    while world.now - began < WITHIN:
        assert not world.firing("AgentHung")
        world.wait(pauses[n % len(pauses)])
        world.says(work=float(stood))
        n += 1
    assert world.firing("AgentHung")
