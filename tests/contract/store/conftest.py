"""Every store there is: what `agent.ports.store.Store` promises, SQLite and the twin keep."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from agent.ports.store import Store
from agent.store.memory import MemoryStore
from agent.store.sqlite import SqliteStore

NOW = 1_000_000.0

Reopen = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Reopen:
    """The same store again, as after a restart of the process."""
    memory = MemoryStore()
    return lambda: (
        memory if request.param == "memory" else SqliteStore(tmp_path / "var" / "homeostat.db")
    )


@pytest.fixture
async def store(reopen: Reopen) -> AsyncIterator[Store]:
    made = reopen()
    await made.open(now=NOW)
    yield made
    await made.close()
