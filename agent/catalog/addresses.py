"""Addresses as people write them: URLs to call, and the address to listen on."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

import msgspec
from pydantic import AfterValidator

from agent.catalog.faults import shown, wrong

_NUMBER = re.compile(r"(^|\.)(\d+|0x[0-9a-f]*)$")
_HOST = re.compile(r"(\*\.)?[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")


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


def without_user(url: str) -> tuple[str, str]:
    """The address as it may be shown, and what of it stood before the host (`user:password`)."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=host).geturl(), user


def origin_of(text: str) -> tuple[str, int] | None:
    """Host (lower case, no final dot) and port of an HTTP address; None where it is none."""
    if not text.startswith(("http://", "https://")):
        return None
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    return host.lower().rstrip("."), port or (443 if parts.scheme == "https" else 80)


class Allowed(msgspec.Struct, frozen=True, kw_only=True):
    """A host that may be asked though nobody wrote its whole address: a name, every name below a
    domain (`*.pay.svc`), an address or a network."""

    text: str

    def holds(self, host: str) -> bool:
        """`host` in lower case, without a final dot."""
        if self.text.startswith("*."):
            return host.endswith(self.text[1:])
        try:
            return ipaddress.ip_address(host) in ipaddress.ip_network(self.text)
        except ValueError:
            return host == self.text


def _allowed_host(text: str) -> str:
    plain = text.strip().lower().rstrip(".")
    try:
        ipaddress.ip_network(plain)
        return plain
    except ValueError:
        # a last part of digits alone is an address that was written in an odd way
        fine = _HOST.fullmatch(plain) is not None and not _NUMBER.search(plain)
    if not fine:
        raise wrong(
            f"{shown(text)} is not a host", "write a name, *.domain, an address or 10.0.0.0/24"
        )
    return plain


AllowedHost = Annotated[str, AfterValidator(_allowed_host)]
"""A name, `*.domain`, an address or a network, in lower case."""
