"""One question about the series of a metric, chosen by labels, as the diagnostics of trends ask it.

PromQL has no way of binding values, and a label of an alert is text from anybody. So nothing is
pasted into a query: metric and label names have to be names, and a value is quoted as a PromQL
string, in which only `\\` , `"` and line ends mean anything. Labels are compared for equality.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, StringConstraints

from agent.ports.plugin import Params

MetricName = Annotated[
    str, StringConstraints(pattern=r"^[a-zA-Z_:][a-zA-Z0-9_:]*$", max_length=200)
]
LabelName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$", max_length=200)]
LabelValue = Annotated[str, StringConstraints(max_length=1_000)]

_MEANT = re.compile(r'[\\"\n\r]')
_QUOTED = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}


class SeriesQuestion(Params):
    """Parameters of a plugin that asks Prometheus about the series of one metric."""

    metric: MetricName = Field(
        description="Name of the metric, as in `node_filesystem_avail_bytes`"
    )
    labels: dict[LabelName, LabelValue] = Field(
        default={},
        max_length=20,
        description="Labels the series have, as in `{instance: =alert.labels.instance}`",
    )
    url: str | None = Field(
        default=None, description="Prometheus to ask; `prometheus_url` of the settings where absent"
    )
    timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="Time Prometheus has for each answer, in seconds"
    )

    @property
    def selector(self) -> str:
        return selector(self.metric, self.labels)


def selector(metric: str, labels: dict[str, str]) -> str:
    """`metric{name="value",...}` with every value quoted."""
    pairs = (f"{name}={quoted(value)}" for name, value in sorted(labels.items()))
    return f"{metric}{{{','.join(pairs)}}}"


def quoted(value: str) -> str:
    """The text as a PromQL string."""
    return '"' + _MEANT.sub(lambda found: _QUOTED[found[0]], value) + '"'
