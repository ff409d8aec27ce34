"""Real parts on free loopback ports: Prometheus, Alertmanager, Mosquitto, a breakable process.

Each is an async context manager that yields the running thing and stops it at the end. The
fixtures of the same names (tests/conftest.py) are factories of them.

    async with prometheus(tmp_path / "p", targets={"shop": "127.0.0.1:8000"}, rules=[...]) as p:
        await p.query("up")
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tests.support.running import (
    Running,
    accepts,
    answers_ok,
    free_port,
    http_get,
    program,
)

BREAKABLE = Path(__file__).with_name("breakable.py")


class Server(Running):
    """A running program that serves on one port."""

    port: int

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    async def json(self, path: str) -> Any:
        status, body = await http_get(self.url + path)
        assert status == 200, (path, status, body[:500])
        return json.loads(body)


class Prometheus(Server):
    async def query(self, expression: str) -> list[Any]:
        """Result list of an instant query."""
        answer = await self.json(f"/api/v1/query?query={quote(expression)}")
        return list(answer["data"]["result"])

    async def firing(self) -> list[Any]:
        """Alerts this Prometheus holds for firing now."""
        answer = await self.json("/api/v1/alerts")
        return [alert for alert in answer["data"]["alerts"] if alert["state"] == "firing"]


class Alertmanager(Server):
    async def alerts(self) -> list[Any]:
        return list(await self.json("/api/v2/alerts"))


class Mosquitto(Server):
    pass


class Breakable(Server):
    async def break_it(self, mode: str) -> None:
        """`hang`, `errors` or `crash`; see breakable.py."""
        status, _ = await http_get(f"{self.url}/break?mode={mode}")
        assert status == 200, status

    async def metrics(self) -> str:
        _, body = await http_get(f"{self.url}/metrics")
        return body.decode()


def make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)


def rule(
    name: str,
    expression: str,
    *,
    hold: str = "0s",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """One alerting rule for `prometheus(rules=...)`."""
    return {
        "alert": name,
        "expr": expression,
        "for": hold,
        "labels": dict(labels or {}),
        "annotations": dict(annotations or {}),
    }


def alertmanager_target(url: str, bearer: str | None) -> dict[str, Any]:
    parts = urlsplit(url)
    target: dict[str, Any] = {
        "scheme": parts.scheme,
        "api_version": "v2",
        "static_configs": [{"targets": [parts.netloc]}],
    }
    if parts.path.strip("/"):
        target["path_prefix"] = parts.path
    if bearer is not None:
        target["authorization"] = {"credentials": bearer}
    return target


@asynccontextmanager
async def prometheus(
    folder: Path,
    *,
    targets: Mapping[str, str],
    rules: Sequence[Mapping[str, Any]] = (),
    rule_files: Sequence[Path] = (),
    alertmanagers: Sequence[str] = (),
    bearer: str | None = None,
    interval: str = "1s",
    resend_delay: str = "5s",
) -> AsyncIterator[Prometheus]:
    """Scrapes `targets` (job → host:port) every `interval` and sends what fires to `alertmanagers`.

    Homeostat itself may be one of them; `bearer` is sent to all.
    """
    binary = program("prometheus")
    make(folder)
    config = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": ["rules.json", *map(str, rule_files)],
        "scrape_configs": [
            {"job_name": job, "scrape_timeout": interval, "static_configs": [{"targets": [target]}]}
            for job, target in targets.items()
        ],
        "alerting": {"alertmanagers": [alertmanager_target(a, bearer) for a in alertmanagers]},
    }
    # JSON is YAML, and needs no care for quoting.
    (folder / "prometheus.yml").write_text(json.dumps(config))
    groups = [{"name": "test", "rules": list(rules)}] if rules else []
    (folder / "rules.json").write_text(json.dumps({"groups": groups}))
    port = free_port()
    server = Prometheus(
        [
            binary,
            "--config.file=prometheus.yml",
            "--storage.tsdb.path=data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-lifecycle",
            f"--rules.alert.resend-delay={resend_delay}",
            "--log.level=warn",
        ],
        folder=folder,
        ready=lambda: answers_ok(f"http://127.0.0.1:{port}/-/ready"),
    )
    server.port = port
    async with _running(server):
        yield server


@asynccontextmanager
async def alertmanager(
    folder: Path,
    *,
    webhook: str,
    bearer: str | None = None,
    group_by: Sequence[str] = ("alertname", "product"),
    group_wait: str = "0s",
    group_interval: str = "1s",
    repeat_interval: str = "1h",
    inhibit_rules: Sequence[Mapping[str, Any]] = (),
) -> AsyncIterator[Alertmanager]:
    """Sends every alert to `webhook`, resolved ones too, with `bearer` where one is given."""
    binary = program("prometheus-alertmanager")
    make(folder)
    receiver: dict[str, Any] = {"url": webhook, "send_resolved": True}
    if bearer is not None:
        receiver["http_config"] = {"authorization": {"credentials": bearer}}
    config = {
        "route": {
            "receiver": "homeostat",
            "group_by": list(group_by),
            "group_wait": group_wait,
            "group_interval": group_interval,
            "repeat_interval": repeat_interval,
        },
        "receivers": [{"name": "homeostat", "webhook_configs": [receiver]}],
        "inhibit_rules": list(inhibit_rules),
    }
    (folder / "alertmanager.yml").write_text(json.dumps(config))
    port = free_port()
    server = Alertmanager(
        [
            binary,
            "--config.file=alertmanager.yml",
            "--storage.path=data",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ],
        folder=folder,
        ready=lambda: answers_ok(f"http://127.0.0.1:{port}/-/ready"),
    )
    server.port = port
    async with _running(server):
        yield server


@asynccontextmanager
async def mosquitto(
    folder: Path, *, persistence: bool = False, settings: Sequence[str] = ()
) -> AsyncIterator[Mosquitto]:
    """A broker. With `persistence` its queues survive `stop` and `start`, and, since it writes
    after every change, nearly all of them a `kill` too. `settings` are further lines of its file.
    """
    binary = program("mosquitto")
    make(folder)
    port = free_port()
    lines = [
        f"listener {port} 127.0.0.1",
        "allow_anonymous true",
        f"persistence {'true' if persistence else 'false'}",
        "max_queued_messages 100000",
        *settings,
    ]
    if persistence:
        lines += [f"persistence_location {folder}/", "autosave_on_changes true"]
        lines += ["autosave_interval 1"]
    if os.geteuid() == 0:
        # It would become the user `mosquitto`, who cannot write into the test's folder.
        lines.append("user root")
    (folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")
    server = Mosquitto([binary, "-c", "mosquitto.conf"], folder=folder, ready=lambda: accepts(port))
    server.port = port
    async with _running(server):
        yield server


@asynccontextmanager
async def breakable(
    folder: Path, *, name: str = "shop", options: Sequence[str] = ()
) -> AsyncIterator[Breakable]:
    """A small service that breaks for real when asked, and exposes metrics (breakable.py)."""
    make(folder)
    port = free_port()
    server = Breakable(
        [sys.executable, str(BREAKABLE), "--port", str(port), "--name", name, *options],
        folder=folder,
        ready=lambda: accepts(port),
    )
    server.port = port
    async with _running(server):
        yield server


@asynccontextmanager
async def _running(server: Server) -> AsyncIterator[None]:
    await server.start()
    try:
        yield
    finally:
        await server.stop()


async def amtool(*arguments: str, url: str) -> int:
    """Debian's amtool against `url` (an Alertmanager, or Homeostat). Returns its exit code."""
    process = await asyncio.create_subprocess_exec(
        program("amtool"), f"--alertmanager.url={url}", *arguments
    )
    return await process.wait()
