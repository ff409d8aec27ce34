"""Six products on one shared store, as real processes under the real daemon.

    async with estate(tmp_path / "e", pagers=recording.pagerduty.url) as made:
        await made.run(prometheus_url=..., ...)
        await made.break_it("pay-web", "code")

Every team has a pager of its own: which of them rang is seen by their routing keys. `pay-worker`
has a runbook; for the rest nobody has written one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.catalog.products import load_registry
from agent.runtime.processes import Processes
from tests.support.daemon import Daemon, daemon
from tests.support.kits import RealClock
from tests.support.running import accepts, free_port, http_get
from tests.support.substrate import PYTHON
from tests.support.waiting import eventually

DEPENDENT = Path(__file__).with_name("dependent.py")
PRODUCTS = ("pay", "shop", "mail", "maps", "chat", "docs")
STORE = "store"
WORKER = "pay-worker"

RUNBOOK = f"""\
apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: worker-restart, owner: team-pay, layer: product, tier: low}}
about: {{meaning: the worker is stuck, impact: nothing is paid out, not_for: a slow worker}}
match: {{alert: [WorkerStuck]}}
plans:
  restart:
    steps: [{{id: restart, use: process.restart, with: {{target: {WORKER}}}}}]
    verify: {{success: alert_cleared, within: 60s, decay: 10s}}
lifecycle: {{state: active}}
"""
PLATFORM = "platform"


def key_of(team: str) -> str:
    """Routing key of a team's pager: 32 letters and digits."""
    return f"{team.replace('-', ''):0<32}"


@dataclass
class Estate:
    daemon: Daemon
    processes: Processes
    pagers: str
    ports: dict[str, int] = field(default_factory=dict)

    def address(self, name: str) -> str:
        return f"127.0.0.1:{self.ports[name]}"

    @property
    def targets(self) -> Mapping[str, str]:
        """What Prometheus scrapes, by the name that becomes the label `job`."""
        return {name: self.address(name) for name in self.ports}

    async def break_it(self, name: str, mode: str) -> None:
        status, _ = await http_get(f"http://{self.address(name)}/break?mode={mode}")
        assert status == 200, (name, mode, status)

    async def works(self, name: str) -> bool:
        return (await http_get(f"http://{self.address(name)}/health"))[0] == 200

    async def all_work(self) -> bool:
        return all([await self.works(name) for name in self.ports])

    async def run(self, **settings: Any) -> None:
        notify = {team: [self._pager(team)] for team in (PLATFORM, *map(team_of, PRODUCTS))}
        self.daemon.configure(**{"notify": notify, **settings})
        await self.daemon.start()

    def _pager(self, team: str) -> Mapping[str, Any]:
        file = self.daemon.folder / f"{team}.key"
        file.write_text(key_of(team))
        file.chmod(0o600)
        return {
            "use": "pagerduty",
            "with": {"url": self.pagers},
            "secrets": {"routing_key": {"file": str(file)}},
        }


def team_of(product: str) -> str:
    return f"team-{product}"


def service_of(product: str) -> str:
    return f"{product}-web"


def _process(name: str, port: int, needs: int | None) -> Mapping[str, Any]:
    command = [*PYTHON, str(DEPENDENT), "--port", str(port), "--name", name]
    if needs is not None:
        command += ["--needs", f"http://127.0.0.1:{needs}"]
    return {
        "health_url": f"http://127.0.0.1:{port}/health",
        "process": {"command": command, "stop_grace": "1s"},
    }


def _document(kind: str, name: str, **spec: Any) -> str:
    whole = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
    return json.dumps(whole)


def _catalog(ports: dict[str, int]) -> str:
    def port(name: str) -> int:
        return ports.setdefault(name, free_port())

    store = _process(STORE, port(STORE), None)
    documents = [_document("Resource", STORE, owner=PLATFORM, type="store", homeostat=store)]
    for product in PRODUCTS:
        team, service = team_of(product), service_of(product)
        documents.append(_document("System", product, owner=team, homeostat={"tier": "medium"}))
        documents.append(
            _document(
                "Component",
                service,
                owner=team,
                type="service",
                system=product,
                dependsOn=[STORE],
                homeostat=_process(service, port(service), ports[STORE]),
            )
        )
    worker = _process(WORKER, port(WORKER), None)
    documents.append(
        _document(
            "Component", WORKER, owner="team-pay", type="service", system="pay", homeostat=worker
        )
    )
    return "\n---\n".join(documents) + "\n"


@asynccontextmanager
async def estate(folder: Path, *, pagers: str) -> AsyncIterator[Estate]:
    """All processes run and work; the daemon is started by `run`. At the end all of it is gone."""
    ports: dict[str, int] = {}
    text = _catalog(ports)
    async with daemon(folder, products=text, runbooks={"worker-restart": RUNBOOK}) as made:
        registry, _ = load_registry([folder / "catalog"])
        processes = Processes(
            lambda: registry.entities, folder / "var" / "processes", RealClock(), None
        )
        found = Estate(daemon=made, processes=processes, pagers=pagers, ports=ports)
        try:
            await processes.ensure_running(list(ports))
            for name, port in ports.items():
                await eventually(lambda port=port: accepts(port), within=20, what=f"{name} listens")
            await eventually(found.all_work, within=20, what="everything works")
            yield found
        finally:
            await processes.end_all(list(ports))
