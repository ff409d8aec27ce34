"""Circuit breakers for people: which remedies are left alone, and letting one go again."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.core.matching import MatchIndex
from agent.interface.cli.main import app
from agent.interface.http.breakers_api import breaker_json
from agent.model.event import BreakerReset
from agent.model.incident import State
from agent.model.principal import Principal, Role
from agent.model.reason import Reason
from agent.model.records import Breaker
from agent.model.runbook import Match
from tests.support.cases import runbook
from tests.support.decisions import make_incident
from tests.support.facade import NOW, FakeAnswer, FakeFacade, FakePrincipals, everyone, running

KEY = "hung process.restart"


def breaker(**fields: Any) -> Breaker:
    told: dict[str, Any] = {
        "runbook": "hung",
        "use": "process.restart",
        "results": (True, False, False, False),
        "opened_at": NOW - 60,
        "opens": (NOW - 90_000, NOW - 60),
        **fields,
    }
    return Breaker(**told)


def facade_with(**breakers: Breaker) -> FakeFacade:
    facade = FakeFacade(principals=everyone())
    facade.view.breakers = {KEY: breaker(), **breakers}
    return facade


async def talk(url: str, monkeypatch: pytest.MonkeyPatch, token: str, *words: str) -> Result:
    monkeypatch.setenv("HOMEOSTAT_URL", url)
    monkeypatch.setenv("HOMEOSTAT_TOKEN", token)
    return await asyncio.to_thread(CliRunner().invoke, app, ["breakers", *words])


@pytest.mark.parametrize(
    ("fields", "state", "may_try"),
    [
        ({}, "open", "2026-05-28T20:55:40"),
        ({"opened_at": NOW - 1800}, "half_open", "2026-05-28T20:26:40"),
        ({"opened_at": None}, "closed", None),
        ({"locked": True}, "locked", None),
    ],
)
def test_where_it_stands_and_when_one_may_try(
    fields: dict[str, Any], state: str, may_try: str | None
) -> None:
    told = breaker_json(KEY, breaker(**fields), FakeFacade().view, now=NOW)
    assert (told["state"], (told["one_may_try_at"] or "")[:19] or None) == (state, may_try)
    assert told["results"] == ["held", "failed", "failed", "failed"]
    assert told["opened_within_a_day"] == 1


def test_who_has_the_one_try() -> None:
    facade = facade_with()
    half = breaker(opened_at=NOW - 1800, trying="i-7")
    assert breaker_json(KEY, half, facade.view, now=NOW)["trying"] is None, "it ended"
    facade.view.incidents = {"i-7": make_incident("i-7", state=State.ACTING)}
    assert breaker_json(KEY, half, facade.view, now=NOW)["trying"] == "i-7"


async def test_the_list_and_the_reset_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    facade = facade_with()
    async with running(facade) as (_, url):
        for said in ((), ("list",)):
            listed = await talk(url, monkeypatch, "viewer-token", *said)
            assert listed.exit_code == 0
            for word in ("hung", "process.restart", "open", "+---"):
                assert word in listed.output
        whole = await talk(url, monkeypatch, "viewer-token", "list", "--format", "json")
        assert '"key": "hung process.restart"' in whole.output
        words = ("reset", KEY, "--why", "image fixed")
        for token in ("viewer-token", "responder-token", "approver-token"):
            assert (await talk(url, monkeypatch, token, *words)).exit_code == 1
        assert facade.asked == []
        done = await talk(url, monkeypatch, "platform-token", *words)
        assert (done.exit_code, KEY in done.output) == (0, True)
        assert (await talk(url, monkeypatch, "platform-token", "reset", KEY)).exit_code == 2
        facade.answer = FakeAnswer(refused=Reason.MOVE_REFUSED, text="there is no breaker 'x'")
        unknown = await talk(url, monkeypatch, "platform-token", "reset", "x", "--why", "y")
        assert (unknown.exit_code, "no breaker 'x'" in unknown.output) == (1, True)
    asked = facade.asked[0]
    assert isinstance(asked, BreakerReset)
    assert (asked.subject, asked.who, asked.why) == (KEY, "the-platform", "image fixed")


async def test_nothing_was_tried_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    facade = facade_with()
    facade.view.breakers = {}
    async with running(facade) as (_, url):
        listed = await talk(url, monkeypatch, "viewer-token")
    assert "nothing was tried yet" in listed.output


async def test_the_local_person_may_reset_where_there_are_no_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facade = facade_with()
    facade.principals = None
    async with running(facade) as (_, url):
        done = await talk(url, monkeypatch, "", "reset", KEY, "--why", "looked at it")
    assert done.exit_code == 0
    assert [type(event) for event in facade.asked] == [BreakerReset]


async def test_whoever_is_limited_to_products_sees_those_of_their_runbooks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facade = facade_with(**{"mine process.stop": breaker(runbook="mine", use="process.stop")})
    mine = runbook("mine", match=Match(alert=("A",), product="pay"))
    other = runbook("hung", match=Match(alert=("B",), product="shop"))
    facade.view.runbooks = MatchIndex((mine, other))
    limited = Principal(
        name="p", roles=frozenset({Role.VIEWER}), products=frozenset({"pay"})
    )  # fmt: skip
    facade.principals = FakePrincipals({"t": limited})
    async with running(facade) as (_, url):
        listed = await talk(url, monkeypatch, "t")
    assert ("mine" in listed.output, "hung" in listed.output) == (True, False)
