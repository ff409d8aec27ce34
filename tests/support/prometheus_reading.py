"""The source `prometheus.readings` at work for a registry of the test's, and what it told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from agent.model.alert import Measure, Telemetry
from agent.model.product import Entity, EntityKind, LeadershipMetric, Product, Registry
from agent.model.signals import Member
from plugins.sources.prometheus_readings import PrometheusReadings, watch
from tests.support.kits import lent
from tests.support.source_kit import Emitted


class Reading(Emitted):
    """What was told; the registry may change meanwhile."""

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self.registry = registry

    def measures(self, product: str) -> list[Measure]:
        found = (s for s in self.signals if isinstance(s, Measure))
        return [measure for measure in found if measure.product == product]

    def telemetry(self, agent: str) -> list[Telemetry]:
        found = (s for s in self.signals if isinstance(s, Telemetry))
        return [told for told in found if told.agent == agent]


def registry(queries: Mapping[str, str], *, members: Mapping[str, str] | None = None) -> Registry:
    """Products by their query, and members by their name in metrics (empty: their own)."""
    return Registry(
        products={
            name: Product(
                name=name,
                builder=f"team-{name}",
                tier="low",
                leadership_metric=LeadershipMetric(
                    name="orders", flat_for_seconds=600.0, query=query
                ),
            )
            for name, query in queries.items()
        },
        entities={
            name: Entity(
                name=name,
                kind=EntityKind.AGENT,
                product=None,
                owner="team-ai",
                member=Member(gen_ai=called) if called else None,
            )
            for name, called in (members or {}).items()
        },
    )


@asynccontextmanager
async def reading_from(
    url: str, known: Registry, *, every_seconds: float = 0.2, **params: object
) -> AsyncIterator[Reading]:
    """The source runs for as long as the test looks; it must not end by itself."""
    reading = Reading(known)
    given = {"url": url, "every_seconds": every_seconds, "timeout_seconds": 2.0, **params}
    async with lent(products=lambda: reading.registry) as kits:
        reading.kit = kits.source(emit=reading.emit, quarantine=reading.quarantine)
        running = asyncio.create_task(
            watch.run(reading.kit, PrometheusReadings.model_validate(given))
        )
        try:
            yield reading
            assert not running.done(), running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
