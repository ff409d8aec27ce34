"""The view in memory: what is applied is seen at once, and taken back as if it had never been."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.alert import AlertStatus
from agent.model.decision import Decision, Record, Timer
from agent.model.effect import OutcomeStatus
from agent.model.event import TimerFired
from agent.model.incident import AlertState, State
from agent.model.records import ChangeRecord, Halt
from agent.ports.store import Snapshot
from agent.runtime.view_state import KEPT_ACTS_SECONDS, MOST_CHANGES, ViewState, replaced
from tests.support.deciding import make_view
from tests.support.decisions import make_act, make_command, make_incident


def made() -> ViewState:
    return ViewState(make_view())


def firing(identity: str, status: AlertStatus = AlertStatus.FIRING) -> dict[str, AlertState]:
    state = AlertState(identity=identity, name="A", status=status, labels={}, starts_at=1.0)
    return {identity: state}


def held(state: ViewState) -> dict[str, Any]:
    view = state.view
    return {
        "incidents": dict(view.incidents),
        "by_key": dict(view.by_key),
        "live": dict(view.live),
        "acts": dict(view.acts),
        "changes": dict(view.changes),
        "silences": dict(view.silences),
        "halt": view.halt,
        "timers": dict(state.timers),
        "pinned": dict(state.pinned),
    }


def test_what_is_applied_is_seen_through_the_view_at_once() -> None:
    state = made()
    state.apply(Decision(incident=make_incident("i-1", alerts=firing("am/1"))))
    assert state.view.incidents["i-1"].key == "group of i-1"
    assert state.view.by_key == {"group of i-1": "i-1"}
    assert state.view.live == {"am/1": "i-1"}


def test_a_closed_incident_leaves_every_index() -> None:
    state = made()
    state.apply(Decision(incident=make_incident("i-1", alerts=firing("am/1"))))
    over = make_incident("i-1", state=State.RESOLVED, alerts=firing("am/1", AlertStatus.RESOLVED))
    state.apply(Decision(incident=over))
    assert (state.view.incidents, state.view.by_key, state.view.live) == ({}, {}, {})


def test_an_incident_that_closes_does_not_take_away_what_belongs_to_another() -> None:
    state = made()
    state.apply(Decision(incident=make_incident("i-1", key="k", alerts=firing("am/1"))))
    state.apply(Decision(incident=make_incident("i-2", key="k", alerts=firing("am/1"))))
    gone = make_incident("i-1", key="k", state=State.RESOLVED, alerts=firing("am/1"))
    state.apply(Decision(incident=gone))
    assert state.view.by_key == {"k": "i-2"}
    assert state.view.live == {"am/1": "i-2"}


def test_an_act_is_replaced_by_its_key_and_changes_are_bounded() -> None:
    state = made()
    for status in (None, OutcomeStatus.DONE):
        state.apply(Decision(records=(Record(kind="act", key="a1", body=make_act(status=status)),)))
    state.apply(Decision(records=(Record(kind="act", key="a2", body=make_act("a2")),)))
    assert [a.status for a in state.view.acts["checkout"]] == [OutcomeStatus.DONE, None]
    for n in range(MOST_CHANGES + 5):
        change = ChangeRecord(product="shop", entity="web", what=str(n), by="x", at=float(n))
        state.apply(Decision(records=(Record(kind="change", key=str(n), body=change),)))
    assert [c.what for c in state.view.changes["web"]] == [str(n) for n in range(5, 25)]


def test_old_acts_are_forgotten_but_not_one_under_way() -> None:
    state = made()
    acts = (make_act("old", at=0.0, status=OutcomeStatus.DONE), make_act("under-way", at=0.0))
    for act in acts:
        state.apply(Decision(records=(Record(kind="act", key=act.key, body=act),)))
    state.keep()
    state.forget_old_acts(KEPT_ACTS_SECONDS + 1)
    assert [a.key for a in state.view.acts["checkout"]] == ["under-way"]


def test_a_mark_takes_back_what_came_after_it_only() -> None:
    state = made()
    state.apply(Decision(incident=make_incident("i-1")))
    mark = state.mark()
    state.apply(Decision(incident=make_incident("i-2")))
    state.take_back(mark)
    assert set(state.view.incidents) == {"i-1"}
    state.take_back()
    assert state.view.incidents == {}


def test_a_timer_is_due_while_it_stands_and_stands_no_later() -> None:
    state = made()
    state.apply(Decision(timers=(Timer(subject="i-1", name="look", due=10.0),)))
    told = TimerFired(at=10.0, subject="i-1", name="look")
    assert state.is_due(told)
    assert not state.is_due(msgspec.structs.replace(told, name="deadline"))
    state.apply(Decision(timers=(Timer(subject="i-1", name="look", due=11.0),)))
    assert not state.is_due(told)


def test_a_snapshot_is_not_taken_back_by_the_first_failure() -> None:
    state = made()
    snapshot = Snapshot(
        incidents=(make_incident("i-1", alerts=firing("am/1")),),
        commands=(make_command(),),
        timers=(Timer(subject="i-1", name="look", due=5.0),),
        records={"halt": {"halt": Halt(at=1.0, who="ann", why="drill")}, "act": {"a": make_act()}},
    )
    state.load(snapshot)
    before = held(state)
    assert state.view.halt is not None
    state.apply(Decision(records=(Record(kind="halt", key="halt", body=None),)))
    assert state.view.halt is None
    state.take_back()
    assert held(state) == before


def test_only_what_a_view_has_can_be_swapped() -> None:
    view = make_view()
    replaced(view, link="http://127.0.0.1:1")
    assert view.link == "http://127.0.0.1:1"
    with pytest.raises(ValueError, match="no runbook"):
        replaced(view, runbook=None)


IDS = st.sampled_from(["i-1", "i-2", "i-3"])
INCIDENTS = st.builds(
    lambda n, key, state, alert, status: make_incident(
        n, key=key, state=state, alerts=firing(alert, status)
    ),
    IDS,
    st.sampled_from(["k1", "k2"]),
    st.sampled_from([State.OPEN, State.ACTING, State.RESOLVED]),
    st.sampled_from(["am/1", "am/2"]),
    st.sampled_from(list(AlertStatus)),
)
RECORDS = st.one_of(
    st.builds(
        lambda k, s: Record(kind="act", key=k, body=make_act(k, status=s)),
        st.sampled_from(["a", "b"]),
        st.sampled_from([None, OutcomeStatus.DONE]),
    ),
    st.builds(
        lambda why: Record(kind="halt", key="halt", body=why and Halt(at=1.0, who="x", why=why)),
        st.sampled_from([None, "one", "two"]),
    ),
)
TIMERS = st.builds(
    lambda s, due: Timer(subject=s, name="look", due=due), IDS, st.sampled_from([None, 1.0, 2.0])
)
DECISIONS = st.builds(
    lambda i, r, t: Decision(incident=i, records=tuple(r), timers=tuple(t)),
    st.none() | INCIDENTS,
    st.lists(RECORDS, max_size=2),
    st.lists(TIMERS, max_size=2),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(DECISIONS, max_size=6), st.lists(DECISIONS, max_size=6))
def test_whatever_was_decided_can_be_taken_back(kept: list[Decision], lost: list[Decision]) -> None:
    state = made()
    for decision in kept:
        state.apply(decision)
    state.keep()
    before = held(state)
    for decision in lost:
        state.apply(decision)
    state.take_back()
    assert held(state) == before
