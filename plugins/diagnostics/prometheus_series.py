"""What the series of one metric say now, or said over the last minutes.

Where `prometheus.query` takes PromQL that stands in the runbook, this one takes a metric and labels
of the alert, bound as values: no label can change what is asked. No series is `has_data: false` and
no number at all, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from pydantic import Field

from agent.ports.kit import ReadKit
from agent.ports.plugin import Result, diagnostic
from agent.ports.series_question import SeriesQuestion
from agent.ports.span import Span

OVER_TIME: Mapping[str, str] = {
    "rate": "rate",
    "increase": "increase",
    "change": "delta",
    "changes": "changes",
    "least": "min_over_time",
    "greatest": "max_over_time",
    "mean": "avg_over_time",
}


class Asked(SeriesQuestion):
    reading: Literal[
        "now", "rate", "increase", "change", "changes", "least", "greatest", "mean"
    ] = Field(
        default="now",
        description="The value now, or over `over`: `rate` and `increase` are for counters",
    )
    over: Span = Field(
        default=timedelta(minutes=5),
        ge=timedelta(seconds=1),
        le=timedelta(days=30),
        description="How far back a reading over time looks",
    )


class Reading(Result):
    has_data: bool
    series: int
    total: float | None
    """The sum of all series."""
    least: float | None
    greatest: float | None
    mean: float | None


@diagnostic(
    name="prometheus.series",
    params=Asked,
    result=Reading,
    summary="What the series of a metric with given labels say: sum, least, greatest, mean",
)
async def series(kit: ReadKit, params: Asked) -> Reading:
    found = await kit.promql.query(
        _expression(params),
        url=params.url,
        timeout_seconds=min(params.timeout_seconds, kit.deadline_seconds * 0.9),
    )
    values = [sample.value for sample in found]
    return Reading(
        has_data=bool(values),
        series=len(values),
        total=sum(values) if values else None,
        least=min(values, default=None),
        greatest=max(values, default=None),
        mean=sum(values) / len(values) if values else None,
    )


def _expression(params: Asked) -> str:
    if params.reading == "now":
        return params.selector
    milliseconds = round(params.over.total_seconds() * 1000)
    return f"{OVER_TIME[params.reading]}({params.selector}[{milliseconds}ms])"
