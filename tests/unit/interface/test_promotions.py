"""Proposals over the API: what is shown of them, to whom, and who decides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from agent.interface.http.promotions_api import promotions_for
from agent.interface.proposals import diff_of, may_decide
from agent.model.event import PromotionAnswered, PromotionDecided
from agent.model.learning import Promotion, PromotionState
from agent.model.principal import Principal, Role
from agent.model.reason import Reason
from tests.support.caller import Caller, calling
from tests.support.facade import NOW, FakePrincipals, everyone, running
from tests.support.proposing import (
    DOCUMENT,
    NAME,
    Proposing,
    asking,
    learned,
    proposal,
    renamed,
)

PATH = f"/api/v1/promotions/{NAME}"


def people() -> FakePrincipals:
    """Everyone, and ann, who resolved one of the incidents and may approve others."""
    ann = Principal(name="ann", roles=frozenset({Role.RESPONDER, Role.APPROVER}))
    return FakePrincipals({**everyone().tokens, "ann-token": ann})


@asynccontextmanager
async def serving(token: str, *promotions: Promotion) -> AsyncIterator[tuple[Proposing, Caller]]:
    facade = Proposing(principals=people())
    learned(facade.view, *(promotions or (proposal(),)))
    async with running(facade) as (_, url), calling(url, token=token) as caller:
        yield facade, caller


async def shown(token: str, *promotions: Promotion) -> Any:
    async with serving(token, *promotions) as (_, caller):
        return (await caller.get(PATH)).json()


async def test_a_proposal_is_shown_with_what_speaks_for_and_against_it() -> None:
    found = await shown("viewer-token")
    assert "alert: Slow" in found["yaml"]
    first = found["incidents_detail"][0]
    assert (first["id"], first["who"], first["seconds_to_clear"]) == ("i-1", "bob", 40.0)
    assert first["deeds"][0]["use"] == "process.restart"
    assert first["deeds"][0]["origins"] == {"target": ["entity.name"]}
    assert [c["credit"] for c in found["contrast_detail"]] == ["nothing_done", "too_late"]
    assert found["backtest"]["harm"][0]["people"] == "nothing"
    assert found["proposed_at"].endswith("Z")
    assert found["may_decide"] == ["the-approver"]
    assert found["may_not_decide"] == ["ann", "bob"]


async def test_the_resolver_is_refused_with_the_reason() -> None:
    """F-RB-14, F-SEC-24, F-SEC-28: over the API; nothing is decided, and the words are those that
    were shown beforehand."""
    async with serving("ann-token") as (facade, caller):
        before = (await caller.get(PATH)).json()["may_approve"]
        for wish in ("approve", "reject"):
            reply = await caller.post(f"{PATH}/{wish}", json={"why": "it is mine"})
            assert reply.status == 403
            assert reply.json()["reason"] == Reason.NOT_ALLOWED
            assert reply.json()["remedy"] == before["states"]["assisted"]
        assert "ann" in before["why"]
        assert not before["ok"]
        assert facade.view.promotions[NAME] == proposal()


async def test_somebody_else_approves() -> None:
    async with serving("approver-token") as (facade, caller):
        assert (await caller.get(PATH)).json()["may_approve"]["ok"]
        body = {"state": "assisted", "why": "three of three"}
        reply = await caller.post(f"{PATH}/approve", json=body)
        assert (reply.status, reply.json()["decided_by"]) == (200, "the-approver")
    (asked,) = facade.asked
    assert isinstance(asked, PromotionDecided)
    assert (asked.state, asked.why, asked.is_platform) == ("assisted", "three of three", False)


@pytest.mark.parametrize(
    ("token", "is_platform"),
    [("admin-token", True), ("approver-token", False), ("shop-platform-token", False)],
)
async def test_who_is_of_the_platform_is_proven_at_the_door(token: str, is_platform: bool) -> None:
    """Somebody limited to products is none of it, whatever the role."""
    async with serving(token) as (facade, caller):
        assert facade.principals is not None
        limited = Principal(
            name="p",
            roles=frozenset({Role.PLATFORM, Role.APPROVER}),
            products=frozenset({"shop"}),
        )
        facade.principals.tokens = {**facade.principals.tokens, "shop-platform-token": limited}
        await caller.post(f"{PATH}/reject", json={"why": "no"})
    (asked,) = facade.asked
    assert isinstance(asked, PromotionDecided)
    assert asked.is_platform is is_platform


async def test_wrong_words_are_400_and_unknown_names_404() -> None:
    async with serving("admin-token") as (facade, caller):
        assert (await caller.post(f"{PATH}/approve", json={"state": "retired"})).status == 400
        assert (await caller.post(f"{PATH}/approve", json={"stat": "active"})).status == 400
        assert (await caller.post("/api/v1/promotions/x/approve")).status == 404
        assert (await caller.get("/api/v1/promotions/x")).status == 404
    assert facade.asked == []


async def test_whoever_only_looks_is_told_that_before() -> None:
    found = await shown("viewer-token")
    assert "not approver" in found["may_approve"]["why"]


@pytest.mark.parametrize(
    ("token", "names"),
    [
        ("viewer-token", ["all", NAME, "nobodys", "pays"]),
        ("pay-viewer-token", ["pays"]),
    ],
)
async def test_people_of_a_product_see_what_is_proposed_for_it_alone(
    token: str, names: list[str]
) -> None:
    given = (
        proposal(),
        renamed(proposal(product="pay", products=("pay",)), "pays"),
        renamed(proposal(product=None, products=("pay", "shop")), "all"),
        renamed(proposal(product=None, products=()), "nobodys"),
    )
    async with serving(token, *given) as (_, caller):
        listed = (await caller.get("/api/v1/promotions")).json()
        assert sorted(p["name"] for p in listed) == sorted(names)
        for one in given:
            status = (await caller.get(f"/api/v1/promotions/{one.name}")).status
            assert status == (200 if one.name in names else 404)


async def test_incidents_of_other_products_are_left_out_and_counted() -> None:
    """F-SEC-11: neither in the contrast, nor in the harm, nor in the reason."""
    one = proposal(
        product="pay",
        products=("pay",),
        reason=Reason.RESOLVED_WITHOUT_ACT,
        reason_text="i-8 went away by itself",
    )
    found = await shown("pay-viewer-token", one)
    assert found["contrast"] == ["i-9"]
    assert found["contrast_hidden"] == 1
    assert found["backtest"]["harm"] == []
    assert found["backtest"]["harm_count"] == 2
    assert "i-8" not in str(found)


async def test_tests_made_of_incidents_of_other_products_are_left_out_and_counted() -> None:
    """F-SEC-11: they hold labels and findings; neither in the text, nor in the difference."""
    tests = [
        {"name": f"left to people as {i}", "given": {"alert": {"labels": {"host": f"at-{i}"}}}}
        for i in ("i-1", "i-8", "i-9")
    ]
    before = renamed(proposal(product="pay", products=("pay",)), "before")
    one = proposal(
        product="pay",
        products=("pay",),
        document={**DOCUMENT, "tests": tests},
        replaces="before",
    )
    found = await shown("pay-viewer-token", one, before)
    assert found["tests_hidden"] == 1
    assert "at-i-8" not in str(found)
    assert "at-i-9" in found["yaml"]
    assert "at-i-9" in found["diff"]
    seen = await shown("viewer-token", one, before)
    assert (seen["tests_hidden"], "at-i-8" in seen["yaml"]) == (0, True)


async def test_a_sentence_about_a_proposal_names_no_incident_of_other_products() -> None:
    """F-SEC-11: neither what drives the calls, nor what would be absorbed, says more."""
    told = {"reason": Reason.RESOLVED_WITHOUT_ACT, "reason_text": "i-8 went away by itself"}
    one = proposal(product="pay", products=("pay",), state=PromotionState.REFUSED, **told)
    several = renamed(proposal(product=None, products=("pay", "shop")), "several")
    async with serving("viewer-token", one, several) as (facade, _):
        pay = everyone().tokens["pay-viewer-token"]
        (found,) = promotions_for(facade.view, pay)
        assert (found.name, found.reason_text) == (NAME, "")
        every = promotions_for(facade.view, everyone().tokens["viewer-token"])
        assert {p.name: p.reason_text for p in every}[NAME] == "i-8 went away by itself"
        assert len(every) == 2


async def test_of_very_many_those_that_wait_for_somebody_are_listed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("agent.interface.http.promotions_api.MOST_LISTED", 3)
    refused = [
        renamed(proposal(state=PromotionState.REFUSED, proposed_at=NOW - n), f"r-{n}")
        for n in range(5)
    ]
    async with serving("viewer-token", *refused, proposal(proposed_at=NOW - 99)) as (_, caller):
        listed = (await caller.get("/api/v1/promotions")).json()
        assert [p["name"] for p in listed] == ["r-0", "r-1", NAME]
        assert "3 of 6" in (await caller.get("/promotions")).text


async def test_an_incident_that_is_not_kept_is_named_all_the_same() -> None:
    found = await shown("viewer-token", proposal(incidents=("i-1", "gone")))
    assert found["incidents_detail"][1] == {"id": "gone", "is_known": False}


async def test_what_it_asks_is_answered_by_a_responder() -> None:
    async with serving("responder-token", asking()) as (facade, caller):
        assert (await caller.get(PATH)).json()["unanswered"] == ["step-1.grace"]
        body = {"param": "step-1.grace", "value": 10}
        assert (await caller.post(f"{PATH}/answer", json=body)).status == 200
    (asked,) = facade.asked
    assert isinstance(asked, PromotionAnswered)
    assert (asked.subject, asked.param, asked.answer, asked.who) == (
        NAME,
        "step-1.grace",
        10,
        "the-responder",
    )


@pytest.mark.parametrize(
    "body",
    [
        {"param": "step-1.grave", "value": 10},
        {"param": "step-1.grace"},
        {"param": "step-1.grace", "value": "x" * 5000},
        {},
    ],
)
async def test_an_answer_that_makes_no_sense_is_400(body: dict[str, Any]) -> None:
    async with serving("responder-token", asking()) as (facade, caller):
        assert (await caller.post(f"{PATH}/answer", json=body)).status == 400
    assert facade.asked == []


async def test_whoever_only_approves_answers_nothing() -> None:
    async with serving("approver-token", asking()) as (facade, caller):
        body = {"param": "step-1.grace", "value": 10}
        assert (await caller.post(f"{PATH}/answer", json=body)).status == 403
    assert facade.asked == []


def test_the_diff_is_against_what_it_replaces() -> None:
    facade = Proposing()
    old = renamed(proposal(), "old")
    document = {**old.document, "metadata": {"name": NAME, "tier": "medium"}}
    new = proposal(replaces="old", document=document)
    learned(facade.view, old, new)
    text = diff_of(new, facade.view)
    assert "--- old.yaml" in text
    assert "+metadata: {name: learned-slow, tier: medium}" in text
    assert diff_of(old, facade.view) == ""


def test_who_may_decide_is_not_known_where_people_are_not_told_apart() -> None:
    facade = Proposing()
    learned(facade.view, proposal())
    facade.view = msgspec.structs.replace(facade.view, approvers=None)
    assert may_decide(proposal(), facade.view) is None


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, ["eve", "olga", "paul"]),
        ({"decider": "platform"}, ["olga"]),
        ({"product": None, "products": ("pay", "shop")}, ["olga", "paul"]),
        ({"product": None, "products": ()}, ["olga"]),
        ({"product": "till", "products": ("till",)}, []),
    ],
)
def test_who_may_decide(fields: dict[str, Any], names: list[str]) -> None:
    """Nobody who resolved; of several products only who may approve for each; for the platform
    only who is not limited to products."""
    facade = Proposing()
    learned(facade.view, proposal(**fields))
    facade.view.approvers = {
        "shop": frozenset({"ann", "eve", "olga", "paul"}),
        "pay": frozenset({"olga", "paul"}),
        "": frozenset({"olga"}),
    }
    assert may_decide(proposal(**fields), facade.view) == names


@pytest.mark.parametrize(("decider", "names"), [("team-shop", ["the-approver"]), ("platform", [])])
async def test_only_who_is_of_the_platform_may_decide_what_the_platform_decides(
    decider: str, names: list[str]
) -> None:
    """What is shown beforehand is what is answered to a wish: an approver alone is refused."""
    async with serving("viewer-token", proposal(decider=decider)) as (facade, caller):
        facade.view.approvers = {
            "shop": frozenset({"the-approver"}),
            "": frozenset({"the-approver"}),
        }
        assert (await caller.get(PATH)).json()["may_decide"] == names
        facade.view.approvers = {p: frozenset({"the-admin"}) for p in ("shop", "")}
        assert (await caller.get(PATH)).json()["may_decide"] == ["the-admin"]
