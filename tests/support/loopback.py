"""A real HTTP server on a free loopback port whose answers the test writes: any status, any body,
none at all. For keeping what is sent, receivers.py is enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Loopback:
    url: str
    received: list[Received] = field(default_factory=list)


Answer = Callable[[Received], web.StreamResponse | Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Loopback]:
    """Answers every request with what `answer` gives."""
    loopback = Loopback(url="")

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        received = Received(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers=dict(request.headers),
            body=await request.read(),
        )
        loopback.received.append(received)
        reply = answer(received)
        return await reply if isinstance(reply, Awaitable) else reply

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    loopback.url = f"http://127.0.0.1:{port}"
    try:
        yield loopback
    finally:
        await runner.cleanup()


def status(code: int, *, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
    return lambda _: web.Response(status=code, body=body, headers=dict(headers or {}))


def json(value: object) -> Answer:
    return lambda _: web.json_response(value)


async def never(_: Received) -> web.StreamResponse:
    """Hangs until the client goes or the server stops."""
    await asyncio.sleep(30)
    return web.Response()
