"""A company with all three layers of signals on real servers: products with sub-agents as
processes, objectives and leadership metrics in a real Prometheus, a real broker, the real daemon.

    async with company(tmp_path) as made:
        made.exporters["market"].paces["orders_total"] = 0.0
        await made.daemon.until(product="market", layer="outcome")

Each product is of its own team, and so is each sub-agent. Times are scaled by what people may
declare: beats every few seconds, objectives over half a day, windows of work of a part of a second.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiomqtt
from aiohttp import web

from tests.support import servers
from tests.support.daemon import Daemon, catalog, daemon
from tests.support.loopback import Received, serving
from tests.support.policies import WRITTEN
from tests.support.running import program
from tests.support.servers import Mosquitto, Prometheus
from tests.support.site import ROOT
from tests.support.sub_agent import SubAgent, sub_agent

PAY = {
    "name": "pay",
    "journey": "a customer pays",
    "objective": "99%",
    "window": "12h",
    "sli": {
        "bad": 'rate(payments_total{result="failed"}[$window])',
        "total": "rate(payments_total[$window])",
    },
}
OFTEN, SELDOM = "3s", "60s"
"""Beats. A will comes after three seconds, before three beats are missed."""
DONE, FAILED = 'payments_total{result="done"}', 'payments_total{result="failed"}'
FLAT_FOR = "6s"
WORK = {"work": {"within": "3s"}}
ERRORS = {"baseline": {"errors": {"mean": "1%", "spread": "1%", "within": "45s"}}}
MEMBERS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "killed": ("search", {}),
    "stopped": ("search", {}),
    "blocked": ("search", {}),
    "hung": ("assist", WORK),
    "drifting": ("assist", ERRORS),
}
"""By name, which says what happens to it: its product, and what it declares."""
BEATS = {"drifting": ("--every", "0.2", "--tasks", "12")}
MISUSED = "misused"
"""A sub-agent whose beats the test sends, as they should not be."""
POLICY = {
    "page_hold": "0s",
    # One page for what burns fast, which soon burns slowly too.
    "inhibit_rules": [
        {
            "source_matchers": ['alertname="SloBurnFast"'],
            "target_matchers": ['alertname="SloBurnSlow"'],
            "equal": ["product", "slo"],
        }
    ],
    "drift_window": "150ms",
    # Everything breaks at once here, and no two of it have to do with one another.
    "rails": {**WRITTEN, "product_sick_least": 100, "fleet_sick_least": 100},
}


class Exporter:
    """A page of running totals; each grows by so much in a second. What has no pace is not on it
    any more."""

    def __init__(self, **paces: float) -> None:
        self.paces: dict[str, float] = dict(paces)
        self._totals: dict[str, float] = {}
        self._at = time.monotonic()

    def __call__(self, _: Received) -> web.Response:
        now = time.monotonic()
        for series, pace in self.paces.items():
            self._totals[series] = self._totals.get(series, 0.0) + pace * (now - self._at)
        self._at = now
        lines = [f"{series} {self._totals[series]}" for series in self.paces]
        return web.Response(text="\n".join([*lines, "up_to_date 1", ""]), content_type="text/plain")


@dataclass
class Company:
    daemon: Daemon
    broker: Mosquitto
    prometheus: Prometheus
    exporters: dict[str, Exporter]
    members: dict[str, SubAgent]
    rules: Path
    """The rules that were generated of its objectives."""

    async def say(self, topic: str, body: object) -> None:
        """To the broker, as whoever can reach it."""
        said = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with aiomqtt.Client("127.0.0.1", self.broker.port) as client:
            await client.publish(f"homeostat/{topic}", said, qos=1)

    async def homeostat(self, *words: str) -> tuple[int, str]:
        """The command line beside the daemon: its exit code and what it says."""
        return await run(
            sys.executable, "-m", "agent", *words, folder=self.daemon.folder, url=self.daemon.url
        )

    async def blind_spots(self, product: str = "") -> dict[str, dict[str, Any]]:
        """Those there are, by kind and subject."""
        found = await self.daemon.get(f"/api/v1/blindspots?product={product}")
        return {f"{s['kind']}/{s['subject']}": s for s in found["blind_spots"]}


async def run(*argv: str, folder: Path, url: str = "") -> tuple[int, str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "HOMEOSTAT_URL": url}
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd=folder,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await asyncio.wait_for(process.communicate(), 30)
    return process.returncode or 0, said.decode()


def _document(kind: str, name: str, **spec: Any) -> str:
    document = {
        "apiVersion": "backstage.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }
    return json.dumps(document)


def _product(name: str, **homeostat: Any) -> str:
    return _document("System", name, owner=f"team-{name}", homeostat={"tier": "low", **homeostat})


def _metric(name: str) -> dict[str, Any]:
    return {"leadership_metric": {"name": name, "flat_for": FLAT_FOR, "query": f"sum({name})"}}


def registered() -> str:
    """Its catalog."""
    products = [
        _product("shop", slos=[PAY]),
        _product("market", **_metric("orders_total")),
        _product("billing", **_metric("invoices_total")),
        _product("search"),
        _product("assist"),
    ]
    front = {"type": "service", "owner": "team-market", "system": "market"}
    parts = [_document("Component", "market-front", **front)]
    for name, (product, declared) in {**MEMBERS, MISUSED: ("assist", WORK)}.items():
        parts.append(
            _document(
                "Component",
                name,
                type="sub-agent",
                owner=f"team-{name}",
                system=product,
                homeostat={"heartbeat": SELDOM if name == MISUSED else OFTEN, **declared},
            )
        )
    return catalog([*products, *parts])


@asynccontextmanager
async def company(folder: Path) -> AsyncIterator[Company]:
    """Running, and nothing is wrong with it."""
    exporters = {
        "shop": Exporter(**{DONE: 10.0, FAILED: 0.0}),
        "market": Exporter(orders_total=5.0),
        "billing": Exporter(invoices_total=5.0),
    }
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        broker = await enter(servers.mosquitto(folder / "mosquitto"))
        members = {}
        for name in MEMBERS:
            options = BEATS.get(name, ("--every", "0.3"))
            members[name] = await enter(sub_agent(folder / name, broker.port, *options, name=name))
        made = await enter(daemon(folder / "d", products=registered()))
        rules = folder / "slos.yml"
        code, said = await run(
            *(sys.executable, "-m", "agent", "slo", "rules", "--out", str(rules)),
            *("--link", made.url, "--config", "homeostat.yaml"),
            folder=made.folder,
        )
        assert code == 0, said
        targets = {}
        for name, exporter in exporters.items():
            targets[name] = urlsplit((await enter(serving(exporter))).url).netloc
        stalls = servers.rule("InvoicesStall", "rate(invoices_total[10s]) == 0")
        prometheus = await enter(
            servers.prometheus(
                folder / "prometheus",
                targets=targets,
                rules=[{**stalls, "labels": {"product": "billing"}}],
                rule_files=[rules],
                alertmanagers=[made.url],
            )
        )
        made.configure(
            shipped_runbooks=True,
            policy=POLICY,
            prometheus_url=prometheus.url,
            survey={"first": "1h", "lookback": "3s"},
            sources=[
                _source("mqtt", host="127.0.0.1", port=broker.port),
                _source("prometheus.readings", url=prometheus.url, every_seconds=0.5),
                _source("prometheus.slo", url=prometheus.url, every_seconds=1),
            ],
        )
        await made.start()
        yield Company(made, broker, prometheus, exporters, members, rules)


def _source(use: str, **params: Any) -> dict[str, Any]:
    return {"use": use, "with": params}


async def promtool(*words: str, folder: Path) -> tuple[int, str]:
    return await run(program("promtool"), *words, folder=folder)
