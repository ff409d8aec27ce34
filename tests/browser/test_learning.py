"""Resolving, acting and deciding in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Page, async_playwright

from agent.model.event import ActionRequested, PromotionDecided, ResolvedByPerson
from agent.model.principal import Principal, Role
from tests.support.answering import deciding
from tests.support.facade import FakeFacade, FakePrincipals, everyone, running
from tests.support.proposing import NAME, Proposing, asking, learned, proposal
from tests.support.remembering import easy_world

pytestmark = pytest.mark.browser
EVIL = "<img src=x onerror=alert(1)>"


@asynccontextmanager
async def browsing(
    facade: FakeFacade, token: str, *, scripts: bool = True
) -> AsyncIterator[tuple[Page, str, list[str]]]:
    """A phone, signed in; the address, and what the browser complained of."""
    complaints: list[str] = []
    async with running(facade) as (_, url), async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = await browser.new_page(
            viewport={"width": 390, "height": 800}, java_script_enabled=scripts
        )
        page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        try:
            await page.goto(f"{url}/login")
            await page.fill("input[name=token]", token)
            await page.press("input[name=token]", "Enter")
            await page.wait_for_selector("#live")
            yield page, url, complaints
        finally:
            await browser.close()


def proposing() -> Proposing:
    ann = Principal(name="ann", roles=frozenset({Role.APPROVER, Role.VIEWER}))
    facade = Proposing(principals=FakePrincipals({**everyone().tokens, "ann-token": ann}))
    learned(facade.view, proposal())
    return facade


@pytest.mark.parametrize("scripts", [True, False])
async def test_an_action_is_shown_and_run_and_the_incident_resolved(scripts: bool) -> None:
    """Also without scripts: every step is a plain form."""
    world = easy_world()
    world.fire()
    made = deciding(world, everyone())
    async with browsing(made, "responder-token", scripts=scripts) as (page, url, complaints):
        await made.keep()
        await page.goto(f"{url}/incidents/{world.last}")
        await page.select_option("#run select[name=use]", "process.restart")
        await page.click("text=Show what would run")
        await page.wait_for_selector("text=Exactly this")
        assert made.acts() == []
        await page.click("text=Run it")
        await page.wait_for_selector("#resolve input[name^=step-]")
        assert made.acts() == ["process.restart"]
        await page.fill("input[name=cause]", "it hung")
        await page.select_option("select[name=kind]", "code")
        await page.fill("input[name=minutes]", "7")
        await page.click("#resolve button")
        await page.wait_for_selector("text=Learning: counts as")
        assert complaints == []
    run, resolved = made.asked
    assert isinstance(run, ActionRequested)
    assert dict(run.params) == {"target": world.case.entity}
    assert isinstance(resolved, ResolvedByPerson)
    assert (resolved.cause, resolved.minutes) == ("it hung", 7.0)
    assert resolved.mattered == (f"{world.last}/person/1",)


async def test_a_half_filled_form_survives_news() -> None:
    world = easy_world()
    world.fire()
    made = deciding(world, everyone())
    async with browsing(made, "responder-token") as (page, url, complaints):
        await made.keep()
        await page.goto(f"{url}/incidents/{world.last}")
        await page.fill("#run textarea[name=with]", "target=web\ngrace:=")
        await page.fill("#resolve textarea[name=told]", "process.fl")
        await page.select_option("select[name=kind]", "code")
        made.tell("incident", world.last)
        await page.wait_for_timeout(1000)
        assert await page.input_value("#run textarea[name=with]") == "target=web\ngrace:="
        assert await page.input_value("#resolve textarea[name=told]") == "process.fl"
        assert await page.input_value("select[name=kind]") == "code"
        assert complaints == []


async def test_the_resolver_cannot_press_and_somebody_else_can() -> None:
    """F-RB-14: the buttons are off for who resolved one of the incidents."""
    facade = proposing()
    async with browsing(facade, "ann-token") as (page, url, complaints):
        await page.goto(f"{url}/promotions/{NAME}")
        for name in ("Approve as assisted", "Approve as active", "Reject"):
            assert await page.locator(f"button:has-text('{name}')").is_disabled()
        assert "ann" in await page.inner_text("#reasons")
        assert complaints == []
    facade = proposing()
    async with browsing(facade, "approver-token") as (page, url, complaints):
        await page.goto(url)
        await page.click("nav >> text=Learning")
        await page.click(f"text={NAME}")
        await page.fill("input[aria-label='Why it is approved']", "three of three")
        await page.click("text=Approve as assisted")
        await page.wait_for_selector("text=approved by the-approver")
        assert complaints == []
    (asked,) = facade.asked
    assert isinstance(asked, PromotionDecided)
    assert (asked.state, asked.why) == ("assisted", "three of three")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_of_a_proposal_is_wider_than_a_phone_or_runs(scheme: str) -> None:
    """F-SEC-09: with hostile words in the runbook, the reason and the parameters."""
    facade = Proposing(principals=everyone())
    hostile = asking(
        document={"about": {"meaning": EVIL * 20}},
        reason_text=EVIL,
        not_clean=(EVIL * 10,),
        separated_by=EVIL * 5,
    )
    learned(facade.view, hostile)
    async with browsing(facade, "admin-token") as (page, url, complaints):
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in ("/promotions", f"/promotions/{NAME}"):
            await page.goto(url + path)
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390, path
            assert await page.query_selector("#main img") is None
        assert EVIL in await page.inner_text("#main")
        assert complaints == []
