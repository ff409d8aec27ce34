"""Who is on call, by API and at the command line: the same, with the gaps ahead."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import msgspec
import pytest
from typer.testing import CliRunner

from agent.interface.cli.explaining import explain
from agent.interface.cli.main import app
from agent.interface.rota import AHEAD_SECONDS, gaps, rota
from agent.interface.times import rfc3339
from tests.support.cases import START, alert
from tests.support.facade import NOW, FakeFacade, everyone, running
from tests.support.ladders import CHANNELS, on_call, staffed

HOUR = 3600.0


@dataclass
class Steps:
    """A rotation whose person changes at these times."""

    marks: tuple[tuple[float, str | None], ...]
    text: str = "steps"

    def on_call(self, at: float) -> str | None:
        return next((who for since, who in reversed(self.marks) if since <= at), None)

    def until(self, at: float) -> float | None:
        return next((since for since, _ in self.marks if since > at), None)


def test_gaps_are_where_nobody_can_be_told() -> None:
    world = staffed()
    marks = (
        (0.0, "alice"),
        (NOW + HOUR, None),
        (NOW + 2 * HOUR, None),
        (NOW + 3 * HOUR, "mallory"),
        (NOW + 4 * HOUR, "bob"),
        (NOW + 20 * 86_400.0, None),
    )
    rotation = Steps(marks)
    rotations = {"shop-primary": rotation}
    world.view.on_call = msgspec.structs.replace(world.view.on_call, rotations=rotations)
    found = list(gaps("shop-primary", rotation, world.view, NOW, NOW + AHEAD_SECONDS))
    assert found == [
        (NOW + HOUR, NOW + 3 * HOUR, "nobody is on call by shop-primary"),
        (NOW + 3 * HOUR, NOW + 4 * HOUR, "mallory has no channel"),
    ]


def test_a_gap_without_an_end_ends_with_what_was_looked_at() -> None:
    world = staffed(who=None)
    rotation = world.view.on_call.rotations["shop-primary"]
    [(begin, end, _)] = gaps("shop-primary", rotation, world.view, NOW, NOW + AHEAD_SECONDS)
    assert (begin, end) == (NOW, NOW + AHEAD_SECONDS)


def test_each_rung_says_whom_it_tells_now_and_how() -> None:
    world = staffed(repeat=2)
    found = rota(world.view, NOW)
    shop = next(ladder for ladder in found["ladders"] if ladder["team"] == "team-shop")
    assert shop["repeat"] == 2
    first = shop["rungs"][0]
    assert (first["on_call"], first["tells"], first["channels"]) == (
        "shop-primary", "alice", ["hook"],
    )  # fmt: skip
    assert [r["on_call"] for r in found["rotations"]] == ["alice"]


def test_explain_says_who_is_called_first_and_who_after_them() -> None:
    world = staffed()
    route = explain(alert("Fresh"), world.view, at=START)["route"]
    assert (route["to"], route["first"], route["channels"]) == ("team-shop", "alice", ["hook"])
    assert (route["ladder"][-1]["kind"], route["ladder"][-1]["to"]) == ("team", "platform")


async def test_the_api_answers_for_now_and_for_another_time() -> None:
    facade = FakeFacade(everyone())
    facade.view.channels = dict(CHANNELS)
    facade.view.on_call = on_call()
    headers = {"authorization": "Bearer viewer-token"}
    async with running(facade) as (_, url), aiohttp.ClientSession(headers=headers) as session:
        path = f"{url}/api/v1/on-call"
        async with session.get(path) as reply:
            assert (await reply.json())["at"] == rfc3339(NOW)
        async with session.get(path, params={"at": "2026-12-24T20:00:00Z"}) as reply:
            assert (await reply.json())["at"] == "2026-12-24T20:00:00.000Z"
        async with session.get(path, params={"at": "tomorrow"}) as reply:
            assert reply.status == 400
            assert "write it like" in (await reply.json())["remedy"]


async def test_health_says_why() -> None:
    """F-NT-01"""
    facade = FakeFacade(everyone())
    headers = {"authorization": "Bearer viewer-token"}
    async with running(facade) as (_, url), aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{url}/-/healthy") as reply:
            assert (reply.status, await reply.text()) == (200, "ok\n")
        facade.is_on = False
        async with session.get(f"{url}/-/healthy") as reply:
            assert reply.status == 503
            assert (await reply.text()).startswith("the decision loop makes no progress\n")


FILE = """\
apiVersion: homeostat/v1
kind: OnCall
rotations:
  pay-primary: {zone: Europe/Berlin, people: [alice, bob], starts: "2026-01-05"}
people:
  alice: {notify: [{use: terminal}]}
  bob: {notify: [{use: terminal}]}
ladders:
  team-pay: {rungs: [{on_call: pay-primary}, {team: team-pay}], repeat: 1}
"""


@pytest.fixture
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOMEOSTAT_SHIPPED_RUNBOOKS", "false")
    Path("homeostat.yaml").write_text("on_call: [on-call.yaml]\n")
    Path("on-call.yaml").write_text(FILE)


def ask(*words: str) -> str:
    done = CliRunner().invoke(app, ["on-call", *words])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.usefixtures("_site")
def test_the_command_prints_a_table() -> None:
    said = ask("--at", "2026-01-06T12:00:00Z")
    assert "pay-primary  alice" in said
    assert "2026-01-12T08:00:00.000Z" in said, "nine o'clock in Berlin"
    assert "team team-pay has no channel" in said
    assert "no gaps in the next 14 days" in said
    early = ask("--at", "2026-01-01T00:00:00Z")
    assert "NOBODY" in early
    assert "nobody is on call by pay-primary" in early


@pytest.mark.usefixtures("_site")
def test_the_command_prints_data() -> None:
    found = json.loads(ask("--at", "2026-01-13T12:00:00Z", "--format", "json"))
    assert found["rotations"][0]["on_call"] == "bob"


@pytest.mark.usefixtures("_site")
def test_the_command_says_what_is_wrong() -> None:
    runner = CliRunner()
    assert runner.invoke(app, ["on-call", "--at", "noon"]).exit_code == 2
    Path("on-call.yaml").write_text(FILE.replace("people: [alice, bob]", "people: [alcie]"))
    done = runner.invoke(app, ["on-call"])
    assert done.exit_code == 1
    assert 'did you mean "alice"?' in done.output
    Path("homeostat.yaml").write_text("data_dir: var\n")
    assert "no rotation and no ladder is declared" in ask()
