"""Harm that did not come about: stopped by a guard, or only looked on by a runbook in shadow."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.core.near_misses import MOST_REMEMBERED, notice
from agent.model.event import ActionRequested
from agent.model.learning import (
    Credit,
    Deed,
    Mark,
    NearMissKind,
    NearMissRecord,
    Resolution,
    StoppedAct,
    WouldHave,
)
from agent.model.reason import Reason
from agent.model.records import Halt
from agent.model.runbook import Lifecycle
from tests.support.cases import START, World, runbook

STOPPED = StoppedAct(
    at=START,
    reason=Reason.HUMAN_CHANGE,
    runbook="hung",
    plan="restart",
    use="process.restart",
    target="shop-worker",
)
ENDED = Resolution(
    incident_id="i-1",
    signature="s",
    recipe="",
    at=START + 60,
    cleared_at=START + 50,
    alertname="Hung",
    layer="product",
    product="shop",
    entity="shop-worker",
    labels={},
    credit=Credit.NOTHING_DONE,
)
SHADOW = WouldHave(
    runbook="looks-on",
    digest="d",
    plan="restart",
    deeds=(("process.restart", "shop-worker"),),
    at=START,
)


def deed(use: str = "process.restart", target: str = "shop-worker", **fields: Any) -> Deed:
    given = {"params": {}, "by": "anna", "mark": Mark.SEEN, "began_at": START, "ended_at": START}
    return Deed(use=use, target=target, **{**given, **fields})


def ended(**fields: Any) -> Resolution:
    return msgspec.structs.replace(ENDED, **fields)


def noticed(resolution: Resolution, world: World | None = None) -> list[NearMissRecord]:
    decision = notice(resolution, (world or World()).view, at=START + 100)
    assert len(decision.journal) == len([r for r in decision.records if r.body is not None])
    return [r.body for r in decision.records if isinstance(r.body, NearMissRecord)]


def test_an_act_a_guard_stopped_and_nobody_did_is_a_near_miss() -> None:
    (miss,) = noticed(ended(stopped=(STOPPED,)))
    assert miss.kind is NearMissKind.GUARD_STOPPED
    assert (miss.incident, miss.runbook, miss.product) == ("i-1", "hung", "shop")
    assert miss.would == "process.restart on shop-worker"
    assert miss.stopped_by is Reason.HUMAN_CHANGE
    assert "nothing was done" in miss.instead


def test_where_people_did_just_that_the_guard_was_in_the_way() -> None:
    assert noticed(ended(stopped=(STOPPED,), deeds=(deed(),), credit=Credit.CREDITED)) == []


def test_where_people_did_something_else_it_says_what() -> None:
    other = deed("process.flush", "cache")
    (miss,) = noticed(ended(stopped=(STOPPED,), deeds=(other,), credit=Credit.CREDITED))
    assert miss.instead == "process.flush on cache"


@pytest.mark.parametrize(
    "credit", [Credit.PENDING, Credit.NOT_CLEARED, Credit.RELAPSED, Credit.HARMED]
)
def test_what_did_not_end_well_says_nothing_of_what_was_not_done(credit: Credit) -> None:
    assert noticed(ended(stopped=(STOPPED,), shadow=SHADOW, credit=credit)) == []


def test_an_end_nobody_saw_says_nothing() -> None:
    assert noticed(ended(stopped=(STOPPED,), cleared_at=None)) == []


def test_a_shadow_that_would_have_done_what_nobody_did_would_have_harmed() -> None:
    (miss,) = noticed(ended(shadow=SHADOW))
    assert miss.kind is NearMissKind.SHADOW_WOULD_HARM
    assert miss.runbook == "looks-on"
    assert miss.stopped_by is None


@pytest.mark.parametrize(
    "fields",
    [
        {"shadow": SHADOW, "deeds": (deed(),)},
        {"shadow": msgspec.structs.replace(SHADOW, plan=None)},
        {"shadow": msgspec.structs.replace(SHADOW, settles=True)},
        {"shadow": None},
    ],
)
def test_a_shadow_that_would_have_done_the_same_or_nothing_is_no_near_miss(
    fields: dict[str, Any],
) -> None:
    assert noticed(ended(**fields)) == []


def test_a_near_miss_is_told_once() -> None:
    world = World()
    world.tell(notice(ended(stopped=(STOPPED,)), world.view, at=START))
    assert list(world.view.near_misses) == ["i-1/hung"]
    assert noticed(ended(stopped=(STOPPED,)), world) == []


def test_the_oldest_make_room() -> None:
    world = World()
    (miss,) = noticed(ended(stopped=(STOPPED,)))
    world.view.near_misses = {
        str(n): msgspec.structs.replace(miss, at=float(n)) for n in range(MOST_REMEMBERED)
    }
    decision = notice(ended(stopped=(STOPPED,)), world.view, at=START)
    assert [r.key for r in decision.records if r.body is None] == ["0"]


# what is kept while the incident runs


def halted() -> World:
    world = World(runbook())
    world.keep("halt", "halt", Halt(at=world.now, who="bob", why="drill"))
    return world


def test_a_guard_that_stops_an_act_leaves_it_with_the_incident_and_with_how_it_ended() -> None:
    world = halted()
    case = world.fire()
    (act,) = case.stopped
    assert (act.reason, act.use, act.target) == (Reason.HALTED, "process.restart", "shop-worker")
    assert (act.runbook, act.plan) == ("hung", "restart")
    world.now += 60
    world.clear()
    assert world.view.resolutions[case.id].stopped == (act,)


def test_what_was_done_after_all_was_not_stopped() -> None:
    world = halted()
    case = world.fire()
    world.keep("halt", "halt", None)
    asked = ActionRequested(at=world.now, subject=case.id, who="anna", use="process.restart")
    assert world.tell(asked).refused is None
    world.act()
    world.now += 60
    world.clear()
    assert world.view.resolutions[case.id].stopped == ()


def test_whatever_else_people_did_may_have_been_just_that() -> None:
    assert noticed(ended(stopped=(STOPPED,), shadow=SHADOW, outside=("by hand",))) == []


def test_a_runbook_that_only_asks_or_only_looks_on_was_stopped_by_no_guard() -> None:
    for lifecycle in (Lifecycle.ASSISTED, Lifecycle.SHADOW):
        world = World(runbook(lifecycle=lifecycle))
        assert world.fire().stopped == ()


def test_the_record_of_a_near_miss_comes_with_the_judgement_of_the_end() -> None:
    world = halted()
    case = world.fire()
    world.now += 60
    world.clear()
    world.wait(86_400.0)
    (miss,) = world.view.near_misses.values()
    assert (miss.incident, miss.stopped_by) == (case.id, Reason.HALTED)
    assert Reason.NEAR_MISS in world.reasons
