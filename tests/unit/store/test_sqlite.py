"""What only the file can do: durability, a disk that fails, other processes, slow readers."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.model.decision import Decision
from agent.model.errors import AlreadyRunning, StoreUnavailable
from agent.model.incident import State
from agent.ports.store import IncidentFilter, Quarantined, Totals
from agent.store.queries import SQL, spread
from agent.store.sqlite import SqliteStore, sqlite_warnings
from tests.support.decisions import make_entry, make_incident, make_journal

ROOT = Path(__file__).parents[3]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "homeostat.db", busy_seconds=0.2)
    await store.open(now=1.0)
    yield store
    await store.close()


async def pragma(store: SqliteStore, text: str) -> None:
    """A fault is put into the writing connection."""
    assert store._writer is not None
    await store._writer.run(lambda connection: connection.execute(text).fetchall())


def one(key: str, **fields: object) -> Decision:
    return Decision(entries=(make_entry(key, **fields),), journal=(make_journal(text=key),))


# durability


async def test_the_connection_syncs_every_commit_and_maps_no_memory(store: SqliteStore) -> None:
    assert store._writer is not None

    def look(connection: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "mmap_size")
        return [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await store._writer.run(look) == ["wal", 2, 0]


CHILD = """
import asyncio, sys
from agent.model.decision import Decision
from agent.store.sqlite import SqliteStore
from tests.support.decisions import make_entry

async def main():
    store = SqliteStore(sys.argv[1])
    await store.open(now=1.0)
    async def lane(name):
        for number in range(1_000_000):
            key = f"{name}-{number}"
            await store.commit([Decision(entries=(make_entry(key, identity=key),))])
            print(key, flush=True)
    await asyncio.gather(*(lane(name) for name in "abc"))

