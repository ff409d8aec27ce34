"""The console against hostile text and hostile sites, in a real browser.

The hostile site is another loopback name of the same machine (`localhost` against `127.0.0.1`): for
the browser it is another site, with everything that follows from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from playwright.async_api import Page as Tab
from playwright.async_api import async_playwright

from agent.core.matching import MatchIndex
from agent.model.incident import Page, State
from tests.support.cases import runbook
from tests.support.facade import NOW, FakeFacade, burning, everyone, running

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg/onload=window.pwned=1>",
    "<svg><script>window.pwned=1</script></svg>",
    '"><details open ontoggle=window.pwned=1>',
    "javascript:window.pwned=1",
    "</pre><iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "{{constructor.constructor('window.pwned=1')()}}",
    "<a href=javascript:window.pwned=1 autofocus onfocus=window.pwned=1>x</a>",
    "<meta http-equiv=refresh content='0;url=javascript:window.pwned=1'>",
    "<style>@import 'http://127.0.0.1:1/x'</style>",
)


@asynccontextmanager
async def browser_at(facade: FakeFacade) -> AsyncIterator[tuple[Tab, str]]:
    async with running(facade) as (_, url), async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        try:
            yield await browser.new_page(), url
        finally:
            await browser.close()


@asynccontextmanager
async def another_site(text: str) -> AsyncIterator[str]:
    """Serves this page under the name `localhost`."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=text, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://localhost:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


async def fill(facade: FakeFacade, text: str) -> None:
    page = Page(id="p", to=text, channel=text, at=NOW, text=text, detail=text)
    labels = {"alertname": text, "runbook_url": text, text: text}
    await facade.add(
        burning(
            "i-1",
            title=text,
            severity=text,
            runbook=text,
            routed_to=text,
            reason_text=text,
            labels=labels,
            annotations={text: text, "summary": text},
            pages=(page,),
            findings={"seen": {text: [text]}},
            product=None,
        )
    )
    facade.view.runbooks = MatchIndex([runbook(text)])


@pytest.mark.parametrize("text", HOSTILE)
async def test_text_of_an_alert_never_runs(text: str) -> None:
    """F-SEC-09: in names, labels, annotations, findings, pages and names of runbooks."""
    facade = FakeFacade()
    async with browser_at(facade) as (tab, url):
        asked: list[str] = []
        tab.on("request", lambda request: asked.append(request.url))
        await fill(facade, text)
        for path in ("/", "/incidents/i-1", "/products", "/promotions"):
            await tab.goto(url + path)
            await tab.wait_for_timeout(100)
            assert await tab.evaluate("window.pwned") is None, path
            assert not await tab.query_selector("iframe, object, embed, meta[http-equiv=refresh]")
            links = await tab.eval_on_selector_all("a", "all => all.map(a => a.protocol)")
            assert set(links) <= {"http:", "https:"}, path
        shown = await tab.goto(f"{url}/incidents/i-1")
        assert shown is not None
        assert text in await tab.inner_text("body")
        assert [a for a in asked if not a.startswith(url)] == []


async def test_a_script_that_got_in_would_not_run_either() -> None:
    """F-SEC-09: the policy of the page is a second wall, tried from the inside."""
    async with browser_at(FakeFacade()) as (tab, url):
        said: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        await tab.goto(url)
        await tab.evaluate(
            "() => { document.body.insertAdjacentHTML('beforeend', '<img src=x "
            "onerror=\"window.pwned=1\">'); const s = document.createElement('script');"
            " s.textContent = 'window.pwned = 2'; document.body.append(s);"
            " const far = document.createElement('script'); far.src = 'http://127.0.0.1:1/x.js';"
            " document.body.append(far); }"
        )
        await tab.wait_for_timeout(300)
        assert await tab.evaluate("window.pwned") is None
        assert sum("Content Security Policy" in line for line in said) >= 2


async def signed_in(tab: Tab, url: str) -> None:
    await tab.goto(f"{url}/login")
    await tab.fill("input[name=token]", "admin-token")
    await tab.press("input[name=token]", "Enter")
    await tab.wait_for_selector("#live")


@pytest.mark.parametrize("path", ["/incidents/i-1/approve", "/incidents/i-1/ack", "/api/v1/halt"])
async def test_another_site_presses_no_button_for_who_is_signed_in(path: str) -> None:
    """F-SEC-10: a form and a script of another site, with the person's own browser."""
    facade = FakeFacade(principals=everyone())
    async with browser_at(facade) as (tab, url):
        await facade.add(burning("i-1", state=State.AWAITING_APPROVAL))
        await signed_in(tab, url)
        attack = (
            f"<form method=post action='{url}{path}'><button id=go>win</button></form>"
            f"<script>fetch('{url}{path}', {{method: 'POST', mode: 'no-cors', "
            "credentials: 'include', body: '{}'}).finally(() => { document.title = 'tried' })"
            "</script>"
        )
        async with another_site(attack) as evil:
            await tab.goto(evil)
            await tab.wait_for_function("document.title === 'tried'")
            async with tab.expect_navigation():
                await tab.click("#go")
        assert facade.asked == []
        # The same person on the console itself: there the button works.
        await tab.goto(f"{url}/incidents/i-1")
        await tab.click("text=Acknowledge")
        await tab.wait_for_load_state()
    assert len(facade.asked) == 1


async def test_the_console_cannot_be_framed() -> None:
    """F-SEC-10: nobody is led to press a button they do not see."""
    facade = FakeFacade(principals=everyone())
    async with browser_at(facade) as (tab, url):
        await signed_in(tab, url)
        async with another_site(f"<iframe id=f src='{url}/'></iframe>") as evil:
            await tab.goto(evil)
            await asyncio.sleep(0.5)
            frames = [frame.url for frame in tab.frames if frame is not tab.main_frame]
            texts = [await f.inner_text("body") for f in tab.frames if f is not tab.main_frame]
        assert not any(frame.startswith(url) for frame in frames), frames
        assert not any("Incidents" in text for text in texts)
