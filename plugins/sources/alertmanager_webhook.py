"""Alertmanager's webhook, version 4: the drop-in receiver.

Alertmanager sends a whole group again when one alert joins it, and drops what was answered with
4xx; so a body is either read whole or refused whole, with the path of the field at fault.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agent.model.alert import Alert, AlertStatus
from agent.model.errors import Unparseable
from agent.ports.plugin import push_source
from agent.ports.wire import ARRIVAL, Moment, as_fingerprint, moment, read, without_empty

GROUP = "alertmanager"
VERSION = "4"


class Member(
    msgspec.Struct,
    kw_only=True,
    rename={"starts_at": "startsAt", "ends_at": "endsAt", "generator_url": "generatorURL"},
):
    status: AlertStatus
    labels: dict[str, str]
    starts_at: Moment
    ends_at: Moment | None = None
    annotations: dict[str, str] | None = None
    generator_url: str = ""
    fingerprint: str = ""


class Group(msgspec.Struct, kw_only=True, rename={"truncated": "truncatedAlerts"}):
    version: str
    alerts: list[Member]
    truncated: int = 0


class Envelope(msgspec.Struct, kw_only=True):
    version: Any = None


GROUPS = msgspec.json.Decoder(Group)
ENVELOPES = msgspec.json.Decoder(Envelope)


@push_source(
    name="alertmanager.webhook",
    path="/webhook/alertmanager",
    summary="Alertmanager webhook, version 4",
)
def receive(body: bytes) -> Sequence[Alert]:
    try:
        group = read(GROUPS, body)
    except Unparseable:
        # Another version has other fields; the version is then what the sender has to hear about.
        refuse_other_version(read(ENVELOPES, body).version)
        raise
    if group.version != VERSION:
        refuse_other_version(group.version)
    flags = ("truncated_group",) if group.truncated > 0 else ()
    return [as_alert(member, flags) for member in group.alerts]


def refuse_other_version(found: object) -> None:
    if found == VERSION:
        return
    what = "none" if found is None else f"{found!r:.40}"
    raise Unparseable(
        f"version {VERSION!r} is understood, found {what}; point a plain Alertmanager"
        " webhook_configs receiver here, without a custom payload",
        where="$.version",
    )


def as_alert(member: Member, flags: tuple[str, ...]) -> Alert:
    resolved = member.status is AlertStatus.RESOLVED
    ends_at = moment(member.ends_at) if resolved else None
    starts_at = moment(member.starts_at)
    return Alert(
        source=GROUP,
        fingerprint=as_fingerprint(member.fingerprint),
        status=member.status,
        labels=without_empty(member.labels),
        annotations=member.annotations or {},
        starts_at=ARRIVAL if starts_at is None else starts_at,
        ends_at=ARRIVAL if resolved and ends_at is None else ends_at,
        # No expires_at: the webhook does not promise to repeat an alert before any given time.
        generator_url=member.generator_url,
        flags=flags,
    )
