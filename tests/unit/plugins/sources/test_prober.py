from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from agent.model.alert import AlertStatus
from agent.ports.kit import ProcessStatus
from plugins.sources.prober import Prober
from plugins.sources.prober import watch as source
from tests.support.loopback import Received, never, serving
from tests.support.running import free_port
from tests.support.source_kit import Emitted, collecting
from tests.support.waiting import eventually

EVERY = 0.05


@asynccontextmanager
async def probing(*probes: dict[str, Any], **params: Any) -> AsyncIterator[Emitted]:
    given = Prober.model_validate({"every_seconds": EVERY, "probes": probes, **params})
    async with collecting() as emitted:
        task = asyncio.create_task(source.run(emitted.kit, given))
        try:
            yield emitted
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def states(emitted: Emitted) -> list[AlertStatus]:
    return [alert.status for alert in emitted.alerts]


async def count(emitted: Emitted, alerts: int) -> None:
    await eventually(lambda: len(emitted.alerts) >= alerts, within=5, what=f"{alerts} alerts")


class Service:
    """What the probed address says; the test changes it."""

    def __init__(self) -> None:
        self.status = 200
        self.body: Any = {"queue": {"age": 3}}
        self.asked = 0

    def answer(self, _: Received) -> web.StreamResponse:
        self.asked += 1
        return web.json_response(self.body, status=self.status)


async def test_answers_fires_and_resolves() -> None:
    service = Service()
    async with serving(service.answer) as server:
        probe = {
            "alert": "Down",
            "labels": {"product": "shop"},
            "severity": "critical",
            "url": server.url,
        }
        async with probing(probe) as emitted:
            await asyncio.sleep(3 * EVERY)
            assert emitted.alerts == []
            service.status = 503
            await count(emitted, 1)
            service.status = 200
            await count(emitted, 2)
        down, up = emitted.alerts
    assert (down.status, up.status) == (AlertStatus.FIRING, AlertStatus.RESOLVED)
    assert down.source == "prober"
    assert down.labels == {"alertname": "Down", "product": "shop", "severity": "critical"}
    assert down.labels == up.labels
    assert "503" in down.annotations["summary"]
    assert up.starts_at == down.starts_at
    assert up.ends_at is not None
    assert up.ends_at > up.starts_at
    assert down.expires_at is not None
    assert down.expires_at > down.starts_at + 100


async def test_nobody_listens_is_no_answer() -> None:
    async with probing({"alert": "Down", "url": f"http://127.0.0.1:{free_port()}"}) as emitted:
        await count(emitted, 1)
    assert states(emitted) == [AlertStatus.FIRING]


async def test_fires_only_after_for_and_keeps_its_start() -> None:
    service = Service()
    service.status = 500
    async with serving(service.answer) as server:
        probe = {"alert": "Down", "url": server.url, "for_seconds": 0.4}
        async with probing(probe) as emitted:
            began = emitted.kit.now()
            await asyncio.sleep(0.2)
            assert emitted.alerts == []
            await count(emitted, 1)
            assert emitted.kit.now() - began >= 0.4
            assert emitted.alerts[0].starts_at - began < 0.3


async def test_a_short_dip_does_not_fire() -> None:
    service = Service()
    async with serving(service.answer) as server:
        async with probing({"alert": "D", "url": server.url, "for_seconds": 2}) as emitted:
            service.status = 500
            await asyncio.sleep(3 * EVERY)
            service.status = 200
            await asyncio.sleep(3 * EVERY)
        assert emitted.alerts == []


async def test_repeats_while_firing_as_the_same_message() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    async with probing({"alert": "Down", "url": url}, repeat_seconds=0.1) as emitted:
        await count(emitted, 3)
    assert len({alert.starts_at for alert in emitted.alerts}) == 1
    assert set(states(emitted)) == {AlertStatus.FIRING}


async def test_json_threshold() -> None:
    service = Service()
    async with serving(service.answer) as server:
        probe = {
            "alert": "QueueOld",
            "kind": "json",
            "path": "queue.age",
            "above": 10,
            "url": server.url,
        }
        async with probing(probe) as emitted:
            await eventually(lambda: service.asked > 1, within=5, what="asked")
            service.body = {"queue": {"age": 11}}
            await count(emitted, 1)
            # Neither a missing field, nor an error, nor a wild number is news.
            for body, status in (({}, 200), ({"queue": {"age": 1}}, 500), ({"queue": "x"}, 200)):
                service.body, service.status, asked = body, status, service.asked
                await eventually(lambda n=asked: service.asked > n + 1, within=5, what="asked")
            assert states(emitted) == [AlertStatus.FIRING]
            service.body, service.status = {"queue": {"age": 10}}, 200
            await count(emitted, 2)
    assert emitted.alerts[0].annotations["summary"].endswith("is 11 (alert: above 10)")
    assert states(emitted) == [AlertStatus.FIRING, AlertStatus.RESOLVED]


