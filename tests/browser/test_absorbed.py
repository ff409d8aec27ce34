"""The page of the absorbed share in a real browser, in light and dark, on a phone."""

from __future__ import annotations

import pytest

from agent.model.decision import Decision
from agent.model.incident import AlertState, Ending, Page, State
from agent.model.product import Product, Registry
from tests.browser.test_console import EVIL, browsing
from tests.support.decisions import make_incident
from tests.support.facade import NOW, FakeFacade

pytestmark = pytest.mark.browser
DAY = 86_400.0


async def remember(facade: FakeFacade) -> None:
    """One incident a day for two months, every third of them healed; all that has a name has the
    same."""
    facade.view.registry = Registry(products={EVIL: Product(name=EVIL, builder=EVIL, tier="low")})
    for number in range(60):
        name, at = f"i-{number}", NOW - number * DAY
        alert = AlertState(
            identity=name, name=EVIL, status="resolved",  # type: ignore[arg-type]
            labels={}, starts_at=at,
        )  # fmt: skip
        page = Page(id=f"{name}/page/1/c", to=EVIL, channel="c", at=at, text="x")
        is_healed = number % 3 == 0
        incident = make_incident(
            name, product=EVIL, state=State.RESOLVED, opened_at=at, resolved_at=at + 600,
            outcome=Ending.HEALED if is_healed else Ending.ROUTED, alerts={name: alert},
            pages=() if is_healed else (page,), runbook=None if is_healed else EVIL,
        )  # fmt: skip
        await facade.store.commit([Decision(incident=incident)])


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_picture_is_drawn_and_names_stay_names(scheme: str) -> None:
    """F-SEC-09: names of alerts, products and runbooks are text in every table."""
    facade = FakeFacade()
    async with browsing(facade) as (page, url, complaints):
        await remember(facade)
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.goto(url)
        await page.click("nav >> text=Learning")
        await page.click("nav >> text=Absorbed")
        await page.wait_for_selector("h1:has-text('Absorbed: 33 %')")
        bars = page.locator("svg.absorbed rect.healed")
        fill = "e => getComputedStyle(e).fill"
        assert await bars.count() > 8
        ground = await page.eval_on_selector("body", "e => getComputedStyle(e).backgroundColor")
        colours = {
            await page.eval_on_selector(f"svg.absorbed rect.{grade}", fill)
            for grade in ("healed", "settled", "diagnosed", "routed")
        }
        assert len(colours - {ground, "none", "rgb(0, 0, 0)"}) == 4
        assert await page.locator(f"text={EVIL}").count() > 1
        assert await page.query_selector("#main img") is None
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert complaints == []
