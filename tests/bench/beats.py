"""Members that beat and a Prometheus that answers, each as cheap as it can be, in this process."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.bench.load import _connect, _length, _text

TICK_SECONDS = 0.01
"""Members beat each for itself: hardly ever do two of them arrive together."""


class Members:
    """One connection that beats for all of them, evenly, at QoS 1 and retained."""

    def __init__(self, port: int, *, count: int, every: float) -> None:
        self._port, self._count, self._every = port, count, every
        self.sent = 0
        self.acknowledged = 0

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        self.sent = self.acknowledged = 0
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(_connect(f"bench-{self._count}", clean=True))
        await reader.readexactly(4)
        parts = (
            asyncio.create_task(self._beat(writer)),
            asyncio.create_task(self._acknowledged(reader)),
        )
        try:
            yield
        finally:
            for part in parts:
                part.cancel()
            await asyncio.wait(parts)
            writer.close()

    async def _beat(self, writer: asyncio.StreamWriter) -> None:
        began = time.perf_counter()
        while True:
            due = int((time.perf_counter() - began) * self._count / self._every)
            out = bytearray()
            while self.sent < due:
                out += self._message(self.sent)
                self.sent += 1
            writer.write(bytes(out))
            await writer.drain()
            await asyncio.sleep(TICK_SECONDS)

    def _message(self, number: int) -> bytes:
        member, turn = number % self._count, number // self._count
        now = time.time()
        told = {
            "boot": "b1",
            "seq": turn,
            "work": turn * 7 + 1,
            "last_success": now - 1,
            "sent_at": now,
            "version": "1.0",
            "mode": "act",
            "queue": turn % 5,
        }
        topic = f"homeostat/heartbeats/m{member:04}"
        body = _text(topic) + (number % 65_000 + 1).to_bytes(2, "big") + json.dumps(told).encode()
        return b"\x33" + _length(len(body)) + body

    async def _acknowledged(self, reader: asyncio.StreamReader) -> None:
        while got := await reader.read(65_536):
            self.acknowledged += len(got) // 4


class Numbers:
    """Answers every query with one number that grows."""

    def __init__(self) -> None:
        self.asked = 0
        self.port = 0

    @asynccontextmanager
    async def answering(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.asked += 1
                now = time.time()
                sample = {"metric": {}, "value": [now, str(int(now))]}
                data = {"resultType": "vector", "result": [sample]}
                body = json.dumps({"status": "success", "data": data}).encode()
                head = (
                    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n"
                )
                writer.write(head.encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()
