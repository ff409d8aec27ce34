"""A real sub-agent under the daemon and a real broker: killed, it is started again; drifting, it is
kept from acting until its owner releases it; and the broker hears what becomes of the incidents.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from agent.catalog.products import load_registry
from agent.runtime.processes import Processes
from tests.support.daemon import Daemon, daemon
from tests.support.kits import RealClock
from tests.support.servers import Mosquitto
from tests.support.site import ROOT
from tests.support.sub_agent import command
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.integration]

Start = Callable[..., Awaitable[Mosquitto]]


def registered(port: int) -> str:
    process = {"command": command(port, "indexer"), "env": {"PYTHONPATH": str(ROOT)}}
    documents = [
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "System",
            "metadata": {"name": "shop"},
            "spec": {"owner": "team-shop", "homeostat": {"tier": "low"}},
        },
        {
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": {"name": "indexer"},
            "spec": {
                "type": "sub-agent",
                "owner": "team-shop",
                "system": "shop",
                "homeostat": {"heartbeat": "2s", "process": process},
            },
        },
    ]
    return "\n---\n".join(json.dumps(document) for document in documents)


class Heard:
    """What stands retained at the broker, by topic."""

    def __init__(self) -> None:
        self.bodies: dict[str, dict[str, Any]] = {}

    async def run(self, port: int) -> None:
        async with aiomqtt.Client("127.0.0.1", port) as client:
            await client.subscribe("homeostat/#", qos=1)
            async for message in client.messages:
                body = message.payload if isinstance(message.payload, bytes) else b""
                self.bodies[str(message.topic)] = json.loads(body) if body else {}

    def said(self, topic: str) -> dict[str, Any]:
        found = self.bodies.get(f"homeostat/{topic}", {})
        return found if isinstance(found, dict) else {}


@asynccontextmanager
async def house(mosquitto: Start, folder: Path) -> AsyncIterator[tuple[Daemon, Heard]]:
    broker = await mosquitto()
    heard = Heard()
    hearing = asyncio.create_task(heard.run(broker.port))
    source = {"use": "mqtt", "with": {"host": "127.0.0.1", "port": broker.port}}
    given = {"products": registered(broker.port), "shipped_runbooks": True, "sources": [source]}
    try:
        async with daemon(folder, **given) as made:
            registry, _ = load_registry([folder / "catalog"])
            running = Processes(
                lambda: registry.entities, made.var / "processes", RealClock(), None
            )
            await running.ensure_running(["indexer"])
            await acts(heard, "act")
            await made.start()
            await eventually(lambda: is_heard(made), within=15, what="its beats are heard")
            yield made, heard
    finally:
        hearing.cancel()
        await asyncio.gather(hearing, return_exceptions=True)


async def is_heard(made: Daemon) -> bool:
    seen = await made.get("/api/v1/members/indexer")
    return seen["state"] == "well" and seen["mode"] == "act"


async def acts(heard: Heard, mode: str) -> None:
    await eventually(
        lambda: heard.said("heartbeats/indexer").get("mode") == mode,
        within=20,
        what=f"the member says {mode}",
    )


async def test_a_killed_member_is_started_again_and_beats(mosquitto: Start, tmp_path: Path) -> None:
    async with house(mosquitto, tmp_path / "site") as (made, heard):
        boot = heard.said("heartbeats/indexer")["boot"]
        os.kill(int(boot.partition("-")[0]), signal.SIGKILL)
        incident = await made.until(40, entity="indexer", state="resolved")
        assert (incident["runbook"], incident["outcome"]) == ("agent-silent", "healed")
        assert (incident["layer"], incident["product"]) == ("machinery", "shop")
        assert [s["use"] for s in incident["steps"]] == ["process.restart"]
        assert heard.said("heartbeats/indexer")["boot"] != boot
        await eventually(
            lambda: heard.said(f"incidents/{incident['id']}").get("state") == "resolved",
            within=5,
            what="the broker hears of it",
        )


@pytest.mark.timeout(150)
async def test_a_drifting_member_is_quarantined_and_released_by_a_person(
    mosquitto: Start, tmp_path: Path
) -> None:
    async with house(mosquitto, tmp_path / "site") as (made, heard):
        labels = {"agent": "indexer", "aspect": "errors", "layer": "machinery"}
        assert await made.fire("AgentDrifting", severity="warning", **labels) == 200
        await acts(heard, "observe")
        told = await made.until(30, runbook="agent-drifting", state="escalated")
        assert told["routed_to"] == "team-shop"
        assert [s["use"] for s in told["steps"]] == ["agent.quarantine"]
        found = told["findings"]["now"]
        assert (found["in_quarantine"], found["observes"]) == (True, True)

        run = {"use": "agent.release", "with": {"target": "indexer"}}
        path = f"/api/v1/incidents/{told['id']}/run"
        status, answer = await made.ask(path, method="POST", body=run)
        assert status == 200, answer
        await acts(heard, "act")
