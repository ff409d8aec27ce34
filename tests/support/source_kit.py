"""The kit of a source, over the shipped clients: keeps what is emitted, and can be told that the
store cannot write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from agent.model.alert import Alert, Signal
from agent.model.errors import StoreUnavailable
from agent.ports.kit import SourceKit
from tests.support.kits import ToldProcesses, lent


class Emitted:
    kit: SourceKit

    def __init__(self) -> None:
        self.processes = ToldProcesses()
        self.batches: list[Sequence[Signal]] = []
        self.quarantined: list[tuple[bytes, str]] = []
        self.failures = 0
        """So many of the next writes fail."""

    @property
    def signals(self) -> list[Signal]:
        return [signal for batch in self.batches for signal in batch]

    @property
    def alerts(self) -> list[Alert]:
        return [signal for signal in self.signals if isinstance(signal, Alert)]

    async def emit(self, signals: Sequence[Signal]) -> None:
        self._may_fail()
        self.batches.append(signals)

    async def quarantine(self, body: bytes, *, source: str, why: str) -> None:
        self._may_fail()
        self.quarantined.append((body, why))

    def _may_fail(self) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable


@asynccontextmanager
async def collecting() -> AsyncIterator[Emitted]:
    emitted = Emitted()
    async with lent(processes=emitted.processes) as kits:
        emitted.kit = kits.source(emit=emitted.emit, quarantine=emitted.quarantine)
        yield emitted
