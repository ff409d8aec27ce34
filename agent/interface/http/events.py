"""Server-sent events: what changed, so that whoever looks fetches it anew.

A stream ends with the server (an open stream would otherwise hold the shutdown for its whole grace
time), when the reader leaves, or when the daemon's own stream of notices ends. For the console
notices are folded: in a storm a page is drawn again twice a second and not for each alert.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
from starlette.responses import Response

from agent.interface.facade import Notice
from agent.interface.http.hot import Receive, Scope, Send
from agent.interface.http.replies import SECURITY_HEADERS

KEEP_ALIVE_SECONDS = 15.0
FOLD_SECONDS = 0.5
CHANGED = b"event: news\ndata: {}\n\n"


def _line(notice: Notice) -> bytes:
    data = msgspec.json.encode({"kind": notice.kind, "subject": notice.subject})
    return b"event: notice\ndata: " + data + b"\n\n"


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class EventStream(Response):
    """`event: notice` per notice, or, folded, `event: news` (also once at the start)."""

    media_type = "text/event-stream"

    def __init__(
        self, notices: AsyncIterator[Notice], closing: asyncio.Event, *, is_folded: bool = False
    ) -> None:
        super().__init__(headers=dict(SECURITY_HEADERS))
        del self.headers["content-length"]
        self._notices = notices
        self._closing = closing
        self._is_folded = is_folded
        self._lines: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1 if is_folded else 256)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        start = CHANGED if self._is_folded else b": welcome\n\n"
        await send({"type": "http.response.body", "body": start, "more_body": True})
        reader = asyncio.create_task(self._read())
        tasks = [
            reader,
            asyncio.create_task(self._write(send)),
            asyncio.create_task(self._closing.wait()),
            asyncio.create_task(_left(receive)),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await send({"type": "http.response.body", "body": b""})

    async def _read(self) -> None:
        async for notice in self._notices:
            if not self._is_folded:
                await self._lines.put(_line(notice))
            elif self._lines.empty():
                self._lines.put_nowait(CHANGED)

    async def _write(self, send: Send) -> None:
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                    line = await self._lines.get()
            except TimeoutError:
                line = b": alive\n\n"
            await send({"type": "http.response.body", "body": line, "more_body": True})
            if self._is_folded:
                await asyncio.sleep(FOLD_SECONDS)
