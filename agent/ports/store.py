"""The storage seam: one narrow contract, kept by SQLite and by an in-memory twin.

The decision loop is the only writer of decisions. Everything a decision changes goes into one
`commit`; it returns after the bytes are on disk, or raises `StoreUnavailable` and nothing was
written. Reads for people never see half a commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from agent.model.command import Command
from agent.model.decision import Decision, JournalEntry, LedgerEntry, Timer
from agent.model.incident import Incident
from agent.model.past import LedgerCount


class Repeat(msgspec.Struct, frozen=True, kw_only=True):
    """An exact repeat of a message already in the ledger: counts `seen` up by `times`."""

    key: str
    at: float
    times: int = 1


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What the decision loop needs in memory at start: everything still open."""

    incidents: tuple[Incident, ...]
    commands: tuple[Command, ...]
    """Committed and not finished: their effect is unknown until core has judged it."""
    timers: tuple[Timer, ...]
    records: Mapping[str, Mapping[str, msgspec.Struct]]
    """By kind, then key. Acts older than a day are left out."""


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """The newest that is known of one alert identity that is not live any more."""

    identity: str
    starts_at: float
    status: str
    incident_id: str | None


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A body nobody could read. `body` is cut at 64 KiB; `size` is its true length in bytes."""

    at: float
    source: str
    why: str
    body: bytes
    size: int


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """CONTRACT.md, `GET /api/v1/ledger`."""

    received: int = 0
    open: int = 0
    duplicate: int = 0
    suppressed: int = 0
    absorbed: int = 0
    routed: int = 0
    cleared: int = 0
    quarantined: int = 0

    @property
    def balanced(self) -> bool:
        return self.received == (
            self.open
            + self.duplicate
            + self.suppressed
            + self.absorbed
            + self.routed
            + self.cleared
            + self.quarantined
        )


class IncidentFilter(msgspec.Struct, frozen=True, kw_only=True):
    state: str | None = None
    product: str | None = None
    layer: str | None = None
    limit: int = 500


class PastPage(msgspec.Struct, frozen=True, kw_only=True):
    """One page of the past. `next` is where the following one begins; None: that was all."""

    incidents: tuple[Incident, ...]
    next: tuple[float, int] | None


class LedgerPage(msgspec.Struct, frozen=True, kw_only=True):
    """The same of the ledger, from its end to its beginning."""

    counts: tuple[LedgerCount, ...]
    next: int | None


class Store(Protocol):
    async def open(self, *, now: float) -> Snapshot:
        """Creates or migrates, takes the exclusive lock (`AlreadyRunning`), loads what is open."""
        ...

    async def close(self) -> None: ...

    async def recall(
        self, *, keys: Sequence[str], identities: Sequence[str]
    ) -> tuple[Mapping[str, LedgerEntry], Mapping[str, Episode]]:
        """Which of these message keys are in the ledger, and the newest episode per identity."""
        ...

    async def commit(
        self, decisions: Sequence[Decision], repeats: Sequence[Repeat] = ()
    ) -> None: ...

    async def quarantine(self, row: Quarantined) -> None:
        """Keeps the row and counts it as received and quarantined."""
        ...

    async def incident(self, incident_id: str) -> Incident | None: ...

    async def incidents(self, where: IncidentFilter) -> tuple[Incident, ...]:
        """Newest first."""
        ...

    async def journal(
        self, *, subject: str | None = None, after: int = 0, limit: int = 1000
    ) -> tuple[tuple[int, JournalEntry], ...]:
        """Rows with their sequence numbers, oldest first."""
        ...

    async def ledger(self, *, limit: int = 100) -> tuple[LedgerEntry, ...]:
        """Newest first."""
        ...

    async def past(self, *, after: tuple[float, int], limit: int = 500) -> PastPage:
        """Incidents that opened after this moment and row, oldest first. A page begins at
        `(since, -1)` or at the `next` of the one before."""
        ...

    async def ledger_counts(self, *, before: int | None = None, span: int = 10_000) -> LedgerPage:
        """`span` rows of the ledger, the newest or those before this one, counted by week,
        incident, product, state and reason, in no order."""
        ...

    async def totals(self) -> Totals: ...

    async def records(self, kind: str) -> Mapping[str, msgspec.Struct]: ...

    async def quarantined(self, *, limit: int = 50) -> tuple[Quarantined, ...]: ...
