"""Talks to the running daemon over its HTTP interface: HOMEOSTAT_URL, HOMEOSTAT_TOKEN."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import quote, urlencode

from agent.interface.cli.output import FOUND_WRONG, WRONG_USAGE, stop

DEFAULT_URL = "http://127.0.0.1:8420"
MISTYPED = 400
"""What the daemon answers where the request itself makes no sense."""
NO_TOKEN = 401
"""What it answers where no token came, or one it does not know."""
TOKEN_REMEDY = "set HOMEOSTAT_TOKEN to a token of the token file; after changing it, reload"
TIMEOUT_SECONDS = 40.0


class Unreachable(Exception):
    """No daemon answers."""


class Told(Exception):
    """The daemon said no: status, its sentence and the remedy."""

    def __init__(self, status: int, error: str, remedy: str) -> None:
        super().__init__(f"{error} ({remedy})" if remedy else error)
        self.status = status


def address() -> str:
    return os.environ.get("HOMEOSTAT_URL", DEFAULT_URL).rstrip("/")


def request(
    method: str, path: str, body: Any = None, *, timeout_seconds: float = TIMEOUT_SECONDS
) -> Any:
    """The decoded answer. Raises Told or Unreachable."""
    url = address() + path
    if not url.startswith(("http://", "https://")):
        raise Unreachable(f"HOMEOSTAT_URL is no http address: {url}")
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data=data, method=method)
    asked.add_header("content-type", "application/json")
    if token := os.environ.get("HOMEOSTAT_TOKEN"):
        asked.add_header("authorization", f"Bearer {token}")
    # A proxy of the environment is for the internet, not for a daemon beside us.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(asked, timeout=timeout_seconds) as reply:
            return _decoded(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            said = _decoded(error.read())
        if not isinstance(said, dict):
            said = {"error": str(said) or error.reason}
        remedy = said.get("remedy", "")
        if error.code == NO_TOKEN:
            remedy = TOKEN_REMEDY
        raise Told(error.code, said.get("error", ""), remedy) from None
    except (urllib.error.URLError, OSError) as error:
        reason = getattr(error, "reason", error)
        raise Unreachable(f"no daemon answers at {address()}: {reason}") from None


def _decoded(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode("utf-8", "replace").strip()


def ask(method: str, path: str, body: Any = None) -> Any:
    """As `request`, but ends the command with a sentence where it does not work."""
    try:
        return request(method, path, body)
    except Told as told:
        stop(str(told), code=WRONG_USAGE if told.status == MISTYPED else FOUND_WRONG)
    except Unreachable as unreachable:
        stop(f"{unreachable} (start it with `homeostat run`, or set HOMEOSTAT_URL)")


def path_of(*parts: str, **query: str | None) -> str:
    given = {name: value for name, value in query.items() if value}
    return "/" + "/".join(quote(p, safe="") for p in parts) + (f"?{urlencode(given)}" * bool(given))
