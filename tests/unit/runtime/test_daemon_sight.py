"""The daemon and what it may see: the kill switch in its files, and sources that are expected."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.catalog.settings import load_settings
from agent.model.alert import Alive
from agent.model.event import HaltAsked, HaltLifted
from agent.runtime.daemon import Daemon
from agent.store.memory import MemoryStore
from tests.support.cases import alert
from tests.support.kits import RealClock
from tests.support.waiting import eventually

LEVEL = """
sources:
  - {use: prometheus.level, with: {url: "http://127.0.0.1:1"}}
  - {use: mqtt, with: {host: 127.0.0.1, port: 1}}
"""


@asynccontextmanager
async def started(folder: Path, settings: str = "") -> AsyncIterator[Daemon]:
    file = folder / "homeostat.yaml"
    file.write_text("shipped_runbooks: false\n" + settings)
    (folder / "var").mkdir(exist_ok=True)
    made = Daemon(load_settings(file, {}), store=MemoryStore(), clock=RealClock())
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def gauge(made: Daemon) -> float:
    """The latest daemon of this process is the last to be printed."""
    lines = [x for x in made.metrics().decode().splitlines() if x.startswith("homeostat_halted{")]
    return float(lines[-1].rpartition(" ")[2])


async def test_over_a_file_it_starts_halted_and_says_so(tmp_path: Path) -> None:
    """F-GRD-04, F-GRD-07"""
    async with started(tmp_path, "halt_files: [switch]\n") as made:
        halt = made.view.halt
        assert halt is not None
        assert (halt.who, halt.is_unreadable) == (f"file:{tmp_path / 'switch'}", True)
        assert gauge(made) == 1.0
        journal = await made.store.journal(subject="halt")
        assert [entry.who for _, entry in journal] == [halt.who]


async def test_a_file_is_seen_while_it_runs_and_what_people_say_is_kept(tmp_path: Path) -> None:
    async with started(tmp_path) as made:
        assert made.view.halt is None
        assert gauge(made) == 0.0
        (tmp_path / "var" / "HALT").write_text("drill")
        await eventually(lambda: made.view.halt, within=3, what="seen")
        assert [place.says.value for place in made.halt_places()] == ["on"]
        (tmp_path / "var" / "HALT").unlink()
        await made.ask(HaltAsked(at=made.now(), who="ann", why="more"))
        lifted = await made.ask(HaltLifted(at=made.now(), who="pat", why="mended"))
        assert lifted.refused is None
        assert made.view.halt is None
        journal = await made.store.journal(subject="halt")
        assert [e.who for _, e in journal] == [f"file:{tmp_path / 'var' / 'HALT'}", "pat"]


async def test_what_is_asked_is_expected_and_what_listens_only_once_it_was_heard(
    tmp_path: Path,
) -> None:
    """F-STORM-07"""
    async with started(tmp_path, LEVEL) as made:
        due = made._state.timers
        assert ("source:prometheus@127.0.0.1:1", "blind") in due
        assert ("source:mqtt@127.0.0.1:1", "blind") not in due
        await made.receive([Alive(source="mqtt@127.0.0.1:1")])
        assert ("source:mqtt@127.0.0.1:1", "blind") in due


async def test_a_watchdog_counts_each_time_though_as_a_message_it_is_a_repeat(
    tmp_path: Path,
) -> None:
    """F-STORM-07"""
    async with started(tmp_path) as made:
        await made.receive([alert("Watchdog"), alert("Watchdog")])
        assert made.view.incidents == {}
        assert "watchdog:am" in made.view.sources
        totals = await made.store.totals()
        assert (totals.received, totals.duplicate, totals.balanced) == (2, 1, True)