@pytest.mark.parametrize(
    ("value", "threshold", "fires"),
    [
        (True, {"equals": True}, True),
        (1, {"equals": True}, False),
        (1, {"equals": 1}, True),
        ("degraded", {"equals": "degraded"}, True),
        (0.5, {"below": 1}, True),
        (True, {"below": 2}, False),
        ("0", {"below": 1}, False),
        (10**400, {"above": 1}, False),
        (10**400, {"equals": 1}, False),
        ([1], {"equals": 1}, False),
    ],
)
async def test_comparisons(value: Any, threshold: dict[str, Any], *, fires: bool) -> None:
    service = Service()
    service.body = {"v": value}
    async with serving(service.answer) as server:
        probe = {"alert": "V", "kind": "json", "path": "v", "url": server.url, **threshold}
        async with probing(probe) as emitted:
            await eventually(lambda: service.asked > 2, within=5, what="asked")
        assert bool(emitted.alerts) is fires


async def test_status_threshold() -> None:
    service = Service()
    service.status = 404
    async with serving(service.answer) as server:
        probe = {"alert": "S", "kind": "status", "above": 399, "url": server.url}
        async with probing(probe) as emitted:
            await count(emitted, 1)


async def test_a_hanging_probe_delays_no_other() -> None:
    service = Service()
    async with serving(never) as dead, serving(service.answer) as live:
        hangs = {"alert": "Hangs", "url": dead.url, "timeout_seconds": 0.5}
        async with probing(hangs, {"alert": "Fine", "url": live.url}) as emitted:
            await count(emitted, 1)
            assert service.asked >= 4
    assert {alert.name for alert in emitted.alerts} == {"Hangs"}
    assert "0.5 s" in emitted.alerts[0].annotations["summary"]


async def test_what_could_not_be_stored_is_sent_again() -> None:
    service = Service()
    service.status = 500
    async with (
        serving(service.answer) as server,
        probing({"alert": "Down", "url": server.url}) as emitted,
    ):
        emitted.failures = 2
        await count(emitted, 1)
        emitted.failures = 2
        service.status = 200
        await count(emitted, 2)
    assert states(emitted) == [AlertStatus.FIRING, AlertStatus.RESOLVED]


async def test_process() -> None:
    probe = {"alert": "Dead", "process": "web"}
    memory = {
        "alert": "Fat",
        "process": "web",
        "kind": "json",
        "path": "memory_bytes",
        "above": 100,
    }
    async with probing(probe, memory) as emitted:
        await asyncio.sleep(3 * EVERY)
        assert emitted.alerts == []  # a process nobody knows
        statuses = emitted.processes.statuses
        statuses["web"] = ProcessStatus(name="web", known=True, alive=True, hung=True)
        await count(emitted, 1)
        assert "hung" in emitted.alerts[0].annotations["summary"]
        statuses["web"] = ProcessStatus(name="web", known=True, alive=True, memory_bytes=101)
        await count(emitted, 3)
    assert {(a.name, a.status) for a in emitted.alerts[1:]} == {
        ("Dead", AlertStatus.RESOLVED),
        ("Fat", AlertStatus.FIRING),
    }


@pytest.mark.parametrize(
    ("probe", "why"),
    [
        ({"alert": "A"}, "either"),
        ({"alert": "A", "url": "u", "process": "p"}, "either"),
        ({"alert": "A", "url": "u", "above": 1}, "neither"),
        ({"alert": "A", "url": "u", "kind": "status"}, "one of"),
        ({"alert": "A", "url": "u", "kind": "json", "above": 1}, "path"),
        ({"alert": "A", "url": "u", "kind": "json", "path": "p", "above": 1, "below": 2}, "one of"),
        ({"alert": "A", "process": "p", "kind": "status", "above": 1}, "url"),
        ({"alert": "", "url": "u"}, "at least 1"),
        ({"alert": "A", "url": "u", "typo": 1}, "typo"),
        ({"alert": "A", "url": "u", "timeout_seconds": 0}, "greater"),
    ],
)
def test_parameters(probe: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Prober.model_validate({"probes": [probe]})
