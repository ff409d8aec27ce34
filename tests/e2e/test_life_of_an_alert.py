"""One alert from its first message to its last, by each of the doors: the process really is
restarted, the incident is healed, nobody is paged, and every message is accounted for.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.catalog.products import load_registry
from agent.runtime.processes import Processes
from tests.support.daemon import Daemon, catalog, component, daemon, member, moment
from tests.support.kits import RealClock
from tests.support.mqtt_exporter import publish
from tests.support.substrate import IDLE, PYTHON
from tests.support.waiting import eventually

pytestmark = pytest.mark.e2e

Start = Callable[..., Awaitable[Any]]

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: web-hung, owner: team-shop, layer: product, tier: low}
match: {alert: ServiceNotAnswering}
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: {success: alert_cleared, within: 2m}
"""
LABELS = {"service": "web"}


@dataclass
class Life:
    daemon: Daemon
    processes: Processes

    async def pid(self) -> int:
        seen = await self.processes.status("web")
        assert seen.alive, seen
        assert seen.pid is not None
        return seen.pid

    async def healed(self) -> dict[str, Any]:
        incident = await self.daemon.until(state="resolved")
        assert (incident["outcome"], incident["verdict"]) == ("healed", "held")
        assert (incident["runbook"], incident["plan"]) == ("web-hung", "restart")
        assert [(s["use"], s["status"]) for s in incident["steps"]] == [("process.restart", "done")]
        assert (incident["pages"], self.daemon.pages) == ([], []), "nobody was woken"
        return incident


@asynccontextmanager
async def living(folder: Path, **settings: Any) -> AsyncIterator[Life]:
    """A service that hangs (stopped by a signal) under a daemon that is ready."""
    process = {"command": [*PYTHON, "-c", IDLE], "stop_grace": "1s"}
    async with daemon(
        folder,
        products=catalog([component("web", process=process)]),
        runbooks={"web-hung": RUNBOOK},
        policy={"page_hold": "0s"},
        **settings,
    ) as made:
        registry, _ = load_registry([folder / "catalog" / "catalog-info.yaml"])
        own = Processes(lambda: registry.entities, made.var / "processes", RealClock(), None)
        await own.ensure_running(["web"])
        life = Life(made, own)
        os.kill(await life.pid(), signal.SIGSTOP)
        await made.start()
        try:
            yield life
        finally:
            await made.stop()
            await own.end_all(["web"])


async def restarted(life: Life, before: int) -> None:
    async def is_another() -> bool:
        seen = await life.processes.status("web")
        return seen.alive and seen.pid not in (None, before)

    await eventually(is_another, within=10, what="it is really restarted")
    await life.daemon.until(state="verifying")


async def test_by_webhook(tmp_path: Path) -> None:
    async with living(tmp_path / "d") as life:
        before, made = await life.pid(), life.daemon
        for _ in range(3):
            assert await made.fire("ServiceNotAnswering", **LABELS) == 200
        await restarted(life, before)
        assert await made.fire("ServiceNotAnswering", **LABELS) == 200
        assert await made.clear("ServiceNotAnswering", **LABELS) == 200
        incident = await life.healed()
        kinds = [entry["kind"] for entry in incident["timeline"]]
        assert kinds == sorted(kinds, key=kinds.index)
        for kind in ("opened", "matched", "plan_chosen", "act", "step", "verifying", "resolved"):
            assert kind in kinds
        assert await made.fire("ServiceNotAnswering", **LABELS) == 200, "late: changes nothing"
        ledger = await made.ledger()
        counted = {name: ledger[name] for name in ("received", "absorbed", "duplicate", "open")}
        assert counted == {"received": 6, "absorbed": 1, "duplicate": 5, "open": 0}
        assert ledger["balanced"] is True
        assert len(await made.incidents()) == 1


def posted(ends_at: float, **labels: str) -> dict[str, Any]:
    told = member("ServiceNotAnswering", starts_at=Daemon.began, **labels)
    del told["status"]
    return {**told, "endsAt": moment(ends_at)}


async def test_by_the_api_of_alertmanager(tmp_path: Path) -> None:
    """As Prometheus posts: an end time in the future fires, one in the past is over."""
    async with living(tmp_path / "d") as life:
        before, made = await life.pid(), life.daemon
        for more in (240, 300):
            body = json.dumps([posted(time.time() + more, **LABELS)])
            assert await made.post("/api/v2/alerts", body) == 200
        await restarted(life, before)
        listed = await made.get("/api/v2/alerts")
        assert [a["labels"]["alertname"] for a in listed] == ["ServiceNotAnswering"]
        over = json.dumps([posted(time.time() - 0.1, **LABELS)])
        assert await made.post("/api/v2/alerts", over) == 200
        await life.healed()
        ledger = await made.ledger()
        assert (ledger["received"], ledger["absorbed"], ledger["duplicate"]) == (3, 1, 2)
        assert ledger["balanced"] is True


