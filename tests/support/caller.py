"""An HTTP client for tests that reads every reply to its end at once, so that none stays open."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from multidict import CIMultiDictProxy


@dataclass(frozen=True)
class Reply:
    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Caller:
    session: aiohttp.ClientSession

    async def request(self, method: str, path: str, **settings: Any) -> Reply:
        settings.setdefault("allow_redirects", False)
        async with self.session.request(method, path, **settings) as reply:
            return Reply(reply.status, reply.headers, await reply.read())

    async def get(self, path: str, **settings: Any) -> Reply:
        return await self.request("GET", path, **settings)

    async def post(self, path: str, **settings: Any) -> Reply:
        return await self.request("POST", path, **settings)


@asynccontextmanager
async def calling(url: str, *, token: str = "") -> AsyncIterator[Caller]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(url, headers=headers, cookie_jar=jar) as session:
        yield Caller(session)
