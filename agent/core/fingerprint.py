"""Identity: of an alert, of one message about it, of an incident.

The fingerprint is Prometheus' own (prometheus/common, model.Labels.Fingerprint): FNV-1a 64 over
the sorted `name 0xFF value 0xFF`, so that alerts of every source share one key space and links to
Alertmanager's pages work.
"""

from __future__ import annotations

import hashlib
from base64 import b32encode
from collections.abc import Mapping
from functools import lru_cache

from agent.model.alert import Alert, AlertStatus

FNV_OFFSET = 0xCBF29CE484222325
FNV_PRIME = 0x100000001B3
MASK = 0xFFFFFFFFFFFFFFFF


LONGEST_KEPT = 2048
"""Characters of a label set whose fingerprint is kept, so that what is kept stays bounded."""


def fingerprint(labels: Mapping[str, str]) -> str:
    """16 hex digits over the label set."""
    pairs = tuple(sorted(labels.items()))
    if sum(map(len, labels.values())) + sum(map(len, labels)) > LONGEST_KEPT:
        return _fnv(pairs)
    return _kept(pairs)


def _fnv(pairs: tuple[tuple[str, str], ...]) -> str:
    digest = FNV_OFFSET
    for name, value in pairs:
        for byte in name.encode() + b"\xff" + value.encode() + b"\xff":
            digest = ((digest ^ byte) * FNV_PRIME) & MASK
    return f"{digest:016x}"


# The same label sets come again and again, and a byte at a time is slow.
_kept = lru_cache(maxsize=4096)(_fnv)


def message_key(alert: Alert) -> str:
    """Exact identity of one message (DESIGN.md section 3, Ingest)."""
    parts = [alert.source, alert.fingerprint, repr(alert.starts_at), alert.status.value]
    if alert.status is AlertStatus.RESOLVED:
        parts.append(repr(alert.ends_at))
    return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def group_key(*, layer: str, product: str | None, name: str, entity: str | None) -> str:
    """Alerts with the same one join one incident while it is open."""
    return "\x1f".join((layer, product or "", name, entity or ""))


def incident_id(key: str, at: float, message: str) -> str:
    """Short, readable, derived from content: deciding twice gives the same incident.

    `message` is the key of the message that opens it: one body may bring the end of one episode
    and the start of the next with the same time of arrival, and those are two incidents.
    """
    digest = hashlib.blake2b(f"{key}\x1f{at!r}\x1f{message}".encode(), digest_size=5).digest()
    return "i-" + b32encode(digest).decode().lower()
