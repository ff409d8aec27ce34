"""What Prometheus says about an alert that nobody has a runbook for.

The metrics the alert's rule is made of, as they are now for the labels of the alert, and how many
alerts of its name fire: that much can be found out about any alert. The expression itself comes
with the alert from outside, and nothing from outside is evaluated. So the question is built here:
metric names have to be names, label values are bound as quoted values, and each label may be
missing from a series, because rules add labels of their own. What comes back is one line for each
metric, however many series it has.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence

from pydantic import Field

from agent.ports.kit import PromQL, ReadKit, Sample
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.series_question import quoted

MOST_METRICS = 8
MOST_LABELS = 20
LONGEST_VALUE = 1_000
OF_THE_RULE = frozenset({"alertname", "severity"})
"""Labels of the rule, which series of the same name mean something else by."""

_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]{0,199}")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,199}")


class About(Params):
    alert: str = Field(min_length=1, max_length=1_000, description="Name of the alert")
    labels: dict[str, str] = Field(default={}, description="Its labels")
    metrics: list[str] = Field(
        default=[], description="Names of the metrics in the expression of its rule"
    )
    url: str | None = Field(
        default=None, description="Prometheus to ask; `prometheus_url` of the settings where absent"
    )
    timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="Time Prometheus has for each answer, in seconds"
    )


class Found(Result):
    has_data: bool
    """Whether any series of these metrics has the labels of the alert."""
    firing: int
    """Alerts of this name that fire now, this one among them."""
    series: int
    now: list[str]
    """One line for each metric: its value, or the least and the greatest of its series."""
    least: dict[str, float]
    """By metric."""
    greatest: dict[str, float]
    """By metric."""


@diagnostic(
    name="alert.query",
    params=About,
    result=Found,
    summary="What the metrics behind an alert say now for its labels, and how many like it fire",
    needs="prometheus",
)
async def query(kit: ReadKit, params: About) -> Found:
    seconds = min(params.timeout_seconds, kit.deadline_seconds * 0.9)
    alike = f'ALERTS{{alertname={quoted(params.alert)},alertstate="firing"}}'
    asked = [f"count({alike})"]
    metrics = [m for m in dict.fromkeys(params.metrics) if _METRIC.fullmatch(m)][:MOST_METRICS]
    if metrics:
        chosen = _selector(metrics, params.labels)
        asked += [f"{each} by (__name__) ({chosen})" for each in ("count", "min", "max")]
    found = await asyncio.gather(*(_ask(kit.promql, q, params.url, seconds) for q in asked))
    firing = int(found[0][0].value) if found[0] else 0
    counts, least, greatest = (_by_metric(each) for each in (found[1:] or ((), (), ())))
    return Found(
        has_data=bool(counts),
        firing=firing,
        series=int(sum(counts.values())),
        now=[
            _line(metric, counts[metric], least[metric], greatest[metric])
            for metric in metrics
            if metric in counts and metric in least and metric in greatest
        ],
        least=least,
        greatest=greatest,
    )


async def _ask(promql: PromQL, query: str, url: str | None, seconds: float) -> tuple[Sample, ...]:
    return await promql.query(query, url=url, timeout_seconds=seconds)


def _selector(metrics: Sequence[str], labels: Mapping[str, str]) -> str:
    """Series of these metrics that say nothing else of the alert's labels."""
    names = quoted("|".join(metrics))
    pairs = [f"__name__=~{names}"]
    for label, value in sorted(labels.items()):
        if label in OF_THE_RULE or not _LABEL.fullmatch(label) or len(value) > LONGEST_VALUE:
            continue
        pairs.append(f"{label}=~{quoted(re.escape(value) + '|')}")
    return f"{{{','.join(pairs[: MOST_LABELS + 1])}}}"


def _by_metric(samples: Sequence[Sample]) -> dict[str, float]:
    return {s.labels["__name__"]: s.value for s in samples if "__name__" in s.labels}


def _line(metric: str, count: float, least: float, greatest: float) -> str:
    if least == greatest:
        told = f"{metric} {least:.6g}"
    else:
        told = f"{metric} {least:.6g} to {greatest:.6g}"
    return told if count == 1 else f"{told} in {count:.0f} series"
