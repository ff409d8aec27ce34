"""Homeostat as a whole and its peer Alertmanager, each in a folder of its own on one CPU."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.machine import AGENT, program, until_ready
from tests.support.running import free_port
from tests.support.running import program as found_program

SERVICES = 400
"""Each a product of its own, and so a target of its own for each measured action."""

PLUGIN = Path(__file__).with_name("bench_action.py")

ACTING = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: bench-act, owner: team-bench, layer: product, tier: low}
match: {labels: {bench: act}}
plans:
  act:
    steps: [{id: act, use: bench.post, with: {url: "URL"}}]
    verify: {success: {all: [alert_cleared]}, within: 10m}
"""

COMPONENT = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {{name: svc-{n}}}
spec: {{type: service, owner: team-bench}}
"""

ROUTES = """\
route:
  {{receiver: hook, group_by: [{by}], group_wait: 0s, group_interval: 1s, repeat_interval: 24h}}
receivers:
- name: hook
  webhook_configs: [{{url: "{hook}", send_resolved: false}}]
"""


@dataclass
class Subject:
    port: int
    pid: int
    folder: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def alerts_url(self) -> str:
        return f"{self.url}/api/v2/alerts"

    @property
    def database(self) -> Path:
        return self.folder / "var" / "homeostat.db"


def write_site(folder: Path, *, hook: str = "", services: int = SERVICES, **settings: Any) -> int:
    """Settings, products, the bench's action and its runbook. Returns the port it will serve on."""
    port = free_port()
    (folder / "runbooks").mkdir(parents=True)
    (folder / "plugins" / "actions").mkdir(parents=True)
    shutil.copy(PLUGIN, folder / "plugins" / "actions" / "bench_post.py")
    (folder / "runbooks" / "bench-act.yaml").write_text(ACTING.replace("URL", hook))
    components = [COMPONENT.format(n=n) for n in range(services)]
    (folder / "catalog-info.yaml").write_text("---\n".join(components))
    written = {
        "listen": f"127.0.0.1:{port}",
        "products": ["catalog-info.yaml"],
        "runbooks": ["runbooks"],
        "plugins": ["plugins"],
        "policy": {"default_diagnostics": {"service": []}},
        "notify": {"default": [{"use": "file", "with": {"path": "pages.jsonl"}}]},
        **settings,
    }
    # JSON is YAML, and needs no care for quoting.
    (folder / "homeostat.yaml").write_text(json.dumps(written))
    return port


@asynccontextmanager
async def daemon(folder: Path, *, port: int, cpu: int) -> AsyncIterator[Subject]:
    """The daemon over a written site; a second call over one folder continues its store."""
    argv = [*AGENT, "run", "--config", "homeostat.yaml"]
    async with program(argv, cpu=cpu, folder=folder) as process:
        await until_ready(f"http://127.0.0.1:{port}/-/ready")
        said = (folder / "output.log").read_text()
        assert "fault" not in said, said[-2000:]
        assert "plugin_refused" not in said, said[-2000:]
        yield Subject(port, process.pid, folder)


@asynccontextmanager
async def homeostat(folder: Path, *, cpu: int, **site: Any) -> AsyncIterator[Subject]:
    port = write_site(folder, **site)
    async with daemon(folder, port=port, cpu=cpu) as started:
        yield started


def alertmanager_argv(folder: Path, *, port: int, hook: str, by: str) -> Sequence[str]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "alertmanager.yml").write_text(ROUTES.format(by=by, hook=hook))
    return [
        found_program("prometheus-alertmanager"),
        "--config.file=alertmanager.yml",
        "--storage.path=data",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=error",
    ]


@asynccontextmanager
async def alertmanager(
    folder: Path, *, cpu: int, hook: str = "http://127.0.0.1:9/", by: str = "severity"
) -> AsyncIterator[Subject]:
    """`by` severity: one group for all, so that its cost is that of taking alerts in. `...`: every
    alert a group of its own, sent at once."""
    port = free_port()
    argv = alertmanager_argv(folder, port=port, hook=hook, by=by)
    async with program(argv, cpu=cpu, folder=folder) as process:
        await until_ready(f"http://127.0.0.1:{port}/-/ready")
        yield Subject(port, process.pid, folder)
