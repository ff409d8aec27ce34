"""What is seen of real child processes: health and logs."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from agent.runtime.http_client import AiohttpHttp
from agent.runtime.processes import Processes
from tests.support.kits import RealClock
from tests.support.running import free_port
from tests.support.substrate import (
    WEB,
    Substrate,
    until,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Substrate]:
    substrate = Substrate(tmp_path)
    yield substrate
    substrate.sweep()


@pytest.fixture
async def http() -> AsyncIterator[AiohttpHttp]:
    client = AiohttpHttp(RealClock())
    yield client
    await client.close()


async def pid_of(processes: Processes, name: str) -> int:
    pid = (await processes.status(name)).pid
    assert pid is not None
    return pid


# hanging and answering


async def test_a_stopped_process_is_hung_and_a_restart_heals_it(house: Substrate) -> None:
    house.add("web")
    await house.processes.start("web", key="k1")
    await house.ready("web")
    old = await pid_of(house.processes, "web")
    os.kill(old, signal.SIGSTOP)
    status = await until(lambda: house.processes.status("web"), lambda s: s.hung)
    assert status.alive
    assert status.detail == "stopped by a signal"
    result = await house.processes.restart("web", key="k2", grace_seconds=2.0)
    assert result["replaced_pid"] == old
    assert result["killed"] is False  # SIGCONT let it see the SIGTERM
    status = await house.processes.status("web")
    assert (status.alive, status.hung, status.restarts) == (True, False, 1)
    assert status.pid != old


@pytest.mark.parametrize(
    ("behaviour", "answers", "hung"),
    [("200", True, False), ("500", False, False), ("silent", False, True)],
)
async def test_health(
    tmp_path: Path, http: AiohttpHttp, behaviour: str, answers: bool, hung: bool
) -> None:
    house = Substrate(tmp_path, http)
    port = free_port()
    house.add(
        "web", WEB, str(port), behaviour,
        health_url=f"http://127.0.0.1:{port}/", hung_after="300ms",
    )  # fmt: skip
    try:
        await house.processes.start("web", key="k")
        await house.ready("web")
        await asyncio.sleep(0.3)
        status = await house.processes.status("web")
        assert (status.alive, status.answers, status.hung) == (True, answers, hung)
    finally:
        house.sweep()


async def test_one_just_started_has_time_to_listen(tmp_path: Path, http: AiohttpHttp) -> None:
    house = Substrate(tmp_path, http)
    house.add("web", health_url=f"http://127.0.0.1:{free_port()}/", hung_after="1m")
    try:
        await house.processes.start("web", key="k")
        status = await house.processes.status("web")
        assert (status.hung, status.answers, status.detail) == (False, False, "starting")
    finally:
        house.sweep()


# logs


async def test_a_log_is_bounded_and_cleaned(house: Substrate) -> None:
    log = house.folder / "web.log"
    house.add("web", log=str(log))
    assert await house.processes.recent_log("web", lines=5) == ()
    log.write_bytes(
        b"a" * 200_000 + b"\nold\n\x1b[31mred\x1b[0m\x00\n\xff\xfe\n" + b"long" * 1000 + b"\nlast"
    )
    lines = await house.processes.recent_log("web", lines=4)
    assert lines[0] == "red\N{REPLACEMENT CHARACTER}"
    assert lines[1] == "\N{REPLACEMENT CHARACTER}" * 2
    assert 1900 < len(lines[2]) <= 2000
    assert lines[3] == "last"
    assert (await house.processes.recent_log("web", lines=100))[0] == "old"


async def test_a_log_that_grew_too_large_is_put_aside_at_start(house: Substrate) -> None:
    log = house.folder / "web.log"
    house.add("web", log=str(log))
    with log.open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    await house.processes.start("web", key="k")
    assert (house.folder / "web.log.1").exists()
    await house.ready("web")
    assert log.stat().st_size < 1000
