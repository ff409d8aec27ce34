"""Acts of the embedded substrate on real child processes."""
# ruff: noqa: ASYNC240

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.errors import Permanent, Temporary
from agent.runtime.process_table import look_at
from agent.runtime.processes import Processes
from tests.support.substrate import (
    IDLE,
    PARENT,
    PYTHON,
    STUBBORN,
    Substrate,
    until,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Substrate]:
    substrate = Substrate(tmp_path)
    yield substrate
    substrate.sweep()


async def pid_of(processes: Processes, name: str) -> int:
    pid = (await processes.status(name)).pid
    assert pid is not None
    return pid


# starting and stopping


async def test_start_then_stop(house: Substrate) -> None:
    house.add("web")
    assert (await house.processes.status("web")).detail == "never started"
    result = await house.processes.start("web", key="k1")
    await house.ready("web")
    status = await house.processes.status("web")
    assert (status.known, status.alive, status.hung) == (True, True, False)
    assert status.pid == result["pid"]
    assert status.memory_bytes is not None
    assert status.memory_bytes > 1_000_000
    assert status.uptime_seconds is not None
    assert status.restarts == 0
    stopped = await house.processes.stop("web", key="k2")
    assert stopped == {"was_running": True, "pid": result["pid"], "killed": False}
    status = await house.processes.status("web")
    assert (status.alive, status.exit_code) == (False, -signal.SIGTERM)
    assert status.detail == "ended by signal 15"


async def test_it_leads_a_session_of_its_own_without_terminal(house: Substrate) -> None:
    house.add("web")
    pid = (await house.processes.start("web", key="k"))["pid"]
    assert os.getsid(pid) == pid
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"


async def test_one_that_runs_is_not_started_twice(house: Substrate) -> None:
    house.add("web")
    first = await house.processes.start("web", key="k1")
    with pytest.raises(Permanent, match="already runs"):
        await house.processes.start("web", key="k2")
    assert await house.processes.start("web", key="k1") == first
    assert await house.processes.done_with_key("web", "k2") is False


async def test_a_stubborn_one_is_killed_after_the_grace(house: Substrate) -> None:
    house.add("web", STUBBORN)
    await house.processes.start("web", key="k1")
    await house.ready("web")
    stopped = await house.processes.stop("web", key="k2", grace_seconds=0.1)
    assert stopped["killed"] is True
    assert (await house.processes.status("web")).exit_code == -signal.SIGKILL


async def test_what_it_forked_ends_with_it(house: Substrate) -> None:
    house.add("web", PARENT)
    await house.processes.start("web", key="k1")
    lines = await house.ready("web")
    worker = int(lines[-1].split()[1])
    os.kill(await pid_of(house.processes, "web"), signal.SIGKILL)
    await until(lambda: house.processes.status("web"), lambda s: not s.alive)
    assert look_at(worker) is not None
    await house.processes.restart("web", key="k2")
    left = look_at(worker)
    assert left is None or left.is_dead


async def test_a_zombie_is_dead_and_its_exit_code_known(house: Substrate) -> None:
    house.add("web", "raise SystemExit(3)")
    await house.processes.start("web", key="k1")
    status = await until(lambda: house.processes.status("web"), lambda s: not s.alive)
    assert status.exit_code == 3
    assert status.detail == "ended with exit code 3"


async def test_stopping_what_does_not_run_is_no_error(house: Substrate) -> None:
    house.add("web")
    assert (await house.processes.stop("web", key="k"))["was_running"] is False


async def test_ensure_running_starts_what_does_not_run(house: Substrate) -> None:
    house.add("a")
    house.add("b")
    await house.processes.start("a", key="k")
    assert await house.processes.ensure_running(["a", "b"]) == ("b",)
    assert await house.processes.ensure_running(["a", "b"]) == ()
    await house.processes.stop("b", key="s")
    assert await house.processes.ensure_running(["a", "b"]) == ("b",)
    assert set(await house.processes.end_all(["a", "b"])) == {"a", "b"}


async def test_secrets_of_the_daemon_do_not_reach_it(
    house: Substrate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "hunter2")
    house.add("web", env={"PORT": 8080})
    pid = (await house.processes.start("web", key="k"))["pid"]
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"hunter2" not in environment
    assert b"PORT=8080" in environment


# the same key, and other daemons


async def test_the_same_key_acts_once(house: Substrate) -> None:
    house.add("web")
    await house.processes.start("web", key="k1")
    assert await house.processes.done_with_key("web", "k2") is False
    first = await house.processes.restart("web", key="k2")
    assert await house.processes.done_with_key("web", "k2") is True
    assert await house.another().restart("web", key="k2") == first
    assert (await house.processes.status("web")).restarts == 1


