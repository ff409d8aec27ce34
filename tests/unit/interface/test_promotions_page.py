"""The pages of what is learned."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from agent.core.backtest import Agreement
from agent.interface.console.learning_pictures import agreement_picture, recovery_picture
from agent.model.event import PromotionAnswered, PromotionDecided
from agent.model.learning import Ask, Backtested, Delivered, Harm, Promotion, PromotionState
from agent.model.principal import Principal, Role
from agent.model.reason import Reason
from tests.support.caller import Caller, calling
from tests.support.facade import NOW, FakePrincipals, everyone, running
from tests.support.proposing import (
    NAME,
    THREE,
    Proposing,
    asking,
    learned,
    proposal,
    renamed,
    resolution,
)

PATH = f"/promotions/{NAME}"
HTML = {"Accept": "text/html"}
EVIL = "<script>alert(1)</script>'\"{{7*7}}</pre></svg><img src=x onerror=alert(2)>"


@asynccontextmanager
async def looking(token: str, *promotions: Promotion) -> AsyncIterator[tuple[Proposing, Caller]]:
    ann = Principal(name="ann", roles=frozenset({Role.APPROVER, Role.VIEWER}))
    facade = Proposing(principals=FakePrincipals({**everyone().tokens, "ann-token": ann}))
    learned(facade.view, *(promotions or (proposal(),)))
    async with running(facade) as (_, url), calling(url, token=token) as caller:
        yield facade, caller


async def page(token: str, *promotions: Promotion, path: str = PATH) -> str:
    async with looking(token, *promotions) as (_, caller):
        reply = await caller.get(path, headers=HTML)
        assert reply.status == 200
        return reply.text


async def test_the_list_leads_to_a_page_for_each() -> None:
    refused = proposal(
        state=PromotionState.REFUSED,
        reason=Reason.RESOLVED_WITHOUT_ACT,
        reason_text="i-8 went away by itself",
        document={},
        backtest=None,
    )
    text = await page("viewer-token", asking(), renamed(refused, "no"), path="/promotions")
    assert f'href="{PATH}"' in text
    assert "1 to answer" in text
    assert "i-8 went away by itself" in text
    assert "harm in 2" in text


async def test_the_page_shows_the_incidents_the_contrast_and_the_back_test() -> None:
    text = await page("viewer-token")
    for one in (*THREE, "i-8", "i-9"):
        assert f'href="/incidents/{one}"' in text
    assert "from <code>entity.name</code>" in text
    assert "findings.status.leaks == true" in text
    assert 'class="recoveries"' in text
    assert 'class="agreement"' in text
    assert "would <b>process.restart on web</b>; people: <b>nothing</b>" in text
    assert "and 1 more" in text
    assert f'hx-get="{PATH}?fragment=1"' in text


async def test_a_refused_one_shows_why_and_no_button() -> None:
    refused = proposal(
        state=PromotionState.REFUSED, reason=Reason.RESOLVED_WITHOUT_ACT, document={}, backtest=None
    )
    text = await page("admin-token", refused)
    assert "went away with nothing done" in text
    assert 'action="/promotions' not in text


async def test_the_resolver_is_refused_with_the_reason() -> None:
    """F-RB-14, F-SEC-24, F-SEC-28: the buttons are off and say why; pressed all the same, the page
    says it."""
    async with looking("ann-token") as (facade, caller):
        text = (await caller.get(PATH, headers=HTML)).text
        buttons = re.findall(r"<button[^>]*>(?:Approve as \w+|Reject)</button>", text)
        assert len(buttons) == 3
        assert all(" disabled" in button for button in buttons)
        assert len(re.findall(r"<li><small>Not [a-z, ]+: [^<]*ann", text)) == 1
        for wish in ("approve", "reject"):
            reply = await caller.post(f"{PATH}/{wish}", data={"state": "assisted"})
            assert reply.status == 403
            assert re.search(r'role="alert">[^<]*ann', reply.text)
        assert facade.view.promotions[NAME] == proposal()


async def test_somebody_else_decides_with_a_button() -> None:
    async with looking("approver-token") as (facade, caller):
        text = (await caller.get(PATH, headers=HTML)).text
        assert '<button name="state" value="assisted" class="primary">' in text
        form = {"state": "assisted", "why": "good"}
        reply = await caller.post(f"{PATH}/approve", data=form)
        assert (reply.status, reply.headers["Location"]) == (303, PATH)
        assert (await caller.post(f"{PATH}/approve", data={"state": "x"})).status == 404
        assert "approved by the-approver" in (await caller.get(PATH, headers=HTML)).text
    (asked,) = facade.asked
    assert isinstance(asked, PromotionDecided)
    assert (asked.subject, asked.state, asked.why) == (NAME, "assisted", "good")


@pytest.mark.parametrize(
    ("value", "status", "read"),
    [
        ("10", 303, 10),
        ("ten", 400, None),
        ('"\\ud800"', 400, None),
        ("NaN", 400, None),
        ("1e999", 400, None),
        ("[[1]]", 400, None),
        ("9" * 400, 400, None),
    ],
)
async def test_what_it_asks_is_answered_as_it_was_before(
    value: str, status: int, read: int | None
) -> None:
    async with looking("responder-token", asking()) as (facade, caller):
        assert 'value="step-1.grace"' in (await caller.get(PATH, headers=HTML)).text
        form = {"param": "step-1.grace", "value": value}
        assert (await caller.post(f"{PATH}/answer", data=form)).status == status
    answers = [e.answer for e in facade.asked if isinstance(e, PromotionAnswered)]
    assert answers == ([read] if read is not None else [])


async def test_text_is_answered_as_text() -> None:
    one = proposal(asks=(Ask(step="s", param="zone", seen=("a", "b")),))
    async with looking("responder-token", one) as (facade, caller):
        await caller.post(f"{PATH}/answer", data={"param": "s.zone", "value": "10"})
    (asked,) = facade.asked
    assert isinstance(asked, PromotionAnswered)
    assert asked.answer == "10"


async def test_whoever_may_not_answer_sees_who_does() -> None:
    text = await page("approver-token", asking())
    assert "Somebody with the role responder answers it" in text
    assert "/answer" not in text


def hostile() -> Promotion:
    return proposal(
        state=PromotionState.PROPOSED,
        product=EVIL,
        products=(EVIL,),
        alertname=EVIL,
        incidents=("i-1", EVIL),
        contrast=(EVIL,),
        resolvers=(EVIL,),
        document={"about": {"meaning": EVIL}},
        separated_by=EVIL,
        asks=(Ask(step=EVIL, param=EVIL, seen=(EVIL,)),),
        reason_text=EVIL,
        faults=(EVIL,),
        backtest=Backtested(
            at=NOW, incidents=1, matched=1, would_act=1, agreed=0,
            agreement={EVIL: 1}, harm=(Harm(incident=EVIL, at=NOW, would=EVIL, people=EVIL),),
        ),
        not_clean=(EVIL,),
        decider=EVIL,
        decider_why=EVIL,
        approvals=(EVIL,),
        decided_by=EVIL,
        decided_at=NOW,
        why=EVIL,
        delivered=Delivered(path=EVIL, at=NOW, branch=EVIL, commit=EVIL, error=EVIL),
        replaces="old",
    )  # fmt: skip


@pytest.mark.parametrize("path", [PATH, "/promotions"])
async def test_text_of_a_proposal_stays_text(path: str) -> None:
    """F-SEC-09: whatever resolvers, labels and products are called."""
    async with looking("admin-token", hostile(), renamed(proposal(), "old")) as (facade, caller):
        known = {**facade.view.resolutions}
        known["i-1"] = resolution("i-1", cause=EVIL, who=EVIL, credit_why=EVIL)
        known[EVIL] = resolution("i-2", product=None, cause=EVIL)
        facade.view.resolutions = known
        text = (await caller.get(path, headers=HTML)).text
    assert "&lt;script&gt;" in text
    assert "<script>alert" not in text
    assert "<img" not in text.replace('<img src="/static/mark.svg"', "")
    assert "49" not in re.sub(r"\d{3,}", "", "".join(re.findall(r"alert\(1\).{0,40}", text)))


def test_pictures_are_of_what_is_known() -> None:
    facade = Proposing()
    learned(facade.view, proposal())
    drawn = recovery_picture([{"id": "i-1"}, {"id": "i-8"}, {"id": "gone"}], facade.view)
    assert drawn.count('class="act"') == 1
    assert drawn.count('class="burning"') == 2
    assert "i-1: over after 5.67 min, 40 s after the last act" in drawn
    assert recovery_picture([{"id": "gone"}], facade.view) == ""
    table = agreement_picture({"agreement": {"yes": 4, "no": 1, "nobody": 2}})
    assert table.count('class="good"') == 1
    assert table.count('class="harm"') == 1
    assert "people did nothing: 2" in table
    assert agreement_picture({"agreement": {}}).count("<circle") == 0


@pytest.mark.parametrize("kind", list(Agreement))
def test_the_picture_shows_every_word_the_back_test_counts_by(kind: Agreement) -> None:
    assert agreement_picture({"agreement": {kind.value: 3}}).count("<circle") == 1
