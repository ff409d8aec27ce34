"""A whole small site for end-to-end tests: settings, products and a runbook in a folder, a shop
under the process substrate that breaks for real, and the daemon over it as a process.

    async with site(tmp_path / "site") as made:
        await made.run(prometheus_url=...)
        await made.break_shop("hang")
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from agent.catalog.products import load_registry
from agent.runtime.process_table import ProcessTable
from agent.runtime.processes import Processes
from tests.support.kits import RealClock
from tests.support.policies import eased
from tests.support.running import accepts, free_port, http_get
from tests.support.servers import BREAKABLE, Server
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: shop-restart, owner: team-shop, layer: product, tier: low}
match: {alert: [ShopBroken]}
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify:
      observe:
        - id: work
          use: prometheus.recovered
          with: {query: 'rate(breakable_work_total{result="done"}[3s])', op: ">", threshold: 1}
      success: {all: ['work.verdict == "held"', alert_cleared], every: 1s}
      within: 40s
"""

CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: shop}
spec:
  type: service
  owner: team-shop
  homeostat: {tier: low, process: PROCESS}
"""


class Homeostat(Server):
    """The daemon as a process. `bearer` is the token its API is asked with."""

    bearer: str | None = None

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        bearer: str | None = None,
        body: Any = None,
    ) -> tuple[int, Any]:
        """Status, and the answer as JSON where it is some. Raises OSError where nobody answers."""
        token = bearer or self.bearer
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        timeout = aiohttp.ClientTimeout(total=5)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.request(method, self.url + path, json=body, headers=headers) as reply,
            ):
                text = await reply.text()
                is_json = reply.content_type == "application/json"
                return reply.status, json.loads(text) if is_json else text
        except (aiohttp.ClientError, TimeoutError) as error:
            raise OSError(f"{method} {path}: {error!r}") from error

    async def get(self, path: str) -> Any:
        status, answer = await self.ask(path)
        assert status == 200, (path, status, answer, self.output[-2000:])
        return answer

    async def ledger(self) -> dict[str, Any]:
        return dict(await self.get("/api/v1/ledger"))

    async def incidents(self) -> list[dict[str, Any]]:
        return list(await self.get("/api/v1/incidents?timeline=true"))

    async def is_ready(self) -> bool:
        return (await self.ask("/-/ready"))[0] == 200


@dataclass
class Site:
    folder: Path
    shop_port: int
    daemon: Homeostat
    processes: Processes

    @property
    def shop(self) -> str:
        """Address to scrape."""
        return f"127.0.0.1:{self.shop_port}"

    async def shop_pid(self) -> int:
        seen = await self.processes.status("shop")
        assert seen.alive, seen
        assert seen.pid is not None
        return seen.pid

    async def break_shop(self, mode: str) -> None:
        status, _ = await http_get(f"http://{self.shop}/break?mode={mode}")
        assert status == 200, status

    async def run(self, **settings: Any) -> None:
        """Starts the daemon; `settings` go into its file over those of the site."""
        written = {
            "listen": self.daemon.address,
            "products": ["catalog-info.yaml"],
            "runbooks": ["runbooks"],
            "shipped_runbooks": False,
            "log": {"level": "debug", "format": "text"},
            **settings,
        }
        # JSON is YAML, and needs no care for quoting.
        (self.folder / "homeostat.yaml").write_text(json.dumps(eased(written)))
        await self.daemon.start()
        loaded = [r["name"] for r in await self.daemon.get("/api/v1/runbooks")]
        assert loaded == ["shop-restart"], self.daemon.output

    def sweep(self) -> None:
        """Whatever still runs under this site's substrate."""
        table = ProcessTable()
        for ref, _ in table.find(f"{(self.folder / 'var' / 'processes').resolve()}#"):
            table.send(ref, signal.SIGKILL)


@asynccontextmanager
async def site(folder: Path) -> AsyncIterator[Site]:
    """The shop runs; the daemon is started by `run`."""
    shop_port, port = free_port(), free_port()
    _write_files(folder, shop_port)
    daemon = Homeostat(
        [sys.executable, "-m", "agent", "run", "--config", str(folder / "homeostat.yaml")],
        folder=folder,
        ready=lambda: daemon.is_ready(),
        env={"PYTHONPATH": str(ROOT)},
    )
    daemon.port = port
    registry, _ = load_registry([folder / "catalog-info.yaml"])
    state = folder / "var" / "processes"
    processes = Processes(lambda: registry.entities, state, RealClock(), None)
    made = Site(folder=folder, shop_port=shop_port, daemon=daemon, processes=processes)
    try:
        await processes.ensure_running(["shop"])
        await eventually(lambda: accepts(shop_port), within=10, what="the shop listens")
        yield made
        assert await daemon.stop() in (None, 0), f"SIGTERM drains:\n{daemon.output[-3000:]}"
    finally:
        try:
            await daemon.stop()
            await processes.end_all(["shop"])
        finally:
            made.sweep()


def _write_files(folder: Path, shop_port: int) -> None:
    (folder / "runbooks").mkdir(parents=True)
    (folder / "runbooks" / "shop-restart.yaml").write_text(RUNBOOK)
    command = [sys.executable, str(BREAKABLE), "--port", str(shop_port)]
    process = json.dumps({"command": command, "stop_grace": "1s"})
    (folder / "catalog-info.yaml").write_text(CATALOG.replace("PROCESS", process))
