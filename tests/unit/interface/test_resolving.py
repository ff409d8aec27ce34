"""Saying how an incident was resolved: over the API, on the command line, in the console."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent.interface.cli import incidents
from agent.interface.learned import what_follows
from agent.interface.times import rfc3339
from agent.model.effect import OutcomeStatus
from agent.model.event import ActionRequested, ResolvedByPerson
from agent.model.incident import StepRun
from agent.model.learning import CauseKind, Credit, ToldCall
from tests.support.answering import deciding
from tests.support.caller import Caller, calling
from tests.support.commands import talk
from tests.support.facade import NOW, FakeFacade, burning, everyone, running
from tests.support.plugin_facts import PLUGINS
from tests.support.proposing import learned, resolution
from tests.support.remembering import easy_world

PATH = "/api/v1/incidents/i-1/resolve"
HTML = {"Accept": "text/html"}


def step(number: int, **fields: Any) -> StepRun:
    given: dict[str, Any] = {"by": "ann", "status": OutcomeStatus.DONE, "use": "process.restart"}
    return StepRun(
        id=f"i-1/person/{number}", params={}, target="web", started_at=NOW - 60, **(given | fields)
    )


@asynccontextmanager
async def burns(token: str = "responder-token") -> AsyncIterator[tuple[FakeFacade, Caller, str]]:
    facade = FakeFacade(principals=everyone())
    facade.view.plugins = dict(PLUGINS)
    steps = (step(1), step(2), step(3, status=OutcomeStatus.FAILED), step(4, by="agent"))
    async with running(facade) as (_, url), calling(url, token=token) as caller:
        await facade.add(burning("i-1", steps=steps))
        yield facade, caller, url


def only(facade: FakeFacade) -> ResolvedByPerson:
    (asked,) = facade.asked
    assert isinstance(asked, ResolvedByPerson)
    return asked


async def test_all_that_can_be_told_is_in_the_event() -> None:
    body = {
        "cause": "it leaks",
        "kind": "code",
        "steps": ["i-1/person/2"],
        "told": [{"use": "process.flush", "with": {"n": 3}, "at": rfc3339(NOW - 90)}],
        "actions": ["called the vendor"],
        "minutes": 12.5,
        "page_useful": False,
    }
    async with burns() as (facade, caller, _):
        assert (await caller.post(PATH, json=body)).status == 200
    asked = only(facade)
    assert (asked.who, asked.cause, asked.cause_kind) == (
        "the-responder",
        "it leaks",
        CauseKind.CODE,
    )
    assert asked.mattered == ("i-1/person/2",)
    assert asked.told == (ToldCall(use="process.flush", params={"n": 3}, at=NOW - 90),)
    assert asked.actions == ("called the vendor",)
    assert (asked.minutes, asked.page_useful) == (12.5, False)


async def test_an_old_body_still_works() -> None:
    async with burns() as (facade, caller, _):
        body = {"cause": "c", "actions": ["a"]}
        assert (await caller.post(PATH, json=body)).status == 200
    asked = only(facade)
    assert (asked.cause, asked.actions, asked.told, asked.mattered) == ("c", ("a",), (), None)
    assert (asked.cause_kind, asked.minutes, asked.page_useful) == (None, None, None)


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        ({"kind": "relase"}, 'did you mean "release"?'),
        ({"kind": "moon"}, "false_alert"),
        ({"steps": ["person/9"]}, "person/"),
        ({"steps": ["3"]}, "person/"),
        ({"steps": ["4"]}, "person/"),
        ({"told": [{"use": "process.restrat"}]}, 'did you mean "process.restart"?'),
        ({"told": [{"use": "process.status"}]}, "process."),
        ({"told": [{"use": "process.flush", "at": "09:41"}]}, "like 2026-01-31T09:41:00Z"),
        ({"told": [{"use": "process.flush", "at": rfc3339(NOW + 60)}]}, "when was it done?"),
        ({"told": [{"use": "process.flush"}] * 21}, "that mattered"),
        ({"told": [{"use": "process.flush", "where": "web"}]}, "shape"),
        ({"minutes": -1}, "from 0"),
        ({"minutes": 1e9}, "from 0"),
        ({"knid": "code"}, "shape"),
        ({"cause": " "}, "not known"),
    ],
)
async def test_what_makes_no_sense_is_400_with_the_remedy(
    wrong: dict[str, Any], remedy: str
) -> None:
    async with burns() as (facade, caller, _):
        reply = await caller.post(PATH, json={"cause": "c", **wrong})
    assert reply.status == 400
    assert remedy in reply.json()["remedy"], reply.text
    assert facade.asked == []


async def test_whoever_is_limited_to_products_tells_of_no_other_target() -> None:
    async with burns("pay-responder-token") as (facade, caller, _):
        await facade.add(burning("i-2", product="pay"))
        told = [{"use": "process.flush", "with": {"target": "picker"}}]
        reply = await caller.post(
            "/api/v1/incidents/i-2/resolve", json={"cause": "c", "told": told}
        )
        assert reply.status == 403
    assert facade.asked == []


async def test_on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "responder-token")
    async with burns() as (facade, _, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        words = (
            "incidents", "resolve", "i-1", "--cause", "it leaks", "--kind", "code",
            "--step", "1", "--told", "process.flush n:=3 @2026-05-28T20:00:00Z",
            "--action", "called", "--minutes", "12", "--page-useless",
        )  # fmt: skip
        done = await talk(*words)
        assert done.exit_code == 0, done.output
        misspelt = await talk("incidents", "resolve", "i-1", "--cause", "c", "--kind", "cod")
        untold = await talk("incidents", "resolve", "i-1", "--cause", "c", "--told", "n=3")
        endless = await talk("incidents", "resolve", "i-1", "--cause", "c", "--minutes", "nan")
    asked = only(facade)
    assert (asked.cause_kind, asked.mattered) == (CauseKind.CODE, ("i-1/person/1",))
    assert [(t.use, t.params) for t in asked.told] == [("process.flush", {"n": 3})]
    assert (asked.minutes, asked.page_useful, asked.actions) == (12.0, False, ("called",))
    assert (misspelt.exit_code, 'did you mean "code"?' in misspelt.output) == (2, True)
    assert (untold.exit_code, "ACTION name=value" in untold.output) == (2, True)
    assert (endless.exit_code, "no number of minutes" in endless.output) == (2, True)


async def test_on_a_terminal_the_kinds_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "responder-token")
    monkeypatch.setattr(incidents, "_is_a_person_there", lambda: True)
    async with burns() as (facade, _, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        done = await talk("incidents", "resolve", "i-1", "--cause", "c", typed="capacity\n")
    assert "credentials, external, human" in done.output
    assert only(facade).cause_kind is CauseKind.CAPACITY


async def test_in_the_console() -> None:
    async with burns() as (facade, caller, _):
        page = (await caller.get("/incidents/i-1", headers=HTML)).text
        assert 'name="step-i-1/person/1"' in page
        assert 'name="step-i-1/person/3"' not in page
        assert '<option value="false_alert">false alert</option>' in page
        form = {
            "cause": "it leaks", "kind": "code", "steps_shown": "1", "step-i-1/person/2": "1",
            "told": "process.flush n:=3 @20:20\n\nprocess.restart target=web\n",
            "action": "called", "minutes": "12", "page_useful": "yes",
        }  # fmt: skip
        reply = await caller.post("/incidents/i-1/resolve", data=form)
        assert (reply.status, reply.headers["Location"]) == (303, "/incidents/i-1")
    asked = only(facade)
    assert (asked.cause_kind, asked.mattered) == (CauseKind.CODE, ("i-1/person/2",))
    assert [(t.use, t.at) for t in asked.told] == [
        ("process.flush", NOW - 400),
        ("process.restart", None),
    ]
    assert (asked.minutes, asked.page_useful, asked.actions) == (12.0, True, ("called",))


async def test_no_tick_means_that_nothing_of_it_mattered() -> None:
    async with burns() as (facade, caller, _):
        await caller.post("/incidents/i-1/resolve", data={"cause": "c", "steps_shown": "1"})
    assert only(facade).mattered == ()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"minutes": "twelve"}, "a number, like 12"),
        ({"told": "=3"}, "one action a line"),
        ({"kind": "moon"}, "no kind of cause"),
    ],
)
async def test_the_console_says_what_makes_no_sense(wrong: dict[str, str], words: str) -> None:
    async with burns() as (facade, caller, _):
        reply = await caller.post("/incidents/i-1/resolve", data={"cause": "c", **wrong})
    assert (reply.status, words in reply.text) == (400, True)
    assert facade.asked == []


async def test_afterwards_it_says_what_follows() -> None:
    """The real decision: an act, the alert is over, and a person says what it was."""
    world = easy_world()
    case = world.fire()
    restart = {"at": world.now, "subject": case.id, "who": "ann", "use": "process.restart"}
    world.tell(ActionRequested(**restart))  # type: ignore[arg-type]
    world.act()
    world.wait(30)
    world.clear()
    made = deciding(world, everyone())
    async with running(made) as (_, url), calling(url, token="responder-token") as caller:
        await made.keep()
        reply = await caller.post(f"/api/v1/incidents/{case.id}/resolve", json={"cause": "c"})
        told = reply.json()["learning"]
        page = (await caller.get(f"/incidents/{case.id}", headers=HTML)).text
    assert told.startswith("counts as 1 of 3 like resolutions (process.restart(target: entity.name")
    assert told.endswith("once it has stayed quiet for 30 min")
    assert "counts as 1 of 3" in page


def follows(**fields: Any) -> str:
    """Of the third of three."""
    facade = FakeFacade()
    learned(facade.view)
    one = resolution("i-1", **{"credit": Credit.PENDING, **fields})
    facade.view.resolutions = {**facade.view.resolutions, "i-1": one}
    facade.view.likes = {one.signature: dict.fromkeys(("i-3", "i-2", "i-1"), True)}
    return what_follows("i-1", facade.view)


def test_what_follows() -> None:
    assert follows().startswith("counts as 3 of 3 like resolutions")
    assert "once its alert has ended and has stayed quiet" in follows(cleared_at=None)
    assert follows(credit=Credit.CREDITED).endswith("(process.restart(target: entity.name))")
    late = follows(credit=Credit.TOO_LATE, credit_why="it took an hour")
    assert late == "does not count (too late): it took an hour"
    assert "nothing was done here" in follows(recipe="", deeds=())
    assert what_follows("unknown", FakeFacade().view) == ""
