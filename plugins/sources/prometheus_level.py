"""Asks Prometheus who is firing now, where it sends its alerts here directly.

Two things differ from what Prometheus pushes. External labels are not in this list, so they have
to be repeated in `external_labels`, or the alert has another identity. And `activeAt` is when the
condition became true, before the rule's `for:`, while a push starts when the rule fired: the same
alert is listed with an earlier start, so a push about it always counts as the newer word.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from pydantic import Field

from agent.model.alert import Alert, AlertStatus
from agent.model.errors import Temporary, Unparseable
from agent.ports.kit import SourceKit
from agent.ports.plugin import Params, level_source
from agent.ports.wire import ARRIVAL, Moment, moment, read, without_empty

GROUP = "prometheus"


class Prometheus(Params):
    url: str = Field(
        description="address of the Prometheus, for example http://127.0.0.1:9090; every one that"
        " sends here needs its own entry, or its alerts are taken to be over"
    )
    external_labels: dict[str, str] = Field(
        default={}, description="its global.external_labels, which its list of alerts leaves out"
    )
    timeout_seconds: float = Field(default=10.0, gt=0, description="how long to wait for its list")


class Listed(msgspec.Struct, kw_only=True, rename={"active_at": "activeAt"}):
    labels: dict[str, str]
    state: str
    active_at: Moment | None = None
    annotations: dict[str, str] | None = None


class Data(msgspec.Struct):
    alerts: list[Listed]


class Answer(msgspec.Struct):
    status: Literal["success"]
    data: Data


ANSWERS = msgspec.json.Decoder(Answer)


@level_source(
    name="prometheus.level",
    params=Prometheus,
    summary="Alerts a Prometheus has firing",
)
async def firing(kit: SourceKit, params: Prometheus) -> Sequence[Alert]:
    url = f"{params.url.rstrip('/')}/api/v1/alerts"
    reply = await kit.http.get(url, timeout_seconds=params.timeout_seconds)
    if reply.status != 200:
        raise Temporary(f"{params.url} answered {reply.status}")
    try:
        answer = read(ANSWERS, reply.body)
    except Unparseable as error:
        raise Temporary(f"{params.url} did not answer with its alerts: {error}") from None
    return [
        as_alert(entry, params.external_labels)
        for entry in answer.data.alerts
        if entry.state == "firing"
    ]


def as_alert(entry: Listed, external: Mapping[str, str]) -> Alert:
    starts_at = moment(entry.active_at)
    return Alert(
        source=GROUP,
        fingerprint="",
        status=AlertStatus.FIRING,
        labels={**external, **without_empty(entry.labels)},
        annotations=entry.annotations or {},
        starts_at=ARRIVAL if starts_at is None else starts_at,
    )
