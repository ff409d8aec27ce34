"""The console in a real browser: live, quiet, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, async_playwright

from agent.core.signs import FLEET
from agent.core.view import View
from agent.model.incident import Radius, State
from agent.model.on_call import Climb, OnCall, Rung, RungKind
from agent.model.policy import Freeze, Policy
from agent.model.product import Edge, EdgeKind, Entity, EntityKind, Product, Registry
from agent.model.records import Breaker, Storm
from tests.support.facade import NOW, FakeFacade, burning, running
from tests.support.ladders import Fixed
from tests.support.periods import Raising
from tests.support.waiting import eventually

pytestmark = pytest.mark.browser
EVIL = "<img src=x onerror=alert(1)>"


@asynccontextmanager
async def browsing(facade: FakeFacade) -> AsyncIterator[tuple[Page, str, list[str]]]:
    """A page, the address, and what the browser complained of or asked of other hosts."""
    complaints: list[str] = []
    async with running(facade) as (_, url), async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = await browser.new_page(viewport={"width": 390, "height": 800})
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.on("request", lambda r: None if r.url.startswith(url) else complaints.append(r.url))
        try:
            yield page, url, complaints
        finally:
            await browser.close()


async def test_incidents_appear_without_reloading() -> None:
    facade = FakeFacade()
    async with browsing(facade) as (page, url, complaints):
        await page.goto(url)
        await page.wait_for_selector("text=Nothing is open")
        await page.wait_for_function("document.querySelector('#live') !== null")
        await eventually(lambda: facade.streams, within=20, what="the page listens")
        await facade.add(burning("i-1", title=EVIL, labels={"alertname": EVIL}))
        facade.tell("incident", "i-1")
        await page.wait_for_selector(f"text={EVIL}", timeout=5000)
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert complaints == []


async def test_a_half_typed_cause_survives_news_and_buttons_work() -> None:
    facade = FakeFacade()
    async with browsing(facade) as (page, url, complaints):
        await facade.add(burning("i-1", title="Slow"))
        await page.goto(f"{url}/incidents/i-1")
        await page.fill("input[name=cause]", "half")
        await facade.add(burning("i-1", title="Slow", reason_text="under way"))
        await facade.add(burning("i-2"))
        facade.tell("incident", "i-1")
        await page.wait_for_timeout(1000)
        assert await page.input_value("input[name=cause]") == "half"
        await page.click("text=Acknowledge")
        await page.wait_for_load_state()
        assert complaints == []
    assert len(facade.asked) == 1


LADDER = (Rung(kind=RungKind.ON_CALL, to=EVIL), Rung(kind=RungKind.TEAM, to=EVIL * 3))


def hostile(view: View) -> None:
    """Everything that has a name has this one, and the path has an edge that is in doubt."""
    db = Entity(name="db", kind=EntityKind.SUBSTRATE, product=None, owner=EVIL)
    edge = Edge(to="db", kind=EdgeKind.OBSERVED, confidence=0.2, seen_at=NOW - 90 * 86_400)
    web = Entity(name=EVIL, kind=EntityKind.SERVICE, product=EVIL, owner=EVIL,
                 depends_on=("db",), edges=(edge,))  # fmt: skip
    product = Product(name=EVIL, builder=EVIL, tier="low")
    view.registry = Registry(products={EVIL: product}, entities={EVIL: web, "db": db})
    view.policy = Policy(freezes=(Freeze(name=EVIL, period=Raising(), why=EVIL),))
    broken = Breaker(runbook=EVIL, use=EVIL, results=(True, False), opened_at=NOW - 5)
    view.breakers = {EVIL: broken}
    storm = Storm(scope=FLEET, began_at=NOW - 5, last_at=NOW, why=EVIL, root="i-1")
    view.storms = {FLEET: storm}
    view.on_call = OnCall(rotations={EVIL: Fixed(EVIL, text=EVIL)}, ladders={EVIL: LADDER})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/incidents/i-1", "/rails", "/on-call"])
async def test_hostile_names_stay_names_and_nothing_is_wider_than_a_phone(
    path: str, scheme: str
) -> None:
    """F-SEC-09: in the picture of the path, the ladder, breakers, freezes, storms, rotations."""
    facade = FakeFacade()
    async with browsing(facade) as (page, url, complaints):
        hostile(facade.view)
        await facade.add(
            burning(
                "i-1", title=EVIL, entity=EVIL, product=EVIL, state=State.ESCALATED,
                radius=Radius.SYSTEMIC, suspect="db", radius_path=(EVIL, "db"),
                radius_doubt=(EVIL,), routed_to=EVIL, climb=Climb(team=EVIL, rungs=LADDER, due=NOW),
            )
        )  # fmt: skip
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.goto(url + path)
        await page.wait_for_selector(f"text={EVIL}", state="attached")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert await page.query_selector("#main img") is None
        assert complaints == []


async def test_the_picture_of_a_path_shows_what_is_in_doubt() -> None:
    facade = FakeFacade()
    async with browsing(facade) as (page, url, complaints):
        hostile(facade.view)
        await facade.add(
            burning(
                "i-1", entity=EVIL, product=EVIL, radius=Radius.SYSTEMIC, suspect="db",
                radius_path=(EVIL, "db"),
            )
        )  # fmt: skip
        await page.goto(f"{url}/incidents/i-1")
        dashes = "e => getComputedStyle(e).strokeDasharray"
        assert await page.eval_on_selector("svg.path line.doubtful", dashes) != "none"
        assert await page.locator("svg.path .sick").count() == 2
        assert await page.locator("svg.path .suspect").count() == 1
        assert await page.locator("svg.path .product-box").count() == 1
        assert complaints == []


async def test_the_kill_switch_is_set_from_the_page_of_rails() -> None:
    facade = FakeFacade()
    async with browsing(facade) as (page, url, complaints):
        await page.goto(url)
        await page.click("nav >> text=Rails")
        await page.fill("input[name=why]", "it restarts the wrong thing")
        await page.click("text=Stop everything")
        await page.wait_for_load_state()
        assert page.url == f"{url}/rails"
        assert complaints == []
    assert len(facade.asked) == 1
