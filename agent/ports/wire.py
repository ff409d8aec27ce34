"""JSON as senders write it: what several sources read alike.

Bytes are decoded straight into typed structs, which costs less than untyped JSON and names the
field that is wrong (performance study, 1e). Unknown keys are let through, since Alertmanager adds
some with every release. Whatever the bytes are, the only error is `Unparseable`.

Times are cut to whole milliseconds: Alertmanager's webhook sends nanoseconds and its API sends
milliseconds for the same alert, and the start time is part of a message's identity.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, TypeVar

import msgspec

from agent.model.alert import Alert, AlertStatus
from agent.model.errors import Unparseable

T = TypeVar("T")

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""RFC 3339 with a zone."""

ARRIVAL = 0.0
"""Start of an alert (end of a resolved one) whose sender names none: its time of arrival."""


class AlertJson(
    msgspec.Struct,
    kw_only=True,
    rename={"starts_at": "startsAt", "ends_at": "endsAt", "generator_url": "generatorURL"},
):
    """An alert in the words of Alertmanager, as MQTT and CloudEvents carry it."""

    labels: dict[str, str]
    annotations: dict[str, str] | None = None
    status: AlertStatus = AlertStatus.FIRING
    starts_at: Moment | None = None
    ends_at: Moment | None = None
    generator_url: str | None = None


def read(decoder: msgspec.json.Decoder[T], body: bytes | msgspec.Raw, *, at: str = "$") -> T:
    """The body as the decoder's type. `at` is where in the sender's document the body stands.

    Raises Unparseable with the path of the field that is wrong.
    """
    try:
        return decoder.decode(body)
    except RecursionError:
        raise Unparseable("nested too deeply", where=at) from None
    except UnicodeDecodeError:
        raise Unparseable("not UTF-8", where=at) from None
    except (ValueError, OverflowError) as error:
        message, _, path = str(error).partition(" - at `$")
        raise Unparseable(message, where=at + path.rstrip("`")) from None


def moment(value: datetime | None) -> float | None:
    """Seconds since the epoch; None for no time, which Go writes as the year 1."""
    if value is None or value.year == 1:
        return None
    # The half microsecond keeps a whole millisecond whole in spite of binary fractions.
    return math.floor(value.timestamp() * 1000 + 0.0005) / 1000


def without_empty(labels: dict[str, str]) -> dict[str, str]:
    """A label with an empty value is no label (Prometheus' data model): identities depend on it."""
    if "" not in labels.values():
        return labels
    return {name: value for name, value in labels.items() if value}


FINGERPRINT = re.compile(r"[0-9a-f]{16}", re.ASCII)


def as_fingerprint(text: str) -> str:
    """The sender's fingerprint if it can be one, else empty: then it is computed from labels."""
    return text if FINGERPRINT.fullmatch(text) else ""


def alert(
    wire: AlertJson, *, source: str, labels: Mapping[str, str] | None = None, at: str = "$"
) -> Alert:
    """`labels` are laid over those of the sender. Raises Unparseable where none are left."""
    merged = without_empty({**wire.labels, **labels} if labels else wire.labels)
    if not merged:
        raise Unparseable("an alert needs at least one label", where=f"{at}.labels")
    starts, ends = moment(wire.starts_at), moment(wire.ends_at)
    if starts is not None and ends is not None and ends < starts:
        raise Unparseable("endsAt is before startsAt", where=f"{at}.endsAt")
    resolved = wire.status is AlertStatus.RESOLVED
    return Alert(
        source=source,
        fingerprint="",
        status=wire.status,
        labels=merged,
        annotations=wire.annotations or {},
        starts_at=ARRIVAL if starts is None else starts,
        ends_at=(ARRIVAL if ends is None else ends) if resolved else None,
        expires_at=None if resolved else ends,
        generator_url=wire.generator_url or "",
    )
