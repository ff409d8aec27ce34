"""The console in a real browser: live, quiet, and nothing from elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, async_playwright

from tests.support.facade import FakeFacade, burning, running

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
