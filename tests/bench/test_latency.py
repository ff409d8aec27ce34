"""From the moment an alert is sent until the first action about it arrives, one at a time."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.bench.load import Hook, Sender, alert
from tests.bench.machine import REPEATS, Cpus, Report, calm, percentile
from tests.bench.subjects import alertmanager, homeostat
from tests.support.running import free_port
from tests.support.waiting import eventually

pytestmark = pytest.mark.bench

WARM, MEASURED = 20, 100


async def came(name: str, seen: dict[str, float]) -> bool:
    return name in seen


async def delays(sender: Sender, seen: dict[str, float], numbers: range) -> list[float]:
    found = []
    for number in numbers:
        name = f"svc-{number}"
        sent = time.perf_counter()
        await sender.post([alert(number, bench="act")])
        await eventually(partial(came, name, seen), within=5, what=name, every=0.0005)
        found.append(1000 * (seen[name] - sent))
        await asyncio.sleep(0.003)
    return found


async def test_alert_to_action(report: Report, cpus: Cpus, tmp_path: Path) -> None:
    seen: dict[str, dict[str, float]] = {"ours": {}, "peer": {}}
    loop = asyncio.get_running_loop()
    urls: dict[str, str] = {}
    times: dict[str, list[list[float]]] = {"ours": [], "peer": []}
    async with AsyncExitStack() as stack:
        for who, names in seen.items():
            port = free_port()
            hook = await loop.create_server(partial(Hook, names), "127.0.0.1", port)
            stack.callback(hook.close)
            urls[who] = f"http://127.0.0.1:{port}/"
        ours = await stack.enter_async_context(
            homeostat(tmp_path / "ours", cpu=cpus.subject, hook=urls["ours"])
        )
        peer = await stack.enter_async_context(
            alertmanager(tmp_path / "peer", cpu=cpus.subject, hook=urls["peer"], by="'...'")
        )
        senders = {"ours": Sender(ours.port), "peer": Sender(peer.port)}
        for who, sender in senders.items():
            await sender.open()
            stack.callback(sender.close)
            await delays(sender, seen[who], range(WARM))
        for turn in range(REPEATS):
            first = WARM + turn * MEASURED
            for who, sender in senders.items():
                await calm()
                times[who].append(await delays(sender, seen[who], range(first, first + MEASURED)))
    for name, share, goal in (("p50", 0.5, "<= 1.5"), ("p99", 0.99, "")):
        report.add(
            f"alert sent, first action arrives: {name}",
            "ms",
            [percentile(t, share) for t in times["ours"]],
            [percentile(t, share) for t in times["peer"]],
            of="Alertmanager's webhook, group_wait 0s",
            goal=goal,
        )
