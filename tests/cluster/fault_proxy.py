"""Stands before the API server, passes everything on, and breaks what a test tells it to.

    async with FaultProxy.before(plane) as proxy:        # or the fixture `fault_proxy`
        proxy.answer(429, method="PATCH", headers={"Retry-After": "1"}, times=1)
        ...                                              # the client talks to proxy.url
        assert len(proxy.seen(method="PATCH")) == 2

It shows the API server's own certificate where the cluster is ours, so a client needs another port
and nothing else. Rules are tried in the order they were given; the first that fits a request and is
not used up decides. `path` is a regular expression that is searched in the path with its query.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from tests.cluster.control_plane import ControlPlane
from tests.cluster.plane import Account, Plane
from tests.support.running import free_port

NOT_PASSED_ON = {
    "connection",
    "content-encoding",
    "content-length",
    "host",
    "keep-alive",
    "transfer-encoding",
}
WATCH = r"[?&]watch=(true|1)\b"
LONGEST = 300.0
REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


@dataclass(frozen=True)
class Seen:
    """One request as it arrived, whatever was done with it."""

    method: str
    path: str
    """With its query, as it was sent."""
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_watch(self) -> bool:
        return re.search(WATCH, self.path) is not None


@dataclass
class Rule:
    method: str | None
    path: str
    times: int | None
    do: Callable[[web.BaseRequest, bytes], object]
    used: int = 0

    def fits(self, seen: Seen) -> bool:
        if self.times is not None and self.used >= self.times:
            return False
        if self.method is not None and self.method != seen.method:
            return False
        return re.search(self.path, seen.path) is not None

    def lift(self) -> None:
        """From now on it breaks nothing."""
        self.times = self.used


def status_object(code: int, *, reason: str | None = None, message: str = "") -> dict[str, object]:
    """As an API server writes its errors."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "reason": REASONS.get(code, "") if reason is None else reason,
        "message": message or f"the fault proxy says {code}",
        "code": code,
    }


