"""The ladder as people read it: who was told when, who is next, who was spared."""

from __future__ import annotations

import msgspec

from agent.interface.http.incident_json import incident_json
from agent.interface.rungs import RungRow, ahead, climbed
from agent.model.event import Acknowledged
from tests.support.cases import START, World
from tests.support.ladders import staffed


def rows_of(world: World) -> list[RungRow]:
    lines = [e for d in world.batch.decisions for e in d.journal if e.subject == world.last]
    return climbed(world.case, world.view, lines, world.now)


def standings(rows: list[RungRow]) -> list[tuple[str, str | None]]:
    return [(row.standing.value, row.tells) for row in rows]


def test_what_would_be_climbed_is_named_rung_by_rung() -> None:
    first, second, third, last = ahead(staffed().view, "team-shop", "critical", START)
    assert (first.kind, first.to, first.tells, first.channels) == (
        "on_call", "shop-primary", "alice", ("hook",),
    )  # fmt: skip
    assert [r.standing.value for r in (first, second, third, last)] == [
        "next", "later", "later", "later",
    ]  # fmt: skip
    assert [r.due for r in (first, second, third, last)] == [
        START, START + 300, START + 600, START + 1200,
    ]  # fmt: skip
    assert last.to == "platform"


def test_a_rung_without_anybody_is_skipped_and_says_why() -> None:
    rows = ahead(staffed(who=None).view, "team-shop", "critical", START)
    assert standings(rows)[:2] == [("skipped", None), ("next", "bob")]
    assert rows[0].why == "nobody is on call by shop-primary"
    assert rows[1].due == START


def test_nobody_was_called_and_so_there_is_no_ladder() -> None:
    world = staffed()
    world.tell(Acknowledged(at=world.now, subject="none", who="ann"))
    assert climbed(msgspec.structs.replace(world.fire(), climb=None), world.view, [], START) == []


def test_the_first_is_told_and_the_second_is_next() -> None:
    world = staffed()
    world.fire()
    rows = rows_of(world)
    assert standings(rows) == [
        ("told", "alice"), ("next", "bob"), ("later", "team-shop"), ("later", "platform"),
    ]  # fmt: skip
    assert rows[0].at == world.case.pages[0].at
    assert rows[1].due == world.case.climb.due  # type: ignore[union-attr]


def test_each_climb_is_told_with_its_time() -> None:
    world = staffed()
    world.fire()
    world.wait(700)
    rows = rows_of(world)
    assert standings(rows) == [
        ("told", "alice"), ("told", "bob"), ("told", "team-shop"), ("next", "platform"),
    ]  # fmt: skip
    began = rows[0].at or 0.0
    assert [r.at for r in rows[:3]] == [began, began + 300, began + 600]


def test_who_was_skipped_on_the_way_is_told_with_the_reason() -> None:
    world = staffed(who=None)
    world.fire()
    rows = rows_of(world)
    assert standings(rows)[:3] == [("skipped", None), ("told", "bob"), ("next", "team-shop")]
    assert rows[0].why == "nobody is on call by shop-primary"


def test_once_somebody_has_it_the_others_are_spared() -> None:
    world = staffed()
    world.fire()
    world.tell(Acknowledged(at=world.now, subject=world.last, who="alice"))
    assert [row.standing.value for row in rows_of(world)] == ["told", "spared", "spared", "spared"]


def test_as_json_it_stands_beside_the_pages() -> None:
    world = staffed()
    world.fire()
    lines = [e for d in world.batch.decisions for e in d.journal if e.subject == world.last]
    told = incident_json(world.case, list(enumerate(lines)), world.view, now=world.now)["climb"]
    assert (told["team"], told["at"], told["rounds"]) == ("team-shop", 1, 1)
    assert told["due"] == told["rungs"][1]["due"]
    assert [rung["standing"] for rung in told["rungs"]] == ["told", "next", "later", "later"]
    assert told["rungs"][0]["ack_within_seconds"] == 300.0
    # Without the view nobody is named for what is to come, and what was is known all the same.
    past = incident_json(world.case, list(enumerate(lines)))["climb"]["rungs"]
    assert (past[0]["tells"], past[1]["tells"]) == ("alice", None)
