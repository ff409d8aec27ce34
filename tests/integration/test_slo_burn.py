"""A service that fails, a real Prometheus with the generated rules, and the daemon: from the first
failure to the page, and from the last one to the budget that is kept.

The objective is kept over six hours, so that what takes an hour over a month takes half a minute.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from agent.catalog.products import load_registry
from agent.core.slo_rules import groups
from tests.support.daemon import Daemon, catalog, component, daemon
from tests.support.loopback import Received, serving
from tests.support.servers import Prometheus
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PAY = {
    "name": "pay",
    "journey": "a customer pays",
    "objective": "99%",
    "window": "6h",
    "sli": {
        "bad": 'rate(payments_total{result="failed"}[$window])',
        "total": "rate(payments_total[$window])",
    },
}
GHOST = {
    "name": "ghost",
    "objective": "99%",
    "window": "6h",
    "sli": {"bad": "rate(ghosts_total{bad='1'}[$window])", "total": "rate(ghosts_total[$window])"},
}


class Payments:
    """Ten payments a second; some of them may fail."""

    def __init__(self) -> None:
        self.failing = 0.0
        self._counts = {"done": 0.0, "failed": 0.0}
        self._at = time.monotonic()

    def __call__(self, _request: Received) -> web.Response:
        now = time.monotonic()
        paid, self._at = 10.0 * (now - self._at), now
        self._counts["failed"] += paid * self.failing
        self._counts["done"] += paid * (1.0 - self.failing)
        lines = [f'payments_total{{result="{k}"}} {v}' for k, v in self._counts.items()]
        return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")


async def test_a_failing_journey_burns_its_budget_and_pages_its_builder(
    tmp_path: Path, prometheus: Callable[..., Awaitable[Prometheus]]
) -> None:
    shop = component("shop", slos=[PAY, GHOST])
    payments = Payments()
    async with (
        daemon(tmp_path / "d", products=catalog([shop])) as made,
        serving(payments) as exporter,
    ):
        registry, _ = load_registry([tmp_path / "d" / "catalog"])
        rules = groups(registry.products.values(), link=made.url)
        server = await prometheus(
            targets={"shop": urlsplit(exporter.url).netloc},
            rules=[rule for group in rules for rule in group["rules"]],
            alertmanagers=[made.url],
        )
        source = {"use": "prometheus.slo", "with": {"url": server.url, "every_seconds": 1}}
        made.configure(sources=[source], policy={"page_hold": "0s"})
        await made.start()

        kept = await until(made, "pay", state="kept", budget_left=1.0)
        assert kept["journey"] == "a customer pays"
        nothing = await until(made, "ghost", state="unknown")
        assert nothing["budget_left"] is None
        told = await incident(made, "SloNoData")
        assert told["product"] == "shop"

        payments.failing = 1.0
        burning = await incident(made, "SloBurnFast")
        assert (burning["product"], burning["layer"]) == ("shop", "product")
        assert [a["labels"]["slo"] for a in burning["alerts"]] == ["pay"]
        spent = await until(made, "pay", state="spent")
        assert spent["burn"]["3s"] > 14.4
        assert spent["spent_since"] is not None
        assert [page for page in made.pages if page["to"] == "team-shop"]

        payments.failing = 0.0
        await asyncio.sleep(1)
        await eventually(lambda: over(made, "SloBurnFast"), within=90, what="what burnt has ended")


async def slo(made: Daemon, name: str) -> dict[str, Any]:
    [found] = [one for one in await made.get("/api/v1/slos") if one["slo"] == name]
    return dict(found)


async def until(made: Daemon, name: str, **wanted: Any) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found = await slo(made, name)
        return found if all(found[k] == v for k, v in wanted.items()) else None

    return await eventually(look, within=60, what=f"{name}: {wanted}") or {}


async def named(made: Daemon, alert: str) -> list[dict[str, Any]]:
    return [i for i in await made.incidents() if i["title"].startswith(alert)]


async def incident(made: Daemon, alert: str) -> dict[str, Any]:
    found = await eventually(lambda: named(made, alert), within=60, what=alert)
    return dict((found or [{}])[0])


async def over(made: Daemon, alert: str) -> bool:
    [found] = await named(made, alert)
    return all(a["status"] == "resolved" for a in found["alerts"])
