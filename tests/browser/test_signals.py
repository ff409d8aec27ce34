"""The pages of the three layers in a real browser: in light and dark, on a phone, in one line of
navigation, hostile, and without scripts."""

from __future__ import annotations

import pytest

from tests.browser import test_learning
from tests.browser.test_console import EVIL, browsing
from tests.support.facade import FakeFacade, everyone
from tests.support.signals_shown import show
from tests.support.waiting import eventually

pytestmark = pytest.mark.browser
FILL = "e => getComputedStyle(e).fill"
STROKE = "e => getComputedStyle(e).stroke"
SHOWN = (
    "/", "/products", "/cluster", "/signals", "/signals/shop", "/blindspots", "/rails", "/on-call",
    "/promotions", "/absorbed", "/runbooks", "/follow-ups", "/drivers",
)  # fmt: skip


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_everything_is_drawn_in_its_own_colour_and_fits_a_phone(scheme: str) -> None:
    """F-SEC-09: with a product whose name is hostile."""
    facade = FakeFacade()
    show(facade.view, name=EVIL)
    async with browsing(facade) as (page, url, complaints):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.goto(url)
        await page.click("nav >> text=Signals")
        await page.wait_for_selector("h1:has-text('Signals')")
        ground = await page.eval_on_selector("body", "e => getComputedStyle(e).backgroundColor")
        colours = {
            await page.eval_on_selector("svg.outcome .stall", FILL),
            await page.eval_on_selector("svg.outcome .usual", FILL),
            await page.eval_on_selector("svg.outcome .seen", STROKE),
            await page.eval_on_selector("svg.outcome .change line", STROKE),
            await page.eval_on_selector("svg.drift .off", FILL),
            await page.eval_on_selector("svg.share.good .filled", FILL),
        }
        assert len(colours - {ground, "none", "rgb(0, 0, 0)"}) == 6
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await page.click(f"#outcome h3 a:has-text('{EVIL}')")
        await page.wait_for_selector("svg.outcome.large")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await page.goto(f"{url}/blindspots")
        assert await page.locator(f"text={EVIL}").count() > 1
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert await page.query_selector("#main img") is None
        assert complaints == []


async def test_the_latest_part_of_a_wide_chart_is_what_a_phone_shows() -> None:
    facade = FakeFacade()
    show(facade.view)
    async with browsing(facade) as (page, url, complaints):
        await page.goto(f"{url}/signals/shop")
        stall = await page.locator("svg.outcome.large .stall").bounding_box()
        assert stall is not None
        assert stall["x"] >= 0
        assert stall["x"] + stall["width"] <= 390
        assert complaints == []


async def test_the_navigation_is_one_line_at_1000_pixels() -> None:
    """Signed in, with a name and a button; on pages of a group with a second line."""
    facade = FakeFacade(principals=everyone())
    show(facade.view)
    async with test_learning.browsing(facade, "responder-token") as (page, url, complaints):
        await page.set_viewport_size({"width": 1000, "height": 800})
        for path in SHOWN:
            await page.goto(url + path)
            tops = await page.eval_on_selector_all(
                ".mark, .bar nav:not(.sub) a, .who",
                "all => all.map(e => { const r = e.getBoundingClientRect();"
                " return (r.top + r.bottom) / 2; })",
            )
            assert max(tops) - min(tops) < 8, path
            here = await page.locator(".bar nav:not(.sub) a[aria-current]").count()
            assert here == 1, path
            second = await page.locator("nav.sub a[aria-current]").count()
            is_grouped = path in ("/products", "/cluster", *SHOWN[SHOWN.index("/promotions") :])
            assert second == is_grouped, path
        assert complaints == []


async def test_news_bring_the_page_up_to_date() -> None:
    facade = FakeFacade()
    async with browsing(facade) as (page, url, complaints):
        await page.goto(f"{url}/blindspots")
        await page.wait_for_selector("text=Nobody has looked yet")
        await eventually(lambda: facade.streams, within=20, what="the page listens")
        show(facade.view)
        for _ in range(2):
            facade.tell("blind_spot", "x")
        await page.wait_for_selector("text=Blind spots: 4", timeout=15_000)
        assert complaints == []


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_look_is_taken_from_the_page(scripts: bool) -> None:
    facade = FakeFacade(principals=everyone())
    show(facade.view)
    async with test_learning.browsing(facade, "responder-token", scripts=scripts) as found:
        page, url, complaints = found
        await page.goto(f"{url}/blindspots")
        await page.click("text=Look now")
        await page.wait_for_load_state()
        assert page.url == f"{url}/blindspots"
        assert complaints == []
    assert facade.surveys == 1
