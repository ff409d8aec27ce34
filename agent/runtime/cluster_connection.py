"""The way to the API server: raw requests over one session, and streams.

Bodies pass through as bytes: models of a client library are validated on every parse. Nothing is
tried again here: who asks knows whether asking again does harm.

A 401 makes it read the token anew and ask once more, because tokens are rotated while one is in
use. What came of a write whose answer was lost is not known (`UnknownEffect`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
import structlog

from agent.catalog.cluster_document import ClusterSettings
from agent.model.errors import HomeostatError, Temporary, UnknownEffect
from agent.ports.clock import Clock
from agent.runtime.cluster_way import Way, way_to

if TYPE_CHECKING:
    import aiohttp

log = structlog.get_logger("cluster")

READ_CAP_BYTES = 32 * 1024 * 1024
"""Of one answer. A page of 500 large objects stays far below it."""
TIMEOUT_SECONDS = 30.0
LISTS_AT_ONCE = 2
TOKEN_SECONDS = 60.0
"""A token is read from its file again after so long."""
UNAUTHORIZED = 401


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the API server said. Names of headers in lower case."""

    status: int
    body: bytes | bytearray
    headers: Mapping[str, str] = {}

    @property
    def is_fine(self) -> bool:
        return 200 <= self.status < 300

    @property
    def after_seconds(self) -> float | None:
        """Its wish when to ask again."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdecimal() and len(text) < 6 else None

    def json(self) -> Any:
        """Raises Temporary where it is no JSON: whoever answered was not the API server."""
        try:
            return msgspec.json.decode(self.body)
        except (ValueError, RecursionError) as error:
            raise Temporary(f"the answer of the API server is not JSON: {error}") from error

    @property
    def said(self) -> str:
        """Its own words, bounded."""
        try:
            told = msgspec.json.decode(self.body, type=dict[str, Any])
        except (ValueError, RecursionError):
            told = {}
        message = told.get("message")
        text = message if isinstance(message, str) else self.body[:200].decode(errors="replace")
        return f"{self.status}: {' '.join(text.split())[:300]}"


class ClusterConnection:
    """One API server. Nothing is connected before the first request."""

    def __init__(self, settings: ClusterSettings, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._way: Way | None = None
        self._session: aiohttp.ClientSession | None = None
        self._opening = asyncio.Lock()
        self.listing = asyncio.Semaphore(LISTS_AT_ONCE)
        """Held for one page of a list: pages are large, and there are many watches."""
        self._read_at = 0.0
        self.last_answer_at: float | None = None
        """When it last answered anything, seconds since the epoch."""
        self.trouble = ""
        """Why it did not, the last time; empty: it did."""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        media_type: str = "application/json",
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> Reply:
        """One request, one answer of any status. Raises Temporary where there was none; for what
        changes something and may have got through, UnknownEffect."""
        asked_at = self._clock.monotonic()
        reply = await self._once(method, path, query, body, media_type, timeout_seconds)
        if reply.status == UNAUTHORIZED:
            await self._anew(asked_at)
            reply = await self._once(method, path, query, body, media_type, timeout_seconds)
        return reply

    async def _once(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        media_type: str,
        timeout_seconds: float,
    ) -> Reply:
        import aiohttp  # imported at first use

        session = await self._connected()
        changes = method not in ("GET", "HEAD")
        try:
            async with asyncio.timeout(timeout_seconds):
                sent = await self._send(session, method, path, query, body, media_type)
                try:
                    content = await _bounded(sent)
                finally:
                    sent.release()
        except (aiohttp.ClientConnectorError, aiohttp.ClientProxyConnectionError) as error:
            raise self._unreached(error) from error
        except (aiohttp.ClientError, OSError, TimeoutError, RuntimeError) as error:
            # RuntimeError: the session was closed meanwhile, for one that is reached another way.
            unreached = self._unreached(error)
            if changes:
                raise UnknownEffect(f"{method} was sent, and then {unreached}") from error
            raise unreached from error
        except Temporary as error:
            if changes:
                raise UnknownEffect(f"{method} was sent, and then came {error}") from error
            raise
        self._heard()
        headers = {name.lower(): value for name, value in sent.headers.items()}
        return Reply(status=sent.status, body=content, headers=headers)

    @asynccontextmanager
    async def stream(
        self, path: str, query: Mapping[str, str], *, timeout_seconds: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer that goes on. Raises Temporary where it does not begin; whoever reads it bounds
        the time."""
        asked_at = self._clock.monotonic()
        sent = await self._begin(path, query, timeout_seconds)
        if sent.status == UNAUTHORIZED:
            sent.close()
            await self._anew(asked_at)
            sent = await self._begin(path, query, timeout_seconds)
        try:
            self._heard()
            yield sent
        finally:
            sent.close()

    async def _begin(
        self, path: str, query: Mapping[str, str], read_seconds: float
    ) -> aiohttp.ClientResponse:
        import aiohttp  # imported at first use

        session = await self._connected()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._send(
                    session, "GET", path, query, None, "", read_seconds=read_seconds
                )
        except (aiohttp.ClientError, OSError, TimeoutError, RuntimeError) as error:
            # RuntimeError: the session was closed meanwhile, for one that is reached another way.
            raise self._unreached(error) from error

    async def _send(
        self,
        session: aiohttp.ClientSession,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        media_type: str,
        *,
        read_seconds: float | None = None,
    ) -> aiohttp.ClientResponse:
        import aiohttp  # imported at first use
        from yarl import URL

        assert self._way is not None
        headers = {
            "Accept": "application/json",
            # Packing costs the API server more time than it saves within a cluster.
            "Accept-Encoding": "identity",
            "User-Agent": "homeostat",
        }
        if self._way.authorization:
            headers["Authorization"] = self._way.authorization
        if body is not None:
            headers["Content-Type"] = media_type
        return await session.request(
            method,
            # Names are quoted already: none may be read in another way here.
            URL(f"{self._way.host}{path}?{urlencode(query or {})}".rstrip("?"), encoded=True),
            headers=headers,
            data=msgspec.json.encode(body) if body is not None else None,
            proxy=self._way.proxy,
            server_hostname=self._way.server_name,
            allow_redirects=False,
            # Its own bound is 5 minutes; each caller has one that is tighter.
            timeout=aiohttp.ClientTimeout(total=None, sock_read=read_seconds),
        )

    async def _connected(self) -> aiohttp.ClientSession:
        if self._session is None or self._is_stale():
            async with self._opening:
                if self._session is None or self._is_stale():
                    await self._open()
        assert self._session is not None
        return self._session

    def _is_stale(self) -> bool:
        return self._settings.kubeconfig is None and (
            self._clock.monotonic() - self._read_at >= TOKEN_SECONDS
        )

    async def _anew(self, asked_at: float) -> None:
        """Reads how the cluster is reached again: the token was rotated. Whoever asked before it
        was read anew has nothing to read."""
        async with self._opening:
            if self._read_at <= asked_at:
                await self._open()

    async def _open(self) -> None:
        """A session that is open goes on where only the token is new."""
        import aiohttp  # imported at first use

        try:
            # A kubeconfig may name a program that logs in: everybody waits for it.
            async with asyncio.timeout(TIMEOUT_SECONDS):
                way = await way_to(self._settings)
            is_same = self._way is not None and self._way.place == way.place
            tls = None if is_same and self._session is not None else way.tls()
        except HomeostatError:
            raise
        except TimeoutError as error:
            self.trouble = f"to log in to the cluster took longer than {TIMEOUT_SECONDS:.0f} s"
            raise Temporary(self.trouble) from error
        except Exception as error:
            # The loader raises whatever its parsers do; none of it may end a watch for good.
            self.trouble = f"how the cluster is reached cannot be read: {error}"[:300]
            raise Temporary(self.trouble) from error
        self._way, self._read_at = way, self._clock.monotonic()
        if tls is None:
            return
        known = self._session
        # Watches hold their connections for good: there is no limit to their number.
        connector = aiohttp.TCPConnector(ssl=tls, limit=0)
        self._session = aiohttp.ClientSession(connector=connector)
        if known is not None:
            await known.close()

    def _heard(self) -> None:
        self.last_answer_at, self.trouble = self._clock.now(), ""

    def _unreached(self, error: BaseException) -> Temporary:
        what = " ".join(str(error).split()) or type(error).__name__
        self.trouble = f"the API server does not answer: {what}"[:300]
        return Temporary(self.trouble)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def _bounded(answer: aiohttp.ClientResponse) -> bytearray:
    """Gathered in one place: an answer may be large, and a copy of it as large again."""
    content = bytearray()
    async for part in answer.content.iter_any():
        content += part
        if len(content) > READ_CAP_BYTES:
            answer.close()
            raise Temporary(f"an answer of more than {READ_CAP_BYTES // 2**20} MiB")
    return content
