"""An exporter of Prometheus' alerts to MQTT, as a site without Alertmanager might run one: it asks
who is firing and publishes each beginning and each end once, with QoS 1."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiomqtt

from tests.support.servers import Mosquitto, Prometheus

POLL_SECONDS = 0.2


async def publish(broker: Mosquitto, topic: str, payloads: Iterable[Any]) -> None:
    """Returns once the broker has all of them."""
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        for payload in payloads:
            await client.publish(f"homeostat/{topic}", json.dumps(payload), qos=1)


def message(listed: dict[str, Any], *, is_over: bool) -> dict[str, Any]:
    told = {
        "labels": listed["labels"],
        "annotations": listed["annotations"],
        "status": "resolved" if is_over else "firing",
        "startsAt": listed["activeAt"],
    }
    return {**told, "endsAt": datetime.now(UTC).isoformat()} if is_over else told


async def _export(prometheus: Prometheus, broker: Mosquitto, topic: str) -> None:
    known: dict[str, dict[str, Any]] = {}
    while True:
        firing = {json.dumps(a["labels"]): a for a in await prometheus.firing()}
        begun = [message(a, is_over=False) for key, a in firing.items() if key not in known]
        ended = [message(a, is_over=True) for key, a in known.items() if key not in firing]
        if begun or ended:
            await publish(broker, topic, [*begun, *ended])
        known = firing
        await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def exporting(prometheus: Prometheus, broker: Mosquitto, topic: str) -> AsyncIterator[None]:
    task = asyncio.create_task(_export(prometheus, broker, topic))
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
