"""The schema of the file, and the way to it from an older one.

A migration is a file `{version}_{nn}_{pre|post}_{what}.sql`, applied in the order of version and
number, each in a transaction of its own together with the row that says so. `pre` marks what an
older release could still live with (a new table, a new column it does not name), `post` what it
could not (a column dropped). A file that a newer release has written is refused, never guessed at.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from agent.model.errors import HomeostatError
from agent.store.queries import MIGRATIONS, SQL

_NAME = re.compile(r"(?P<version>\d+)_(?P<number>\d{2})_(?P<when>pre|post)_(?P<what>\w+)\.sql")


class UnknownSchema(HomeostatError):
    """The database was written by a newer Homeostat, or by something else."""


@dataclass(frozen=True, order=True)
class Migration:
    version: int
    number: int
    name: str
    text: str


def load_migrations(folder: Path = MIGRATIONS) -> tuple[Migration, ...]:
    found = []
    for path in folder.glob("*.sql"):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path}: not named {{version}}_{{nn}}_{{pre|post}}_{{what}}.sql")
        number = int(match["number"])
        found.append(Migration(int(match["version"]), number, path.stem, path.read_text("utf-8")))
    return tuple(sorted(found))


def statements(text: str) -> Iterator[str]:
    """The statements of a script one by one; a trigger's body stays whole.

    A statement ends with a semicolon at the end of a line, or ValueError.
    """
    lines: list[str] = []
    for line in text.splitlines():
        lines.append(line)
        if line.rstrip().endswith(";") and sqlite3.complete_statement("\n".join(lines)):
            yield "\n".join(lines)
            lines = []
    if any(line.strip() and not line.startswith("--") for line in lines):
        raise ValueError(f"a script ends in half a statement: {lines[-1]}")


def migrate(
    connection: sqlite3.Connection, migrations: Sequence[Migration], *, now: float
) -> tuple[str, ...]:
    """Names of what was applied. Raises UnknownSchema before anything is changed."""
    tables = {name for (name,) in connection.execute(SQL["table_names"])}
    if tables and "schema_version" not in tables:
        raise UnknownSchema("the database has tables but no schema_version: it is not Homeostat's")
    known = {migration.name for migration in migrations}
    applied: set[str] = set()
    if tables:
        rows = connection.execute(SQL["applied_migrations"]).fetchall()
        applied = {name for name, _ in rows}
        newest = max((version for _, version in rows), default=0)
        ours = max(migration.version for migration in migrations)
        if applied - known:
            raise UnknownSchema(
                f"the database has schema version {newest} and this Homeostat knows {ours}:"
                f" it was written by a newer one ({', '.join(sorted(applied - known))})"
            )
    missing = [migration for migration in migrations if migration.name not in applied]
    for migration in missing:
        _apply(connection, migration, now=now)
    return tuple(migration.name for migration in missing)


def _apply(connection: sqlite3.Connection, migration: Migration, *, now: float) -> None:
    connection.execute(SQL["begin"])
    try:
        connection.execute(SQL["create_schema_version"])
        for statement in statements(migration.text):
            connection.execute(statement)
        connection.execute(SQL["note_migration"], (migration.name, migration.version, now))
        connection.execute(SQL["commit"])
    except sqlite3.Error:
        if connection.in_transaction:
            with suppress(sqlite3.Error):
                connection.execute(SQL["rollback"])
        raise
