"""How long to wait: before a broker is tried again, and before the next turn of a round."""

from __future__ import annotations

import zlib

LONGEST_WAIT_SECONDS = 30.0


def wait_seconds(client_id: str, failures: int) -> float:
    """Doubling from half a second up to the cap; spread by a hash, so that replicas that lost one
    broker together do not come back together."""
    longest = min(LONGEST_WAIT_SECONDS, 0.5 * 2.0 ** min(failures, 10))
    spread = zlib.crc32(f"{client_id}/{failures}".encode()) / 0xFFFFFFFF
    return longest * (0.5 + spread / 2)


def rest_seconds(every: float, *, began: float, now: float) -> float:
    """Until the next turn. One that overran skips the turns it missed; a clock set back must not
    stop it."""
    return every - max(0.0, now - began) % every
