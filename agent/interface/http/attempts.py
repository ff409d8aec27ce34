"""Failed proofs by address: after ten within a minute nobody from there may guess on for a while.

The address is that of the socket: there is no trusted proxy whose word for it would count. An IPv6
host has a whole network of addresses, so its first 64 bits are counted. What is kept is bounded.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

MOST_FAILED = 10
WITHIN_SECONDS = 60.0
MOST_ADDRESSES = 10_000


@dataclass
class Attempts:
    _failed: dict[str, deque[float]] = field(default_factory=dict)

    def failed(self, address: str, *, at: float) -> None:
        key = _network(address)
        times = self._failed.pop(key, None) or deque(maxlen=MOST_FAILED)
        times.append(at)
        while len(self._failed) >= MOST_ADDRESSES:
            del self._failed[next(iter(self._failed))]
        self._failed[key] = times  # at the end: the one that was quiet longest goes first

    def wait(self, address: str, *, at: float) -> float:
        """Seconds until somebody from there may try again; 0.0: now."""
        times = self._failed.get(_network(address))
        if times is None or len(times) < MOST_FAILED:
            return 0.0
        left = times[0] + WITHIN_SECONDS - at
        # A clock that was set back would otherwise shut people out for as long.
        return left if 0.0 < left <= WITHIN_SECONDS else 0.0


def _network(address: str) -> str:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(IPv6Address(int(parsed) >> 64 << 64))
    return address
