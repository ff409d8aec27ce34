"""Receivers inside the test: an HTTP endpoint and a mail server that keep what they are sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message as Mail
from typing import Any

from aiohttp import web
from aiosmtpd.smtp import SMTP

from tests.support.waiting import eventually


@dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Recorder:
    """Keeps every request. `answers` are the statuses of the next ones, then it is 200 again."""

    port: int = 0
    bearer: str | None = None
    answers: list[int] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def at(self, path: str) -> list[Received]:
        return [request for request in self.requests if request.path == path]

    async def wait_for(
        self, wanted: Callable[[Received], bool], *, within: float, what: str = "a request"
    ) -> Received:
        """The first recorded request that is wanted, those from before included."""

        def look() -> Sequence[Received]:
            return [request for request in self.requests if wanted(request)][:1]

        return (await eventually(look, within=within, what=what))[0]

    async def receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.bearer and request.headers.get("Authorization") != f"Bearer {self.bearer}":
            return web.Response(status=401)
        self.requests.append(Received(request.method, request.path, dict(request.headers), body))
        status = self.answers.pop(0) if self.answers else 200
        return web.json_response({"status": "ok"}, status=status)


@asynccontextmanager
async def recorder(*, bearer: str | None = None) -> AsyncIterator[Recorder]:
    keeper = Recorder(bearer=bearer)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", keeper.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        keeper.port = runner.addresses[0][1]
        yield keeper
    finally:
        await runner.cleanup()


@dataclass
class Mailbox:
    """An SMTP server that keeps what it is sent. `refuse` is its answer to the next mails."""

    port: int = 0
    mails: list[Mail] = field(default_factory=list)
    recipients: list[tuple[str, ...]] = field(default_factory=list)
    refuse: list[str] = field(default_factory=list)

    async def wait_for(self, count: int, *, within: float) -> Mail:
        """The newest mail, once there are `count` of them."""
        await eventually(lambda: len(self.mails) >= count, within=within, what=f"{count} mails")
        return self.mails[-1]

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuse:
            return self.refuse.pop(0)
        self.mails.append(message_from_bytes(envelope.content))
        self.recipients.append(tuple(envelope.rcpt_tos))
        return "250 OK"


@asynccontextmanager
async def smtp() -> AsyncIterator[Mailbox]:

    mailbox = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(mailbox, hostname="mail.test", loop=loop), "127.0.0.1", 0
    )
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()
        await server.wait_closed()
