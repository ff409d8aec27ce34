"""Alertmanager's API v2, the posting half: Prometheus can list Homeostat among its alertmanagers.

Prometheus repeats what fires and sends as end time `now + 4 x max(resend delay, interval)`, so an
alert that stops coming ends by itself. Whether an end time has passed already is for the intake to
say, which has the clock: here every alert is firing and `expires_at` is its end time. One without
an end time ends a resolve timeout after its arrival unless it is repeated, as in Alertmanager.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agent.model.alert import Alert, AlertStatus
from agent.ports.plugin import push_source
from agent.ports.wire import ARRIVAL, AlertJson, alert, read

GROUP = "prometheus"

POSTED = msgspec.json.Decoder(list[AlertJson])


@push_source(
    name="alertmanager.api",
    path="/api/v2/alerts",
    summary="Alertmanager API v2: alerts as Prometheus and amtool post them",
)
def receive(body: bytes) -> Sequence[Alert]:
    posted = read(POSTED, body)
    for wire in posted:
        wire.status = AlertStatus.FIRING  # the API has no such field; only endsAt counts
    return [with_end(alert(wire, source=GROUP, at=f"$[{i}]")) for i, wire in enumerate(posted)]


def with_end(told: Alert) -> Alert:
    if told.expires_at is not None:
        return told
    return msgspec.structs.replace(told, expires_at=ARRIVAL)
