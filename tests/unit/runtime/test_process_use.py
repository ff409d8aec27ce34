"""What real processes take of the machine: counted by the kernel, unknown where it is silent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.ports.kit import ProcessUse
from agent.runtime import process_use
from agent.runtime.process_use import use_of
from tests.support.substrate import IDLE, PARENT, PYTHON, Substrate

LIMITED = ["prlimit", "--rss=50000000", "--nofile=40:40"]
HOARDER = """
import socket, time
taken = bytearray(b'x') * 30_000_000
kept = [open('/dev/null') for _ in range(20)]
listener = socket.create_server(('127.0.0.1', 0))
near = socket.create_connection(listener.getsockname())
far, _ = listener.accept()
far.close()
print('ready')
time.sleep(600)
"""
BUSY = "print('ready')\nwhile True:\n    pass\n"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Substrate]:
    substrate = Substrate(tmp_path)
    yield substrate
    substrate.sweep()


async def running(house: Substrate, script: str, *before: str) -> ProcessUse:
    program = house.folder / "web.py"
    program.write_text(script)
    house.add_block("web", {"command": [*before, *PYTHON, str(program)]})
    await house.processes.start("web", key="k")
    await house.ready("web")
    seen = await house.processes.use("web")
    assert seen is not None
    return seen


async def test_memory_files_and_connections_with_their_limits(house: Substrate) -> None:
    seen = await running(house, HOARDER, *LIMITED)
    assert seen.memory_limit_bytes == 50_000_000
    assert 30_000_000 < seen.memory_bytes < 60_000_000
    assert seen.open_files_limit == 40
    assert seen.open_files is not None
    assert 25 <= seen.open_files <= 30
    assert (seen.sockets, seen.half_closed) == (2, 1)
    assert (seen.processes, seen.is_batch) == (1, False)


async def test_without_a_limit_there_is_none(house: Substrate) -> None:
    assert (await running(house, IDLE)).memory_limit_bytes is None


async def test_what_it_forked_counts_too(house: Substrate) -> None:
    assert (await running(house, PARENT)).processes == 2


async def test_two_looks_tell_how_busy_it_is(house: Substrate) -> None:
    first = await running(house, BUSY)
    while True:
        second = await house.processes.use("web")
        assert second is not None
        if second.cpu_seconds > first.cpu_seconds + 0.05:
            break
    assert second.at > first.at


@pytest.mark.parametrize("declared", [["chrt", "--batch", "0"], ["nice", "-n", "10"]])
async def test_batch_work_says_so_itself(house: Substrate, declared: list[str]) -> None:
    assert (await running(house, IDLE, *declared)).is_batch


async def test_what_does_not_run_takes_nothing_that_could_be_told(house: Substrate) -> None:
    house.add("web")
    assert await house.processes.use("web") is None


def test_the_one_nearest_to_its_limit_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = {1: (100, None), 2: (80, 100), 3: (90, 1000)}
    monkeypatch.setattr(process_use, "_memory", lambda pid, _: memory[pid])
    own = process_use._stat(os.getpid())
    monkeypatch.setattr(process_use, "_stat", lambda pid: own)
    seen = use_of(1, [1, 2, 3], at=0.0)
    assert seen is not None
    assert (seen.memory_bytes, seen.memory_limit_bytes) == (80, 100)


def test_what_we_may_not_see_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_use, "_descriptors", lambda pid: None)
    seen = use_of(os.getpid(), [os.getpid()], at=0.0)
    assert seen is not None
    assert (seen.open_files, seen.sockets, seen.half_closed) == (None, None, None)


def test_a_table_of_connections_that_is_too_long_is_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process_use, "MOST_TABLE_BYTES", 10)
    seen = use_of(os.getpid(), [os.getpid()], at=0.0)
    assert seen is not None
    assert seen.half_closed is None


async def test_a_process_may_call_itself_anything(house: Substrate) -> None:
    """The kernel writes the name of a program in parentheses, whatever it holds."""
    seen = await running(house, "open('/proc/self/comm', 'w').write(') Z 1 2 3')\n" + IDLE)
    assert (seen.processes, seen.is_batch) == (1, False)