asyncio.run(main())
"""


def kill_after(path: Path, lines: int) -> list[str]:
    """What a process told us it had committed before and while it was killed."""
    command = [sys.executable, "-c", CHILD, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as child:
        assert child.stdout is not None
        told = [child.stdout.readline().strip() for _ in range(lines)]
        child.send_signal(signal.SIGKILL)
        told += child.stdout.read().split("\n")[:-1]
    assert child.returncode == -signal.SIGKILL
    return told


async def test_what_was_acknowledged_survives_kill_nine(tmp_path: Path) -> None:
    path = tmp_path / "homeostat.db"
    acknowledged = [key for lines in (1, 60, 151) for key in kill_after(path, lines)]
    store = SqliteStore(path)
    await store.open(now=2.0)
    found, _ = await store.recall(keys=acknowledged, identities=[])
    assert set(found) == set(acknowledged)
    assert "" not in found
    assert (await store.totals()).balanced
    await store.close()


async def test_closing_leaves_one_file_without_a_log(store: SqliteStore) -> None:
    await store.commit([one("k1")])
    await store.close()
    wal = store.path.with_name("homeostat.db-wal")
    assert not wal.exists() or wal.stat().st_size == 0


# faults


async def test_a_full_disk_writes_nothing_and_is_got_over(store: SqliteStore) -> None:
    await store.commit([one("before")])
    await pragma(store, "PRAGMA max_page_count = 1")  # as low as the file is now
    big = "x" * 100_000
    with pytest.raises(StoreUnavailable, match="full") as raised:
        await store.commit(
            [
                Decision(incident=make_incident(title=big)),
                one("lost"),
                Decision(journal=tuple(make_journal(text=big) for _ in range(10))),
            ]
        )
    assert isinstance(raised.value.__cause__, sqlite3.OperationalError)
    with pytest.raises(StoreUnavailable, match="full"):
        await store.quarantine(Quarantined(at=1.0, source="s", why="w", body=b"x" * 64_000, size=1))
    assert [entry.key for entry in await store.ledger()] == ["before"]
    assert await store.totals() == Totals(received=1, open=1)
    assert await store.incident("inc-1") is None
    await pragma(store, "PRAGMA max_page_count = 1000000")
    await store.commit([one("after")])
    assert await store.totals() == Totals(received=2, open=2)


async def test_a_disk_that_became_read_only_writes_nothing_and_is_got_over(
    store: SqliteStore,
) -> None:
    await pragma(store, "PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable, match="readonly"):
        await store.commit([one("k1")])
    assert await store.totals() == Totals()
    await pragma(store, "PRAGMA query_only = OFF")
    await store.commit([one("k1")])
    assert await store.totals() == Totals(received=1, open=1)


async def test_somebody_elses_lock_is_waited_for_and_then_unavailable(store: SqliteStore) -> None:
    other = sqlite3.connect(store.path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.commit([one("k1")])
        other.execute("ROLLBACK")
        await store.commit([one("k1")])
        assert (await store.totals()).received == 1
    finally:
        other.close()


async def test_a_row_lost_outside_shows_as_imbalance(store: SqliteStore) -> None:
    await store.commit([one("k1"), one("k2")])
    assert (await store.totals()).balanced
    await pragma(store, "DELETE FROM ledger WHERE key = 'k1'")
    assert not (await store.totals()).balanced


async def test_a_place_where_no_file_can_be_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    store = SqliteStore(tmp_path / "file" / "homeostat.db")
    with pytest.raises(StoreUnavailable, match="cannot open"):
        await store.open(now=1.0)
    await store.close()


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "homeostat.db"
    path.write_bytes(b"this is not a database" * 100)
    store = SqliteStore(path)
    for _ in range(2):
        with pytest.raises(StoreUnavailable, match="not a database"):
            await store.open(now=1.0)
    assert path.read_bytes() == b"this is not a database" * 100


async def test_a_path_with_odd_characters_is_a_path(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "a b?mode=rwc#é%20" / "homeostat.db")
    await store.open(now=1.0)
    await store.commit([one("k1")])
    assert (await store.totals()).received == 1
    await store.close()


# two connections


async def test_a_slow_read_does_not_hold_up_commits(store: SqliteStore) -> None:
    assert store._reader is not None
    slow = """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000)
              SELECT count(*) FROM n"""
    reading = asyncio.create_task(
        store._reader.run(lambda connection: connection.execute(slow).fetchone())
    )
    for number in range(20):
        await store.commit([one(f"k{number}")])
    assert not reading.done()
    assert await reading == (3_000_000,)
    assert (await store.totals()).received == 20


async def test_the_reading_connection_cannot_write(store: SqliteStore) -> None:
    assert store._reader is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await store._reader.run(lambda connection: connection.execute("DELETE FROM ledger"))


async def test_a_connection_is_used_in_its_own_thread_only(store: SqliteStore) -> None:
    assert store._writer is not None
    assert store._writer.connection is not None
    with pytest.raises(sqlite3.ProgrammingError, match="thread"):
        store._writer.connection.execute("SELECT 1")


async def test_commits_that_meet_share_a_transaction(store: SqliteStore) -> None:
    assert store._writer is not None
    seen: list[str] = []
    await store._writer.run(lambda connection: connection.set_trace_callback(seen.append))
    await asyncio.gather(*(store.commit([one(f"k{n}")]) for n in range(300)))
    await store._writer.run(lambda connection: connection.set_trace_callback(None))
    assert 1 <= seen.count("COMMIT") < 30
    assert (await store.totals()).received == 300


async def test_hot_and_listed_queries_use_their_indexes(store: SqliteStore) -> None:
    await store.commit([one(f"k{n}", identity=f"i{n}") for n in range(50)])
    assert store._writer is not None
    from_plan = {
        "newest_episodes": "ledger_identity",
        "move_entries": "ledger_incident",
        "totals": "COVERING INDEX ledger_state",
        "open_incidents": "incident_open",
        "list_incidents": "COVERING INDEX incident_list",
        "unfinished_commands": "outbox_unfinished",
        "acts_since": "record_act",
        "read_journal_of_subject": "journal_subject",
    }
    for name, index in from_plan.items():
        sql = spread(SQL[name], 4)
        count = 4 if name == "list_incidents" else sql.count("?")

        def plan(
            connection: sqlite3.Connection, sql: str = sql, count: int = count
        ) -> list[tuple[object, ...]]:
            return connection.execute(f"EXPLAIN QUERY PLAN {sql}", [None] * count).fetchall()

        steps = " / ".join(str(row[3]) for row in await store._writer.run(plan))
        assert index in steps, (name, steps)


# one process


async def test_a_second_store_on_the_file_is_refused_until_the_first_is_closed(
    tmp_path: Path,
) -> None:
    first, second = (SqliteStore(tmp_path / "homeostat.db") for _ in range(2))
    await first.open(now=1.0)
    with pytest.raises(AlreadyRunning, match=r"pid \d+"):
        await second.open(now=1.0)
    await first.commit([Decision(incident=make_incident(state=State.ESCALATED))])
    await first.close()
    assert len((await second.open(now=1.0)).incidents) == 1
    assert len(await second.incidents(IncidentFilter(state="escalated"))) == 1
    await second.close()


async def test_the_same_store_opens_again_after_it_was_closed(store: SqliteStore) -> None:
    await store.commit([one("k1")])
    await store.close()
    await store.open(now=2.0)
    assert (await store.totals()).received == 1


def test_an_old_sqlite_is_warned_of() -> None:
    (warning,) = sqlite_warnings((3, 40, 1))
    assert "3.40.1" in warning
    assert sqlite_warnings((3, 51, 3)) == ()
