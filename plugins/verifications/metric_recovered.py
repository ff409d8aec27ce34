"""Proof by a metric: every series of the query satisfies the comparison.

No series is inconclusive and never success: a process that died exports no errors either. So is a
Prometheus that does not answer. With several series one that does not satisfy is enough to fail.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Literal

from pydantic import Field

from agent.model.effect import Verdict
from agent.model.errors import Temporary
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, verification

COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Recovered(Params):
    query: str = Field(min_length=1, max_length=8192, description="PromQL, an instant query")
    op: Literal["<", "<=", ">", ">=", "==", "!="] = Field(
        description="How each value has to compare with `threshold`"
    )
    threshold: float = Field(
        allow_inf_nan=False, description="The number each value is compared with"
    )
    url: str | None = Field(
        default=None, description="Prometheus to ask; `prometheus_url` of the settings where absent"
    )
    timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="Time Prometheus has for the answer, in seconds"
    )


class Recovery(Result):
    verdict: Verdict
    value: float | None
    """The value that decided: the first that does not satisfy, else the first of all."""
    series: int
    why: str


@verification(
    name="prometheus.recovered",
    params=Recovered,
    result=Recovery,
    summary="Proves by a PromQL query that a metric is back where it belongs",
)
async def recovered(kit: ReadKit, params: Recovered) -> Recovery:
    try:
        found = await kit.promql.query(
            params.query,
            url=params.url,
            timeout_seconds=min(params.timeout_seconds, kit.deadline_seconds * 0.9),
        )
    except Temporary as error:
        return Recovery(verdict=Verdict.INCONCLUSIVE, value=None, series=0, why=str(error))
    if not found:
        return Recovery(
            verdict=Verdict.INCONCLUSIVE, value=None, series=0, why="the query gives no data"
        )
    satisfies = COMPARISONS[params.op]
    wrong = [s.value for s in found if not satisfies(s.value, params.threshold)]
    wanted = f"{params.op} {params.threshold:g}"
    if wrong:
        return Recovery(
            verdict=Verdict.FAILED,
            value=wrong[0],
            series=len(found),
            why=f"{len(wrong)} of {len(found)} series not {wanted}: {wrong[0]:g}",
        )
    return Recovery(
        verdict=Verdict.HELD,
        value=found[0].value,
        series=len(found),
        why=f"all {len(found)} series {wanted}: {found[0].value:g}",
    )
