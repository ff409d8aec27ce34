"""What a process takes, how busy it is, how often it was launched, and who of a group runs."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.model.errors import Permanent
from agent.model.product import Entity, EntityKind, Registry
from agent.ports.kit import ProcessStatus, ProcessUse
from agent.runtime.kit import Kits
from tests.support.breakable_certificate import certificate
from tests.support.kits import RealClock, ToldProcesses
from tests.support.running import free_port
from tests.support.servers import BREAKABLE
from tests.support.shipped import run
from tests.support.substrate import IDLE, PYTHON, Substrate, until

PART = str(BREAKABLE.with_name("breakable_part.py"))


class House:
    def __init__(self, folder: Path) -> None:
        self.substrate = Substrate(folder)
        self.kits = Kits(
            clock=RealClock(),
            processes=self.substrate.processes,
            products=lambda: Registry(entities=dict(self.substrate.entities)),
        )

    async def look(self, name: str, **params: Any) -> Any:
        kit = self.kits.read(deadline_seconds=20)
        return await run(name, kit, **{"target": "web", **params})

    async def part(self, kind: str, *arguments: str, before: tuple[str, ...] = ()) -> None:
        command = [*before, *PYTHON, PART, kind, *arguments]
        self.substrate.add_block("web", {"command": command, "cwd": str(self.substrate.folder)})
        await self.substrate.processes.start("web", key="k")
        await self.substrate.ready("web")

    async def break_it(self) -> None:
        seen = await self.substrate.processes.status("web")
        assert seen.pid is not None
        os.kill(seen.pid, signal.SIGUSR1)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    made = House(tmp_path)
    yield made
    made.substrate.sweep()
    await made.kits.close()


async def told(name: str, processes: ToldProcesses, **params: Any) -> Any:
    kits = Kits(clock=RealClock(), processes=processes, products=Registry)
    try:
        return await run(name, kits.read(deadline_seconds=20), target="web", **params)
    finally:
        await kits.close()


# memory, open files


async def test_a_leak_of_memory_shows_against_the_limit(house: House) -> None:
    await house.part("memory", "--mib", "40", before=("prlimit", "--rss=40000000"))
    seen = await house.look("process.resources")
    assert seen.memory_share < 0.8
    await house.break_it()
    seen = await until(
        lambda: house.look("process.resources"), lambda found: found.memory_share > 1
    )
    assert seen.memory_limit_bytes == 40_000_000
    # what the process itself was started with counts more than what the runbook says
    assert (await house.look("process.resources", memory_limit_mib=1)).memory_limit_bytes == 40e6


async def test_without_a_limit_the_share_is_unknown_unless_the_runbook_has_one(
    house: House,
) -> None:
    await house.part("idle")
    seen = await house.look("process.resources")
    assert (seen.memory_limit_bytes, seen.memory_share) == (None, None)
    seen = await house.look("process.resources", memory_limit_mib=1)
    assert seen.memory_share > 1


async def test_a_leak_of_open_files_shows_against_the_limit(house: House) -> None:
    await house.part("files", before=("prlimit", "--nofile=40:40"))
    assert (await house.look("process.resources")).open_files_share < 0.5
    await house.break_it()
    await until(
        lambda: house.look("process.resources"), lambda found: found.open_files_share >= 0.9
    )


async def test_what_does_not_run_takes_nothing_that_is_known(house: House) -> None:
    house.substrate.add("web")
    seen = await house.look("process.resources")
    assert seen.model_dump(exclude_none=True) == {"alive": False}
    seen = await house.look("process.cpu", over="1s")
    assert seen.model_dump(exclude_none=True) == {"alive": False}


# cpu


async def test_a_process_in_an_endless_loop_takes_a_core(house: House) -> None:
    await house.part("cpu")
    seen = await house.look("process.cpu", over="1s")
    assert (seen.cores < 0.2, seen.is_batch, seen.processes) == (True, False, 1)
    assert seen.wanted >= seen.cores
    await house.break_it()
    seen = await until(
        lambda: house.look("process.cpu", over="1s"), lambda found: (found.wanted or 0) > 0.8
    )
    assert (seen.alive, seen.falling) == (True, False)


class Counting(ToldProcesses):
    """Seconds of processor time, and of waiting for it, at looks a second apart."""

    def __init__(self, *counted: tuple[float, float | None] | None) -> None:
        super().__init__()
        self.looks = [
            None if row is None else _use(at=float(number), took=row[0], waited=row[1])
            for number, row in enumerate(counted)
        ]

    async def use(self, name: str) -> ProcessUse | None:
        return self.looks.pop(0)


def _use(*, at: float, took: float, waited: float | None) -> ProcessUse:
    nothing: dict[str, Any] = dict.fromkeys(
        ("memory_limit_bytes", "open_files", "open_files_limit", "sockets", "half_closed")
    )
    return ProcessUse(
        at=at,
        cpu_seconds=took,
        cpu_waited_seconds=waited,
        memory_bytes=0,
        processes=1,
        is_batch=False,
        **nothing,
    )


@pytest.mark.parametrize(
    ("counted", "cores", "wanted", "falling"),
    [
        (((5.0, 1.0), (6.0, 1.0), (7.0, 1.0)), 1.0, 1.0, False),
        (((5.0, 1.0), (5.2, 1.8), (5.5, 2.5)), 0.3, 1.0, False),
        (((5.0, 1.0), (6.0, 1.0), (6.2, 1.1)), 0.2, 0.3, True),
        (((5.0, None), (6.0, None), (7.0, None)), 1.0, 1.0, False),
        (((5.0, 1.0), (6.0, 1.0), (0.5, 0.0)), None, None, None),
        ((None, (6.0, 1.0), (7.0, 1.0)), 1.0, 1.0, None),
    ],
    ids=["runaway", "overloaded", "falling", "waiting unknown", "begun anew", "just started"],
)
async def test_a_burst_is_told_from_a_runaway(
    counted: tuple[tuple[float, float | None] | None, ...],
    cores: float | None,
    wanted: float | None,
    falling: bool | None,
) -> None:
    seen = await told("process.cpu", Counting(*counted), over=0.2)
    assert (seen.cores, seen.wanted, seen.falling) == (cores, wanted, falling)


# launches


async def test_launches_since_the_version_was_changed(house: House) -> None:
    block = {"command": [*PYTHON, "-c", IDLE], "version": "v1", "versions": {"v1": {}, "v2": {}}}
    house.substrate.add_block("web", block)
    seen = await house.look("process.launches")
    assert (seen.lately, seen.lately_since_change, seen.alive) == (None, None, False)
    acts = house.substrate.processes
    await acts.start("web", key="k1")
    await acts.restart("web", key="k2")
    seen = await house.look("process.launches")
    assert (seen.lately, seen.lately_since_change) == (2, None), "its version never changed"
    await acts.set_version("web", version="v2", key="k3")
    seen = await house.look("process.launches")
    assert (seen.lately, seen.lately_since_change) == (3, 0)
    await acts.restart("web", key="k4")
    seen = await house.look("process.launches")
    assert (seen.lately, seen.lately_since_change) == (4, 1)
    assert (seen.version, seen.previous_version, seen.alive) == ("v2", "v1", True)
    assert seen.version_age < timedelta(minutes=1)


async def test_only_the_last_launches_are_lately() -> None:
    status = ProcessStatus(
        name="web", known=True, alive=True, version_changed_seconds_ago=500.0,
        launched_seconds_ago=(1.0, 59.0, 61.0, 499.0, 501.0),
    )  # fmt: skip
    for within, lately in (("1m", 2), ("10m", 4)):
        seen = await told("process.launches", ToldProcesses({"web": status}), within=within)
        assert seen.lately_since_change == lately


async def test_launches_of_what_this_substrate_does_not_run_are_an_error() -> None:
    with pytest.raises(Permanent):
        await told("process.launches", ToldProcesses())


# members


async def test_a_member_that_is_gone_is_named(house: House) -> None:
    for name in ("worker-a", "worker-b", "worker-c"):
        house.substrate.add(name)
    needs = ("worker-c", "worker-b", "worker-a", "elsewhere")
    house.substrate.entities["web"] = Entity(
        name="web", kind=EntityKind.SERVICE, product="shop", owner="team-shop", depends_on=needs
    )
    acts = house.substrate.processes
    await acts.start("worker-a", key="k")
    seen = await house.look("process.members")
    assert (seen.running, seen.gone, seen.unknown) == (
        ["worker-a"],
        ["worker-b", "worker-c"],
        ["elsewhere"],
    )
    assert seen.first_gone == "worker-b"
    for name in seen.gone:
        await acts.start(name, key=f"k-{name}")
    pid = (await acts.status("worker-c")).pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await until(lambda: acts.status("worker-c"), lambda found: found.hung)
    seen = await house.look("process.members")
    assert (seen.gone, seen.hung, seen.first_gone) == ([], ["worker-c"], None)


async def test_a_group_that_is_not_registered_has_no_members(house: House) -> None:
    with pytest.raises(Permanent, match="registered"):
        await house.look("process.members", target="nobody")


# certificates


async def test_a_certificate_renewed_on_disk_only(house: House) -> None:
    port = free_port()
    file = certificate(house.substrate.folder / "server.pem", days=2)
    house.substrate.add_block(
        "web",
        {
            "command": [*PYTHON, PART, "tls", "--port", str(port), "--file", "server.pem"],
            "cwd": str(house.substrate.folder),
            "health_url": f"https://127.0.0.1:{port}/",
        },
    )
    seen = await house.look("tls.certificate", file="server.pem")
    assert (seen.served_left, seen.same, seen.renewed) == (None, None, None)
    assert "shows no certificate" in seen.detail
    await house.substrate.processes.start("web", key="k")
    await house.substrate.ready("web")
    seen = await house.look("tls.certificate", file="server.pem")
    assert (seen.same, seen.renewed, seen.served_left) == (True, False, seen.disk_left)
    certificate(file, days=90)
    seen = await house.look("tls.certificate", file="server.pem")
    assert (seen.same, seen.renewed) == (False, True)
    assert seen.served_left < timedelta(days=3) < timedelta(days=80) < seen.disk_left
    certificate(file, days=1)
    seen = await house.look("tls.certificate", file="server.pem")
    assert (seen.same, seen.renewed) == (False, False), "another, and no later one"
