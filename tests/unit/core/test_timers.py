"""The timers of an incident: what they wake, and that none outlives it."""

from __future__ import annotations

from agent.core import advance, receiving


def test_every_timer_has_what_it_wakes_and_ends_with_its_incident() -> None:
    """One that is set and not known here would run out for nothing; one that is not taken away at
    the end would wake an incident that is over."""
    assert sorted(advance.TIMERS) == sorted(receiving.TIMERS)
    assert len(set(receiving.TIMERS)) == len(receiving.TIMERS)
