"""The HTTP server inside the daemon's own loop.

A path decides first: push sources go to the bare endpoints, everything else to Starlette, whose
routing costs more than storing an alert. uvicorn is embedded without its signal handlers, logs and
trust in proxy headers; the socket is bound here, so that a taken port is an error of ours and port
0 can be asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from agent.interface.console import pages
from agent.interface.facade import Facade
from agent.interface.http import api
from agent.interface.http.desk import Desk
from agent.interface.http.hot import HotEndpoints, Receive, Scope, Send
from agent.interface.http.identity import Doorkeeper, is_loopback_name
from agent.interface.http.needs import SEND, NeedingRoute
from agent.interface.http.replies import Refused, as_text, refusal
from agent.model.errors import HomeostatError, StoreUnavailable
from agent.ports.plugin import PushSource

MOST_CONNECTIONS = 1000
GRACE_SECONDS = 3
KEEP_ALIVE_SECONDS = 75
TICK_SECONDS = 1.0


class CannotListen(HomeostatError):
    """The address cannot be bound."""


class Router:
    """The ASGI application: hot paths first."""

    def __init__(self, hot: HotEndpoints, rest: Starlette) -> None:
        self._hot = hot
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "POST" and scope["path"] in self._hot.by_path:
            await self._hot(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def build_app(desk: Desk, sources: Iterable[PushSource], *, body_seconds: float = 10.0) -> Router:
    async def show(request: Request, error: Exception) -> Response:
        return _rendered(request, error)

    hot = HotEndpoints(desk.facade, desk.door, sources, body_seconds=body_seconds)
    known = every_route(desk, hot.by_path)
    handlers = {Refused: show, StoreUnavailable: show, 404: show, 405: show, 500: show}
    return Router(hot, Starlette(routes=known, exception_handlers=handlers))


def every_route(desk: Desk, hot_paths: Iterable[str]) -> list[NeedingRoute]:
    """All there is to ask for, each with its need."""
    hot = [NeedingRoute(p, _never_reached, methods=["POST"], need=SEND) for p in hot_paths]
    return [*api.routes(desk), *pages.routes(desk), *hot]


async def _never_reached(_request: Request) -> Response:
    """Hot paths stand in the list of routes only so that other methods get 405 and not 404."""
    raise Refused(405, "send it with POST")


def _rendered(request: Request, error: Exception) -> Response:
    """Every error in one shape: JSON for tools, a page for browsers."""
    if isinstance(error, Refused):
        refused = error
    elif isinstance(error, StoreUnavailable):
        refused = Refused(503, str(error), remedy="try again", headers={"retry-after": "1"})
    elif not isinstance(error, HTTPException):
        refused = Refused(500, "an error inside Homeostat", remedy="the log has it")
    else:
        status = error.status_code
        text = "no such page" if status == 404 else "not with this method"
        refused = Refused(
            status,
            f"{text}: {request.method} {request.url.path}",
            remedy="the routes are listed in the reference of the HTTP interface",
            headers=error.headers,
        )
    is_tool = request.url.path.startswith(("/api/", "/-/", "/webhook/", "/metrics"))
    if request.url.path.startswith("/api/v2/"):
        return as_text(refused)
    if is_tool or "text/html" not in request.headers.get("accept", ""):
        return refusal(refused)
    return pages.error_page(request, refused)


class _Embedded(uvicorn.Server):
    """uvicorn without its signal handlers: signals are the daemon's."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = asyncio.Event()
        self._leaves = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()

    async def main_loop(self) -> None:
        """Renews the `date` header once a second (uvicorn's own loop wakes ten times)."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._leaves.wait()

    def leave(self) -> None:
        self.should_exit = True
        self._leaves.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass
class Server:
    """A running server. `port` is the bound one."""

    port: int
    desk: Desk
    _server: _Embedded
    _task: asyncio.Task[None]

    async def stop(self) -> None:
        """Ends event streams, lets requests under way finish (3 s), closes the socket."""
        self.desk.closing.set()
        self._server.leave()
        await self._task


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only where the protocol is named; with it on, every
    # second answer on a kept connection would wait 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"{host}:{port}: {error.strerror or error}; end what listens there, or set another "
            "`listen`"
        ) from None
    listener.setblocking(False)
    return listener


async def serve(
    facade: Facade,
    *,
    host: str,
    port: int,
    push_sources: Sequence[PushSource],
    body_seconds: float = 10.0,
) -> Server:
    """Starts serving and returns once the socket listens; port 0 takes a free one.

    Raises CannotListen, also where the address is not loopback while nobody could be proven.
    """
    if facade.principals is None and not is_loopback_name(f"[{host}]" if ":" in host else host):
        raise CannotListen(
            f"{host} is not loopback and no token file is configured; set `tokens_file`, or listen "
            "on 127.0.0.1"
        )
    listener = _bind(host, port)
    desk = Desk(facade, Doorkeeper(facade), started_at=facade.now())
    config = uvicorn.Config(
        build_app(desk, push_sources, body_seconds=body_seconds),
        http="httptools",
        loop="none",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    server = _Embedded(config)
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http server")
    listens = asyncio.create_task(server.listens.wait())
    await asyncio.wait([task, listens], return_when=asyncio.FIRST_COMPLETED)
    listens.cancel()
    if task.done():
        await task
    return Server(listener.getsockname()[1], desk, server, task)
