"""An action through the agent, shown before it runs: over the API, on the terminal, in the
console. The real decision is behind."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agent.interface.cli import incidents
from agent.model.records import Halt
from tests.support.answering import Deciding, deciding
from tests.support.caller import Caller, calling
from tests.support.commands import talk
from tests.support.facade import everyone, running
from tests.support.remembering import easy_world

RESTART = {"use": "process.restart", "with": {"target": "shop-web"}}
FORM = {"use": "process.restart", "with": "target=shop-web"}
HTML = {"Accept": "text/html"}


@asynccontextmanager
async def burning_world(*, heals: bool = False) -> AsyncIterator[tuple[Deciding, str]]:
    world = easy_world()
    world.fire()
    made = deciding(world, everyone())
    made.heals = heals
    async with running(made) as (_, url):
        await made.keep()
        yield made, url


@asynccontextmanager
async def asking(token: str = "responder-token") -> AsyncIterator[tuple[Deciding, Caller, str]]:
    async with burning_world() as (made, url), calling(url, token=token) as caller:
        yield made, caller, f"/api/v1/incidents/{made.world.last}/run"


async def previewed(caller: Caller, path: str, body: dict[str, Any]) -> Any:
    reply = await caller.post(path, json={**body, "preview": True})
    assert reply.status == 200, reply.text
    return reply.json()["preview"]


def halt(made: Deciding) -> None:
    made.view.halt = Halt(at=made.world.now, who="eve", why="look first")


async def test_a_preview_tells_all_and_does_nothing() -> None:
    async with asking() as (made, caller, path):
        found = await previewed(caller, path, RESTART)
        assert (found["use"], found["target"]) == ("process.restart", "shop-web")
        assert found["with"] == {"target": "shop-web"}
        assert (found["effect"], found["would_run"], found["stops"]) == ("idempotent", True, None)
        assert found["way_back"] == "there is nothing to take back"
        assert "every alert of the incident is over" in found["verified_by"]
        assert found["verified_until"].endswith("Z")
    assert made.asked == []
    assert made.acts() == []


async def test_a_preview_says_what_would_stop_it_in_the_words_of_the_refusal() -> None:
    async with asking() as (made, caller, path):
        halt(made)
        found = await previewed(caller, path, RESTART)
        assert (found["would_run"], found["stops"]) == (False, "halted")
        refused = await caller.post(path, json=RESTART)
        said = refused.json()
        assert (refused.status, f"{said['error']} {said['remedy']}") == (409, found["stops_why"])
    assert made.acts() == []


async def test_a_misspelt_action_is_told_before_it_is_tried() -> None:
    async with asking() as (_, caller, path):
        found = await previewed(caller, path, {"use": "process.restrat"})
    assert (found["is_known"], found["would_run"]) == (False, False)
    assert found["remedy"] == 'did you mean "process.restart"?'


async def test_parameters_it_cannot_take_are_told_before_and_never_tried() -> None:
    async with asking() as (made, caller, path):
        made.wrong = "process.restart: grace_seconds: a number is expected"
        found = await previewed(caller, path, RESTART)
        assert (found["would_run"], found["stops_why"]) == (False, made.wrong)
        refused = await caller.post(path, json=RESTART)
        assert (refused.status, refused.json()["error"]) == (400, made.wrong)
    assert made.acts() == []


async def test_what_is_not_what_was_shown_does_not_run() -> None:
    async with asking() as (made, caller, path):
        shown = (await previewed(caller, path, RESTART))["fingerprint"]
        other = {"use": "process.restart", "with": {"target": "shop-worker"}}
        refused = await caller.post(path, json={**other, "fingerprint": shown})
        assert refused.status == 409
        assert made.acts() == []
        ran = await caller.post(path, json={**RESTART, "fingerprint": shown})
        assert ran.status == 200
    assert made.acts() == ["process.restart"]


async def test_without_a_fingerprint_it_runs_as_ever() -> None:
    async with asking() as (made, caller, path):
        steps = (await caller.post(path, json=RESTART)).json()["steps"]
    assert [(s["use"], s["by"], s["status"]) for s in steps] == [
        ("process.restart", "the-responder", "done")
    ]
    assert made.acts() == ["process.restart"]


@pytest.mark.parametrize(("is_halted", "code"), [(False, 0), (True, 1)])
async def test_the_command_previews(
    is_halted: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "responder-token")
    async with burning_world() as (made, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        if is_halted:
            halt(made)
        words = ("incidents", "run", made.world.last, "process.restart", "--preview")
        told = await talk(*words)
        as_json = await talk(*words, "--format", "json")
    assert (told.exit_code, as_json.exit_code) == (code, code), told.output
    assert "way back     there is nothing to take back" in told.output
    assert ("look first" in told.output) is is_halted
    assert json.loads(as_json.output)["would_run"] is not is_halted
    assert made.acts() == []


@pytest.mark.parametrize(("typed", "code", "acts"), [("y\n", 0, 1), ("n\n", 1, 0)])
async def test_on_a_terminal_it_is_shown_and_asked_once(
    typed: str, code: int, acts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "responder-token")
    monkeypatch.setattr(incidents, "_is_a_person_there", lambda: True)
    async with burning_world() as (made, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        words = (
            "incidents",
            "run",
            made.world.last,
            "process.restart",
            "--with",
            "target=shop-web",
        )
        told = await talk(*words, typed=typed)
    assert told.exit_code == code, told.output
    assert "run exactly this?" in told.output
    assert "verified by" in told.output
    assert len(made.acts()) == acts


async def test_on_a_terminal_what_would_be_stopped_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "responder-token")
    monkeypatch.setattr(incidents, "_is_a_person_there", lambda: True)
    async with burning_world() as (made, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        halt(made)
        told = await talk("incidents", "run", made.world.last, "process.restart")
    assert (told.exit_code, "look first" in told.output) == (1, True)
    assert "run exactly this?" not in told.output


@pytest.mark.parametrize(
    ("heals", "code", "words"),
    [(True, 0, "held: every alert of the incident is over"), (False, 1, "failed: Hung still")],
)
async def test_watching_waits_until_it_is_clear_whether_it_helped(
    heals: bool, code: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The world's time is long past, and so is the end of the verification."""
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "responder-token")
    async with burning_world(heals=heals) as (made, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        told = await talk("incidents", "run", made.world.last, "process.restart", "--watch")
    assert told.exit_code == code, told.output
    assert words in told.output


@pytest.mark.parametrize("word", ["target", ":=1", "n:={"])
async def test_a_parameter_that_is_none_is_wrong_usage(word: str) -> None:
    assert (await talk("incidents", "run", "i", "a.b", "--with", word)).exit_code == 2


async def test_the_console_shows_what_would_run_before_its_button() -> None:
    async with burning_world() as (made, url), calling(url, token="responder-token") as caller:
        base = f"/incidents/{made.world.last}"
        page = (await caller.get(base, headers=HTML)).text
        assert f'action="{base}/preview"' in page
        assert "<option>process.restart</option>" in page
        shown = await caller.post(f"{base}/preview", data=FORM)
        assert (shown.status, made.acts()) == (200, [])
        assert "there is nothing to take back" in shown.text
        assert f'action="{base}/run"' in shown.text
        fingerprint = shown.text.split('name="fingerprint" value="')[1].split('"')[0]
        ran = await caller.post(f"{base}/run", data={**FORM, "fingerprint": fingerprint})
        assert (ran.status, ran.headers["Location"]) == (303, base)
        assert "process.restart" in (await caller.get(base, headers=HTML)).text
    assert made.acts() == ["process.restart"]


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"use": "process.restart", "with": "target"}, 400, "is not name=value"),
        ({**FORM, "fingerprint": "old"}, 409, "something else would run now"),
        ({}, 409, "It would not run now"),
    ],
)
async def test_the_console_says_why_it_did_not_run(
    form: dict[str, str], status: int, words: str
) -> None:
    async with burning_world() as (made, url), calling(url, token="responder-token") as caller:
        reply = await caller.post(f"/incidents/{made.world.last}/run", data=form)
        assert reply.status == status, reply.text
        assert words in reply.text
    assert made.acts() == []


async def test_the_console_has_no_button_for_what_would_be_stopped() -> None:
    async with burning_world() as (made, url), calling(url, token="responder-token") as caller:
        halt(made)
        base = f"/incidents/{made.world.last}"
        shown = (await caller.post(f"{base}/preview", data=FORM)).text
    assert "look first" in shown
    assert f'action="{base}/run"' not in shown


async def test_whoever_only_looks_is_shown_no_preview() -> None:
    async with burning_world() as (made, url), calling(url, token="viewer-token") as caller:
        base = f"/incidents/{made.world.last}"
        assert (await caller.post(f"{base}/preview", data=FORM)).status == 403
        assert "/preview" not in (await caller.get(base, headers=HTML)).text
