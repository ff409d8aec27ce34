"""The table of moves, and that nothing changes a state but by it."""

from __future__ import annotations

import ast

import pytest

from agent.core.lifecycle import MOVES, Move, after, diagram
from agent.core.turn import Turn
from agent.model.event import Acknowledged
from agent.model.incident import State
from tests.support.cases import START, World
from tests.support.tree import ROOT, tree_of


def test_the_table_knows_every_state() -> None:
    assert set(MOVES) == set(State)


def test_every_state_is_reached_and_left_but_the_last() -> None:
    reached = {to for moves in MOVES.values() for to in moves.values()}
    assert reached == set(State)
    assert all(set(MOVES[s].values()) - {s} for s in State if s is not State.RESOLVED)


def test_what_is_resolved_stays_resolved() -> None:
    assert set(MOVES[State.RESOLVED].values()) == {State.RESOLVED}


def test_every_open_state_leads_to_resolved() -> None:
    assert all(after(s, Move.RESOLVE) is State.RESOLVED for s in State if s is not State.RESOLVED)


def test_nobody_acts_while_the_agent_acts_or_verifies() -> None:
    assert after(State.ACTING, Move.PERSON_ACTS) is None
    assert after(State.VERIFYING, Move.PERSON_ACTS) is None


def test_a_move_that_is_not_in_the_table_is_an_error() -> None:
    world = World()
    case = world.fire()
    event = Acknowledged(at=START, subject=case.id, who="bob")
    turn = Turn(at=START, event=event, view=world.view, incident=case)
    assert not turn.can(Move.ACT)
    with pytest.raises(ValueError, match="act is not possible in escalated"):
        turn.move(Move.ACT)


def test_the_diagram_shows_every_change_of_state() -> None:
    drawn = diagram()
    for state, moves in MOVES.items():
        for move, to in moves.items():
            assert (f"{state} --> {to}: {move}" in drawn) is (to is not state)


def test_only_a_turn_writes_a_state() -> None:
    """`state=` of an incident is given where it is opened and where a turn moves it."""
    writers = set()
    for path in sorted((ROOT / "agent/core").glob("*.py")):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Call) and any(k.arg == "state" for k in node.keywords):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
                writers.add((path.stem, name))
    assert writers - {
        (p, n) for p, n in writers if n in ("LedgerMove", "LedgerEntry", "_entry")
    } == {
        ("proposing", "Promotion"),
        ("tried_out", "replace"),
        ("proposed_asks", "replace"),
        ("agreeing", "Trial"),
        ("trials", "Trial"),
        ("promotion", "replace"),
        ("hindsight", "Incident"),
        ("receiving", "Incident"),
        ("turn", "change"),
    }
