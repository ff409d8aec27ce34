"""Blind spots and the backlog for people: HTTP and terminal."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner, Result

from agent.interface.cli.main import app
from agent.interface.cli.output import FINE, FOUND_WRONG, WRONG_USAGE
from agent.model.incident import Page, State
from agent.model.signals import BlindSpot, BlindSpotKind, SurveySigns
from tests.support.caller import calling
from tests.support.facade import NOW, FakeFacade, burning, everyone, running

SPOT = BlindSpot(
    kind=BlindSpotKind.METRIC_VANISHED,
    subject="shop/Slow",
    owner="team-shop",
    product="shop",
    text="nothing reports \x1b[31m a",
    remedy="bring it back",
    since=NOW - 3600,
    last_at=NOW,
    by="metrics@prom",
)


def facade_with(*spots: BlindSpot, **fields: Any) -> FakeFacade:
    facade = FakeFacade(**fields)
    facade.view.blind_spots = {f"{s.kind.value}/{s.subject}": s for s in spots}
    facade.view.surveys = {"survey": SurveySigns(at=NOW - 60, could_not=("b: gone",))}
    return facade


async def said(facade: FakeFacade, path: str, token: str = "", method: str = "GET") -> Any:
    async with (
        running(facade) as (_, url),
        calling(url, token=token) as caller,
        caller.session.request(method, path) as reply,
    ):
        return reply.status, await reply.json()


async def test_what_is_there_is_listed_with_owner_remedy_and_who_found_it() -> None:
    gone = msgspec.structs.replace(SPOT, subject="old", gone_at=NOW)
    facade = facade_with(gone, SPOT)
    status, found = await said(facade, "/api/v1/blindspots")
    assert status == 200
    assert (found["open"], found["could_not"], found["looking"]) == (1, ["b: gone"], False)
    (spot,) = found["blind_spots"]
    assert (spot["owner"], spot["remedy"], spot["found_by"]) == (
        "team-shop",
        "bring it back",
        "metrics@prom",
    )
    _, everything = await said(facade, "/api/v1/blindspots?all=true")
    assert [s["subject"] for s in everything["blind_spots"]] == ["shop/Slow", "old"]
    _, others = await said(facade, "/api/v1/blindspots?product=pay")
    assert others["blind_spots"] == []


async def test_what_belongs_to_another_product_is_not_shown() -> None:
    facade = facade_with(SPOT, principals=everyone())
    _, found = await said(facade, "/api/v1/blindspots", token="pay-responder-token")
    assert (found["open"], found["blind_spots"]) == (0, [])
    _, all_of_it = await said(facade, "/api/v1/blindspots", token="approver-token")
    assert all_of_it["open"] == 1


async def test_a_responder_may_have_it_looked_now_and_others_may_not() -> None:
    facade = facade_with(SPOT, principals=everyone())
    path = "/api/v1/blindspots/survey"
    status, found = await said(facade, path, token="responder-token", method="POST")
    assert (status, found["open"], facade.surveys) == (200, 1, 1)
    status, _ = await said(facade, path, token="approver-token", method="POST")
    assert (status, facade.surveys) == (403, 1)


async def test_the_backlog_says_what_signals_cost_and_unknown_is_not_nothing() -> None:
    facade = facade_with(SPOT)
    called = Page(id="p", to="ann", channel="c", at=NOW - 50, text="")
    async with running(facade) as (_, url), calling(url) as caller:
        await facade.add(burning("i-1", pages=(called,), state=State.RESOLVED, resolved_at=NOW))
        async with caller.session.get("/api/v1/backlog?product=shop") as reply:
            found = await reply.json()
        async with caller.session.get("/api/v1/backlog?product=nobody") as reply:
            assert reply.status == 404
        async with caller.session.get("/api/v1/backlog?since=soon") as reply:
            assert reply.status == 400
    (signal,) = found["signals"]
    assert (signal["alertname"], signal["minutes"], signal["unknown"]) == ("Slow", None, 1)
    assert [i["remedy"] for i in found["items"]] == ["automate", "mend"]
    assert found["items"][0]["minutes_per_month"] is None


def run(facade: FakeFacade, *words: str) -> Result:
    """The command against a daemon with this facade."""

    async def go() -> Result:
        async with running(facade) as (_, url):
            env = {"HOMEOSTAT_URL": url, "HOMEOSTAT_TOKEN": ""}
            return await asyncio.to_thread(CliRunner().invoke, app, list(words), env=env)

    return asyncio.run(go())


def test_the_command_ends_with_1_where_there_are_any_and_shows_no_control_character() -> None:
    result = run(facade_with(SPOT), "blindspots")
    assert result.exit_code == FOUND_WRONG
    assert "metric vanished: shop/Slow  (owner team-shop" in result.output
    assert "remedy: bring it back" in result.output
    assert "\x1b" not in result.output
    assert run(facade_with(), "blindspots").exit_code == FINE


def test_the_command_looks_now_where_asked_to() -> None:
    facade = facade_with()
    assert run(facade, "blindspots", "--now").exit_code == FINE
    assert facade.surveys == 1


def test_before_the_first_survey_the_command_says_so() -> None:
    assert "not looked for blind spots yet" in run(FakeFacade(), "blindspots").output


def test_the_backlog_command_names_what_to_do() -> None:
    result = run(facade_with(SPOT), "backlog", "shop")
    assert result.exit_code == FINE
    assert "mend" in result.output
    assert "unknown" in result.output
    assert run(facade_with(), "backlog", "--since", "soon").exit_code == WRONG_USAGE


@pytest.mark.parametrize(
    ("survey", "grade", "says"),
    [
        (SurveySigns(at=time.time() - 3600.0), "good", "1 known"),
        (SurveySigns(at=time.time() - 3 * 86_400.0), "unwise", "72 h ago"),
        (SurveySigns(at=time.time() - 60.0, could_not=("prom: gone",)), "unwise", "prom: gone"),
    ],
)
def test_the_doctor_says_where_it_was_not_looked(
    tmp_path: Path, survey: SurveySigns, grade: str, says: str
) -> None:
    facade = facade_with(SPOT)
    facade.view.surveys = {"survey": survey}
    (tmp_path / "homeostat.yaml").write_text("shipped_runbooks: false\n", encoding="utf-8")
    config = str(tmp_path / "homeostat.yaml")
    result = run(facade, "doctor", "--config", config, "--format", "json")
    (row,) = [one for one in json.loads(result.output) if one["what"] == "blind spots"]
    assert row["grade"] == grade
    assert says in row["found"]