@dataclass
class FaultProxy:
    url: str
    plane: Plane
    requests: list[Seen] = field(default_factory=list)
    _rules: list[Rule] = field(default_factory=list)
    _open: list[web.BaseRequest] = field(default_factory=list)
    _silent: list[str] = field(default_factory=list)
    _session: aiohttp.ClientSession | None = None
    _runner: web.ServerRunner | None = None
    _site: web.TCPSite | None = None
    _tls: ssl.SSLContext | None = None

    # --- what can go wrong ------------------------------------------------------------------

    def answer(
        self,
        status: int,
        *,
        method: str | None = None,
        path: str = "",
        reason: str | None = None,
        message: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        times: int | None = None,
    ) -> Rule:
        """Not passed on: answered with this status and a Status object (or `body`)."""
        written = json.dumps(status_object(status, reason=reason, message=message)).encode()

        async def do(request: web.BaseRequest, _: bytes) -> web.StreamResponse:
            return web.Response(
                status=status,
                body=written if body is None else body,
                headers={"Content-Type": "application/json", **(headers or {})},
            )

        return self._add(method, path, times, do)

    def expire_watch(self, *, path: str = "", times: int | None = 1) -> Rule:
        """A watch is answered 200, and its first event is ERROR with 410: too old."""
        event = {"type": "ERROR", "object": status_object(410, message="too old resource version")}

        async def do(request: web.BaseRequest, _: bytes) -> web.StreamResponse:
            reply = web.StreamResponse(headers={"Content-Type": "application/json"})
            await reply.prepare(request)
            await reply.write(json.dumps(event).encode() + b"\n")
            return reply

        return self._add("GET", f"{path}.*{WATCH}" if path else WATCH, times, do)

    def lose_answer(
        self, *, method: str | None = None, path: str = "", times: int | None = 1
    ) -> Rule:
        """Passed on, and done there; but the connection is cut instead of an answer."""

        async def do(request: web.BaseRequest, body: bytes) -> web.StreamResponse:
            async with self._ask(request, body) as answer:
                await answer.read()
            return _cut(request)

        return self._add(method, path, times, do)

    def cut(self, *, method: str | None = None, path: str = "", times: int | None = 1) -> Rule:
        """Not passed on: the connection is cut."""

        async def do(request: web.BaseRequest, _: bytes) -> web.StreamResponse:
            return _cut(request)

        return self._add(method, path, times, do)

    def hang(self, *, method: str | None = None, path: str = "", times: int | None = None) -> Rule:
        """Not passed on, and never answered, while the connection stays open."""

        async def do(request: web.BaseRequest, _: bytes) -> web.StreamResponse:
            await asyncio.sleep(LONGEST)
            return _cut(request)

        return self._add(method, path, times, do)

    def silent_watch(self, *, path: str = "", times: int | None = None) -> Rule:
        """A watch is answered 200, and then nothing ever comes: no event, no bookmark, no end."""

        async def do(request: web.BaseRequest, _: bytes) -> web.StreamResponse:
            reply = web.StreamResponse(headers={"Content-Type": "application/json"})
            await reply.prepare(request)
            await asyncio.sleep(LONGEST)
            return reply

        return self._add("GET", f"{path}.*{WATCH}" if path else WATCH, times, do)

    def delay(
        self,
        seconds: float,
        *,
        method: str | None = None,
        path: str = "",
        times: int | None = None,
    ) -> Rule:
        """Passed on, but only after so long."""

        async def do(request: web.BaseRequest, body: bytes) -> web.StreamResponse:
            await asyncio.sleep(seconds)
            return await self._pass_on(request, body)

        return self._add(method, path, times, do)

    def fall_silent(self, path: str = "") -> None:
        """Streams that are open already stay open and say nothing more; what came meanwhile is
        lost."""
        self._silent.append(path)

    def cut_open(self, path: str = "") -> int:
        """Cuts what is under way now (watches). Returns how many."""
        cut = [request for request in self._open if re.search(path, request.path_qs)]
        for request in cut:
            _cut(request)
        return len(cut)

    async def refuse(self) -> None:
        """Closes the port and everything open: as if the API server were gone."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self.cut_open()
        server = self._runner.server if self._runner else None
        for connection in list(server.connections) if isinstance(server, web.Server) else ():
            connection.force_close()

    async def accept(self) -> None:
        """Opens the same port again."""
        if self._site is None:
            await self._listen()

    def heal(self) -> None:
        """No rule breaks anything any more; `refuse` is undone by `accept`."""
        self._rules.clear()
        self._silent.clear()

    # --- what was seen ----------------------------------------------------------------------

    def seen(self, *, method: str | None = None, path: str = "") -> list[Seen]:
        return [
            one
            for one in self.requests
            if method in (None, one.method) and re.search(path, one.path)
        ]

    def writes(self, path: str = "") -> list[Seen]:
        """Requests that ask for a change, dry runs too."""
        return [one for one in self.seen(path=path) if one.method not in ("GET", "HEAD")]

    def account(self, account: Account) -> Account:
        """The same account, by way of this proxy."""
        return Account(
            namespace=account.namespace,
            name=account.name,
            url=self.url,
            token=account.token,
            token_file=account.token_file,
            ca_file=account.ca_file,
            kubeconfig=self.plane.kubeconfig_for(
                f"{account.namespace}-{account.name}-by-proxy",
                token_file=account.token_file,
                url=self.url,
            ),
        )

    # --- the proxy itself -------------------------------------------------------------------

    @classmethod
    @asynccontextmanager
    async def before(cls, plane: Plane, *, tls: bool = True) -> AsyncIterator[FaultProxy]:
        """With `tls` it speaks https where the cluster is ours, otherwise plain http."""
        context = None
        if tls and isinstance(plane, ControlPlane):
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*plane.certificate_and_key)
        scheme = "https" if context else "http"
        proxy = cls(url=f"{scheme}://127.0.0.1:{free_port()}", plane=plane, _tls=context)
        trusted = plane.credentials.tls
        connector = aiohttp.TCPConnector(ssl=True if trusted is None else trusted, limit=0)
        async with aiohttp.ClientSession(
            connector=connector, auto_decompress=False, timeout=aiohttp.ClientTimeout(total=LONGEST)
        ) as session:
            proxy._session = session
            proxy._runner = web.ServerRunner(web.Server(proxy._received), shutdown_timeout=0.1)
            await proxy._runner.setup()
            await proxy._listen()
            try:
                yield proxy
            finally:
                proxy.cut_open()
                await proxy._runner.cleanup()

    async def _listen(self) -> None:
        assert self._runner is not None
        port = int(self.url.rsplit(":", 1)[1])
        self._site = web.TCPSite(
            self._runner, "127.0.0.1", port, ssl_context=self._tls, reuse_address=True
        )
        await self._site.start()

    def _add(
        self,
        method: str | None,
        path: str,
        times: int | None,
        do: Callable[[web.BaseRequest, bytes], object],
    ) -> Rule:
        rule = Rule(method=method, path=path, times=times, do=do)
        self._rules.append(rule)
        return rule

    async def _received(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        seen = Seen(request.method, request.path_qs, dict(request.headers), body)
        self.requests.append(seen)
        rule = next((rule for rule in self._rules if rule.fits(seen)), None)
        self._open.append(request)
        try:
            if rule is None:
                return await self._pass_on(request, body)
            rule.used += 1
            return await rule.do(request, body)  # type: ignore[misc, no-any-return]
        finally:
            self._open = [one for one in self._open if one is not request]

    def _ask(self, request: web.BaseRequest, body: bytes) -> aiohttp.client._RequestContextManager:
        assert self._session is not None
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in NOT_PASSED_ON
        }
        return self._session.request(
            request.method,
            self.plane.url + request.raw_path,
            data=body or None,
            headers=headers,
            skip_auto_headers=("Content-Type", "User-Agent"),
            allow_redirects=False,
        )

    async def _pass_on(self, request: web.BaseRequest, body: bytes) -> web.StreamResponse:
        try:
            async with self._ask(request, body) as answer:
                headers = {
                    name: value
                    for name, value in answer.headers.items()
                    if name.lower() not in NOT_PASSED_ON - {"content-encoding"}
                }
                reply = web.StreamResponse(status=answer.status, headers=headers)
                await reply.prepare(request)
                async for piece in answer.content.iter_any():
                    if not any(re.search(path, request.path_qs) for path in self._silent):
                        await reply.write(piece)
                return reply
        except (aiohttp.ClientError, ConnectionError):
            # The API server, or the client, went away in the middle.
            return _cut(request)


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    """Closes the connection at once, in the middle of whatever is being said on it."""
    if request.transport is not None:
        with suppress(OSError):
            request.transport.abort()
    return web.Response(status=502)
