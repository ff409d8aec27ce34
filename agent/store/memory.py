"""The in-memory twin: the same contract without a file, for tests, rehearsals and demos.

It takes decisions one after the other in the plainest way, so that the same history in both stores
is a proof of the other one's batching. What it keeps went through JSON like everything in a file:
what comes out is what would come out after a restart. It opens again as the same object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from agent.model.command import Command
from agent.model.decision import Decision, JournalEntry, LedgerEntry, LedgerMove, Record, Timer
from agent.model.errors import AlreadyRunning, StoreUnavailable
from agent.model.incident import Incident
from agent.model.past import LedgerCount, week_of
from agent.model.records import Act
from agent.ports.store import (
    Episode,
    IncidentFilter,
    LedgerPage,
    PastPage,
    Quarantined,
    Repeat,
    Snapshot,
    Totals,
)
from agent.store import batch, rows
from agent.store.totals import balance

S = TypeVar("S", bound=msgspec.Struct)


def _as_stored(struct: S) -> S:
    return rows.from_json(rows.to_json(struct), type(struct))


class MemoryStore:
    """Keeps `agent.ports.store.Store` in memory."""

    warnings: tuple[str, ...] = ()

    def __init__(self) -> None:
        self._is_open = False
        self._incidents: dict[str, Incident] = {}
        self._journal: list[JournalEntry] = []
        self._ledger: dict[str, LedgerEntry] = {}
        self._keys_of_identity: dict[str, list[str]] = {}
        self._keys_of_incident: dict[str, list[str]] = {}
        self._outbox: dict[str, Command | None] = {}
        """None where it is finished."""
        self._timers: dict[tuple[str, str], float] = {}
        self._records: dict[str, dict[str, msgspec.Struct]] = rows.empty_records()
        self._quarantined: list[Quarantined] = []
        self._received = 0

    async def open(self, *, now: float) -> Snapshot:
        if self._is_open:
            raise AlreadyRunning("this store is open already")
        self._is_open = True
        oldest = now - rows.ACT_MEMORY_SECONDS
        records = {kind: dict(sorted(kept.items())) for kind, kept in self._records.items()}
        records["act"] = {
            key: act
            for key, act in records["act"].items()
            if isinstance(act, Act) and act.at >= oldest
        }
        timers = (
            Timer(subject=subject, name=name, due=due)
            for (subject, name), due in self._timers.items()
        )
        return Snapshot(
            incidents=tuple(found for found in self._incidents.values() if found.is_open),
            commands=tuple(found for found in self._outbox.values() if found is not None),
            timers=tuple(sorted(timers, key=lambda timer: (timer.due, timer.subject, timer.name))),
            records=records,
        )

    async def close(self) -> None:
        self._is_open = False

    async def recall(
        self, *, keys: Sequence[str], identities: Sequence[str]
    ) -> tuple[Mapping[str, LedgerEntry], Mapping[str, Episode]]:
        self._check_open()
        entries = {key: self._ledger[key] for key in keys if key in self._ledger}
        episodes = {
            identity: self._newest_episode(identity)
            for identity in identities
            if identity in self._keys_of_identity
        }
        return entries, episodes

    async def commit(self, decisions: Sequence[Decision], repeats: Sequence[Repeat] = ()) -> None:
        self._check_open()
        batch.encode(decisions, repeats)  # refuses, before anything changes, what no store holds
        for decision in decisions:
            self._take(decision)
        for repeat in repeats:
            self._received += repeat.times
            if repeat.key in self._ledger:
                self._count_seen(repeat.key, repeat.times)

    async def quarantine(self, row: Quarantined) -> None:
        self._check_open()
        self._quarantined.append(rows.cut_body(row))
        self._received += 1

    async def incident(self, incident_id: str) -> Incident | None:
        self._check_open()
        return self._incidents.get(incident_id)

    async def incidents(self, where: IncidentFilter) -> tuple[Incident, ...]:
        self._check_open()
        by_age = sorted(self._incidents.values(), key=lambda found: found.opened_at)
        passing = (
            found
            for found in reversed(by_age)
            if where.state in (None, found.state)
            and where.product in (None, found.product)
            and where.layer in (None, found.layer)
        )
        return tuple(islice(passing, _limit(where.limit)))

    async def journal(
        self, *, subject: str | None = None, after: int = 0, limit: int = 1000
    ) -> tuple[tuple[int, JournalEntry], ...]:
        self._check_open()
        wanted = (
            (seq, entry)
            for seq, entry in enumerate(self._journal, start=1)
            if seq > after and subject in (None, entry.subject)
        )
        return tuple(islice(wanted, _limit(limit)))

    async def ledger(self, *, limit: int = 100) -> tuple[LedgerEntry, ...]:
        self._check_open()
        return tuple(islice(reversed(self._ledger.values()), _limit(limit)))

    async def past(self, *, after: tuple[float, int], limit: int = 500) -> PastPage:
        self._check_open()
        later = sorted(
            (found.opened_at, seq)
            for seq, found in enumerate(self._incidents.values(), start=1)
            if (found.opened_at, seq) > after
        )
        kept, size = list(self._incidents.values()), max(1, _limit(limit))
        page = later[:size]
        return PastPage(
            incidents=tuple(kept[seq - 1] for _, seq in page),
            next=page[-1] if len(page) == size else None,
        )

    async def ledger_counts(self, *, before: int | None = None, span: int = 10_000) -> LedgerPage:
        self._check_open()
        last = len(self._ledger) if before is None else before
        size = max(1, _limit(span))
        found: dict[tuple[object, ...], LedgerCount] = {}
        for entry in islice(self._ledger.values(), max(0, last - size), max(0, last)):
            one = LedgerCount(
                week=week_of(entry.at),
                incident_id=entry.incident_id,
                product=entry.product,
                state=entry.state,
                reason=entry.reason,
                messages=1,
                first_at=entry.at,
            )
            key = (one.week, one.incident_id, one.product, one.state, one.reason)
            known = found.get(key)
            found[key] = one if known is None else _together(known, one)
        return LedgerPage(counts=tuple(found.values()), next=last - size if last > size else None)

    async def totals(self) -> Totals:
        self._check_open()
        return balance(
            (
                ("received", self._received, 0),
                ("quarantined", len(self._quarantined), 0),
                *((entry.state.value, 1, entry.seen - 1) for entry in self._ledger.values()),
            )
        )

    async def records(self, kind: str) -> Mapping[str, msgspec.Struct]:
        self._check_open()
        rows.record_type(kind)
        return dict(sorted(self._records[kind].items()))

    async def quarantined(self, *, limit: int = 50) -> tuple[Quarantined, ...]:
        self._check_open()
        return tuple(islice(reversed(self._quarantined), _limit(limit)))

    def _check_open(self) -> None:
        if not self._is_open:
            raise StoreUnavailable("the store is not open")

    def _take(self, decision: Decision) -> None:
        if decision.incident is not None:
            self._incidents[decision.incident.id] = _as_stored(decision.incident)
        self._journal.extend(map(_as_stored, decision.journal))
        for command in decision.commands:
            self._outbox.setdefault(command.id, _as_stored(command))
        for command_id in decision.finished:
            self._outbox[command_id] = None
        for entry in decision.entries:
            self._add_entry(_as_stored(entry))
        for move in decision.moves:
            self._move_entries(move)
        for timer in decision.timers:
            if timer.due is None:
                self._timers.pop((timer.subject, timer.name), None)
            else:
                self._timers[timer.subject, timer.name] = timer.due
        for record in decision.records:
            self._keep_record(record)

    def _add_entry(self, entry: LedgerEntry) -> None:
        self._received += entry.seen
        if entry.key in self._ledger:
            self._count_seen(entry.key, entry.seen)
            self._join(entry)
            return
        self._ledger[entry.key] = entry
        self._keys_of_identity.setdefault(entry.identity, []).append(entry.key)
        if entry.incident_id is not None:
            self._keys_of_incident.setdefault(entry.incident_id, []).append(entry.key)

    def _join(self, entry: LedgerEntry) -> None:
        """A known message that opened another incident is that one's from now on."""
        known = self._ledger[entry.key]
        if entry.incident_id is None or entry.incident_id == known.incident_id:
            return
        if known.incident_id is not None:
            self._keys_of_incident[known.incident_id].remove(entry.key)
        self._keys_of_incident.setdefault(entry.incident_id, []).append(entry.key)
        self._ledger[entry.key] = msgspec.structs.replace(
            known, incident_id=entry.incident_id, state=entry.state, reason=entry.reason
        )

    def _count_seen(self, key: str, times: int) -> None:
        entry = self._ledger[key]
        self._ledger[key] = msgspec.structs.replace(entry, seen=entry.seen + times)

    def _move_entries(self, move: LedgerMove) -> None:
        for key in self._keys_of_incident.get(move.incident_id, ()):
            entry = self._ledger[key]
            if entry.state in move.from_states:
                self._ledger[key] = msgspec.structs.replace(
                    entry, state=move.state, reason=move.reason
                )

    def _keep_record(self, record: Record) -> None:
        if record.body is None:
            self._records[record.kind].pop(record.key, None)
        else:
            self._records[record.kind][record.key] = _as_stored(record.body)

    def _newest_episode(self, identity: str) -> Episode:
        numbered = enumerate(self._ledger[key] for key in self._keys_of_identity[identity])
        _, newest = max(numbered, key=lambda pair: (pair[1].starts_at, pair[1].status, pair[0]))
        return Episode(
            identity=identity,
            starts_at=newest.starts_at,
            status=newest.status,
            incident_id=newest.incident_id,
        )


def _together(one: LedgerCount, other: LedgerCount) -> LedgerCount:
    return msgspec.structs.replace(
        one,
        messages=one.messages + other.messages,
        first_at=min(one.first_at, other.first_at),
    )


def _limit(limit: int) -> int:
    return min(rows.bounded(limit), 2**62)
