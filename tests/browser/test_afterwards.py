"""The pages that are read after an incident, in a real browser: narrow, hostile, without script."""

from __future__ import annotations

import pytest

from agent.model.incident import Page as Call
from agent.model.incident import State
from agent.model.learning import FollowUp, NearMissKind, NearMissRecord
from tests.browser.test_console import EVIL, browsing
from tests.support.facade import NOW, FakeFacade, burning

pytestmark = pytest.mark.browser


def facade() -> FakeFacade:
    found = FakeFacade()
    found.view.follow_ups = {
        "f-1": FollowUp(
            id="f-1", incident="i-1", product="shop", what=EVIL, owner=EVIL, due_at=NOW - 1,
            made_by=EVIL, made_at=NOW - 2,
        )
    }  # fmt: skip
    found.view.near_misses = {
        "k": NearMissRecord(
            incident="i-1", runbook=EVIL, kind=NearMissKind.SHADOW_WOULD_HARM, product="shop",
            at=NOW, would=EVIL,
        )
    }  # fmt: skip
    return found


async def test_hostile_names_stay_text_and_nothing_is_wider_than_a_phone() -> None:
    served = facade()
    async with browsing(served) as (page, url, complaints):
        call = Call(id="i-1/page/1/c", to=EVIL, channel=EVIL, at=NOW, text=EVIL)
        closed = burning(
            "i-1", title=EVIL, cause=EVIL, labels={"alertname": EVIL}, pages=(call,),
            state=State.RESOLVED, resolved_at=NOW, resolved_by=EVIL,
        )  # fmt: skip
        await served.add(closed)
        for path in ("/incidents/i-1/record", "/follow-ups", "/drivers"):
            await page.goto(url + path)
            assert EVIL in await page.inner_text("main")
            assert await page.evaluate("document.querySelectorAll('main img').length") == 0
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert complaints == []


async def test_the_markdown_can_be_copied_and_a_half_typed_follow_up_survives_news() -> None:
    served = FakeFacade()
    async with browsing(served) as (page, url, complaints):
        await served.add(burning("i-1"))
        await page.goto(f"{url}/incidents/i-1/record")
        assert (await page.input_value("textarea.copy")).startswith("# Preliminary record of i-1")
        await page.fill("input[name=what]", "half")
        served.tell("incident", "i-1")
        await page.wait_for_timeout(1000)
        assert await page.input_value("input[name=what]") == "half"
        assert complaints == []
