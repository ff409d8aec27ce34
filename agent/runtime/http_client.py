"""HTTP that plugins are lent: one session, bounded in time and size.

No redirects (a health address that moves is a finding, and a page must not be carried elsewhere),
no proxies and cookies from the environment, http and https only. Reasons name scheme, host and port
and never the rest of the address: paths and queries of webhooks carry secrets.

Where a connection may lead is decided in egress.py. Addresses that people wrote may lead inside; a
client that is given `written` lets others only outside. Both kinds have a pool of their own, so
that no connection made for the one is used for the other.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import SplitResult, urlsplit

from agent.model.errors import Permanent, Temporary
from agent.ports.clock import Clock
from agent.ports.kit import Http, HttpReply, Unreached
from agent.runtime.egress import (
    Barred,
    GuardedResolver,
    Resolver,
    Written,
    check_address,
    check_name,
    guarded_socket,
    is_address,
)

if TYPE_CHECKING:
    import aiohttp
    import yarl

READ_CAP_BYTES = 8 * 1024 * 1024
CONNECTIONS = 64
CONNECTIONS_PER_HOST = 16

NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EADDRNOTAVAIL})


class AiohttpHttp:
    """Implements ports.kit.Http. The client is imported and a session made at the first call.

    Without `written`, every address it is given was written by people. `resolver` stands in for the
    system's.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        read_cap_bytes: int = READ_CAP_BYTES,
        written: Written | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        self._clock = clock
        self._read_cap_bytes = read_cap_bytes
        self._written = written
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        """By whether its connections may lead inside."""
        self._own_resolver: Resolver | None = None

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
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()
        own, self._own_resolver = self._own_resolver, None
        if own is not None:
            await own.close()

    async def _ask(
        self,
        method: str,
        url: str,
        timeout_seconds: float,
        headers: Mapping[str, str] | None,
        body: bytes | None,
    ) -> HttpReply:
        import aiohttp  # heavy: at first use
        import yarl  # the client's own reading of an address: a second one might see another host

        place = _place(url)
        try:
            address = yarl.URL(url)
        except ValueError as error:
            raise Permanent(f"{place} is no valid address") from error
        may_be_inside = self._checked(address, place)
        started = self._clock.monotonic()
        try:
            async with (
                asyncio.timeout(timeout_seconds),
                self._open(aiohttp, may_be_inside).request(
                    method, address, data=body, headers=headers, allow_redirects=False
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
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, Barred):
                raise Permanent(f"{place} leads where it may not") from error
            if not isinstance(error, aiohttp.ClientConnectorDNSError):
                raise _failure(place, error) from error
            raise Unreached(f"{place}: the name cannot be resolved") from error
        except (aiohttp.ClientError, OSError) as error:
            raise _failure(place, error) from error
        except ValueError as error:
            # aiohttp refuses line ends in headers in this way
            raise Permanent(f"{place}: the request is not valid") from error

    def _checked(self, address: yarl.URL, place: str) -> bool:
        """Whether this address may lead inside. Raises Permanent for one that is barred as it is
        written; what a name leads to is seen when it is resolved."""
        host = (address.host or "").lower().rstrip(".")
        may_be_inside = self._written is None or self._written(host, address.port or 0)
        check_name(host, place=place)
        if is_address(host):
            check_address(host, may_be_inside=may_be_inside, place=place)
        if not may_be_inside and (address.user or address.password):
            raise Permanent(f"{place}: an address from an alert may not carry a name or a password")
        return may_be_inside

    def _open(self, client: Any, may_be_inside: bool) -> aiohttp.ClientSession:
        if may_be_inside not in self._sessions:
            if self._resolver is None and self._own_resolver is None:
                self._own_resolver = client.resolver.DefaultResolver()
            resolver = cast(Resolver, self._resolver or self._own_resolver)
            session: aiohttp.ClientSession = client.ClientSession(
                connector=client.TCPConnector(
                    limit=CONNECTIONS,
                    limit_per_host=CONNECTIONS_PER_HOST,
                    resolver=cast(Any, GuardedResolver(resolver, may_be_inside=may_be_inside)),
                    socket_factory=guarded_socket(may_be_inside),
                ),
                cookie_jar=client.DummyCookieJar(),
                timeout=client.ClientTimeout(total=None),
                trust_env=False,
                headers={"User-Agent": "homeostat"},
            )
            self._sessions[may_be_inside] = session
        return self._sessions[may_be_inside]

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
