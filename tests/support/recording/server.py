"""The recording server itself: one port on loopback, one path for each service."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from aiohttp import web

from tests.support.recording.hook import Hook
from tests.support.recording.ntfy import Ntfy
from tests.support.recording.pagerduty import PagerDuty
from tests.support.recording.provider import Clock, Fault, Provider, Received, Verdict
from tests.support.recording.slack import Slack

BODY_MOST = 64 * 1024 * 1024


class Recording:
    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.url = ""
        self.pagerduty = PagerDuty(clock)
        self.slack = Slack(clock)
        self.ntfy = Ntfy(clock)
        self.webhook = Hook(clock)
        every = (self.pagerduty, self.slack, self.ntfy, self.webhook)
        self.providers: dict[str, Provider] = {p.name: p for p in every}
        self._delayed: set[asyncio.Event] = set()

    def at(self, url: str) -> None:
        self.url = url
        for provider in self.providers.values():
            provider.base = url

    def fail(self, service: str, **what: Any) -> None:
        """Lets the next requests to a service fail; the words are those of `Fault`."""
        self.providers[service].fail(**what)

    def recorded(self) -> dict[str, Any]:
        return {
            name: provider.recorded()
            | {
                "requests": [
                    {"at": r.at, "path": r.path, "status": r.status, "why": r.why}
                    for r in provider.received
                ]
            }
            for name, provider in self.providers.items()
        }

    def release(self) -> None:
        """Lets delayed answers go at once."""
        for event in self._delayed:
            event.set()

    async def receive(self, request: web.Request) -> web.StreamResponse:
        provider = self.providers.get(request.match_info["service"])
        if provider is None or request.method != "POST":
            return web.Response(status=404)
        path = request.raw_path.removeprefix(f"/{provider.name}")
        body = await request.read()
        fault = provider.next_fault()
        verdict = self._judged(provider, fault, path, request, body)
        cut = fault is not None and fault.reset
        provider.received.append(
            Received(
                at=time.time(),
                path=path,
                headers=dict(request.headers),
                body=body,
                status=None if cut else verdict.status,
                why="reset" if cut else verdict.why,
            )
        )
        if fault is not None and fault.delay_seconds:
            await self._delay(fault.delay_seconds)
        if cut:
            assert request.transport is not None
            request.transport.abort()
        return web.Response(status=verdict.status, body=verdict.body, headers=verdict.headers)

    def _judged(
        self,
        provider: Provider,
        fault: Fault | None,
        path: str,
        request: web.Request,
        body: bytes,
    ) -> Verdict:
        if fault is None or (fault.status is None and (not fault.reset or fault.ingests)):
            return provider.judge(path, request.headers, body)
        headers = {}
        if fault.retry_after is not None:
            headers["Retry-After"] = f"{fault.retry_after:g}"
        return Verdict(
            fault.status or 500, body=fault.body.encode(), why="as ordered", headers=headers
        )

    async def _delay(self, seconds: float) -> None:
        event = asyncio.Event()
        self._delayed.add(event)
        try:
            await asyncio.wait_for(event.wait(), seconds)
        except TimeoutError:
            pass
        finally:
            self._delayed.discard(event)

    async def show(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self.recorded())

    async def order(self, request: web.Request) -> web.StreamResponse:
        """`POST /fail {"service": ..., ...words of Fault}`; `is_down` switches a service off."""
        order = json.loads(await request.read())
        provider = self.providers[order.pop("service")]
        if "is_down" in order:
            provider.is_down = bool(order.pop("is_down"))
        if order:
            provider.fail(**order)
        return web.json_response([asdict(fault) for fault in provider.faults])

    def app(self) -> web.Application:
        app = web.Application(client_max_size=BODY_MOST)
        app.router.add_get("/recorded", self.show)
        app.router.add_post("/fail", self.order)
        app.router.add_route("*", "/{service}", self.receive)
        app.router.add_route("*", "/{service}/{path:.*}", self.receive)
        return app


@asynccontextmanager
async def recording(*, port: int = 0, clock: Clock = time.monotonic) -> AsyncIterator[Recording]:
    keeper = Recording(clock)
    runner = web.AppRunner(keeper.app(), access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        keeper.at(f"http://127.0.0.1:{runner.addresses[0][1]}")
        yield keeper
    finally:
        keeper.release()
        await runner.cleanup()
