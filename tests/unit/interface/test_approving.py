"""Approving over the API, on the terminal and in the console, with the real decision behind."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.core.approval import fingerprint_of_asked
from agent.interface.cli import incidents
from agent.interface.cli.main import app
from agent.model.command import CommandKind
from agent.model.incident import State
from agent.model.product import InventoryObject
from agent.model.runbook import EntityQuery, Lifecycle, Match
from tests.support.answering import Deciding
from tests.support.caller import calling
from tests.support.cases import Value, World, plan, runbook, step
from tests.support.clock import TestClock
from tests.support.facade import everyone, running
from tests.support.remembering import easy_world


def sized(world: World, replicas: int) -> None:
    facts: Mapping[str, Any] = {"replicas": replicas}
    keys = {"pod": ("web-1",)}
    web = InventoryObject(
        name="web", kind="deployment", entity="shop-worker", keys=keys, facts=facts
    )
    world.view.inventory = {"web": web}


@asynccontextmanager
async def asking() -> AsyncIterator[tuple[Deciding, str]]:
    """People are asked to let `replicas` 3 run."""
    query = EntityQuery(kind="deployment", of={"pod": Value("alert.labels.pod")})
    scale = plan("scale", step(id="scale", replicas=Value("entity.replicas")))
    match = Match(alert=("Hung",), entity=query)
    world = easy_world(runbook("hung", scale, lifecycle=Lifecycle.ASSISTED, match=match))
    sized(world, 3)
    world.fire(labels={"pod": "web-1"})
    assert world.case.state is State.AWAITING_APPROVAL
    made = Deciding(principals=everyone(), view=world.view, clock=TestClock(world.now), world=world)
    async with running(made) as (_, url):
        await made.keep()
        yield made, url


def acts(made: Deciding) -> list[int]:
    return [c.params["replicas"] for c in made.world.asked(CommandKind.ACT)]


@pytest.mark.parametrize("is_told", [True, False])
async def test_over_the_api_what_changed_is_refused_and_shown_anew(is_told: bool) -> None:
    async with asking() as (made, url), calling(url, token="approver-token") as caller:
        path = f"/api/v1/incidents/{made.world.last}"
        old = (await caller.get(path)).json()["approval"]["fingerprint"]
        sized(made.world, 30)
        body = {"fingerprint": old} if is_told else None
        reply = await caller.post(f"{path}/approve", json=body)
        assert (reply.status, reply.json()["reason"]) == (409, "approval_outdated")
        assert "look again" in reply.json()["remedy"]
        assert acts(made) == []
        now = (await caller.get(path)).json()
        assert (now["state"], now["approved_by"]) == ("awaiting_approval", None)
        assert now["approval"]["steps"][0]["with"]["replicas"] == 30
        assert now["approval"]["fingerprint"] != old
        fresh = {"fingerprint": now["approval"]["fingerprint"]}
        assert (await caller.post(f"{path}/approve", json=fresh)).status == 200
        assert (await caller.post(f"{path}/approve", json={"finger": "x"})).status == 400
    assert acts(made) == [30]


async def test_a_script_that_names_nothing_approves_what_is_asked_now() -> None:
    async with asking() as (made, url), calling(url, token="approver-token") as caller:
        path = f"/api/v1/incidents/{made.world.last}/approve"
        assert (await caller.post(path)).status == 200
    assert acts(made) == [3]


def hidden(page: str) -> str:
    (found,) = re.findall(r'name="fingerprint" value="([0-9a-f]{16})"', page)
    return str(found)


async def test_the_button_of_an_old_page_approves_nothing_and_shows_the_new_one() -> None:
    async with asking() as (made, url), calling(url, token="approver-token") as caller:
        path = f"/incidents/{made.world.last}"
        old = hidden((await caller.get(path)).text)
        sized(made.world, 30)
        for form in ({"fingerprint": old}, {"fingerprint": old}, {}):
            reply = await caller.post(f"{path}/approve", data=form)
            assert reply.status == 409
            assert "look again" in reply.text
            assert "<dt>replicas</dt><dd>30</dd>" in reply.text
            assert acts(made) == []
        form = {"fingerprint": hidden(reply.text)}
        assert (await caller.post(f"{path}/approve", data=form)).status == 303
    assert acts(made) == [30]


async def talk(
    url: str, monkeypatch: pytest.MonkeyPatch, *words: str, typed: str | None = None
) -> Result:
    monkeypatch.setenv("HOMEOSTAT_URL", url)
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "approver-token")
    return await asyncio.to_thread(CliRunner().invoke, app, ["incidents", *words], typed)


async def test_on_the_terminal_what_is_approved_is_what_was_printed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with asking() as (made, url):
        name, asked = made.world.last, made.world.case.asked
        assert asked is not None
        shown = await talk(url, monkeypatch, "show", name)
        old = fingerprint_of_asked(asked)
        assert f"fingerprint {old}" in shown.output
        sized(made.world, 30)
        refused = await talk(url, monkeypatch, "approve", name)
        assert (refused.exit_code, acts(made)) == (1, [])
        assert '"replicas": 3}' in refused.output
        assert "look again" in refused.output
        stale = await talk(url, monkeypatch, "approve", name, "--fingerprint", old)
        assert (stale.exit_code, acts(made)) == (1, [])
        done = await talk(url, monkeypatch, "approve", name, "--format", "json")
        assert (done.exit_code, acts(made)) == (0, [30]), done.output
        assert '"replicas": 30}' in done.stderr
        assert done.stdout.lstrip().startswith("{")
        again = await talk(url, monkeypatch, "approve", name)
        assert (again.exit_code, "waits for an approval" in again.output) == (1, True)


@pytest.mark.parametrize(("typed", "done"), [("n\n", []), ("\n", []), ("y\n", [3])])
async def test_a_person_at_a_terminal_reads_it_before_it_is_approved(
    monkeypatch: pytest.MonkeyPatch, typed: str, done: list[int]
) -> None:
    monkeypatch.setattr(incidents, "_is_a_person_there", lambda: True)
    async with asking() as (made, url):
        said = await talk(url, monkeypatch, "approve", made.world.last, typed=typed)
        assert said.output.index('"replicas": 3}') < said.output.index("approve exactly this?")
        assert (said.exit_code, acts(made)) == (0 if done else 1, done)


async def test_who_has_read_it_before_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(incidents, "_is_a_person_there", lambda: True)
    async with asking() as (made, url):
        name, asked = made.world.last, made.world.case.asked
        assert asked is not None
        words = ("approve", name, "--fingerprint", fingerprint_of_asked(asked))
        assert (await talk(url, monkeypatch, *words)).exit_code == 0
        assert acts(made) == [3]
