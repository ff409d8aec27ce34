"""`homeostat promotions`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.model.event import PromotionAnswered, PromotionDecided
from agent.model.learning import Delivered, Promotion, PromotionState
from agent.model.principal import Principal, Role
from agent.model.reason import Reason
from tests.support.commands import talk
from tests.support.facade import NOW, FakePrincipals, everyone, running
from tests.support.proposing import NAME, Proposing, asking, learned, proposal, renamed


@asynccontextmanager
async def serving(
    monkeypatch: pytest.MonkeyPatch, token: str, *promotions: Promotion
) -> AsyncIterator[tuple[Proposing, str]]:
    ann = Principal(name="ann", roles=frozenset({Role.APPROVER, Role.VIEWER}))
    facade = Proposing(principals=FakePrincipals({**everyone().tokens, "ann-token": ann}))
    learned(facade.view, *(promotions or (proposal(),)))
    monkeypatch.setenv("HOMEOSTAT_TOKEN", token)
    async with running(facade) as (_, url):
        monkeypatch.setenv("HOMEOSTAT_URL", url)
        yield facade, url


async def test_the_list_says_who_decides_and_what_speaks_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    refused = proposal(
        state=PromotionState.REFUSED,
        reason=Reason.RESOLUTIONS_CONTRADICT,
        reason_text="i-8 differs",
    )
    async with serving(monkeypatch, "viewer-token", asking(), renamed(refused, "no")) as _:
        listed = await talk("promotions")
        as_json = await talk("promotions", "list", "--format", "json")
    assert "team-shop" in listed.output
    assert "3 incidents, 5 of 9 agree, 2 harm, 1 to answer" in listed.output
    assert "i-8 differs" in listed.output
    assert {p["name"] for p in json.loads(as_json.output)} == {NAME, "no"}


async def test_nothing_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch, "viewer-token") as (facade, _):
        facade.view.promotions = {}
        assert (await talk("promotions")).output == "nothing is proposed\n"


async def test_one_is_shown_with_all_that_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    delivered = Delivered(path="/srv/x.yaml", at=NOW, branch="b", commit="9f2c1d0", error="no push")
    old = renamed(proposal(document={"metadata": {"name": "old"}}), "old")
    new = asking(replaces="old", delivered=delivered)
    async with serving(monkeypatch, "viewer-token", old, new) as _:
        told = (await talk("promotions", "show", NAME)).output
    for words in (
        "decided by    team-shop (it builds shop), 1 person",
        "may decide    the-approver",
        "may not       ann, bob (resolved its incidents)",
        "you, assisted: the-viewer is not approver",
        "step-1.grace: to answer (it was 5, 10, 30)",
        "i-1  2026-05-27T20:26  bob: process.restart on web; gone after 40 s (credited)",
        "i-8  2026-05-20T20:26  nobody: nothing was done; (nothing done)",
        "condition    findings.status.leaks == true",
        "0.0004 that recoveries came so soon",
        "9 of 120 incidents match, it would act in 7, as people did in 5",
        "harm: i-8 would process.restart on web, people: nothing",
        "harm: 1 more",
        "the back-test found harm in 2 incidents",
        "branch b, commit 9f2c1d0",
        "could not be delivered: no push",
        "--- old.yaml",
        "match: {alert: Slow, product: shop}",
    ):
        assert words in told, words


async def test_text_of_a_proposal_stays_on_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """F-SEC-09: whatever stands in a name, a cause or the runbook."""
    evil = "\x1b[2J\nevil"
    document = {"about": {"meaning": evil}}
    bad = proposal(document=document, why=evil, decided_by=evil, faults=(evil,), not_clean=(evil,))
    async with serving(monkeypatch, "viewer-token", bad) as _:
        told = (await talk("promotions", "show", NAME)).output
    assert "\x1b" not in told
    assert not any(line.startswith("evil") for line in told.splitlines())


@pytest.mark.parametrize("words", [("approve", "--state", "active"), ("reject", "--why", "mine")])
async def test_the_resolver_is_refused_with_the_reason(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """F-RB-14, F-SEC-24, F-SEC-28: on the command line, with exit code 1."""
    wish, *more = words
    async with serving(monkeypatch, "ann-token") as (facade, _):
        refused = await talk("promotions", wish, NAME, *more)
        assert facade.view.promotions[NAME] == proposal()
    assert refused.exit_code == 1
    assert "ann" in refused.output


async def test_somebody_else_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch, "approver-token") as (facade, _):
        words = ("promotions", "approve", NAME, "--state", "assisted", "--why", "good")
        done = await talk(*words)
    assert (done.exit_code, done.output) == (0, f"{NAME}: approved (assisted)\n")
    (asked,) = facade.asked
    assert isinstance(asked, PromotionDecided)
    assert (asked.state, asked.who, asked.why) == ("assisted", "the-approver", "good")


async def test_what_it_asks_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(monkeypatch, "responder-token", asking()) as (facade, _):
        done = await talk("promotions", "answer", NAME, "step-1.grace:=10")
        assert done.exit_code == 0, done.output
        assert (await talk("promotions", "answer", NAME, "step-1.grace")).exit_code == 2
        other = await talk("promotions", "answer", NAME, "step-1.grave=x")
    assert (other.exit_code, "step-1.grace" in other.output) == (2, True)
    (asked,) = facade.asked
    assert isinstance(asked, PromotionAnswered)
    assert (asked.param, asked.answer) == ("step-1.grace", 10)
