"""HTTP that plugins are lent: one session, bounded in time and size.

No redirects (a health address that moves is a finding, and a page must not be carried elsewhere),
no proxies and cookies from the environment, http and https only. Reasons name scheme, host and port
and never the rest of the address: paths and queries of webhooks carry secrets.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from agent.model.errors import Permanent, Temporary
from agent.ports.clock import Clock
from agent.ports.kit import Http, HttpReply, Unreached

if TYPE_CHECKING:
    import aiohttp

READ_CAP_BYTES = 8 * 1024 * 1024
CONNECTIONS = 64
CONNECTIONS_PER_HOST = 16

NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})


class AiohttpHttp:
    """Implements ports.kit.Http. The client is imported and the session made at the first call."""

    def __init__(self, clock: Clock, *, read_cap_bytes: int = READ_CAP_BYTES) -> None:
        self._clock = clock
        self._read_cap_bytes = read_cap_bytes
        self._session: aiohttp.ClientSession | None = None

    async def get(
        self, url: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None
    ) -> HttpReply:
        return await self._ask("GET", url, timeout_seconds, headers, None)

    async def post(
        self,
        url: str,
        *,
        body: bytes,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> HttpReply:
        return await self._ask("POST", url, timeout_seconds, headers, body)

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _ask(
        self,
        method: str,
        url: str,
        timeout_seconds: float,
        headers: Mapping[str, str] | None,
        body: bytes | None,
    ) -> HttpReply:
        import aiohttp  # heavy: at first use

        place = _place(url)
        started = self._clock.monotonic()
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._open(aiohttp).request(
                    method, url, data=body, headers=headers, allow_redirects=False
                ) as response,
            ):
                content = await self._read(response)
                return HttpReply(
                    status=response.status,
                    body=content,
                    seconds=self._clock.monotonic() - started,
                    headers={name.lower(): value for name, value in response.headers.items()},
                )
        except TimeoutError as error:
            raise Temporary(f"{place} did not answer within {timeout_seconds:g} s") from error
        except aiohttp.InvalidURL as error:
            raise Permanent(f"{place} is no valid address") from error
        except aiohttp.ClientConnectorCertificateError as error:
            raise Permanent(f"{place} shows a certificate that is not valid") from error
        except aiohttp.ClientConnectorDNSError as error:
            raise Unreached(f"{place}: the name cannot be resolved") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _failure(place, error) from error
        except ValueError as error:
            # aiohttp refuses line ends in headers in this way
            raise Permanent(f"{place}: the request is not valid") from error

    def _open(self, client: Any) -> aiohttp.ClientSession:
        if self._session is None:
            session: aiohttp.ClientSession = client.ClientSession(
                connector=client.TCPConnector(
                    limit=CONNECTIONS, limit_per_host=CONNECTIONS_PER_HOST
                ),
                cookie_jar=client.DummyCookieJar(),
                timeout=client.ClientTimeout(total=None),
                trust_env=False,
                headers={"User-Agent": "homeostat"},
            )
            self._session = session
        return self._session

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        left = self._read_cap_bytes
        while left > 0:
            chunk = await response.content.read(min(left, 64 * 1024))
            if not chunk:
                break
            chunks.append(chunk)
            left -= len(chunk)
        if left <= 0:
            # what is behind the cap is not worth waiting for
            response.close()
        return b"".join(chunks)


class ReadingHttp:
    """The same client for those who may only look: `post` is refused."""

    __slots__ = ("get",)

    def __init__(self, http: Http) -> None:
        self.get = http.get

    async def post(
        self,
        url: str,
        *,
        body: bytes,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
    ) -> HttpReply:
        raise Permanent("a diagnostic or verification only reads: it may not post")


def _place(url: str) -> str:
    """Scheme, host and port for messages. Raises Permanent for what is no http address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Permanent("the address is not valid") from error
    if parts.scheme not in ("http", "https"):
        raise Permanent(f"only http and https addresses are read, not {_scheme(parts)!r}")
    if not host or any(character.isspace() for character in host):
        raise Permanent("the address names no host")
    shown = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{shown}" + (f":{port}" if port is not None else "")


def _scheme(parts: SplitResult) -> str:
    return parts.scheme[:20]


def _failure(place: str, error: Exception) -> Temporary:
    number = getattr(error, "errno", None)
    if number == errno.ECONNREFUSED:
        return Temporary(f"{place} refuses the connection")
    if number in NO_ROUTE:
        return Unreached(f"{place}: there is no way to it from here")
    if number == errno.ECONNRESET:
        return Temporary(f"{place} reset the connection")
    return Temporary(f"{place} broke the connection ({type(error).__name__})")
