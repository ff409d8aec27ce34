"""The store in one SQLite file: the default, for one process.

Two connections, each in a thread of its own. One writes, and answers `recall`, so that recall sees
every commit that was begun before it. The other can only read and serves people: a slow list never
holds up a commit, and what it shows is always a whole commit (WAL).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.model.command import Command
from agent.model.decision import Decision, JournalEntry, LedgerEntry, Timer
from agent.model.errors import AlreadyRunning, StoreUnavailable
from agent.model.incident import Incident
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
from agent.store.lock import FileLock
from agent.store.migrations import Migration, UnknownSchema, load_migrations, migrate
from agent.store.queries import SQL, chunks, spread
from agent.store.totals import balance
from agent.store.writer import ConnectionThread, Writer

T = TypeVar("T")

BUSY_SECONDS = 5.0
"""How long a commit waits for somebody else's lock on the file (a backup, a shell)."""

CACHED_STATEMENTS = 256

WRITER_SETTINGS = (
    "sync_every_commit",
    "no_memory_map",
    "bound_log",
    "fold_seldom",
    "distrust_schema",
)

SAFE_SQLITE = (3, 51, 3)
"""First release without the bug that two connections can corrupt a log that starts anew."""


class SqliteStore:
    """Keeps `agent.ports.store.Store`. `path` is the database file; folders are made on open."""

    def __init__(
        self,
        path: Path | str,
        *,
        busy_seconds: float = BUSY_SECONDS,
        migrations: Sequence[Migration] | None = None,
    ) -> None:
        self.path = Path(path).resolve()
        self.migrated: tuple[str, ...] = ()
        """What the last open had to apply."""
        self._busy_seconds = busy_seconds
        self._migrations = load_migrations() if migrations is None else migrations
        self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        self._writer: Writer | None = None
        self._reader: ConnectionThread | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know about this store; said once at start."""
        return sqlite_warnings(sqlite3.sqlite_version_info)

    async def open(self, *, now: float) -> Snapshot:
        """Raises AlreadyRunning, UnknownSchema (a newer file) or StoreUnavailable."""
        if self._writer is not None:
            raise AlreadyRunning(f"this store is open already: {self.path}")
        with self._as_unavailable("cannot open"):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        self._writer = Writer()
        self._reader = ConnectionThread("store-reader")
        try:
            with self._as_unavailable("cannot open"):
                await self._writer.connect(self._connect_writer)
                self.migrated = await self._writer.run(
                    partial(migrate, migrations=self._migrations, now=now)
                )
                await self._reader.connect(self._connect_reader)
                return await self._writer.run(partial(_snapshot, now=now))
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Folds the log into the database. Closing twice is nothing."""
        writer, reader = self._writer, self._reader
        self._writer = self._reader = None
        try:
            if reader is not None:
                await reader.close()
            if writer is not None:
                await writer.fold_and_close()
        finally:
            self._lock.release()

    async def commit(self, decisions: Sequence[Decision], repeats: Sequence[Repeat] = ()) -> None:
        """Raises ValueError, naming the field, for what no store can hold (rows.py).

        A caller that stops waiting leaves the commit to end by itself, written or not.
        """
        statements = batch.encode(decisions, repeats)
        if statements:
            await self._write(statements)

    async def quarantine(self, row: Quarantined) -> None:
        await self._write(batch.encode_quarantined(row))

    async def recall(
        self, *, keys: Sequence[str], identities: Sequence[str]
    ) -> tuple[Mapping[str, LedgerEntry], Mapping[str, Episode]]:
        writer = self._open_writer()
        if not keys and not identities:
            return {}, {}
        with self._as_unavailable("cannot read"):
            return await writer.run(partial(_recall, keys=keys, identities=identities))

    async def incident(self, incident_id: str) -> Incident | None:
        found = await self._read("incident_by_id", incident_id)
        return rows.from_json(found[0][0], Incident) if found else None

    async def incidents(self, where: IncidentFilter) -> tuple[Incident, ...]:
        limit = rows.bounded(where.limit)
        found = await self._read("list_incidents", where.state, where.product, where.layer, limit)
        return tuple(rows.from_json(body, Incident) for (body,) in found)

    async def journal(
        self, *, subject: str | None = None, after: int = 0, limit: int = 1000
    ) -> tuple[tuple[int, JournalEntry], ...]:
        span = (rows.bounded(after), rows.bounded(limit))
        if subject is None:
            found = await self._read("read_journal", *span)
        else:
            found = await self._read("read_journal_of_subject", subject, *span)
        return tuple((seq, rows.from_json(body, JournalEntry)) for seq, body in found)

    async def ledger(self, *, limit: int = 100) -> tuple[LedgerEntry, ...]:
        found = await self._read("latest_entries", rows.bounded(limit))
        return tuple(map(rows.ledger_entry, found))

    async def past(self, *, after: tuple[float, int], limit: int = 500) -> PastPage:
        at = (*after, max(1, rows.bounded(limit)))
        return await self._look(lambda connection: rows.past_page(_past(connection, at), at[2]))

    async def ledger_counts(self, *, before: int | None = None, span: int = 10_000) -> LedgerPage:
        size = max(1, rows.bounded(span))
        return await self._look(partial(_ledger_counts, before=before, span=size))

    async def totals(self) -> Totals:
        return balance(await self._read("totals"))

    async def records(self, kind: str) -> Mapping[str, msgspec.Struct]:
        rows.record_type(kind)
        found = await self._read("records_of_kind", kind)
        return {key: rows.record_body(kind, body) for key, body in found}

    async def quarantined(self, *, limit: int = 50) -> tuple[Quarantined, ...]:
        found = await self._read("latest_quarantined", rows.bounded(limit))
        return tuple(map(rows.quarantined, found))

    async def _write(self, statements: Sequence[batch.Statement]) -> None:
        writer = self._open_writer()
        with self._as_unavailable("cannot write"):
            await writer.write(statements)

    async def _read(self, name: str, *values: str | int | None) -> list[rows.Row]:
        if not all(rows.is_storable(value) for value in values if isinstance(value, str)):
            return []
        return await self._look(partial(_fetch, name=name, values=values))

    async def _look(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Whatever is long to read is decoded there as well, beside the loop."""
        if self._reader is None:
            raise StoreUnavailable("the store is not open")
        with self._as_unavailable("cannot read"):
            return await self._reader.run(work)

    def _open_writer(self) -> Writer:
        if self._writer is None:
            raise StoreUnavailable("the store is not open")
        return self._writer

    @contextmanager
    def _as_unavailable(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"{what} {self.path}: {error}") from error

    def _connect_writer(self) -> sqlite3.Connection:
        connection = self._connect(str(self.path))
        with _closed_on_error(connection):
            (mode,) = connection.execute(SQL["use_wal"]).fetchone()
            if mode != "wal":
                raise sqlite3.OperationalError(f"the file system cannot keep a log (mode {mode})")
            for name in WRITER_SETTINGS:
                connection.execute(SQL[name])
        return connection

    def _connect_reader(self) -> sqlite3.Connection:
        connection = self._connect(f"{self.path.as_uri()}?mode=ro")
        with _closed_on_error(connection):
            for name in ("read_only", "no_memory_map", "distrust_schema"):
                connection.execute(SQL[name])
        return connection

    def _connect(self, address: str) -> sqlite3.Connection:
        return sqlite3.connect(
            address,
            timeout=self._busy_seconds,
            isolation_level=None,  # transactions are begun and ended by name
            cached_statements=CACHED_STATEMENTS,
            uri=address.startswith("file:"),
        )


def sqlite_warnings(version: tuple[int, ...]) -> tuple[str, ...]:
    if version >= SAFE_SQLITE:
        return ()
    return (
        f"SQLite {'.'.join(map(str, version))} can corrupt its log where two connections write or"
        " checkpoint at once (fixed in 3.51.3); Homeostat keeps to one writing connection, so let"
        " nothing else write to its file",
    )


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error:
        with suppress(sqlite3.Error):
            connection.close()
        raise


def _fetch(
    connection: sqlite3.Connection, *, name: str, values: Sequence[str | int | float | None]
) -> list[rows.Row]:
    return connection.execute(SQL[name], values).fetchall()


def _past(connection: sqlite3.Connection, at: tuple[float, int, int]) -> list[rows.Row]:
    return _fetch(connection, name="incidents_page", values=at)


def _ledger_counts(connection: sqlite3.Connection, *, before: int | None, span: int) -> LedgerPage:
    last = before
    if last is None:
        ((last,),) = _fetch(connection, name="last_entry", values=())
    if last is None or last < 1:
        return LedgerPage(counts=(), next=None)
    found = _fetch(connection, name="count_entries", values=(last, span))
    return LedgerPage(
        counts=tuple(map(rows.ledger_count, found)), next=last - span if last > span else None
    )


def _recall(
    connection: sqlite3.Connection, *, keys: Sequence[str], identities: Sequence[str]
) -> tuple[dict[str, LedgerEntry], dict[str, Episode]]:
    entries: dict[str, LedgerEntry] = {}
    episodes: dict[str, Episode] = {}
    for chunk in chunks(rows.all_storable(keys)):
        for row in connection.execute(spread(SQL["entries_by_key"], len(chunk)), chunk):
            entries[row[0]] = rows.ledger_entry(row)
    for chunk in chunks(rows.all_storable(identities)):
        for row in connection.execute(spread(SQL["newest_episodes"], len(chunk)), chunk):
            identity, starts_at, status, incident_id = row
            episodes[identity] = Episode(
                identity=identity, starts_at=starts_at, status=status, incident_id=incident_id
            )
    return entries, episodes


def _snapshot(connection: sqlite3.Connection, *, now: float) -> Snapshot:
    fetch: Callable[..., list[rows.Row]] = partial(_fetch, connection)
    commands = fetch(name="unfinished_commands", values=())
    records = rows.empty_records()
    for kind, key, body in fetch(name="records_at_start", values=()):
        if kind not in records:
            text = f"the database holds records of the kind {kind!r}: a newer Homeostat wrote it"
            raise UnknownSchema(text)
        records[kind][key] = rows.record_body(kind, body)
    for key, body in fetch(name="acts_since", values=(now - rows.ACT_MEMORY_SECONDS,)):
        records["act"][key] = rows.record_body("act", body)
    return Snapshot(
        incidents=tuple(
            rows.from_json(body, Incident) for (body,) in fetch(name="open_incidents", values=())
        ),
        commands=tuple(rows.from_json(body, Command) for (body,) in commands),
        timers=tuple(
            Timer(subject=subject, name=name, due=due)
            for subject, name, due in fetch(name="all_timers", values=())
        ),
        records=records,
    )
