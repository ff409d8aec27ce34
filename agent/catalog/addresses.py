"""Addresses as people write them: URLs to call, and the address to listen on."""

from __future__ import annotations

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from agent.catalog.faults import shown, wrong


def parse_listen(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:8420`, `[::1]:8420`, `localhost:8420`, or `:8420` (everywhere).

    Port 0 lets the system choose. Raises PydanticCustomError, a ValueError, with a remedy.
    """
    host, colon, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535
    if not colon or not is_port or (":" in bare and bare == host):
        raise wrong(f"{shown(text)} is not an address to listen on", "write it like 127.0.0.1:8420")
    if any(not (c.isalnum() or c in ".:-_%") for c in bare):
        raise wrong(f"{shown(bare)} is not a host", "write it like 127.0.0.1:8420")
    return bare or "0.0.0.0", int(port)


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _http_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine or not text.isprintable() or " " in text:
        raise wrong(f"{shown(text)} is not an HTTP address", "write it like http://127.0.0.1:9090")
    return text


HttpUrl = Annotated[str, AfterValidator(_http_url)]
"""An http or https address, kept as it was written."""
