"""A site's database is read while its daemon writes it, and after."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agent.model.decision import Decision, Record
from agent.model.errors import StoreUnavailable
from agent.store.migrations import UnknownSchema
from agent.store.reading import HistoryFile
from agent.store.sqlite import SqliteStore
from tests.support.cases import START, runbook
from tests.support.past import HOUR, healed, past, routed, said_outside, version

NAME = "homeostat.db"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    made = SqliteStore(tmp_path / NAME)
    await made.open(now=START)
    yield made
    await made.close()


PASTS = [
    routed(past(1), "team-shop", "process.restart", cause="bad release"),
    healed(past(2, "Other", at=HOUR), "old"),
    past(3, at=3 * HOUR),
]


async def fill(store: SqliteStore) -> None:
    """Written in an order that is not that of their opening."""
    for incident in (PASTS[2], PASTS[0], PASTS[1]):
        journal = (said_outside(incident, "phoned"),) if incident.resolved_by else ()
        await store.commit([Decision(incident=incident, journal=journal)])
    old = runbook("old")
    record = Record(kind="runbook_text", key=old.digest, body=version(old))
    await store.commit([Decision(records=(record,))])


async def test_incidents_come_oldest_first_with_what_was_said_of_them(
    store: SqliteStore, tmp_path: Path
) -> None:
    await fill(store)
    with HistoryFile(tmp_path / NAME, page=2) as history:
        assert list(history.incidents()) == PASTS
        assert [i.id for i in history.incidents(since=START + HOUR)] == ["i-000002", "i-000003"]
        assert (history.count(), history.count(since=START + 2 * HOUR)) == (3, 1)
        told = history.timelines(["i-000001", "i-000003", "nobody"])
        assert [e.data["outside"] for e in told["i-000001"]] == [["phoned"]]
        assert (told["i-000003"], told["nobody"]) == ((), ())
        assert history.runbook_texts()["digest-old"].name == "old"


async def test_what_the_daemon_commits_meanwhile_is_seen(
    store: SqliteStore, tmp_path: Path
) -> None:
    await fill(store)
    with HistoryFile(tmp_path / NAME, page=1) as history:
        reading = history.incidents()
        assert next(reading).id == "i-000001"
        late = past(9, at=9 * HOUR)
        await store.commit([Decision(incident=late)])
        assert [i.id for i in reading] == ["i-000002", "i-000003", "i-000009"]


async def test_after_the_daemon_nothing_is_left_behind(store: SqliteStore, tmp_path: Path) -> None:
    """A log's index made by a reader would belong to the reader."""
    await fill(store)
    await store.close()
    before = sorted(os.listdir(tmp_path))
    with HistoryFile(tmp_path / NAME) as history:
        assert len(list(history.incidents())) == 3
    assert sorted(os.listdir(tmp_path)) == before


async def test_a_daemon_that_starts_meanwhile_is_noticed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / NAME)
    await store.open(now=START)
    await fill(store)
    await store.close()
    with HistoryFile(tmp_path / NAME, page=2) as history:
        reading = history.incidents()
        next(reading)
        await store.open(now=START)
        await store.commit([Decision(incident=past(9, at=9 * HOUR))])
        assert [i.id for i in reading] == ["i-000002", "i-000003", "i-000009"]
    await store.close()


async def test_reading_keeps_nobody_from_writing(store: SqliteStore, tmp_path: Path) -> None:
    await fill(store)
    with HistoryFile(tmp_path / NAME) as history:
        list(history.incidents())
        with pytest.raises(sqlite3.OperationalError):
            history._open().execute("DELETE FROM incident")
        await store.commit([Decision(incident=past(9, at=9 * HOUR))])


def test_what_is_no_history_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="there is no history"), HistoryFile(tmp_path / "x"):
        pass
    strange = sqlite3.connect(tmp_path / "strange.db")
    strange.execute("CREATE TABLE t (x)")
    strange.close()
    with pytest.raises(UnknownSchema), HistoryFile(tmp_path / "strange.db"):
        pass
    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at")
    with pytest.raises(StoreUnavailable, match="cannot read"), HistoryFile(tmp_path / "text.db"):
        pass


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("INSERT INTO schema_version VALUES ('9_01_post_newer', 9, 0)", "newer"),
        ("DELETE FROM schema_version", "older"),
    ],
)
async def test_a_file_of_another_release_is_not_guessed_at(
    change: str, says: str, tmp_path: Path
) -> None:
    store = SqliteStore(tmp_path / NAME)
    await store.open(now=START)
    await store.close()
    connection = sqlite3.connect(tmp_path / NAME, isolation_level=None)
    connection.execute(change)
    connection.close()
    with pytest.raises(UnknownSchema, match=says), HistoryFile(tmp_path / NAME):
        pass