async def test_two_daemons_on_one_folder_act_once(house: Substrate) -> None:
    house.add("web")
    await house.processes.start("web", key="k1")
    both = await asyncio.gather(
        *(daemon.restart("web", key="k2") for daemon in (house.processes, house.another()))
    )
    assert both[0] == both[1]
    assert (await house.processes.status("web")).restarts == 1


async def test_while_an_act_goes_on_it_is_not_known_whether_it_was_done(house: Substrate) -> None:
    house.add("web", STUBBORN)
    await house.processes.start("web", key="k1")
    await house.ready("web")
    act = asyncio.create_task(house.processes.restart("web", key="k2", grace_seconds=0.5))
    other = house.another()
    await until(lambda: other.done_with_key("web", "k2"), lambda done: done is None)
    await act
    assert await other.done_with_key("web", "k2") is True


async def test_an_act_that_is_cancelled_frees_the_lock_and_is_settled_later(
    house: Substrate,
) -> None:
    house.add("web", STUBBORN)
    old = (await house.processes.start("web", key="k1"))["pid"]
    await house.ready("web")
    act = asyncio.create_task(house.processes.stop("web", key="k2", grace_seconds=30))
    await until(lambda: house.another().done_with_key("web", "k2"), lambda done: done is None)
    act.cancel()
    with pytest.raises(asyncio.CancelledError):
        await act
    assert await house.processes.done_with_key("web", "k2") is False
    result = await house.processes.restart("web", key="k3", grace_seconds=0.1)
    assert result["replaced_pid"] == old
    assert await house.processes.done_with_key("web", "k2") is False


async def test_a_full_disk_stops_an_act_before_it_begins(house: Substrate) -> None:
    house.add("web")
    pid = (await house.processes.start("web", key="k1"))["pid"]
    house.state.joinpath(f".web.json.{os.getpid()}.new").mkdir()  # the next write fails
    with pytest.raises(Temporary, match="intent cannot be recorded"):
        await house.processes.restart("web", key="k2")
    house.state.joinpath(f".web.json.{os.getpid()}.new").rmdir()
    assert (await house.processes.status("web")).pid == pid
    assert await house.processes.done_with_key("web", "k2") is False


async def test_only_the_last_hundred_keys_are_kept(house: Substrate) -> None:
    house.add("web")
    for number in range(105):
        await house.processes.stop("web", key=f"k{number}")
    state = json.loads((house.state / "web.json").read_bytes())
    assert [row["key"] for row in state["completed"]] == [f"k{n}" for n in range(5, 105)]


# versions


async def test_rolling_back_runs_the_version_before(house: Substrate) -> None:
    house.add(
        "web",
        version="v1",
        versions={"v2": {"command": [*PYTHON, "-c", IDLE, "second"]}},
    )
    processes = house.processes
    await processes.start("web", key="k1")
    assert (await processes.status("web")).version_changed_seconds_ago is None
    result = await processes.set_version("web", version="v2", key="k2")
    assert (result["version"], result["replaced"], result["changed"]) == ("v2", "v1", True)
    await house.ready("web", "ready second")
    status = await processes.status("web")
    assert (status.version, status.previous_version) == ("v2", "v1")
    assert status.version_changed_seconds_ago is not None
    back = await processes.set_version("web", version=None, key="k3")
    assert (back["version"], back["replaced"]) == ("v1", "v2")
    status = await processes.status("web")
    assert (status.alive, status.version, status.previous_version) == (True, "v1", None)
    assert await processes.set_version("web", version=None, key="k3") == back
    with pytest.raises(Permanent, match="no version of web before"):
        await processes.set_version("web", version=None, key="k4")  # never forward to the bad one


async def test_a_restart_keeps_the_version(house: Substrate) -> None:
    house.add("web", version="v1", versions={"v1": {}, "v2": {}})
    await house.processes.set_version("web", version="v2", key="k1")
    assert (await house.processes.restart("web", key="k2"))["version"] == "v2"
    same = await house.processes.set_version("web", version="v2", key="k3")
    assert same["changed"] is False
    assert (await house.processes.status("web")).restarts == 1


async def test_a_version_that_cannot_run_leaves_the_old_one_alone(house: Substrate) -> None:
    house.add("web", version="v1", versions={"v2": {"command": ["/no/such/program"]}})
    pid = (await house.processes.start("web", key="k1"))["pid"]
    for version in ("v2", "v9"):
        with pytest.raises(Permanent, match=r"cannot be executed|no version"):
            await house.processes.set_version("web", version=version, key=version)
        assert await house.processes.done_with_key("web", version) is False
    status = await house.processes.status("web")
    assert (status.pid, status.version) == (pid, "v1")
