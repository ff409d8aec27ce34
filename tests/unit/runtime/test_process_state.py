"""What a killed daemon leaves behind, and state files that lie."""
# ruff: noqa: ASYNC220

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.errors import Permanent
from agent.runtime.process_state import MOST_LAUNCHES, Begun, ProcessState
from agent.runtime.process_table import ProcessRef
from tests.support.substrate import (
    IDLE,
    PYTHON,
    Substrate,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Substrate]:
    substrate = Substrate(tmp_path)
    yield substrate
    substrate.sweep()


# crashes: a daemon is another Python process, killed for real


DAEMON = """
from __future__ import annotations
import asyncio, json, os, signal, sys
from pathlib import Path
from agent.model.product import Entity, EntityKind
from agent.runtime.process_table import ProcessTable
from agent.runtime.processes import Processes
from tests.support.kits import RealClock

folder, act, crash, key = sys.argv[1:5]
blocks = json.loads(Path(folder, "blocks.json").read_text())
entities = {
    name: Entity(name=name, kind=EntityKind.SERVICE, product="shop", owner="t", process=block)
    for name, block in blocks.items()
}

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Crashing(ProcessTable):
    def send(self, ref, *signals):
        if crash == "before_stop":
            die()
        super().send(ref, *signals)
        if crash == "after_stop":
            while not self.is_gone(ref):
                pass
            die()

    def start(self, launch, *, log, mark):
        if crash == "before_start":
            die()
        ref = super().start(launch, log=log, mark=mark)
        if crash == "after_start":
            die()
        return ref

async def main():
    processes = Processes(lambda: entities, Path(folder, "state"), RealClock(), None)
    processes._table = Crashing()
    if act == "set_version":
        await processes.set_version("web", version="v2", key=key)
    else:
        await getattr(processes, act)("web", key=key)
    die()

asyncio.run(main())
"""


async def crash(house: Substrate, act: str, where: str, key: str) -> None:
    """Another daemon begins the act and is killed with SIGKILL at that point."""
    blocks = {name: entity.process for name, entity in house.entities.items()}
    (house.folder / "blocks.json").write_text(json.dumps(blocks))
    program = house.folder / "daemon.py"
    program.write_text(DAEMON)
    root = str(Path(__file__).parents[3])
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, str(program), str(house.folder), act, where, key,
        env={**os.environ, "PYTHONPATH": root},
    )  # fmt: skip
    assert await daemon.wait() == -signal.SIGKILL


async def test_it_outlives_the_daemon_and_is_found_again(house: Substrate) -> None:
    house.add("web")
    await crash(house, "start", "never", "k1")
    status = await house.processes.status("web")
    assert status.alive
    await house.ready("web")
    assert await house.processes.done_with_key("web", "k1") is True
    assert (await house.processes.start("web", key="k1"))["pid"] == status.pid
    assert (await house.processes.stop("web", key="k2"))["pid"] == status.pid
    assert not (await house.processes.status("web")).alive


async def test_a_start_cut_off_after_the_fork_is_not_done_twice(house: Substrate) -> None:
    house.add("web")
    await crash(house, "start", "after_start", "k1")
    assert await house.processes.done_with_key("web", "k1") is True
    seen = await house.processes.status("web")
    assert seen.alive, "told as it is before any other act settles what was cut off"
    result = await house.processes.start("web", key="k1")
    assert result["recovered"] is True
    status = await house.processes.status("web")
    assert status.alive
    assert status.pid == result["pid"]


@pytest.mark.parametrize(
    ("where", "done"),
    [
        ("before_stop", False),
        ("after_stop", False),
        ("before_start", False),
        ("after_start", True),
    ],
)
async def test_a_restart_cut_off_anywhere_ends_in_one(
    house: Substrate, where: str, done: bool
) -> None:
    house.add("web")
    old = (await house.processes.start("web", key="k1"))["pid"]
    await crash(house, "restart", where, "k2")
    assert await house.processes.done_with_key("web", "k2") is done
    seen = await house.processes.status("web")
    assert (seen.alive and seen.pid != old) is done
    result = await house.processes.restart("web", key="k2")
    status = await house.processes.status("web")
    assert status.alive
    assert status.pid == result["pid"] != old
    assert status.restarts == 1
    assert result["replaced_pid"] == (old if where in ("before_stop", "after_start") else None)


