"""A site's database, read by somebody else than its daemon: while that runs, and after.

Nothing is written, no lock is taken, and no file is left behind. A reader of a log in use needs the
log's own index, which SQLite makes where it is missing, under the name of whoever reads: a daemon
of another user could not write to it any more. So a file that nobody has open is read as one that
cannot change, and looked at again in the usual way as soon as there is a log.

The history is read page by page and not in one transaction: a daemon that runs can fold its log in
between. What is read of one incident is always a whole commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from agent.model.decision import JournalEntry
from agent.model.errors import StoreUnavailable
from agent.model.incident import Incident
from agent.model.records import RunbookText
from agent.store import rows
from agent.store.migrations import UnknownSchema, load_migrations
from agent.store.queries import SQL, chunks, spread

PAGE = 500
BUSY_SECONDS = 5.0
UNCHANGING = "&immutable=1"


class HistoryFile:
    """Use as a context. Raises StoreUnavailable where the file cannot be read, UnknownSchema where
    it is of another release."""

    def __init__(self, path: Path | str, *, page: int = PAGE) -> None:
        self.path = Path(path).resolve()
        self._log = self.path.with_name(self.path.name + "-wal")
        self._page = page
        self._connection: sqlite3.Connection | None = None
        self._is_of_a_log = False

    def __enter__(self) -> HistoryFile:
        if not self.path.is_file():
            raise StoreUnavailable(f"there is no history: {self.path} does not exist")
        try:
            self._check_schema()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def incidents(self, *, since: float = 0.0) -> Iterator[Incident]:
        """All that opened at `since` (seconds since the epoch) or later, oldest first."""
        last: tuple[float, int] = (since, -1)
        while True:
            found = self._fetch("incidents_page", (*last, self._page))
            for _, _, body in found:
                yield rows.from_json(body, Incident)
            if len(found) < self._page:
                return
            last = (found[-1][0], found[-1][1])

    def count(self, *, since: float = 0.0) -> int:
        return int(self._fetch("count_incidents", (since,))[0][0])

    def timelines(self, subjects: Sequence[str]) -> dict[str, tuple[JournalEntry, ...]]:
        """What the journal says of each of these, oldest first."""
        found: dict[str, list[JournalEntry]] = {subject: [] for subject in subjects}
        for chunk in chunks(rows.all_storable(subjects)):
            for (body,) in self._fetch("timeline_page", chunk, count=len(chunk)):
                entry = rows.from_json(body, JournalEntry)
                found[entry.subject].append(entry)
        return {subject: tuple(entries) for subject, entries in found.items()}

    def runbook_texts(self) -> Mapping[str, RunbookText]:
        """Every version that ever handled an incident, by digest."""
        found = self._fetch("records_of_kind", ("runbook_text",))
        return {key: rows.from_json(body, RunbookText) for key, body in found}

    def _check_schema(self) -> None:
        tables = {name for (name,) in self._fetch("table_names", ())}
        if "schema_version" not in tables:
            raise UnknownSchema(f"{self.path} is not Homeostat's")
        applied = {name for name, _ in self._fetch("applied_migrations", ())}
        ours = {migration.name for migration in load_migrations()}
        if applied - ours:
            raise UnknownSchema(f"{self.path} was written by a newer Homeostat")
        if ours - applied:
            raise UnknownSchema(
                f"{self.path} is of an older Homeostat: start the daemon once to bring it up"
            )

    def _fetch(
        self, name: str, values: Sequence[str | int | float], *, count: int = 0
    ) -> list[rows.Row]:
        with self._as_unavailable():
            found: list[rows.Row] = (
                self._open().execute(spread(SQL[name], count), values).fetchall()
            )
        return found

    def _open(self) -> sqlite3.Connection:
        """The connection, made anew once somebody else has begun a log."""
        has_log = self._log.exists()
        if self._connection is not None and has_log and not self._is_of_a_log:
            self.close()
        if self._connection is None:
            self._is_of_a_log = has_log
            self._connection = sqlite3.connect(
                f"{self.path.as_uri()}?mode=ro{'' if has_log else UNCHANGING}",
                timeout=BUSY_SECONDS,
                isolation_level=None,
                uri=True,
            )
            for setting in ("read_only", "no_memory_map", "distrust_schema"):
                self._connection.execute(SQL[setting])
        return self._connection

    @contextmanager
    def _as_unavailable(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreUnavailable(f"cannot read {self.path}: {error}") from error
