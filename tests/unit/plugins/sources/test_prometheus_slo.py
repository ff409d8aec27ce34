"""Reading recorded objectives from a Prometheus that says what it likes; a real one is in
tests/integration/test_slo_burn.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from agent.model.alert import Alive, SloReading
from agent.model.product import Product, Registry, Sli, Slo
from plugins.sources.prometheus_readings import PrometheusReadings
from plugins.sources.prometheus_slo import PrometheusSlo, watch
from tests.support.kits import lent
from tests.support.loopback import Received, serving
from tests.support.running import free_port
from tests.support.source_kit import Emitted
from tests.support.waiting import eventually

SLI = Sli(bad="rate(b[$window])", total="rate(t[$window])")
REGISTRY = Registry(
    products={
        "shop": Product(
            name="shop",
            builder="t",
            tier="low",
            slos=(
                Slo(name="pay", objective=0.99, sli=SLI),
                Slo(name="find", objective=0.9, sli=SLI),
                Slo(name="stated", objective=0.9),
            ),
        )
    }
)


def row(name: str, value: str, slo: str = "pay", **labels: str) -> dict[str, Any]:
    metric = {"__name__": name, "product": "shop", "slo": slo, **labels}
    return {"metric": metric, "value": [1.5, value]}


def answering(*rows: dict[str, Any]) -> Any:
    def answer(received: Received) -> web.Response:
        query = received.query["query"]
        name = query.partition('"')[2].removesuffix('.+"}') or query
        found = [r for r in rows if r["metric"]["__name__"].startswith(name)]
        data = {"resultType": "vector", "result": found}
        return web.json_response({"status": "success", "data": data})

    return answer


@asynccontextmanager
async def watching(url: str, registry: Registry = REGISTRY) -> AsyncIterator[Emitted]:
    emitted = Emitted()
    params = PrometheusSlo(url=url, every_seconds=1.0, timeout_seconds=2.0)
    async with lent(products=lambda: registry) as kits:
        kit = kits.source(emit=emitted.emit, quarantine=emitted.quarantine)
        running = asyncio.ensure_future(watch.run(kit, params))
        try:
            yield emitted
            assert not running.done(), running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def first(emitted: Emitted) -> dict[str, SloReading]:
    await eventually(lambda: bool(emitted.batches), within=5, what="a round")
    return {s.slo: s for s in emitted.batches[0] if isinstance(s, SloReading)}


async def test_all_objectives_are_read_by_three_questions() -> None:
    rows = (
        row("slo:bad:ratio_window", "0.005"),
        row("slo:events:count_window", "1000"),
        row("slo:bad:ratio_rate1h", "0.02"),
        row("slo:bad:ratio_window", "0.2", slo="find"),
    )
    async with serving(answering(*rows)) as server, watching(server.url) as emitted:
        found = await first(emitted)
        asked = len(server.received)
    assert set(found) == {"pay", "find"}, "what is only stated is not read"
    assert (found["pay"].bad, found["pay"].events) == (0.005, 1000.0)
    assert found["pay"].burn == {"1h": pytest.approx(2.0)}
    assert (found["find"].bad, found["find"].events) == (0.2, None)
    assert asked % 3 == 0
    assert isinstance(emitted.batches[0][-1], Alive)


async def test_an_objective_that_nobody_records_is_read_as_not_known() -> None:
    async with serving(answering()) as server, watching(server.url) as emitted:
        found = await first(emitted)
    assert [(r.bad, r.events) for r in found.values()] == [(None, None)] * 2


async def test_what_is_no_number_is_not_known_and_of_two_the_worse_counts() -> None:
    rows = (
        row("slo:bad:ratio_window", "NaN"),
        row("slo:bad:ratio_window", "0.1", slo="find", replica="a"),
        row("slo:bad:ratio_window", "0.3", slo="find", replica="b"),
        row("slo:bad:ratio_window", "0.9", slo="another"),
    )
    async with serving(answering(*rows)) as server, watching(server.url) as emitted:
        found = await first(emitted)
    assert found["pay"].bad is None
    assert found["find"].bad == 0.3
    assert "another" not in found


@pytest.mark.parametrize("body", [b"<html>", b'{"status":"error"}', b'{"status":"success"}', b"[]"])
async def test_what_is_no_answer_says_nothing_of_any_objective(body: bytes) -> None:
    def answer(_received: Received) -> web.Response:
        return web.Response(body=body)

    async with serving(answer) as server, watching(server.url) as emitted:
        await eventually(lambda: len(server.received) > 1, within=5, what="it is asked again")
    assert emitted.signals == []


async def test_a_prometheus_that_is_not_there_says_nothing_and_the_source_goes_on() -> None:
    async with watching(f"http://127.0.0.1:{free_port()}") as emitted:
        await asyncio.sleep(0.1)
    assert emitted.signals == []


async def test_without_objectives_nobody_is_asked() -> None:
    async with serving(answering()) as server, watching(server.url, Registry()) as emitted:
        await asyncio.sleep(0.1)
    assert (server.received, emitted.signals) == ([], [])


@pytest.mark.parametrize("kind", [PrometheusSlo, PrometheusReadings])
@pytest.mark.parametrize("url", ["nope", "127.0.0.1:9090", "ftp://prom", "http://"])
def test_what_is_no_address_is_refused_before_it_is_asked(
    kind: type[PrometheusSlo] | type[PrometheusReadings], url: str
) -> None:
    with pytest.raises(ValidationError):
        kind(url=url)
    assert kind(url="http://prom:9090/base").url
