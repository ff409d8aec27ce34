"""What an action would change in a cluster, shown to whoever is about to run it."""

from __future__ import annotations

import json

import pytest

from agent.model.cluster import Foreseen
from tests.support.caller import calling
from tests.support.commands import talk
from tests.unit.interface.test_running import (
    FORM,
    HTML,
    RESTART,
    burning_world,
    previewed,
)

LINES = ("change prod-a/deployment/web", '  spec.replicas: 2 -> "<b>3</b>"')


@pytest.mark.parametrize("flag", ["--dry-run", "--preview"])
async def test_the_command_shows_it_below_all_else(
    flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOMEOSTAT_TOKEN", "responder-token")
    async with burning_world() as (made, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        made.foreseen = Foreseen(lines=LINES)
        words = ("incidents", "run", made.world.last, "process.restart", flag)
        told = await talk(*words)
        as_json = await talk(*words, "--format", "json")
    assert told.exit_code == 0, told.output
    assert "in the cluster:\n  change prod-a/deployment/web\n" in told.output
    assert json.loads(as_json.output)["changes"] == list(LINES)
    assert made.acts() == []


async def test_what_the_api_server_refuses_would_not_run() -> None:
    async with burning_world() as (made, url), calling(url, token="responder-token") as caller:
        made.foreseen = Foreseen(fails="exceeded quota: few")
        path = f"/api/v1/incidents/{made.world.last}/run"
        found = await previewed(caller, path, RESTART)
        assert (found["would_run"], found["stops_why"]) == (False, "exceeded quota: few")
        assert found["stops"] is None


async def test_an_action_on_no_cluster_is_shown_as_ever() -> None:
    async with burning_world() as (made, url), calling(url, token="responder-token") as caller:
        found = await previewed(caller, f"/api/v1/incidents/{made.world.last}/run", RESTART)
        assert (found["changes"], found["would_run"]) == ([], True)


async def test_the_page_shows_it_as_text_and_nothing_else() -> None:
    async with burning_world() as (made, url), calling(url, token="responder-token") as caller:
        made.foreseen = Foreseen(lines=LINES)
        path = f"/incidents/{made.world.last}/preview"
        reply = await caller.post(path, data=FORM, headers=HTML)
        assert reply.status == 200, reply.text
        assert "In the cluster" in reply.text
        assert "<b>3</b>" not in reply.text
        assert "spec.replicas" in reply.text
