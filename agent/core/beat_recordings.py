"""A beat is told from a recording of one by boot and sequence.

One that is not later than what was heard of that life is no sign of life, else whoever repeats it
would keep a dead member alive. One that was sent since by its sender's clock counts all the same,
and so does one without a boot: there a sequence that goes back may be a restart.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.core.sender_clock import CLOCK_SECONDS
from agent.model.alert import Heartbeat
from agent.model.records import AgentSigns

MOST_LIVES = 8


def is_recorded(beat: Heartbeat, known: AgentSigns, *, at: float) -> bool:
    """Whether it was heard before, of this life or an earlier one."""
    if not beat.boot or beat.seq is None:
        return False
    return beat.seq <= known.lives.get(beat.boot, -1) and not _is_sent_since(beat, known, at=at)


def _is_sent_since(beat: Heartbeat, known: AgentSigns, *, at: float) -> bool:
    """Whether its clock says that it was sent just now, after the latest that was heard: what was
    recorded is older. So a sender that begins its sequence anew under one boot lives all the
    same."""
    if beat.sent_at is None or known.sent_at is None:
        return False
    return abs(beat.sent_at - at) <= CLOCK_SECONDS and beat.sent_at > known.sent_at


def lives_with(beat: Heartbeat, known: Mapping[str, int]) -> Mapping[str, int]:
    if not beat.boot:
        return known
    seq = known.get(beat.boot, -1) if beat.seq is None else beat.seq
    lives = {**known, beat.boot: seq}
    if len(lives) > MOST_LIVES:
        del lives[next(boot for boot in lives if boot != beat.boot)]
    return lives
