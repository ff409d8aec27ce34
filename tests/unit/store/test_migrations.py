"""From an older schema to this one, and no further than is known."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.decision import Decision
from agent.model.errors import StoreUnavailable
from agent.store.migrations import (
    Migration,
    UnknownSchema,
    load_migrations,
    migrate,
    statements,
)
from agent.store.sqlite import SqliteStore
from tests.support.decisions import make_entry, make_incident

SECOND = (
    Migration(2, 1, "2_01_pre_note", "ALTER TABLE incident ADD COLUMN note TEXT DEFAULT 'x';"),
    Migration(2, 2, "2_02_post_timers", "DELETE FROM timer;\nDROP TABLE timer;"),
)


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def tables(connection: sqlite3.Connection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def test_the_shipped_migrations_are_named_and_in_order() -> None:
    shipped = load_migrations()
    assert shipped[0].name == "1_01_pre_first_schema"
    assert [(one.version, one.number) for one in shipped] == sorted(
        {(one.version, one.number) for one in shipped}
    )


async def test_an_older_file_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "homeostat.db"
    old = SqliteStore(path)
    await old.open(now=1.0)
    assert old.migrated == ("1_01_pre_first_schema",)
    await old.commit([Decision(incident=make_incident(), entries=(make_entry(),))])
    await old.close()
    newer = SqliteStore(path, migrations=(*load_migrations(), SECOND[0]))
    snapshot = await newer.open(now=2.0)
    assert newer.migrated == ("2_01_pre_note",)
    assert snapshot.incidents == (make_incident(),)
    assert (await newer.totals()).received == 1
    await newer.close()
    await newer.open(now=3.0)
    assert newer.migrated == ()
    await newer.close()


async def test_records_of_a_kind_that_is_not_known_are_a_newer_file(tmp_path: Path) -> None:
    """A kind of record needs no table of its own, so that no migration tells of it."""
    path = tmp_path / "homeostat.db"
    store = SqliteStore(path)
    await store.open(now=1.0)
    await store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO record (kind, key, body) VALUES ('tomorrow', 'a', '{}')")
    connection.close()
    with pytest.raises(UnknownSchema, match=r"'tomorrow': a newer Homeostat"):
        await store.open(now=2.0)


async def test_a_newer_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "homeostat.db"
    newer = SqliteStore(path, migrations=(*load_migrations(), SECOND[0]))
    await newer.open(now=1.0)
    await newer.close()
    older = SqliteStore(path)
    with pytest.raises(UnknownSchema, match=r"schema version 2 and this Homeostat knows 1"):
        await older.open(now=2.0)
    await newer.open(now=3.0)  # the refused one holds no lock
    assert (await newer.totals()).balanced
    await newer.close()


async def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "homeostat.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE customers (name TEXT)")
    other.close()
    with pytest.raises(UnknownSchema, match="not Homeostat's"):
        await SqliteStore(path).open(now=1.0)


def test_each_migration_is_whole_or_not_there(connection: sqlite3.Connection) -> None:
    broken = Migration(2, 2, "2_02_post_broken", "CREATE TABLE half (x);\nNOT SQL;")
    first = load_migrations()
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, (*first, SECOND[0], broken), now=1.0)
    assert "half" not in tables(connection)
    assert not connection.in_transaction
    assert migrate(connection, (*first, *SECOND), now=2.0) == ("2_02_post_timers",)
    assert "timer" not in tables(connection)
    noted = connection.execute("SELECT name, version, at FROM schema_version ORDER BY name")
    assert noted.fetchall() == [
        ("1_01_pre_first_schema", 1, 1.0),
        ("2_01_pre_note", 2, 1.0),
        ("2_02_post_timers", 2, 2.0),
    ]


async def test_a_migration_that_fails_leaves_the_store_unavailable(tmp_path: Path) -> None:
    broken = Migration(2, 1, "2_01_pre_broken", "NOT SQL;")
    store = SqliteStore(tmp_path / "homeostat.db", migrations=(*load_migrations(), broken))
    with pytest.raises(StoreUnavailable, match="syntax"):
        await store.open(now=1.0)


def test_a_script_is_cut_into_statements() -> None:
    script = """-- why
CREATE TABLE a (x TEXT DEFAULT ';');

CREATE TRIGGER t AFTER INSERT ON a BEGIN
    DELETE FROM a WHERE x = 'y';
    DELETE FROM a WHERE x = 'z';
END;
"""
    first, second = statements(script)
    assert "CREATE TABLE" in first
    assert second.count("DELETE") == 2


def test_a_script_that_ends_in_half_a_statement_is_refused() -> None:
    with pytest.raises(ValueError, match="half a statement"):
        list(statements("CREATE TABLE a (x);\nCREATE TABLE b (x)"))


def test_a_migration_with_another_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "2_add_note.sql").write_text("SELECT 1;")
    with pytest.raises(ValueError, match="not named"):
        load_migrations(tmp_path)
