"""What was changed, for people's tools: the route and the command."""

from __future__ import annotations

import asyncio
import json

import msgspec
import pytest
from typer.testing import CliRunner, Result

from agent.interface.cli.main import app
from agent.model.records import ChangeRecord
from agent.model.signals import ChangeKind, ChangePhase
from tests.support.caller import calling
from tests.support.facade import NOW, FakeFacade, everyone, running

RELEASE = ChangeRecord(
    product="shop",
    entity="picker",
    what="deployed main\x1b[31m to production",
    by="ada",
    at=NOW - 600,
    began_at=NOW - 700,
    sent_at=NOW - 630,
    kind=ChangeKind.RELEASE,
    version="1.4",
    before="1.3",
    phase=ChangePhase.ROLLED_BACK,
    link="https://ci/1",
)
BY_HAND = ChangeRecord(
    product="pay", entity="till", what="edited", by="ben", at=NOW - 7200, is_manual=True
)
OF_NOBODY = ChangeRecord(product="", entity="acme/tool", what="deployed", by="", at=NOW - 90_000)


def facade() -> FakeFacade:
    made = FakeFacade(principals=everyone())
    made.view.changes = {c.entity: (c,) for c in (RELEASE, BY_HAND, OF_NOBODY)}
    return made


async def asked(url: str, query: str = "", token: str = "viewer-token") -> list[str]:
    async with calling(url, token=token) as caller:
        reply = await caller.get(f"/api/v1/changes{query}")
        assert reply.status == 200, reply.text
        return [change["entity"] for change in reply.json()]


async def test_newest_first_of_the_last_day_and_of_more() -> None:
    async with running(facade()) as (_, url):
        assert await asked(url) == ["picker", "till"]
        assert await asked(url, "?since=1h") == ["picker"]
        assert await asked(url, "?since=7d") == ["picker", "till", "acme/tool"]
        assert await asked(url, "?product=pay") == ["till"]
        assert await asked(url, "?entity=picker&since=7d") == ["picker"]
        assert await asked(url, "?entity=nobody") == []


async def test_what_belongs_to_others_is_left_out() -> None:
    """F-SEC-11"""
    async with running(facade()) as (_, url):
        assert await asked(url, "?since=7d", "pay-viewer-token") == ["till", "acme/tool"]
        assert await asked(url, "?product=shop", "pay-viewer-token") == []
        assert await asked(url, "?entity=picker", "pay-viewer-token") == []


async def test_a_change_as_json() -> None:
    async with running(facade()) as (_, url), calling(url, token="viewer-token") as caller:
        [change] = (await caller.get("/api/v1/changes?product=shop")).json()
    assert change == {
        "at": "2026-05-28T20:16:40.000Z",
        "began_at": "2026-05-28T20:15:00.000Z",
        "product": "shop",
        "entity": "picker",
        "kind": "release",
        "phase": "rolled_back",
        "what": "deployed main\x1b[31m to production",
        "version": "1.4",
        "before": "1.3",
        "by": "ada",
        "manual": False,
        "late_seconds": 30.0,
        "link": "https://ci/1",
        "undone_for": None,
    }


@pytest.mark.parametrize("since", ["soon", "-1h", "0s", "9999999d", "%00"])
async def test_no_time_to_look_back(since: str) -> None:
    async with running(facade()) as (_, url), calling(url, token="viewer-token") as caller:
        reply = await caller.get(f"/api/v1/changes?since={since}")
    assert reply.status == 400
    assert "24h" in reply.json()["remedy"]


async def talk(url: str, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.setenv("HOMEOSTAT_URL", url)
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "viewer-token")
    return await asyncio.to_thread(CliRunner().invoke, app, ["changes", *words])


async def test_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(facade()) as (_, url):
        shown = await talk(url, monkeypatch)
        one = await talk(url, monkeypatch, "--product", "pay", "--format", "json")
        none = await talk(url, monkeypatch, "--entity", "nobody")
        wrong = await talk(url, monkeypatch, "--since", "soon")
    head, first, second = shown.output.splitlines()
    assert head.split() == ["AT", "ENTITY", "KIND", "PHASE", "VERSION", "BY", "WHAT"]
    assert "picker  release  rolled back  1.3 → 1.4  ada" in first
    assert "ben (by hand)" in second
    assert "\x1b" not in shown.output
    assert [change["entity"] for change in json.loads(one.output)] == ["till"]
    assert none.output == "no change is known in that time\n"
    assert (shown.exit_code, none.exit_code, wrong.exit_code) == (0, 0, 2)


async def test_releases_are_counted_by_product_with_those_that_failed() -> None:
    made = facade()
    undone = msgspec.structs.replace(RELEASE, undone_for="i-7")
    made.view.changes = {**made.view.changes, "picker": (undone,)}
    async with running(made) as (_, url):
        async with calling(url, token="viewer-token") as caller:
            reply = await caller.get("/api/v1/changes/releases")
            [counted] = reply.json()
            assert (counted["product"], counted["releases"], counted["rolled_back"]) == (
                "shop",
                1,
                1,
            )
            assert counted["change_failure_rate"] == 1.0
            assert [one["undone_for"] for one in counted["broken"]] == ["i-7"]
            assert (await caller.get("/api/v1/changes/releases?since=5m")).json() == []
            assert (await caller.get("/api/v1/changes/releases?product=pay")).json() == []
            assert (await caller.get("/api/v1/changes/releases?since=x")).status == 400
        async with calling(url, token="pay-viewer-token") as caller:
            assert (await caller.get("/api/v1/changes/releases")).json() == []


async def test_the_command_shows_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    made = facade()
    undone = msgspec.structs.replace(RELEASE, undone_for="i-7")
    made.view.changes = {**made.view.changes, "picker": (undone,)}
    async with running(made) as (_, url):
        shown = await talk(url, monkeypatch, "--releases")
        none = await talk(url, monkeypatch, "--releases", "--since", "1m")
        wrong = await talk(url, monkeypatch, "--releases", "--entity", "picker")
    head, row, _, under, broken = shown.output.splitlines()
    assert head.split() == ["PRODUCT", "SINCE", "RELEASES", "FAILED", "ROLLED", "BACK", "RATE"]
    assert row.split()[0] == "shop"
    assert row.split()[2:] == ["1", "0", "1", "100%"]
    assert under.split() == ["AT", "ENTITY", "PHASE", "VERSION", "INCIDENT"]
    assert broken.split()[-1] == "i-7"
    assert none.output == "no release is known in that time\n"
    assert (shown.exit_code, wrong.exit_code) == (0, 2)
