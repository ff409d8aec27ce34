"""The company and the daemon, running: what the chapters break, wait for and look at.

The daemon is the real one, a process of its own; what it knows is asked of its HTTP API like
anybody would. The company runs under the embedded substrate, whose state folder the daemon has too,
so that the daemon restarts what is started here. Everything that is started here ends here.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import agent
from agent.catalog.products import load_registry
from agent.interface.demo.layout import Layout, write_privately
from agent.interface.demo.telling import Teller
from agent.model.errors import HomeostatError, Temporary
from agent.runtime.clock import SystemClock
from agent.runtime.http_client import AiohttpHttp
from agent.runtime.processes import Processes

POLL_SECONDS = 0.15
READY_SECONDS = 30.0
GREEN_SECONDS = 20.0
STOP_SECONDS = 10.0
VISITORS = "agent.interface.demo.company.visitors"
T = TypeVar("T")


class NotSeen(HomeostatError):
    """What a chapter waited for did not come."""


class World:
    def __init__(self, layout: Layout, teller: Teller, processes: Processes) -> None:
        self.layout = layout
        self.teller = teller
        self.processes = processes
        self.clock = SystemClock()
        self.http = AiohttpHttp(self.clock)
        self.notes: dict[str, str] = {}
        """What one chapter leaves for a later one."""
        self.first_heal_at: float | None = None
        self._daemon: subprocess.Popen[bytes] | None = None
        self._visitors: subprocess.Popen[bytes] | None = None
        self._number = 0

    def key(self) -> str:
        """A new idempotency key for an act of the story."""
        self._number += 1
        return f"story:{self._number}"

    # asking the daemon

    async def get(self, path: str) -> Any:
        reply = await self.http.get(
            self.layout.url + path, timeout_seconds=5.0, headers=self._bearer("guest")
        )
        if reply.status != 200:
            raise NotSeen(f"GET {path} answers {reply.status}: {reply.body[:200]!r}")
        return json.loads(reply.body)

    async def post(self, path: str, body: Mapping[str, Any], *, who: str) -> Any:
        reply = await self.http.post(
            self.layout.url + path,
            body=json.dumps(body).encode(),
            timeout_seconds=5.0,
            headers={**self._bearer(who), "content-type": "application/json"},
        )
        if reply.status != 200:
            raise NotSeen(f"{who}: POST {path} answers {reply.status}: {reply.body[:300]!r}")
        return json.loads(reply.body)

    def _bearer(self, who: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.layout.tokens[who]}"}

    async def incidents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = await self.get("/api/v1/incidents?timeline=false&limit=500")
        return found

    async def incident(self, incident_id: str) -> dict[str, Any]:
        found: dict[str, Any] = await self.get(f"/api/v1/incidents/{incident_id}")
        return found

    def pages(self) -> list[dict[str, Any]]:
        """What people were sent, from the file of the notifier."""
        if not self.layout.pages.exists():
            return []
        return [json.loads(line) for line in self.layout.pages.read_text().splitlines() if line]

    async def until(
        self, look: Callable[[], Awaitable[T | None]], *, seconds: float, what: str
    ) -> T:
        """Waits for the first look that gives something. Raises NotSeen when the time is up."""
        self.teller.waits(what, seconds)
        end = self.clock.monotonic() + seconds
        while True:
            self._check_daemon()
            try:
                found = await look()
            except Temporary:
                found = None  # the daemon is busy: the next look asks again
            if found:
                return found
            if self.clock.monotonic() >= end:
                raise NotSeen(f"{what}: not within {seconds:g} s")
            await asyncio.sleep(POLL_SECONDS)

    def _check_daemon(self) -> None:
        if self._daemon is not None and (code := self._daemon.poll()) is not None:
            tail = "\n".join(self.layout.daemon_log.read_text().splitlines()[-15:])
            raise NotSeen(f"the daemon ended with exit code {code}:\n{tail}")

    # starting and stopping

    async def begin(self) -> None:
        layout = self.layout
        self.teller.says("starting the company: 2 products, 4 services, 1 ledger, 1 sub-agent")
        await self.processes.ensure_running(self.processes.names())
        self.teller.says(f"starting Homeostat: {layout.daemon_log}")
        self._daemon = self._launch(
            "agent", "run", "--config", str(layout.settings), log="homeostat"
        )
        fronts = [layout.address("shop-front"), layout.address("pay-front")]
        self._visitors = self._launch(VISITORS, *fronts, log="visitors")
        await self.until(self._is_ready, seconds=READY_SECONDS, what="Homeostat to be ready")
        await self.green()

    def _launch(self, module: str, *words: str, log: str) -> subprocess.Popen[bytes]:
        """In a session of its own: a Ctrl-C is for the story, which stops the rest in order."""
        with (self.layout.folder / f"{log}.log").open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=self.layout.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def _is_ready(self) -> bool:
        reply = await self.http.get(
            self.layout.url + "/-/ready", timeout_seconds=2.0, headers=self._bearer("guest")
        )
        return reply.status == 200

    async def green(self) -> None:
        """Nothing burns, every layer of both products is green. Raises NotSeen."""

        async def look() -> bool:
            if any(i["state"] != "resolved" for i in await self.incidents()):
                return False
            return all(
                layer["colour"] == "green"
                for product in await self.get("/api/v1/products")
                if product["name"] in ("shop", "pay")
                for layer in product["layers"].values()
            )

        await self.until(look, seconds=GREEN_SECONDS, what="everything to be green")

    async def end(self) -> None:
        """The daemon first, so that nobody heals what is stopped here."""
        await asyncio.to_thread(_stop, self._visitors, 0.5)
        await asyncio.to_thread(_stop, self._daemon, STOP_SECONDS)
        await self.http.close()
        await self.processes.end_all(self.processes.names())

    # breaking and mending with one's own hands

    async def ask_service(self, url: str, body: Mapping[str, Any]) -> None:
        """A request of which no answer is expected."""
        try:
            await self.http.post(url, body=json.dumps(body).encode(), timeout_seconds=0.7)
        except Temporary:
            return

    async def deploy(self, name: str, version: str) -> None:
        await self.processes.set_version(name, version=version, key=self.key())

    async def suspend(self, name: str) -> None:
        """Stops it as a debugger or a full disk would: it lives, and does nothing any more."""
        status = await self.processes.status(name)
        if status.pid is None:
            raise NotSeen(f"{name} does not run")
        os.kill(status.pid, signal.SIGSTOP)

    async def mend(self, name: str) -> None:
        """Starts it anew where it does not run or answer."""
        status = await self.processes.status(name)
        if not status.alive or status.hung or status.answers is False:
            await self.processes.restart(name, key=self.key())

    async def back_to(self, name: str, version: str) -> None:
        if (await self.processes.status(name)).version != version:
            await self.deploy(name, version)

    def configure(self, product: str, text: str) -> None:
        """Edits the configuration as a person would: all of it at once, in place."""
        path = self.layout.config(product)
        fresh = path.with_suffix(".edited")
        write_privately(fresh, text)
        fresh.replace(path)


def _environment() -> dict[str, str]:
    """Ours, without what is meant for another Homeostat on this machine."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HOMEOSTAT_")}
    places = [str(Path(agent.__file__).resolve().parent.parent), kept.get("PYTHONPATH", "")]
    return {**kept, "PYTHONPATH": os.pathsep.join(place for place in places if place)}


def _stop(process: subprocess.Popen[bytes] | None, seconds: float) -> None:
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@asynccontextmanager
async def world(layout: Layout, teller: Teller) -> AsyncIterator[World]:
    """Starts all of it, and stops all of it whatever happens in between."""
    registry, _ = load_registry([layout.catalog])
    clock = SystemClock()
    looking = AiohttpHttp(clock)
    processes = Processes(lambda: registry.entities, layout.state, clock, looking)
    running = World(layout, teller, processes)
    try:
        await running.begin()
        yield running
    finally:
        # A second Ctrl-C must not leave half of it running; stopping is bounded in time.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        teller.says("stopping everything that was started")
        await running.end()
        await looking.close()
