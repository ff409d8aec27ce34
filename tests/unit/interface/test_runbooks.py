"""Runbooks for people: how they stand, why one is out of service, and letting it run again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.core.matching import MatchIndex
from agent.interface.cli.main import app
from agent.model.effect import Verdict
from agent.model.event import StandingAsked
from agent.model.learning import Agreement, Standing
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Match
from tests.support.caller import calling
from tests.support.cases import runbook
from tests.support.facade import NOW, FakeAnswer, FakeFacade, burning, everyone, running
from tests.support.standings import trial

HTML = {"Accept": "text/html"}
OUT = Standing(
    runbook="hung",
    trials=(
        trial(1),
        trial(2, verdict=Verdict.FAILED, is_rung=True),
        trial(3, verdict=Verdict.FAILED),
    ),
    suspended_at=NOW - 60,
    reason=Reason.RUNS_FAIL,
    why="2 of its latest 5 runs <b>failed</b>",
    brings_back="find out why, then: homeostat runbooks resume hung --why ...",
)
LEARNING = Standing(
    runbook="young", trials=tuple(trial(n, digest="digest-young") for n in range(1, 8))
)


def facade_with(**fields: Any) -> FakeFacade:
    facade = FakeFacade(principals=everyone(), **fields)
    facade.view.runbooks = MatchIndex(
        [
            runbook("hung", match=Match(alert=("Hung",), product="pay"), owner="team-pay"),
            runbook("young", alert="Slow", lifecycle=Lifecycle.ASSISTED, review_by="2026-12-31"),
            runbook("settled", alert="Full"),
        ]
    )
    facade.view.standings = {"hung": OUT, "young": LEARNING}
    return facade


async def talk(url: str, monkeypatch: pytest.MonkeyPatch, token: str, *words: str) -> Result:
    monkeypatch.setenv("HOMEOSTAT_URL", url)
    monkeypatch.setenv("HOMEOSTAT_TOKEN", token)
    return await asyncio.to_thread(CliRunner().invoke, app, ["runbooks", *words])


async def said(monkeypatch: pytest.MonkeyPatch, *words: str, token: str = "admin-token") -> Result:
    async with running(facade_with()) as (_, url):
        return await talk(url, monkeypatch, token, *words)


async def got(path: str, token: str = "admin-token") -> Any:
    async with running(facade_with()) as (_, url), calling(url, token=token) as caller:
        reply = await caller.get(path)
        assert reply.status == 200, reply.text
        return json.loads(reply.text)


# HTTP


async def test_the_list_says_what_is_in_force_beside_what_the_file_says() -> None:
    told = {r["name"]: r for r in await got("/api/v1/runbooks")}
    hung, young = told["hung"], told["young"]
    assert (hung["state"], hung["standing"]["state"]) == ("active", "suspended")
    assert hung["standing"]["suspended"]["reason"] == "runs_fail"
    assert hung["standing"]["runs"] == ["held", "bad"], "a rung of a ladder is no run"
    trials = young["standing"]["trials"]
    assert (trials["good"], trials["of"], trials["needed"]) == (7, 7, 20)
    assert young["standing"]["suspended"] is None
    assert told["settled"]["standing"]["trials"]["of"] == 0


async def test_whose_incidents_it_ran_in_is_told_to_their_people_only() -> None:
    """F-SEC-11: a runbook for everybody says nothing of what happens to others."""
    facade = facade_with()
    trials = (trial(1, incident="i-1", by="ann"), trial(2, incident="i-2", by="bob"))
    facade.view.runbooks = MatchIndex([runbook("settled", alert="Full", owner="platform")])
    facade.view.standings = {"settled": Standing(runbook="settled", trials=trials)}
    async with running(facade) as (_, url):
        await facade.add(burning("i-1", product="pay"))
        await facade.add(burning("i-2", product="shop"))
        found = {}
        for token in ("viewer-token", "pay-viewer-token"):
            async with calling(url, token=token) as caller:
                told = (await caller.get("/api/v1/runbooks/settled")).json()["trials"]
                found[token] = [(t["incident"], t["by"]) for t in told]
    assert found["viewer-token"] == [("i-2", "bob"), ("i-1", "ann")]
    assert found["pay-viewer-token"] == [("", None), ("i-1", "ann")]


async def test_one_runbook_shows_its_trials_and_which_of_them_count() -> None:
    told = await got("/api/v1/runbooks/hung")
    assert [(t["incident"], t["verdict"], t["is_rung"]) for t in told["trials"]] == [
        ("i-3", "failed", False),
        ("i-2", "failed", True),
        ("i-1", "held", False),
    ]
    assert not any(t["counts"] for t in told["trials"]), "the latest did harm"
    young = await got("/api/v1/runbooks/young")
    assert all(t["counts"] for t in young["trials"])


async def test_a_runbook_that_is_not_there_names_the_nearest() -> None:
    async with running(facade_with()) as (_, url), calling(url, token="admin-token") as caller:
        reply = await caller.get("/api/v1/runbooks/yuong")
    assert reply.status == 404
    assert "did you mean young?" in reply.text


@pytest.mark.parametrize(
    ("token", "name", "status"),
    [
        ("approver-token", "hung", 200),
        ("platform-token", "hung", 200),
        ("pay-approver-token", "hung", 200),
        ("pay-approver-token", "young", 404),
        ("responder-token", "hung", 403),
        ("viewer-token", "hung", 403),
        ("sender-token", "hung", 403),
    ],
)
async def test_its_products_approvers_and_the_platform_let_it_run_again(
    token: str, name: str, status: int
) -> None:
    facade = facade_with()
    async with running(facade) as (_, url), calling(url, token=token) as caller:
        reply = await caller.post(f"/api/v1/runbooks/{name}/resume", json={"why": "mended"})
    assert reply.status == status, reply.text
    assert bool(facade.asked) is (status == 200)


async def test_what_is_said_is_asked_of_the_core_as_it_was_said() -> None:
    facade = facade_with()
    async with running(facade) as (_, url), calling(url, token="approver-token") as caller:
        await caller.post("/api/v1/runbooks/settled/suspend", json={"why": " it moved "})
    (event,) = facade.asked
    assert event == StandingAsked(
        at=NOW, subject="runbook:settled", who="the-approver", suspend=True, why="it moved"
    )


@pytest.mark.parametrize("wish", ["suspend", "resume"])
async def test_nothing_is_done_without_a_reason(wish: str) -> None:
    facade = facade_with()
    async with running(facade) as (_, url), calling(url, token="admin-token") as caller:
        reply = await caller.post(f"/api/v1/runbooks/hung/{wish}", json={"why": "  "})
    assert reply.status == 400
    assert "no reason is given" in reply.text
    assert facade.asked == []


# the command line


async def test_the_list_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await said(monkeypatch)
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.output.splitlines()}
    assert "suspended (active by its file)" in lines["hung"]
    assert "+-" in lines["hung"]
    assert "2 of its latest 5 runs" in lines["hung"]
    assert "7 of 7, 20 needed" in lines["young"]


async def test_one_shows_why_and_what_brings_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await said(monkeypatch, "show", "hung")
    assert result.exit_code == 0
    assert "what brings it back" in result.output
    assert "homeostat runbooks resume hung" in result.output
    assert "failed, another plan followed (does not count)" in result.output


async def test_json_is_what_the_daemon_said(monkeypatch: pytest.MonkeyPatch) -> None:
    result = await said(monkeypatch, "show", "young", "--format", "json")
    assert json.loads(result.output)["standing"]["trials"]["told"] == (
        "7 of 7 trials are good; tier low needs 20 of 20"
    )


async def test_shadow_trials_are_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    facade = facade_with()
    looked = trial(1, agreement=Agreement.OTHER_ACT, verdict=None, digest="digest-settled")
    facade.view.standings = {"settled": Standing(runbook="settled", trials=(looked,))}
    async with running(facade) as (_, url):
        result = await talk(url, monkeypatch, "admin-token", "show", "settled")
    assert "other act (does not count)" in result.output


@pytest.mark.parametrize("wish", ["suspend", "resume"])
async def test_a_word_about_it_goes_to_the_daemon(
    monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    result = await said(monkeypatch, wish, "hung", "--why", "mended")
    assert (result.exit_code, result.output.split(":")[0]) == (0, "hung")
    refused = await said(monkeypatch, wish, "hung", "--why", "mended", token="viewer-token")
    assert refused.exit_code == 1
    unsaid = await said(monkeypatch, wish, "hung", "--why", " ")
    assert unsaid.exit_code == 2
    assert (await said(monkeypatch, wish, "hung")).exit_code == 2


# the console


async def page(facade: FakeFacade, token: str = "admin-token") -> str:
    async with running(facade) as (_, url), calling(url, token=token) as caller:
        reply = await caller.get("/runbooks", headers=HTML)
        assert reply.status == 200, reply.text
        return reply.text


async def test_the_page_says_why_it_is_out_and_what_brings_it_back() -> None:
    text = await page(facade_with())
    assert text.index('id="r-hung"') < text.index('id="r-young"') < text.index('id="r-settled"')
    assert "Out of service since" in text
    assert "2 of its latest 5 runs &lt;b&gt;failed" in text, "words of others are only words"
    assert "What brings it back: find out why" in text
    assert '<meter min="0" max="20" value="7">' in text
    assert 'action="/runbooks/hung/resume"' in text
    assert 'action="/runbooks/settled/suspend"' in text


async def test_who_may_not_sees_no_button() -> None:
    text = await page(facade_with(), token="viewer-token")
    assert "Out of service since" in text
    assert "/resume" not in text
    assert "/suspend" not in text


async def test_a_form_lets_it_run_again_and_says_so_where_that_is_refused() -> None:
    facade = facade_with()
    async with running(facade) as (_, url), calling(url, token="admin-token") as caller:
        done = await caller.post(
            "/runbooks/hung/resume", data="why=mended", headers={"Origin": url}
        )
        empty = await caller.post("/runbooks/hung/resume", data="why=", headers={"Origin": url})
        facade.answer = FakeAnswer(refused=Reason.MOVE_REFUSED, text="hung is not suspended")
        refused = await caller.post(
            "/runbooks/hung/resume", data="why=again", headers={"Origin": url}
        )
    assert done.status in (200, 303)
    assert [e.why for e in facade.asked if isinstance(e, StandingAsked)] == ["mended", "again"]
    assert (empty.status, "no reason is given" in empty.text) == (400, True)
    assert (refused.status, "hung is not suspended" in refused.text) == (409, True)
