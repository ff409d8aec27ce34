"""Leadership metrics and the work of sub-agents, read from Debian's Prometheus."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from agent.model.signals import BlindSpotKind
from agent.runtime.intake import event_of
from tests.support.cases import World
from tests.support.loopback import Loopback, Received, serving
from tests.support.prometheus_reading import Reading, reading_from, registry
from tests.support.servers import Prometheus, prometheus
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

QUERIES = {
    "shop": "sum(orders_total)",
    "pay": "payments_total",
    "ratio": "sum(orders_total) * 0 / 0",
    "broken": "sum(orders_total",
    "nobody": "nobody_reports_this",
    "clock": "scalar(sum(orders_total))",
}
MEMBERS = {"planner": "Planner", "drafter": "", "idle": ""}
ORDERS = """\
orders_total{shop="north"} 40
orders_total{shop="south"} 2
"""
WORK = """\
payments_total{kind="card"} 5
payments_total{kind="cash"} 6
gen_ai_invoke_agent_duration_seconds_bucket{gen_ai_agent_name="Planner",le="+Inf"} 10
gen_ai_invoke_agent_duration_seconds_count{gen_ai_agent_name="Planner"} 10
gen_ai_invoke_agent_duration_seconds_count{gen_ai_agent_name="Planner",error_type="timeout"} 2
gen_ai_invoke_agent_duration_seconds_sum{gen_ai_agent_name="Planner"} 30
gen_ai_client_operation_duration_seconds_count{gen_ai_agent_name="drafter"} 7
gen_ai_client_operation_duration_seconds_count{gen_ai_operation_name="chat"} 1000
gen_ai_client_token_usage_sum{gen_ai_agent_name="drafter",gen_ai_token_type="input"} 900
gen_ai_client_token_usage_sum{gen_ai_agent_name="drafter",gen_ai_token_type="output"} 100
"""


class Exporter:
    """A page of metrics that the test changes."""

    page = ORDERS + WORK

    def __call__(self, _: Received) -> web.Response:
        return web.Response(text=self.page, content_type="text/plain")


@pytest.fixture
async def exported() -> AsyncIterator[tuple[Exporter, Loopback]]:
    exporter = Exporter()
    async with serving(exporter) as server:
        yield exporter, server


@pytest.fixture
async def scraping(
    exported: tuple[Exporter, Loopback], tmp_path: Path
) -> AsyncIterator[Prometheus]:
    address = exported[1].url.removeprefix("http://")
    async with prometheus(tmp_path / "p", targets={"shop": address}) as running:
        await eventually(
            lambda: running.query("orders_total"), within=20, what="orders were scraped"
        )
        yield running


async def rounds(reading: Reading, product: str, count: int) -> None:
    have = len(reading.measures(product))
    await eventually(
        lambda: len(reading.measures(product)) >= have + count, within=15, what=f"{count} readings"
    )


async def test_what_prometheus_has_is_read_and_what_it_has_not_is_told_apart(
    exported: tuple[Exporter, Loopback], scraping: Prometheus
) -> None:
    known = registry(QUERIES, members=MEMBERS)
    async with reading_from(scraping.url, known, every_seconds=0.5) as reading:
        await rounds(reading, "shop", 2)
        first = {name: reading.measures(name) for name in QUERIES}
        planner, drafter = reading.telemetry("planner")[0], reading.telemetry("drafter")[0]
        exported[0].page = WORK
        await eventually(
            lambda: _is_gone(scraping), within=20, what="the series is stale in Prometheus"
        )
        await rounds(reading, "pay", 1)  # whatever was asked before it was gone has come by now
        have = len(reading.measures("shop"))
        await rounds(reading, "pay", 2)
        assert len(reading.measures("shop")) == have
    assert first["shop"][0].value == first["clock"][0].value == 42.0
    assert abs((first["shop"][0].sent_at or 0.0) - reading.kit.now()) < 60
    assert "2 series" in first["pay"][0].fault
    assert math.isnan(first["ratio"][0].value)
    assert first["ratio"][0].fault == ""
    assert "refuses its query" in first["broken"][0].fault
    assert first["nobody"] == []
    counted = planner.counters
    assert (counted.tasks, counted.errors, counted.seconds, counted.tokens) == (12, 2, 30, None)
    assert (drafter.counters.tasks, drafter.counters.tokens) == (7.0, 1000.0)
    assert reading.telemetry("idle") == []


async def _is_gone(running: Prometheus) -> bool:
    return not await running.query("orders_total")


async def test_a_removed_metric_becomes_a_blind_spot_of_its_builder(
    exported: tuple[Exporter, Loopback], scraping: Prometheus
) -> None:
    known = registry({"shop": "sum(orders_total)", "pay": "payments_total"})
    async with reading_from(scraping.url, known, every_seconds=0.5) as reading:
        await rounds(reading, "shop", 2)
    world = World(registry=known)
    for signal in reading.signals:
        world.now = reading.kit.now()
        world.tell(event_of(signal, at=world.now, view=world.view))
    assert world.view.measures["shop"].value == 42.0
    world.wait(3600)
    spots = {(s.kind, s.product): s for s in world.view.blind_spots.values()}
    vanished = spots[BlindSpotKind.METRIC_VANISHED, "shop"]
    assert vanished.owner == "team-shop"
    assert "sum(orders_total)" in vanished.remedy
    faulty = spots[BlindSpotKind.SIGNAL_FAULTY, "pay"]
    assert faulty.owner == "team-pay"
    assert "put sum() around it" in faulty.text
    assert world.incidents == []
