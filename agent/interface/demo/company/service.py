"""What every program of the company has: a door, a count of what went wrong lately, callers.

Standard library only: the company is no part of the agent and shares nothing with it but a folder.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LATELY_SECONDS = 2.0
CALL_SECONDS = 0.5
"""How long one program waits for another: less than its own callers wait for it."""

Reply = tuple[int, Mapping[str, Any]]
Route = Callable[[Mapping[str, Any]], Reply]


def setting(name: str) -> str:
    """A variable of the environment; the catalog gives every program its own."""
    return os.environ[name]


def say(text: str) -> None:
    """One line of the log."""
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


class Lately:
    """Successes and failures of the last two seconds. Nothing done is nothing failed."""

    def __init__(self) -> None:
        self._rows: deque[tuple[float, bool]] = deque()
        self._turn = threading.Lock()

    def add(self, *, ok: bool) -> None:
        with self._turn:
            self._rows.append((time.monotonic(), ok))

    def failed_share(self) -> float:
        with self._turn:
            since = time.monotonic() - LATELY_SECONDS
            while self._rows and self._rows[0][0] < since:
                self._rows.popleft()
            failed = sum(1 for _, ok in self._rows if not ok)
            return failed / len(self._rows) if self._rows else 0.0


def call(
    url: str,
    body: Mapping[str, Any] | None = None,
    *,
    token: str = "",
    seconds: float = CALL_SECONDS,
) -> Any:
    """POSTs the body (or GETs, without one) and reads the JSON reply. Raises OSError where the
    other side does not answer with success."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    if token:
        request.add_header("authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=seconds) as reply:
            return json.loads(reply.read() or b"null")
    except urllib.error.HTTPError as error:
        error.close()
        raise OSError(f"{url} answers {error.code}") from None
    except ValueError as error:
        raise OSError(f"{url} answers with what is no JSON: {error}") from None


class Voice:
    """The way to tell Homeostat something: CloudEvents by HTTP."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._url = setting("HOMEOSTAT_EVENTS")
        self._token = Path(setting("TOKEN_FILE")).read_text().strip()
        self._number = 0

    def tell(self, kind: str, data: Mapping[str, Any]) -> bool:
        """False where it did not arrive: the next one says it again."""
        self._number += 1
        event = {
            "specversion": "1.0",
            "id": f"{self._name}-{os.getpid()}-{self._number}",
            "source": f"/{self._name}",
            "type": kind,
            "datacontenttype": "application/json",
            "data": data,
        }
        try:
            call(self._url, event, token=self._token, seconds=2.0)
        except OSError:
            return False
        return True


def serve(port: int, routes: Mapping[str, Route]) -> None:
    """Answers for ever. A route that raises is a 500 and a line in the log, as everywhere."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer({})

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            self.answer(json.loads(self.rfile.read(length) or b"{}"))

        def answer(self, asked: Mapping[str, Any]) -> None:
            route = routes.get(self.path)
            if route is None:
                status, said = 404, {"error": f"nothing at {self.path}"}
            else:
                status, said = guarded(self.path, route, asked)
            body = json.dumps(said).encode()
            try:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                return  # the caller did not wait

        def log_message(self, format: str, *args: object) -> None:
            """A line for every request would drown what matters."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", port), Door) as server:
        server.serve_forever()


def guarded(path: str, route: Route, asked: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    try:
        status, said = route(asked)
    except (KeyError, TypeError, ValueError, OSError) as error:
        say(f"ERROR {path}: {type(error).__name__}: {error}")
        return 500, {"error": type(error).__name__}
    return status, dict(said)


def in_background(work: Callable[[], None], name: str) -> None:
    """A thread that must not end: a program that lost one of its parts ends as a whole."""

    def run() -> None:
        try:
            work()
        finally:
            say(f"ERROR {name} ended")
            sys.stdout.flush()
            os._exit(3)

    threading.Thread(target=run, name=name, daemon=True).start()
