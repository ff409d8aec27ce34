"""Reads from Prometheus what is not sent: leadership metrics, and the work of sub-agents.

Each product's `leadership_metric.query` is asked once a round, all of them spread over the round
and a few at once, so that a thousand of them neither come in one burst nor hold each other up. A
query has to find one number. That it finds none is no reading: what is missed is noticed where the
readings are kept. What cannot be one (several series, not a number, refused) is told as such.
That Prometheus does not answer says nothing of any product: it is logged, and what it would have
said is missed like any other reading.
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from pydantic import Field

from agent.model.alert import Measure, Telemetry
from agent.model.errors import StoreUnavailable, Temporary
from agent.model.product import EntityKind, Registry
from agent.ports.gen_ai import AGENT_LABEL, Total, counters, queries
from agent.ports.kit import HttpReply, SourceKit
from agent.ports.pauses import rest_seconds
from agent.ports.plugin import Params, stream_source
from agent.ports.prometheus_answer import Answer, Refused, data_of

SOURCE = "prometheus"
BURST = 20
"""So many metrics are asked after one another before a pause."""
SPREAD = 0.8
"""Part of a round over which they are spread."""
LONGEST_IN_ADDRESS = 2000
FORM = {"content-type": "application/x-www-form-urlencoded"}


class PrometheusReadings(Params):
    url: str = Field(
        pattern=r"^https?://[^/\s]",
        description="address of the Prometheus, for example http://127.0.0.1:9090",
    )
    every_seconds: float = Field(
        default=60.0, ge=0.1, le=3600, description="how often each metric is read"
    )
    timeout_seconds: float = Field(default=10.0, gt=0, description="how long to wait for an answer")
    at_once: int = Field(default=4, ge=1, le=64, description="most questions under way at once")
    gen_ai: bool = Field(
        default=True,
        description="whether the work of sub-agents is read too, from OpenTelemetry's metrics",
    )
    agent_label: str = Field(
        default=AGENT_LABEL,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$",
        description="label of those metrics that names the sub-agent",
    )


class Data(msgspec.Struct):
    resultType: str
    result: list[Any]


ANSWERS = msgspec.json.Decoder(Answer[Data])


@stream_source(
    name="prometheus.readings",
    params=PrometheusReadings,
    summary="Leadership metrics by their query, and the work of sub-agents, from Prometheus",
)
async def watch(kit: SourceKit, params: PrometheusReadings) -> None:
    while True:
        began = kit.now()
        try:
            await one_round(kit, params)
        except StoreUnavailable as error:
            kit.log.warning("readings.not_stored", why=str(error))
        await kit.sleep(rest_seconds(params.every_seconds, began=began, now=kit.now()))


async def one_round(kit: SourceKit, params: PrometheusReadings) -> None:
    """Reads everything once. What could not be asked is left out and logged."""
    asking = Asking(kit, params)
    if params.gen_ai and (totals := await telemetry(asking)):
        await kit.emit(totals)
    asked = sorted(asked_products(kit.registry))
    bursts = [asked[n : n + BURST] for n in range(0, len(asked), BURST)]
    began, pause = kit.now(), SPREAD * params.every_seconds / max(1, len(bursts))
    for number, burst in enumerate(bursts):
        early = pause * number - max(0.0, kit.now() - began)
        if number and early > 0:
            await kit.sleep(early)
        readings = await asyncio.gather(*(measure(asking, *row) for row in burst))
        signals = [reading for reading in readings if reading is not None]
        if signals:
            await kit.emit(signals)


def asked_products(registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Product, metric and query of those that are read."""
    for product in registry.products.values():
        metric = product.leadership_metric
        if metric is not None and metric.query:
            yield product.name, metric.name, metric.query


class Asking:
    """Questions to one Prometheus in one round, so many at once."""

    def __init__(self, kit: SourceKit, params: PrometheusReadings) -> None:
        self.kit, self.params = kit, params
        self._gate = asyncio.Semaphore(params.at_once)
        self._address = f"{params.url.rstrip('/')}/api/v1/query"

    async def ask(self, query: str) -> Data:
        """Raises Temporary without an answer, and Refused where the query cannot have one."""
        async with self._gate:
            reply = await self._sent(query)
        return data_of(reply, ANSWERS, url=self.params.url)

    async def _sent(self, query: str) -> HttpReply:
        seconds = self.params.timeout_seconds
        form = urlencode({"query": query, "timeout": f"{max(1, int(seconds * 1000))}ms"})
        if len(form) <= LONGEST_IN_ADDRESS:
            address = f"{self._address}?{form}"
            return await self.kit.http.get(address, timeout_seconds=seconds)
        return await self.kit.http.post(
            self._address, body=form.encode(), headers=FORM, timeout_seconds=seconds
        )


async def measure(asking: Asking, product: str, metric: str, query: str) -> Measure | None:
    """Its reading; None where there is none, or nobody answered."""
    try:
        pair = only_number(await asking.ask(query))
    except Temporary as error:
        asking.kit.log.warning("readings.not_asked", product=product, why=str(error))
        return None
    except Refused as error:
        return Measure(product=product, metric=metric, value=math.nan, fault=str(error))
    if pair is None:
        return None
    at, value = pair
    return Measure(product=product, metric=metric, value=value, sent_at=at)


def only_number(data: Data) -> tuple[float, float] | None:
    """When, and what; None: there is nothing. Raises Refused where it is not one number."""
    if data.resultType == "scalar":
        return as_pair(data.result)
    if data.resultType != "vector":
        raise Refused(f"its query gives a {data.resultType} and not one number")
    if not data.result:
        return None
    if len(data.result) > 1:
        raise Refused(f"its query finds {len(data.result)} series and not one: put sum() around it")
    return as_pair(sample_of(data.result[0]).get("value"))


def sample_of(row: object) -> Mapping[str, Any]:
    return row if isinstance(row, dict) else {}


def as_pair(pair: object) -> tuple[float, float]:
    if not isinstance(pair, list) or len(pair) != 2:
        raise Refused("its query gives a histogram and not one number")
    try:
        return float(pair[0]), float(pair[1])
    except (TypeError, ValueError, OverflowError):
        raise Refused("its query gives text and not one number") from None


async def telemetry(asking: Asking) -> Sequence[Telemetry]:
    """The totals of all registered members that Prometheus knows; none where it does not answer:
    half of them would be read as what was done."""
    kit, label = asking.kit, asking.params.agent_label
    found: dict[str, dict[Total, float]] = defaultdict(dict)
    try:
        for total, query in queries(label).items():
            for name, value in by_agent(await asking.ask(query), label):
                found[name][total] = value
    except (Temporary, Refused) as error:
        kit.log.warning("readings.no_telemetry", why=str(error))
        return []
    told = []
    for entity in kit.registry.entities.values():
        if entity.kind is not EntityKind.AGENT:
            continue
        named = entity.member.gen_ai if entity.member is not None else ""
        totals = counters(found.get(named or entity.name, {}))
        if totals is not None:
            told.append(Telemetry(agent=entity.name, counters=totals, source=SOURCE))
    return told


def by_agent(data: Data, label: str) -> Iterator[tuple[str, float]]:
    for row in data.result:
        sample = sample_of(row)
        labels = sample.get("metric")
        name = labels.get(label) if isinstance(labels, dict) else None
        try:
            _, value = as_pair(sample.get("value"))
        except Refused:
            continue  # a histogram among numbers says nothing of the others
        if isinstance(name, str) and math.isfinite(value):
            yield name, value