async def test_an_alert_that_is_not_repeated_ends_by_itself_and_proves_nothing(
    tmp_path: Path,
) -> None:
    async with living(tmp_path / "d") as life:
        before, made = await life.pid(), life.daemon
        body = json.dumps([posted(time.time() + 2, **LABELS), posted(time.time() + 2, service="x")])
        assert await made.post("/api/v2/alerts", body) == 200
        await restarted(life, before)
        unowned = await made.until(product=None, state="resolved")
        assert [a["inferred"] for a in unowned["alerts"]] == [True]
        assert unowned["routed_to"] == "platform"
        repaired = await made.incident_of(product="web")
        assert repaired["state"] == "verifying", "silence is no proof"
        ledger = await made.ledger()
        assert (ledger["received"], ledger["routed"], ledger["open"]) == (2, 1, 1)
        assert ledger["balanced"] is True


def event(**data: Any) -> dict[str, Any]:
    told = {"labels": {"alertname": "ServiceNotAnswering", **LABELS}, **data}
    return {
        "specversion": "1.0",
        "id": "1",
        "source": "test",
        "type": "homeostat.alert",
        "data": told,
    }


async def test_by_cloudevents(tmp_path: Path) -> None:
    async with living(tmp_path / "d") as life:
        before, made = await life.pid(), life.daemon
        start = moment(made.began)
        firing = [event(status="firing", startsAt=start)] * 2
        assert await made.post("/webhook/events", json.dumps(firing)) == 200
        await restarted(life, before)
        over = event(status="resolved", startsAt=start, endsAt=moment(time.time()))
        assert await made.post("/webhook/events", json.dumps(over)) == 200
        await life.healed()
        ledger = await made.ledger()
        assert (ledger["received"], ledger["absorbed"], ledger["duplicate"]) == (3, 1, 2)
        assert ledger["balanced"] is True


@pytest.mark.integration
async def test_by_mqtt(mosquitto: Start, tmp_path: Path) -> None:
    broker = await mosquitto()
    source = {"use": "mqtt", "with": {"host": "127.0.0.1", "port": broker.port}}
    async with living(tmp_path / "d", sources=[source]) as life:
        before, made = await life.pid(), life.daemon
        await eventually(
            lambda: "mqtt.connected" in made.output, within=10, what="the source is connected"
        )
        labels = {"alertname": "ServiceNotAnswering", **LABELS}
        told = {"labels": labels, "status": "firing", "startsAt": moment(made.began)}
        await publish(broker, "alerts/product/web", [told])
        await restarted(life, before)
        over = {**told, "status": "resolved", "endsAt": moment(time.time())}
        await publish(broker, "alerts/product/web", [over])
        await life.healed()
        ledger = await made.ledger()
        assert (ledger["received"], ledger["absorbed"], ledger["duplicate"]) == (2, 1, 1)
        assert ledger["balanced"] is True


@pytest.mark.parametrize("delay", [0.0, 0.004, 0.015, 0.04, 0.1])
async def test_killed_at_any_moment_the_process_is_restarted_once(
    delay: float, tmp_path: Path
) -> None:
    async with living(tmp_path / "d") as life:
        before, made = await life.pid(), life.daemon
        assert await made.fire("ServiceNotAnswering", **LABELS) == 200
        await asyncio.sleep(delay)
        await made.kill()
        await made.start()
        await restarted(life, before)
        after = await life.pid()
        await made.kill()
        await made.start()
        assert await made.clear("ServiceNotAnswering", **LABELS) == 200
        await life.healed()
        seen = await life.processes.status("web")
        assert (seen.pid, seen.restarts) == (after, 1)
        ledger = await made.ledger()
        assert (ledger["received"], ledger["absorbed"], ledger["balanced"]) == (2, 1, True)


async def test_a_storm_of_one_alert_is_one_incident_and_one_act(tmp_path: Path) -> None:
    async with living(tmp_path / "d") as life:
        before, made = await life.pid(), life.daemon
        same = [member("ServiceNotAnswering", starts_at=made.began, **LABELS)] * 250
        assert await asyncio.gather(*(made.webhook(*same) for _ in range(4))) == [200] * 4
        await restarted(life, before)
        assert await made.clear("ServiceNotAnswering", **LABELS) == 200
        incident = await life.healed()
        assert len(incident["steps"]) == 1
        ledger = await made.ledger()
        assert (ledger["received"], ledger["duplicate"], ledger["absorbed"]) == (1001, 1000, 1)
        assert ledger["balanced"] is True
