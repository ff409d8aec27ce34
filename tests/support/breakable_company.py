"""A company of small processes under the real daemon, one for each family of faults.

    async with company(tmp_path / "c", parts) as made:
        await made.break_by_signal("leaky")
        await made.daemon.fire("ProcessMemoryHigh", service="leaky")

Each part is a product of its own, with a folder of its own, so that the incident of one is no sign
for another. The daemon has the shipped runbooks for processes, and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.catalog.products import load_registry
from agent.runtime.process_table import look_at
from agent.runtime.processes import Processes
from agent.runtime.registry import shipped_runbooks_folder
from tests.support.daemon import Daemon, catalog, component, daemon
from tests.support.kits import RealClock
from tests.support.policies import WRITTEN
from tests.support.running import accepts, free_port
from tests.support.servers import BREAKABLE
from tests.support.substrate import PYTHON, until
from tests.support.waiting import eventually

PART = BREAKABLE.with_name("breakable_part.py")


@dataclass
class Part:
    """One process and what the catalog says of it. PORT stands for its port."""

    name: str
    arguments: Sequence[str]
    program: Path = PART
    before: Sequence[str] = ()
    """What its command begins with, as `prlimit --rss=...`."""
    block: Mapping[str, Any] = field(default_factory=dict)
    scheme: str | None = None
    """http or https: it serves on its port, and has a health address there."""
    folders: Sequence[str] = ()
    system: str | None = None
    """The product it belongs to, where it is none of its own."""
    port: int = field(default_factory=free_port)

    def declared(self, company: Path) -> str:
        here = company / self.name
        process: dict[str, Any] = {
            "command": [*self.before, *PYTHON, str(self.program), *self.arguments],
            "cwd": str(here),
            "stop_grace": "1s",
            **self.block,
        }
        keys: dict[str, Any] = {"process": process}
        if self.scheme is not None:
            keys["health_url"] = f"{self.scheme}://127.0.0.1:PORT/health"
        text = component(self.name, **keys)
        if self.system is not None:
            text = json.dumps(within(self.system, json.loads(text)))
        return text.replace("PORT", str(self.port))


def within(system: str, document: dict[str, Any]) -> dict[str, Any]:
    """The component as a part of that product, which has the tier of both."""
    del document["spec"]["homeostat"]["tier"]
    document["spec"]["system"] = system
    return document


def group_of(name: str, *members: str) -> list[str]:
    """A product, and in it a group of the same kind: an entity that depends on its members."""
    system = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": "System",
        "metadata": {"name": name},
        "spec": {"owner": "team-shop", "homeostat": {"tier": "low"}},
    }
    group = within(name, json.loads(component(f"{name}-all")))
    group["spec"]["dependsOn"] = [f"component:default/{member}" for member in members]
    return [json.dumps(system), json.dumps(group)]


@dataclass
class Company:
    folder: Path
    daemon: Daemon
    processes: Processes
    parts: Mapping[str, Part]

    def here(self, name: str) -> Path:
        return self.folder / name

    async def pid(self, name: str) -> int:
        seen = await self.processes.status(name)
        assert seen.pid is not None, (name, seen)
        return seen.pid

    async def start(self, name: str) -> None:
        await self.processes.start(name, key=f"begin-{name}")
        part = self.parts[name]
        if part.scheme is not None:
            await eventually(lambda: accepts(part.port), within=10, what=f"{name} listens")
        else:
            await until(lambda: self.processes.recent_log(name, lines=5), lambda lines: bool(lines))

    async def break_by_signal(self, name: str) -> None:
        os.kill(await self.pid(name), signal.SIGUSR1)

    async def ended(self, name: str) -> None:
        """Waits until it has ended by itself. Without a look through our own `processes`, which
        would reap it: how it ended, only the first who looks is told."""
        state = self.processes._files.load(name)
        assert state is not None
        assert state.running is not None
        pid = state.running.pid
        await eventually(
            lambda: (seen := look_at(pid)) is None or seen.is_dead,
            within=10,
            what=f"{name} ends",
            every=0.02,
        )

    async def over(self, name: str, *, within: float) -> dict[str, Any]:
        """The one incident of that product, once it is healed or people are told; as far as it is
        where that takes longer."""
        deadline = time.monotonic() + within
        while True:
            [found] = [i for i in await self.daemon.incidents() if i["product"] == name]
            if found["state"] in ("resolved", "escalated") or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.3)


def process_runbooks() -> dict[str, str]:
    """The shipped ones that need no cluster, by name."""
    files = sorted(shipped_runbooks_folder().rglob("process-*.yaml"))
    return {path.stem: path.read_text() for path in files}


@asynccontextmanager
async def company(
    folder: Path, parts: Sequence[Part], *, more: Sequence[str] = ()
) -> AsyncIterator[Company]:
    """Nothing runs yet; the daemon is not started either. At the end everything is gone."""
    for part in parts:
        for name in ("", *part.folders):
            (folder / part.name / name).mkdir(parents=True, exist_ok=True)
    async with daemon(
        folder / "homeostat",
        products=catalog([*(part.declared(folder) for part in parts), *more]),
        runbooks=process_runbooks(),
        # A dozen products break at once, which is what these tests are made of.
        policy={"page_hold": "0s", "rails": {**WRITTEN, "fleet_sick_least": 1_000}},
    ) as made:
        registry, _ = load_registry([made.folder / "catalog" / "catalog-info.yaml"])
        own = Processes(lambda: registry.entities, made.var / "processes", RealClock(), None)
        built = Company(folder, made, own, {part.name: part for part in parts})
        try:
            yield built
        finally:
            await made.stop()
            await own.end_all(own.names())
