"""The page of the cluster in a real browser: in light and dark, on a phone, hostile, and live."""

from __future__ import annotations

import pytest

from agent.model.cluster_state import Edited, PodState, PodWord
from tests.browser import test_learning
from tests.browser.test_console import EVIL, browsing
from tests.support.cluster_shown import crashing, everything, release, state, workload
from tests.support.facade import NOW, FakeFacade, everyone
from tests.support.waiting import eventually

pytestmark = pytest.mark.browser
FILL = "e => getComputedStyle(e).fill"
STROKE = "e => getComputedStyle(e).stroke"


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pods_and_rollouts_have_colours_of_their_own_and_fit_a_phone(scheme: str) -> None:
    facade = FakeFacade()
    facade.cluster = everything()
    async with browsing(facade) as (page, url, complaints):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        await page.goto(url)
        await page.click("nav >> text=Products")
        await page.click("nav.sub >> text=Cluster")
        await page.wait_for_selector("h1:has-text('Cluster')")
        ground = await page.eval_on_selector("body", "e => getComputedStyle(e).backgroundColor")
        colours = {
            await page.eval_on_selector("td svg.pods .ready", FILL),
            await page.eval_on_selector("td svg.pods .failing", FILL),
            await page.eval_on_selector("td svg.pods .starting", STROKE),
            await page.eval_on_selector("td svg.day .under-way", STROKE),
        }
        assert len(colours - {ground, "none", "rgb(0, 0, 0)"}) == 4
        assert await page.eval_on_selector("td svg.day .broken:not(.cross)", FILL) != "none"
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert complaints == []


async def test_hostile_and_endless_names_are_no_wider_than_a_phone() -> None:
    """F-SEC-09."""
    long, evil = "x" * 250, release(version=EVIL, by=EVIL)
    pods = tuple(PodState(name=f"{EVIL}{i}", word=PodWord.FAILING) for i in range(100))
    edited = Edited(by=EVIL, at=NOW, held_until=NOW + 60)
    facade = FakeFacade()
    facade.cluster = state(
        workload(f"shop/deployment/{long}", images=EVIL, kept_by=EVIL, pods=pods,
                 releases=(evil,), rollout=evil, edited=edited),
        nobodys=(EVIL, f"shop/deployment/{long}"),
    )  # fmt: skip
    async with browsing(facade) as (page, url, complaints):
        await page.goto(f"{url}/cluster")
        assert await page.locator(f"text={EVIL}").count() > 2
        assert await page.query_selector("#main img") is None
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert complaints == []


async def test_the_page_follows_what_happens() -> None:
    facade = FakeFacade()
    facade.cluster = state(workload())
    async with browsing(facade) as (page, url, complaints):
        await page.goto(f"{url}/cluster")
        await page.wait_for_selector("text=3 of 3 ready")
        await eventually(lambda: facade.streams, within=20, what="the page listens")
        facade.cluster = state(crashing())
        facade.tell("incident", "inc-7")
        await page.wait_for_selector("text=KubePodCrashLooping", timeout=15_000)
        assert complaints == []


async def test_with_it_the_navigation_is_still_one_line_at_1000_pixels() -> None:
    facade = FakeFacade(principals=everyone())
    facade.cluster = everything()
    async with test_learning.browsing(facade, "responder-token") as (page, url, complaints):
        await page.set_viewport_size({"width": 1000, "height": 800})
        await page.goto(f"{url}/cluster")
        tops = await page.eval_on_selector_all(
            ".mark, .bar nav:not(.sub) a, .who",
            "all => all.map(e => { const r = e.getBoundingClientRect();"
            " return (r.top + r.bottom) / 2; })",
        )
        assert max(tops) - min(tops) < 8
        assert await page.evaluate("document.documentElement.scrollWidth") <= 1000
        assert await page.locator(".bar nav:not(.sub) a[aria-current]").count() == 1
        assert complaints == []
