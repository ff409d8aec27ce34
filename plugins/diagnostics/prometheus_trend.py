"""Whether a number shrinks or grows: the sum of a metric's series now and a while ago.

For what works itself off: a backlog, a lag, a number of connections. `empty_in` is when it would be
at zero at this pace, and is left out where it does not shrink. Both looks need data; otherwise
nothing is known, and nothing is `falling`.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.ports.kit import ReadKit, Sample
from agent.ports.plugin import Result, diagnostic
from agent.ports.series_question import SeriesQuestion
from agent.ports.span import Span

LONGEST_SECONDS = 10 * 365 * 86_400.0


class Asked(SeriesQuestion):
    over: Span = Field(
        default=timedelta(minutes=10),
        ge=timedelta(seconds=30),
        le=timedelta(days=7),
        description="How long ago the earlier look is",
    )


class Trend(Result):
    has_data: bool
    value: float | None
    earlier: float | None
    falling: bool | None
    """It is lower than it was."""
    growing: bool | None
    empty_in: Span | None
    """When it is zero, if it goes on like this."""


@diagnostic(
    name="prometheus.trend",
    params=Asked,
    result=Trend,
    summary="Whether a metric with given labels shrinks or grows, and when it is at zero",
)
async def trend(kit: ReadKit, params: Asked) -> Trend:
    timeout_seconds = min(params.timeout_seconds, kit.deadline_seconds * 0.4)
    over_seconds = params.over.total_seconds()
    offset = f"{params.selector} offset {round(over_seconds * 1000)}ms"
    now = await kit.promql.query(params.selector, url=params.url, timeout_seconds=timeout_seconds)
    then = await kit.promql.query(offset, url=params.url, timeout_seconds=timeout_seconds)
    if not now or not then:
        return Trend(
            has_data=False,
            value=_sum(now),
            earlier=_sum(then),
            falling=None,
            growing=None,
            empty_in=None,
        )
    value, earlier = _sum(now) or 0.0, _sum(then) or 0.0
    return Trend(
        has_data=True,
        value=value,
        earlier=earlier,
        falling=value < earlier,
        growing=value > earlier,
        empty_in=_empty_in(value, earlier, over_seconds),
    )


def _sum(samples: tuple[Sample, ...]) -> float | None:
    return sum(sample.value for sample in samples) if samples else None


def _empty_in(value: float, earlier: float, over_seconds: float) -> timedelta | None:
    if not 0.0 <= value < earlier:
        return None
    seconds = value / (earlier - value) * over_seconds
    return timedelta(seconds=seconds) if seconds < LONGEST_SECONDS else None
