"""Tokens whose end is near: the log tells of them when it comes near, and daily from then on."""

from __future__ import annotations

import structlog

from agent.catalog.people import Principals

log = structlog.get_logger("tokens")

EVERY_SECONDS = 86400.0


class TokenEnds:
    def __init__(self) -> None:
        self._told: dict[str, float] = {}
        """When each was told of, by where it stands."""

    def tell(self, principals: Principals | None, *, at: float) -> None:
        ending = principals.ends(at) if principals is not None else ()
        self._told = {f.path: self._told[f.path] for f in ending if f.path in self._told}
        for fault in ending:
            if abs(at - self._told.get(fault.path, float("-inf"))) >= EVERY_SECONDS:
                self._told[fault.path] = at
                log.warning("token_ends", fault=str(fault))
