"""Which resolutions are remembered, in which order, and how that is taken back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.decision import Decision, Record
from agent.model.learning import Credit, Deed, Mark, Resolution
from agent.model.policy import Policy
from agent.ports.store import Snapshot
from agent.runtime import likes
from agent.runtime.likes import MOST_ALIKE, TRIM_EVERY
from agent.runtime.view_state import ViewState
from tests.support.deciding import make_view

RESTART = Deed(
    use="process.restart", params={}, target="web", by="bob", mark=Mark.SEEN,
    began_at=1.0, ended_at=1.0,
)  # fmt: skip


def one(number: int, **fields: Any) -> Resolution:
    """The resolution of incident `i-NUMBER`, judged, that ended at that second."""
    told: dict[str, Any] = {
        "incident_id": f"i-{number}",
        "signature": "product|service|Hung",
        "recipe": "r",
        "at": float(number),
        "cleared_at": float(number),
        "fired_at": number - 600.0,
        "alertname": "Hung",
        "layer": "product",
        "product": "shop",
        "entity": "web",
        "labels": {},
        "deeds": (RESTART,),
        "who": "bob",
        "credit": Credit.CREDITED,
        **fields,
    }
    return Resolution(**told)


def put(state: ViewState, *resolutions: Resolution) -> None:
    for body in resolutions:
        record = Record(kind="resolution", key=body.incident_id, body=body)
        state.apply(Decision(records=(record,)))


def made(*resolutions: Resolution) -> ViewState:
    state = ViewState(make_view())
    put(state, *resolutions)
    state.keep()
    return state


def alike(state: ViewState, signature: str = "product|service|Hung") -> list[str]:
    return list(state.view.likes.get(signature, ()))


def everything(state: ViewState) -> dict[str, Any]:
    view = state.view
    return {
        "resolutions": dict(view.resolutions),
        "likes": {name: list(ids) for name, ids in view.likes.items()},
        "ended_on": {name: list(ids) for name, ids in view.ended_on.items()},
    }


def test_they_stand_in_the_order_in_which_they_ended() -> None:
    state = made(one(1), one(3), one(2))
    assert alike(state) == ["i-1", "i-2", "i-3"]
    assert list(state.view.ended_on["web"]) == ["i-1", "i-2", "i-3"]


def test_after_a_restart_they_stand_in_that_order_whatever_the_store_says() -> None:
    rows: Mapping[str, msgspec.Struct] = {f"i-{n}": one(n) for n in (5, 2, 9, 1, 7)}
    state = ViewState(make_view())
    state.load(Snapshot(incidents=(), commands=(), timers=(), records={"resolution": rows}))
    assert alike(state) == ["i-1", "i-2", "i-5", "i-7", "i-9"]


def test_after_a_restart_the_same_ones_are_remembered() -> None:
    many = [one(n) for n in range(MOST_ALIKE + 50)]
    before = made(*many)
    assert len(alike(before)) == MOST_ALIKE
    rows: Mapping[str, msgspec.Struct] = {r.incident_id: r for r in reversed(many)}
    after = ViewState(make_view())
    after.load(Snapshot(incidents=(), commands=(), timers=(), records={"resolution": rows}))
    assert alike(after) == alike(before)
    assert set(after.view.resolutions) == set(before.view.resolutions)


def test_no_more_of_one_signature_are_remembered_than_are_needed() -> None:
    state = made(*(one(n) for n in range(MOST_ALIKE + TRIM_EVERY)))
    assert len(alike(state)) == MOST_ALIKE
    assert alike(state)[0] == f"i-{TRIM_EVERY}"
    assert set(state.view.resolutions) == set(alike(state))


def test_what_is_still_to_be_judged_stays() -> None:
    pending = one(0, credit=Credit.PENDING)
    state = made(pending, *(one(n) for n in range(1, MOST_ALIKE + TRIM_EVERY)))
    assert alike(state)[0] == "i-0"
    assert len(alike(state)) == MOST_ALIKE + 1


def test_even_of_those_there_is_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likes, "MOST_ALIKE", 5)
    monkeypatch.setattr(likes, "MOST_PENDING", 10)
    monkeypatch.setattr(likes, "TRIM_EVERY", 1)
    idle = (one(n, credit=Credit.PENDING, deeds=()) for n in range(1, 14))
    state = made(one(0, credit=Credit.PENDING), *idle)
    assert len(alike(state)) == 10
    assert alike(state)[0] == "i-0", "somebody acted in it"
    monkeypatch.setattr(likes, "MOST_IN_ALL", 12)
    put(state, *(one(n, signature=f"s{n}") for n in range(20, 30)))
    assert len(state.view.resolutions) == 12
    assert sum(len(ids) for ids in state.view.likes.values()) == 12


def test_a_thousand_blips_do_not_drive_out_what_people_did_nor_what_speaks_against_it() -> None:
    """F-SEC-28: who can send alerts could otherwise have the counter-examples forgotten."""
    blip = {"deeds": (), "recipe": "", "who": "", "credit": Credit.NOTHING_DONE}
    cured = one(0)
    alone = one(1, **blip)
    flood = (one(n, fired_at=n - 5.0, **blip) for n in range(2, 1_000))
    state = ViewState(msgspec.structs.replace(make_view(), policy=Policy()))
    put(state, cured, alone, *flood)
    assert alike(state)[:2] == ["i-0", "i-1"]
    long_ones = (one(n, **blip) for n in range(1_000, 2_000))
    put(state, *long_ones)
    assert alike(state)[0] == "i-0"
    assert len(alike(state)) < MOST_ALIKE + TRIM_EVERY


def test_half_of_the_places_are_for_what_went_away_by_itself() -> None:
    blip = {"deeds": (), "recipe": "", "who": "", "credit": Credit.NOTHING_DONE}
    state = made(*(one(n, **blip) for n in range(20)), *(one(n) for n in range(20, 900)))
    assert alike(state)[:20] == [f"i-{n}" for n in range(20)]
    assert len(alike(state)) < MOST_ALIKE + TRIM_EVERY


def test_what_people_were_not_told_of_is_not_looked_for_by_place() -> None:
    state = made(one(1, who="", pages=0), one(2, who="", pages=1), one(3, entity=None))
    assert {name: list(ids) for name, ids in state.view.ended_on.items()} == {
        "web": ["i-2"],
        "shop": ["i-3"],
    }
    put(state, one(1, who="bob"))
    assert list(state.view.ended_on["web"]) == ["i-1", "i-2"]


def test_another_state_of_one_keeps_its_place() -> None:
    state = made(one(1, credit=Credit.PENDING), one(2))
    put(state, one(1))
    assert alike(state) == ["i-1", "i-2"]
    assert state.view.resolutions["i-1"].credit is Credit.CREDITED
    put(state, one(1, signature="other"))
    assert alike(state) == ["i-2"]
    assert alike(state, "other") == ["i-1"]


def test_a_forgotten_one_is_in_no_index() -> None:
    state = made(one(1))
    state.apply(Decision(records=(Record(kind="resolution", key="i-1", body=None),)))
    assert everything(state) == {"resolutions": {}, "likes": {}, "ended_on": {}}


CHANGES = st.lists(
    st.tuples(st.integers(0, 12), st.sampled_from(("a", "b")), st.sampled_from(Credit)),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(first=CHANGES, then=CHANGES)
def test_a_batch_that_is_taken_back_leaves_everything_as_it_was(first: Any, then: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(likes, "MOST_ALIKE", 4)
        patch.setattr(likes, "MOST_PENDING", 4)
        patch.setattr(likes, "MOST_IN_ALL", 8)
        patch.setattr(likes, "TRIM_EVERY", 1)
        state = made(*(one(n, signature=s, credit=c) for n, s, c in first))
        before = everything(state)
        put(state, *(one(n, signature=s, credit=c, entity=s) for n, s, c in then))
        after = everything(state)
        assert {i for ids in after["likes"].values() for i in ids} == set(after["resolutions"])
        state.take_back()
        assert everything(state) == before


def test_ten_thousand_of_one_kind_cost_no_more_each_than_the_first_thousand() -> None:
    """Counted, not timed: how many others are looked at for each."""
    looked = 0

    class Counted(dict[str, Resolution]):
        def __getitem__(self, key: str) -> Resolution:
            nonlocal looked
            looked += 1
            return super().__getitem__(key)

    state = ViewState(make_view())
    state.likes.kept = Counted()
    for number in range(10_000):
        body = one(number)
        state.likes.put(body.incident_id, body, dwell_seconds=60.0)
    assert looked < 10_000 * 30
    assert len(state.likes.kept) < MOST_ALIKE + TRIM_EVERY
