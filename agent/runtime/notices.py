"""What changed, told to whoever listens: people's pages fetch it anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec

from agent.model.decision import Decision

MOST_NOTICES = 1000


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    subject: str


class Notices:
    """Tells every reader. A slow one misses notices; all of them end with the daemon."""

    def __init__(self) -> None:
        self._readers: set[asyncio.Queue[Notice | None]] = set()

    async def subscribe(self) -> AsyncIterator[Notice]:
        reader: asyncio.Queue[Notice | None] = asyncio.Queue(MOST_NOTICES)
        self._readers.add(reader)
        try:
            while (notice := await reader.get()) is not None:
                yield notice
        finally:
            self._readers.discard(reader)

    def tell(self, decisions: Sequence[Decision]) -> None:
        if not self._readers:
            return
        notices = [Notice(kind="incident", subject=d.incident.id) for d in decisions if d.incident]
        notices += [Notice(kind=r.kind, subject=r.key) for d in decisions for r in d.records]
        for reader in self._readers:
            for notice in notices:
                if reader.qsize() < MOST_NOTICES - 1:
                    reader.put_nowait(notice)

    def end(self) -> None:
        for reader in self._readers:
            reader.put_nowait(None)
