"""Follow-ups, near misses and drivers, as people ask for them: HTTP, command line, console."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.core.advance import advance
from agent.interface.cli.main import build
from agent.interface.cli.run import Bodies
from agent.interface.drivers_drawing import MOST_BARS, draw
from agent.model.event import Event
from agent.model.incident import Page, State
from agent.model.learning import (
    CauseKind,
    FollowUp,
    NearMissKind,
    NearMissRecord,
    Resolution,
)
from agent.model.reason import Reason
from tests.support.caller import calling
from tests.support.facade import NOW, FakeAnswer, FakeFacade, burning, everyone, running

DAY = 86_400.0
PATH = "/api/v1/follow-ups"
NEW = {"incident": "inc-1", "what": "alert on age", "owner": "team-shop", "due": "2030-01-31"}


@dataclass
class Deciding(FakeFacade):
    """Decides what people ask for as the daemon does, and keeps the follow-ups."""

    async def ask(self, event: Event) -> FakeAnswer:
        self.asked.append(event)
        decision = advance(None, event, self.view)
        for record in decision.records:
            assert isinstance(record.body, FollowUp)
            self.view.follow_ups = {**self.view.follow_ups, record.key: record.body}
        return FakeAnswer(refused=decision.refused, text=decision.refused_text)


def deciding() -> Deciding:
    return Deciding(principals=everyone())


async def test_a_follow_up_is_written_down_changed_done_and_opened_again() -> None:
    facade = deciding()
    async with running(facade) as (_, url), calling(url, token="responder-token") as caller:
        await facade.add(burning())
        reply = await caller.post(PATH, json=NEW)
        assert reply.status == 201
        made = reply.json()
        assert (made["made_by"], made["owner_is_known"], made["is_overdue"]) == (
            "the-responder",
            True,
            False,
        )
        assert made["due_at"] == "2030-01-31T23:59:59.000Z", "a date means the end of that day"
        one = f"{PATH}/{made['id']}"
        changed = (await caller.post(one, json={"owner": "ann"})).json()
        assert (changed["owner"], changed["what"]) == ("ann", "alert on age")
        assert (changed["owner_is_known"], changed["tells"]) == (False, "team-shop")
        assert (await caller.post(f"{one}/done")).json()["done_by"] == "the-responder"
        assert (await caller.get(f"{PATH}?done=false")).json() == []
        assert (await caller.post(f"{one}/reopen")).json()["is_done"] is False
        assert [f["id"] for f in (await caller.get(PATH)).json()] == [made["id"]]


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({**NEW, "due": "2001-01-31"}, 400, "not ahead"),
        ({**NEW, "due": "soon"}, 400, "no due date"),
        ({**NEW, "due": "2030-13-45"}, 400, "no due date"),
        ({**NEW, "what": "  "}, 400, "what is to be done"),
        ({**NEW, "incident": "inc-9"}, 404, "no incident"),
        ({**NEW, "extra": 1}, 400, "extra"),
        ({"incident": "inc-1"}, 400, "what"),
    ],
)
async def test_what_makes_no_sense_is_refused_and_says_why(
    body: dict[str, Any], status: int, why: str
) -> None:
    facade = deciding()
    async with running(facade) as (_, url), calling(url, token="responder-token") as caller:
        await facade.add(burning())
        reply = await caller.post(PATH, json=body)
        assert (reply.status, why in reply.text) == (status, True), reply.text
        assert facade.view.follow_ups == {}


def kept(name: str, **fields: Any) -> FollowUp:
    given: dict[str, Any] = {
        "id": name,
        "incident": "inc-1",
        "product": "shop",
        "what": f"what of {name}",
        "owner": "ann",
        "due_at": NOW + DAY,
        "made_by": "ben",
        "made_at": NOW - DAY,
    }
    return FollowUp(**{**given, **fields})


def overdue() -> Deciding:
    facade = deciding()
    facade.view.follow_ups = {
        "f-1": kept("f-1"),
        "f-2": kept("f-2", due_at=NOW - DAY),
        "f-3": kept("f-3", done_at=NOW, done_by="carl"),
    }
    return facade


async def test_overdue_ones_are_named_first() -> None:
    facade = overdue()
    async with running(facade) as (_, url), calling(url, token="responder-token") as caller:
        assert [f["id"] for f in (await caller.get(PATH)).json()] == ["f-2", "f-1", "f-3"]
        late = (await caller.get(f"{PATH}?overdue=true")).json()
        assert [f["id"] for f in late] == ["f-2"]
        page = (await caller.get("/follow-ups")).text
        assert page.index("Overdue: 1") < page.index("what of f-2") < page.index("what of f-1")
        assert '<form method="post" action="/follow-ups/f-2/done">' in page


async def test_the_page_takes_a_press_and_hides_buttons_from_whoever_only_looks() -> None:
    facade = overdue()
    async with running(facade) as (_, url):
        async with calling(url, token="responder-token") as caller:
            reply = await caller.post("/follow-ups/f-2/done")
            assert (reply.status, reply.headers["location"]) == (303, "/follow-ups")
            assert facade.view.follow_ups["f-2"].done_by == "the-responder"
        async with calling(url, token="viewer-token") as caller:
            assert "<button" not in (await caller.get("/follow-ups?fragment=1")).text


MISS = NearMissRecord(
    incident="inc-1", runbook="hung", kind=NearMissKind.SHADOW_WOULD_HARM, product="shop", at=NOW,
    would="process.restart on <b>web</b>", instead="nothing was done, and it went away",
)  # fmt: skip


async def test_the_page_stays_small_however_much_is_to_be_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent.interface.console.follow_ups_page.MOST_TO_DO", 3)
    facade = deciding()
    facade.view.follow_ups = {
        f"f-{n}": FollowUp(
            id=f"f-{n}", incident="own", product="shop", what="w", owner="ann",
            due_at=NOW + n * DAY, made_by="ann", made_at=NOW - 60,
        )
        for n in range(-1, 9)
    }  # fmt: skip
    async with running(facade) as (_, url), calling(url, token="viewer-token") as caller:
        page = (await caller.get("/follow-ups")).text
        assert [f'id="f-{n}"' in page for n in (-1, 0, 1, 2)] == [True, True, True, False]
        assert "And 7 more" in page
        overdue = (await caller.get("/api/v1/follow-ups?overdue=true")).json()
        assert [one["id"] for one in overdue] == ["f--1", "f-0"]


async def test_near_misses_are_told_in_a_sentence() -> None:
    facade = deciding()
    facade.view.near_misses = {"k": MISS}
    async with running(facade) as (_, url), calling(url, token="viewer-token") as caller:
        (told,) = (await caller.get("/api/v1/near-misses")).json()
        assert told["kind"] == "shadow_would_harm"
        assert "only looked on" in told["text"]
        page = (await caller.get("/follow-ups")).text
        assert "<b>web</b>" not in page
        assert "only looked on" in page


# drivers


def called(name: str, **fields: Any) -> Any:
    page = Page(id=f"{name}/page/1/c", to="t", channel="c", at=NOW - 600, text="")
    given = {"pages": (page,), "state": State.RESOLVED, "resolved_at": NOW, **fields}
    return burning(name, **given)


def said(name: str, **fields: Any) -> Resolution:
    return Resolution(
        incident_id=name, signature="s", recipe="", at=NOW, alertname="Slow", layer="product",
        product="shop", entity=None, labels={}, **fields,
    )  # fmt: skip


async def drivers_facade() -> Deciding:
    facade = deciding()
    facade.view.resolutions = {
        "a": said("a", cause_kind=CauseKind.RELEASE, minutes=30.0),
        "b": said("b", cause_kind=CauseKind.RELEASE),
    }
    return facade


async def test_drivers_rank_families_and_causes_with_what_is_done_about_them() -> None:
    facade = await drivers_facade()
    async with running(facade) as (_, url), calling(url, token="viewer-token") as caller:
        for incident in (
            called("a"),
            called("b", product="pay"),
            called("c", labels={"alertname": "Full <x>"}, runbook="gone"),
            called("old", opened_at=NOW - 200 * DAY),
        ):
            await facade.add(incident)
        found = (await caller.get("/api/v1/drivers?since=30d")).json()
        slow, full = found["families"]
        assert (slow["alertname"], slow["pages"], slow["products"]) == ("Slow", 2, ["pay", "shop"])
        assert slow["minutes"] == 40.0, "what people said, else from the first call to the end"
        assert slow["pages_before"] == 0
        assert "gone is not loaded any more" in full["why"]
        assert [(c["cause"], c["pages"]) for c in found["causes"]] == [
            ("release", 2),
            ("unknown", 1),
        ]
        page = (await caller.get("/drivers")).text
        assert '<svg class="bars"' in page
        assert "Full <x>" not in page
        bad = await caller.get("/api/v1/drivers?since=forever")
        assert bad.status == 400
        assert "90d" in bad.json()["remedy"]


async def test_drivers_are_read_by_pages_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.interface.http.drivers_api.AT_A_TIME", 7)
    facade = await drivers_facade()
    async with running(facade) as (_, url), calling(url, token="viewer-token") as caller:
        for number in range(30):
            await facade.add(called(f"i{number}"))
        found = (await caller.get("/api/v1/drivers")).json()
        assert (found["incidents"], found["is_whole"]) == (30, True)


async def test_the_past_is_read_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    facade, asked = await drivers_facade(), []
    read = facade.store.past

    async def past(**where: Any) -> Any:
        asked.append(where)
        return await read(**where)

    async with running(facade) as (_, url), calling(url, token="viewer-token") as caller:
        await facade.add(called("a"))
        monkeypatch.setattr(facade.store, "past", past)
        paths = ["/api/v1/drivers", "/api/v1/drivers?since=90d", "/api/v1/drivers?since=2160h"] * 3
        replies = await asyncio.gather(*(caller.get(path) for path in paths))
        assert {reply.body for reply in replies} == {replies[0].body}
    assert len(asked) == 2, "a page, and when the oldest opened"


def test_the_picture_shows_only_numbers_and_escaped_names() -> None:
    rows = [{"name": f"<i>{n}</i>", "pages": 20 - n, "pages_before": n or None} for n in range(20)]
    picture = str(draw(rows))
    assert "<i>" not in picture
    assert picture.count('class="now"') == MOST_BARS
    assert picture.count('class="before"') == MOST_BARS - 1
    assert str(draw([])) == ""


# command line


def run(*words: str) -> Result:
    bodies = Bodies(run=lambda _config: 0, demo=lambda **_options: 0)
    return CliRunner().invoke(build(bodies), list(words))


async def asked(
    monkeypatch: pytest.MonkeyPatch, facade: Deciding, *calls: tuple[str, ...]
) -> list[Result]:
    """These commands one after the other, against a daemon that has one incident."""
    async with running(facade) as (_, url):
        await facade.add(called("inc-1"))
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        monkeypatch.setenv("HOMEOSTAT_TOKEN", "responder-token")
        return [await asyncio.to_thread(run, *words) for words in calls]


async def test_the_command_line_writes_lists_and_finishes(monkeypatch: pytest.MonkeyPatch) -> None:
    facade = deciding()
    add = ("follow-ups", "add", "inc-1", "--what", "x", "--owner", "nobody", "--due", "2030-01-31")
    first, listed, done, empty, wrong = await asked(
        monkeypatch,
        facade,
        add,
        ("follow-ups", "list"),
        ("follow-ups", "done", "f-inc-1-1"),
        ("follow-ups",),
        (*add[:-1], "yesterday"),
    )
    assert first.exit_code == 0, first.output
    assert "f-inc-1-1 to do: x" in first.output
    assert "nobody called nobody is known here: team-shop is told" in first.output
    assert "to do" in listed.output
    assert "f-inc-1-1 done" in done.output
    assert empty.output.strip() == "nothing is to be done"
    assert wrong.exit_code == 2


async def test_the_command_line_prints_the_record_near_misses_and_drivers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facade = deciding()
    facade.view.near_misses = {"k": MISS}
    text, markdown, as_json, missing, misses, drivers = await asked(
        monkeypatch,
        facade,
        ("record", "inc-1"),
        ("record", "inc-1", "--format", "md"),
        ("record", "inc-1", "--format", "json"),
        ("record", "inc-9"),
        ("near-misses",),
        ("drivers", "--by", "minutes"),
    )
    assert text.output.startswith("Record of inc-1")
    assert markdown.output.startswith("# Record of inc-1")
    assert json.loads(as_json.output)["incident"] == "inc-1"
    assert missing.exit_code == 1
    assert "only looked on" in misses.output
    assert "pages 1, minutes 10" in drivers.output
    assert "Slow" in drivers.output


async def test_a_refusal_of_the_core_reaches_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    facade = deciding()
    facade.view.follow_ups = {f"f-inc-1-{n}": kept(f"f-inc-1-{n}") for n in range(1, 51)}
    add = ("follow-ups", "add", "inc-1", "--what", "x", "--owner", "y", "--due", "2030-01-31")
    (refused,) = await asked(monkeypatch, facade, add)
    assert refused.exit_code == 1
    assert "no more are kept" in refused.output
    assert Reason.MOVE_REFUSED.value not in refused.output
