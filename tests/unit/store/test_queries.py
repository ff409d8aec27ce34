"""SQL by name: each statement once, with its sentence, used, and written out for lists."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from agent.store.migrations import load_migrations, migrate
from agent.store.queries import CHUNK, SQL, chunks, load_queries, parse_queries, spread

ROOM = Path(__file__).parents[3] / "agent" / "store"


def test_every_query_is_valid_for_the_schema() -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection, load_migrations(), now=1.0)
    for name, sql in SQL.items():
        if not sql.startswith("PRAGMA"):
            text = spread(sql, 3)
            numbered = [int(number) for number in re.findall(r"\?(\d+)", text)]
            count = max(numbered) if numbered else text.count("?")
            assert connection.execute(f"EXPLAIN {text}", [None] * count).fetchall(), name
    connection.close()


def test_every_query_is_used_and_none_stands_in_python() -> None:
    python = "".join(path.read_text("utf-8") for path in ROOM.glob("*.py"))
    assert [name for name in SQL if f'"{name}"' not in python] == []
    assert not re.search(r"\b(SELECT .* FROM|INSERT INTO|DELETE FROM|PRAGMA )", python)


def test_a_query_without_its_sentence_is_refused() -> None:
    with pytest.raises(ValueError, match="'one' has no sentence"):
        parse_queries("-- name: one\nSELECT 1;\n", file="x.sql")


def test_a_name_stands_once(tmp_path: Path) -> None:
    text = "-- name: one\n-- One.\nSELECT 1;\n"
    with pytest.raises(ValueError, match="twice"):
        parse_queries(text * 2, file="x.sql")
    for name in ("a.sql", "b.sql"):
        (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match="another file"):
        load_queries(tmp_path)


def test_markers_are_written_out() -> None:
    assert spread("a IN (?, ...)", 3) == "a IN (?, ?, ?)"
    assert spread("VALUES (?), ... x = ?", 2) == "VALUES (?), (?) x = ?"


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, CHUNK, CHUNK + 1, 3 * CHUNK - 1])
def test_lists_keep_every_value_in_few_lengths(count: int) -> None:
    values = [f"v{number}" for number in range(count)]
    found = list(chunks(values))
    assert {value for chunk in found for value in chunk} == set(values)
    assert all(len(chunk) & (len(chunk) - 1) == 0 and len(chunk) <= CHUNK for chunk in found)
