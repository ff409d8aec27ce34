"""The page of blind spots: by owner with remedy, what could not be looked at, the button to look
now, and what signals cost with the unknown said as unknown."""

from __future__ import annotations

import re

import pytest

from agent.interface.console.blindspots_page import by_product
from agent.model.errors import StoreUnavailable
from tests.support.caller import calling
from tests.support.facade import FakeFacade, everyone, running
from tests.support.signals_shown import show


def shown() -> FakeFacade:
    facade = FakeFacade(principals=everyone())
    show(facade.view)
    return facade


async def page(facade: FakeFacade, *, token: str = "viewer") -> str:
    async with running(facade) as (_, url), calling(url, token=f"{token}-token") as caller:
        reply = await caller.get("/blindspots")
        assert reply.status == 200, reply.text
        return " ".join(reply.text.split())


async def test_findings_stand_under_their_owner_with_the_remedy() -> None:
    text = await page(shown())
    assert "Blind spots: 4" in text
    owners = re.findall(r"<section><h2>([\w-]+: \d)</h2>", text)
    assert owners == ["platform: 1", "team-bare: 1", "team-shop: 2"]
    assert text.count("Remedy: bring it back") == 4
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d UTC · seen last", text)


async def test_what_could_not_be_looked_at_is_said_and_nothing_counts_as_well() -> None:
    facade = shown()
    text = await page(facade)
    assert "it refused the connection" in text
    facade.view.blind_spots, facade.view.surveys = {}, {}
    text = await page(facade)
    assert "Nobody has looked yet: what is not listed here is not known." in text
    assert "None is known" not in text


async def test_whoever_may_looks_now_by_a_plain_form() -> None:
    facade = shown()
    async with running(facade) as (_, url), calling(url, token="responder-token") as caller:
        assert 'action="/blindspots/look"' in (await caller.get("/blindspots")).text
        reply = await caller.post("/blindspots/look")
        assert (reply.status, reply.headers["location"]) == (303, "/blindspots")
    assert facade.surveys == 1
    async with running(facade) as (_, url), calling(url, token="viewer-token") as caller:
        assert 'action="/blindspots/look"' not in (await caller.get("/blindspots")).text
        assert (await caller.post("/blindspots/look")).status == 403
    assert facade.surveys == 1


async def test_a_look_that_cannot_be_stored_is_said_on_the_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def full(_facade: FakeFacade) -> None:
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(FakeFacade, "look", full)
    facade = shown()
    async with running(facade) as (_, url), calling(url, token="responder-token") as caller:
        reply = await caller.post("/blindspots/look")
    assert reply.status == 503
    assert "cannot store now: disk full" in reply.text


async def test_people_limited_to_products_see_theirs_and_what_is_everybodys() -> None:
    """F-SEC-11."""
    text = await page(shown(), token="pay-viewer")
    assert "mqtt" in text
    for word in ("team-shop", "OrdersStall", "bare"):
        assert word not in text, word


def item(product: str | None, minutes: float | None) -> dict[str, object]:
    return {"product": product, "subject": "s", "minutes_per_month": minutes}


def test_minutes_that_nobody_told_are_unknown_and_in_no_sum() -> None:
    found = by_product(
        [item("a", 30.0), item("a", None), item("b", None), item(None, 60.0), item("c", 0.0)]
    )
    told = [(p["name"], p["minutes"], p["unknown"]) for p in found]
    assert told == [("", 60.0, 0), ("a", 30.0, 1), ("c", 0.0, 0), ("b", None, 1)]
    bars = [i["bar"] for p in found for i in p["items"]]
    assert ["share unknown" in b for b in bars] == [False, False, True, False, True]
    assert 'width="59.0"' in bars[1], "half as long as that of the dearest"


async def test_the_backlog_says_unknown_and_never_0_for_what_is_not_known() -> None:
    text = await page(shown())
    backlog = text[text.index('id="backlog"') :]
    assert "bare</a>: unknown" in backlog
    assert "0 min" not in backlog
