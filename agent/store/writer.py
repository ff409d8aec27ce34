"""Connections live in threads of their own, and commits that meet share one transaction.

There is no timer: while one commit waits for the disk, what arrives meanwhile gathers, and all of
it is the next commit. One caller alone waits for one sync; a hundred callers wait for hardly more.

A connection is made, used and closed in its one thread; sqlite3 itself raises where another one
touches it. Only the writing connection writes and checkpoints: below SQLite 3.51.3 two connections
that do so at once can corrupt the log.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from agent.store.batch import Statement
from agent.store.queries import SQL

T = TypeVar("T")

GROUP_STATEMENTS = 1_000
"""Statements gathered into one transaction before another one is begun behind it."""


class ConnectionThread:
    """One thread with at most one connection; work is done in the order it was given."""

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self.connection: sqlite3.Connection | None = None

    async def connect(self, make: Callable[[], sqlite3.Connection]) -> None:
        def work() -> None:
            self.connection = make()

        await self._await(self._pool.submit(work))

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs also to its end where the caller stops waiting for it."""
        return await self._await(self.submit(work))

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        return self._pool.submit(lambda: work(self._connected()))

    async def close(self) -> None:
        def work() -> None:
            if self.connection is not None:
                self.connection.close()
                self.connection = None

        await self._await(self._pool.submit(work))
        self._pool.shutdown(wait=True)

    def _connected(self) -> sqlite3.Connection:
        if self.connection is None:
            raise sqlite3.ProgrammingError("the store is not open")
        return self.connection

    async def _await(self, future: Future[T]) -> T:
        return await asyncio.shield(asyncio.wrap_future(future))


class _Group:
    def __init__(self) -> None:
        self.statements: list[Statement] = []
        self.done: Future[None]


class Writer(ConnectionThread):
    """The one writing connection."""

    def __init__(self) -> None:
        super().__init__("store-writer")
        self._lock = threading.Lock()
        self._gathering: _Group | None = None

    async def write(self, statements: Sequence[Statement]) -> None:
        """Returns after the sync; raises sqlite3.Error, and then nothing was written."""
        with self._lock:
            group = self._gathering
            if group is None or len(group.statements) >= GROUP_STATEMENTS:
                group = self._gathering = _Group()
                group.done = self._begin(group)
            group.statements.extend(statements)
        await self._await(group.done)

    async def fold_and_close(self) -> None:
        def fold() -> None:
            with suppress(sqlite3.Error):  # full or busy: the log is read at the next open
                if self.connection is not None:
                    self.connection.execute(SQL["fold_log"])

        await self._await(self._pool.submit(fold))
        await self.close()

    def _begin(self, group: _Group) -> Future[None]:
        def work() -> None:
            with self._lock:
                if self._gathering is group:
                    self._gathering = None
            execute(self._connected(), group.statements)

        return self._pool.submit(work)


def execute(connection: sqlite3.Connection, statements: Sequence[Statement]) -> None:
    """All of the statements in one transaction, or none of them."""
    if connection.in_transaction:  # left over where even the rollback failed
        connection.execute(SQL["rollback"])
    try:
        connection.execute(SQL["begin"])
        for name, rows in statements:
            connection.executemany(SQL[name], rows)
        connection.execute(SQL["commit"])
    except BaseException:
        if connection.in_transaction:  # a full disk has rolled back already
            with suppress(sqlite3.Error):
                connection.execute(SQL["rollback"])
        raise
