"""Legal moves of an incident: states x moves, as a table.

All that affects the state of an incident lives in this file. A move that is not in the table is
refused with a reason (`Reason.MOVE_REFUSED`); the diagram in the docs is printed from it.
"""

from __future__ import annotations

from enum import StrEnum

from agent.model.incident import State


class Move(StrEnum):
    DIAGNOSE = "diagnose"
    ASK = "ask"
    """Everything is prepared; a person has to approve."""
    ACT = "act"
    VERIFY = "verify"
    ESCALATE = "escalate"
    ACKNOWLEDGE = "acknowledge"
    PERSON_ACTS = "person_acts"
    RELEASE = "release"
    """The systemic incident above ended, or a silence did: start over."""
    RESOLVE = "resolve"
    RECORD = "record"
    """A person states afterwards how it was resolved."""


OPEN, D, W, A, V, E, K, R = (
    State.OPEN,
    State.DIAGNOSING,
    State.AWAITING_APPROVAL,
    State.ACTING,
    State.VERIFYING,
    State.ESCALATED,
    State.ACKNOWLEDGED,
    State.RESOLVED,
)

MOVES: dict[State, dict[Move, State]] = {
    OPEN: {
        Move.DIAGNOSE: D,
        Move.ASK: W,
        Move.ACT: A,
        Move.VERIFY: V,
        Move.ESCALATE: E,
        Move.ACKNOWLEDGE: K,
        Move.PERSON_ACTS: OPEN,
        Move.RELEASE: OPEN,
        Move.RESOLVE: R,
    },
    D: {
        Move.DIAGNOSE: D,
        Move.ASK: W,
        Move.ACT: A,
        Move.VERIFY: V,
        Move.ESCALATE: E,
        Move.ACKNOWLEDGE: K,
        Move.PERSON_ACTS: D,
        Move.RELEASE: OPEN,
        Move.RESOLVE: R,
    },
    W: {
        # Approved: how it is before the first step is gathered first.
        Move.DIAGNOSE: D,
        # What was shown is not what would run any more, or the approval became too old.
        Move.ASK: W,
        Move.ACT: A,
        Move.ESCALATE: E,
        Move.ACKNOWLEDGE: K,
        Move.PERSON_ACTS: W,
        Move.RESOLVE: R,
    },
    A: {
        Move.ACT: A,
        Move.VERIFY: V,
        # A step failed and nothing was looked at before: the page wants findings.
        Move.DIAGNOSE: D,
        Move.ESCALATE: E,
        # Somebody looks on while the agent works: who is noted, the work goes on.
        Move.ACKNOWLEDGE: A,
        # The step failed, and the alert had gone away by itself.
        Move.RESOLVE: R,
    },
    V: {
        Move.ACT: A,
        Move.DIAGNOSE: D,
        Move.ASK: W,
        Move.VERIFY: V,
        Move.ESCALATE: E,
        Move.ACKNOWLEDGE: V,
        Move.RESOLVE: R,
    },
    E: {
        Move.ESCALATE: E,
        Move.ACKNOWLEDGE: K,
        Move.PERSON_ACTS: E,
        Move.RELEASE: OPEN,
        Move.RESOLVE: R,
    },
    K: {
        Move.ACKNOWLEDGE: K,
        Move.ESCALATE: E,
        Move.PERSON_ACTS: K,
        Move.RELEASE: OPEN,
        Move.RESOLVE: R,
    },
    R: {Move.RECORD: R},
}


def after(state: State, move: Move) -> State | None:
    """The state after the move, or None where the table does not allow it."""
    return MOVES[state].get(move)


def diagram() -> str:
    """The table as a Mermaid state diagram, for the docs."""
    lines = ["stateDiagram-v2", "    [*] --> open"]
    for state, moves in MOVES.items():
        lines += [f"    {state} --> {to}: {move}" for move, to in moves.items() if to is not state]
    return "\n".join([*lines, "    resolved --> [*]"])
