"""Asks Prometheus one instant query and says what it gave.

No series is `has_data: false` and no number at all, never zero: an expression over it is unknown.
The text of the query is the runbook's own; nothing puts labels of alerts into it, because a label
is text from anybody and PromQL has no way of binding values.
"""

from __future__ import annotations

from pydantic import Field

from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic


class Query(Params):
    query: str = Field(min_length=1, max_length=8192, description="PromQL, an instant query")
    url: str | None = Field(
        default=None, description="Prometheus to ask; `prometheus_url` of the settings where absent"
    )
    timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="Time Prometheus has for the answer, in seconds"
    )


class Series(Result):
    has_data: bool
    value: float | None
    """The value of the only series; of the first by labels where there are several."""
    series: int
    minimum: float | None
    maximum: float | None


@diagnostic(
    name="prometheus.query",
    params=Query,
    result=Series,
    summary="Asks Prometheus: whether there is data, its value, least and greatest",
)
async def query(kit: ReadKit, params: Query) -> Series:
    found = await kit.promql.query(
        params.query,
        url=params.url,
        timeout_seconds=min(params.timeout_seconds, kit.deadline_seconds * 0.9),
    )
    values = [sample.value for sample in found]
    return Series(
        has_data=bool(values),
        value=values[0] if values else None,
        series=len(values),
        minimum=min(values, default=None),
        maximum=max(values, default=None),
    )
