"""Asks Alertmanager who is firing now, so that a lost webhook heals itself.

Alertmanager keeps no alerts over a crash and gives up on a notification after one interval. Its
fingerprints and start times are those of its webhook, so an alert seen both ways is one alert.
A silenced or inhibited alert is listed as suppressed: a person, or another alert, speaks for it, so
it opens nothing, and it is not over either.

All Alertmanagers that are configured are read together, so every one that sends here has to be: an
alert that none of them lists is taken to be over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec
from pydantic import Field

from agent.model.alert import Alert, AlertStatus
from agent.model.errors import Temporary, Unparseable
from agent.ports.kit import SourceKit
from agent.ports.plugin import Params, level_source
from agent.ports.wire import ARRIVAL, Moment, as_fingerprint, moment, read, without_empty

GROUP = "alertmanager"
SUPPRESSED = "suppressed"


class Alertmanager(Params):
    url: str = Field(
        description="address of the Alertmanager, for example http://127.0.0.1:9093; every one that"
        " sends here needs its own entry, or its alerts are taken to be over"
    )
    timeout_seconds: float = Field(default=10.0, gt=0, description="how long to wait for its list")


class Status(msgspec.Struct):
    state: Literal["active", "suppressed", "unprocessed"]


class Listed(
    msgspec.Struct,
    kw_only=True,
    rename={"starts_at": "startsAt", "generator_url": "generatorURL"},
):
    labels: dict[str, str]
    status: Status
    starts_at: Moment | None = None
    annotations: dict[str, str] | None = None
    generator_url: str = ""
    fingerprint: str = ""


LISTED = msgspec.json.Decoder(list[Listed])


@level_source(
    name="alertmanager.level",
    params=Alertmanager,
    summary="Alerts an Alertmanager lists as active",
)
async def firing(kit: SourceKit, params: Alertmanager) -> Sequence[Alert]:
    url = f"{params.url.rstrip('/')}/api/v2/alerts?active=true&silenced=true&inhibited=true"
    reply = await kit.http.get(url, timeout_seconds=params.timeout_seconds)
    if reply.status != 200:
        raise Temporary(f"{params.url} answered {reply.status}")
    try:
        listed = read(LISTED, reply.body)
    except Unparseable as error:
        # A list cut short at the read cap, or a proxy's page, says nothing about who is firing.
        raise Temporary(f"{params.url} did not answer with a list of alerts: {error}") from None
    return [as_alert(entry) for entry in listed]


def as_alert(entry: Listed) -> Alert:
    starts_at = moment(entry.starts_at)
    return Alert(
        source=GROUP,
        fingerprint=as_fingerprint(entry.fingerprint),
        status=AlertStatus.FIRING,
        labels=without_empty(entry.labels),
        annotations=entry.annotations or {},
        starts_at=ARRIVAL if starts_at is None else starts_at,
        generator_url=entry.generator_url,
        flags=() if entry.status.state == "active" else (SUPPRESSED,),
    )