async def test_a_stop_cut_off_is_known_by_what_became_of_it(house: Substrate) -> None:
    house.add("web")
    await house.processes.start("web", key="k1")
    await crash(house, "stop", "before_stop", "k2")
    assert await house.processes.done_with_key("web", "k2") is False
    await crash(house, "stop", "after_stop", "k3")
    assert await house.processes.done_with_key("web", "k3") is True
    assert (await house.processes.stop("web", key="k3"))["recovered"] is True


async def test_a_version_change_cut_off_is_completed_with_its_history(house: Substrate) -> None:
    house.add("web", version="v1", versions={"v2": {"env": {"V": "2"}}})
    await house.processes.start("web", key="k1")
    await crash(house, "set_version", "after_start", "k2")
    assert await house.processes.done_with_key("web", "k2") is True
    await house.processes.set_version("web", version="v2", key="k2")
    status = await house.processes.status("web")
    assert (status.version, status.previous_version) == ("v2", "v1")


# pids and state files that lie


async def test_a_recycled_pid_is_never_taken_for_ours(house: Substrate) -> None:
    house.add("web")
    await house.processes.start("web", key="k1")
    await house.processes.stop("web", key="k2")
    stranger = subprocess.Popen(
        [*PYTHON, "-c", IDLE], stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        path = house.state / "web.json"
        state = json.loads(path.read_bytes())
        state["running"]["pid"] = stranger.pid  # same pid, another start time
        path.write_text(json.dumps(state))
        assert not (await house.processes.status("web")).alive
        await house.processes.stop("web", key="k3", grace_seconds=0.0)
        assert stranger.poll() is None
        await house.processes.restart("web", key="k4")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_an_unreadable_state_stops_all_acts(house: Substrate) -> None:
    house.add("web")
    await house.processes.start("web", key="k1")
    (house.state / "web.json").write_text('{"running": 7}')
    status = await house.processes.status("web")
    assert status.known is False
    assert "cannot be read" in status.detail
    with pytest.raises(Permanent, match=r"move .* away"):
        await house.processes.restart("web", key="k2")


async def test_with_the_state_lost_the_process_is_found_by_its_mark(house: Substrate) -> None:
    house.add("web")
    pid = (await house.processes.start("web", key="k1"))["pid"]
    (house.state / "web.json").unlink()
    assert (await house.another().status("web")).pid == pid
    with pytest.raises(Permanent, match="already runs"):
        await house.processes.start("web", key="k2")
    assert (await house.processes.restart("web", key="k3"))["replaced_pid"] == pid


async def test_what_this_substrate_does_not_run(house: Substrate) -> None:
    house.add_block("cache", None)
    assert (await house.processes.status("cache")).known is False
    assert (await house.processes.status("nobody")).known is False
    with pytest.raises(Permanent, match="no process block"):
        await house.processes.start("cache", key="k")
    assert house.processes.names() == ()


@pytest.mark.parametrize(
    ("block", "message"),
    [
        ({"command": ["x"], "comand": 1}, "unknown field"),
        ({"command": "sleep 1"}, "Expected `array`"),
        ({}, "`command` is missing"),
        ({"command": ["x"], "hung_after": "2 weeks"}, "not a duration"),
        ({"command": ["/no/such/program"]}, "cannot be executed"),
        ({"command": ["sleep", "1"], "cwd": "/no/such/folder"}, "does not exist"),
    ],
)
async def test_a_block_that_cannot_be_used_is_refused(
    house: Substrate, block: dict[str, object], message: str
) -> None:
    house.add_block("web", block)
    with pytest.raises(Permanent, match=message):
        await house.processes.start("web", key="k")
    assert await house.another().status("web")


def test_only_the_last_launches_are_remembered() -> None:
    state = ProcessState()
    for number in range(MOST_LAUNCHES + 5):
        begun = Begun(key=f"k{number}", act="restart", at=0.0, launch=number)
        state = state.launched(begun, ProcessRef(pid=1, started=1, boot="b"), at=float(number))
    assert state.launched_at == tuple(float(n) for n in range(5, MOST_LAUNCHES + 5))
    assert state.restarts == MOST_LAUNCHES + 4
