"""Reads the silences people set in an Alertmanager, so that they count here too.

Alertmanager sends nothing about what it silences, but what it sent before stays open here, and it
would be acted on while a person has said hands off. An Alertmanager that cannot be asked changes
nothing: what was read last holds until it ends by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from pydantic import Field

from agent.model.alert import SilenceList
from agent.model.errors import StoreUnavailable, Temporary, Unparseable
from agent.model.records import Silence, SilenceMatcher
from agent.ports.kit import SourceKit
from agent.ports.plugin import Params, stream_source
from agent.ports.wire import Moment, moment, read

AGAIN_SECONDS = 300.0
"""What did not change is told again after so long: a reading that got lost heals by that."""


class Silences(Params):
    url: str = Field(
        description="address of the Alertmanager, for example http://127.0.0.1:9093; of a cluster"
        " one is enough"
    )
    every_seconds: float = Field(default=30.0, ge=1, description="time between two readings")
    bearer_file: str | None = Field(
        default=None, description="file with the token to ask with, read at each reading"
    )
    timeout_seconds: float = Field(default=10.0, gt=0, description="how long to wait for its list")


class Status(msgspec.Struct):
    state: Literal["active", "pending", "expired"]


class Matcher(msgspec.Struct, kw_only=True, rename={"is_regex": "isRegex", "is_equal": "isEqual"}):
    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class Listed(
    msgspec.Struct,
    kw_only=True,
    rename={
        "starts_at": "startsAt",
        "ends_at": "endsAt",
        "updated_at": "updatedAt",
        "created_by": "createdBy",
    },
):
    id: str
    status: Status
    matchers: list[Matcher]
    starts_at: Moment
    ends_at: Moment
    updated_at: Moment | None = None
    created_by: str = ""
    comment: str = ""


LISTED = msgspec.json.Decoder(list[Listed])


@stream_source(
    name="alertmanager.silences",
    params=Silences,
    summary="Silences people set in an Alertmanager: hands off here too",
)
async def follow(kit: SourceKit, params: Silences) -> None:
    source = source_of(params.url)
    told: tuple[Silence, ...] | None = None
    told_at = 0.0
    while True:
        try:
            found = await silences(kit, params, source)
            if found != told or kit.now() - told_at >= AGAIN_SECONDS:
                await kit.emit([SilenceList(source=source, silences=found)])
                told, told_at = found, kit.now()
        except (Temporary, StoreUnavailable, OSError) as error:
            kit.log.warning("silences.not_read", url=source, why=str(error)[:300])
        await kit.sleep(params.every_seconds)


def source_of(url: str) -> str:
    """Names the Alertmanager; the user and password of its address are no part of it."""
    parts = urlsplit(url)
    return f"alertmanager:{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"


async def silences(kit: SourceKit, params: Silences, source: str) -> tuple[Silence, ...]:
    """Those in force or to come, by id. Raises Temporary; OSError where the token is not there."""
    reply = await kit.http.get(
        f"{params.url.rstrip('/')}/api/v2/silences",
        timeout_seconds=params.timeout_seconds,
        headers=proof(params.bearer_file),
    )
    if reply.status != 200:
        raise Temporary(f"it answered {reply.status}")
    try:
        listed = read(LISTED, reply.body)
    except Unparseable as error:
        # A list cut short at the read cap would end silences that are in force.
        raise Temporary(f"it did not answer with a list of silences: {error}") from None
    return in_force(listed, source)


def proof(bearer_file: str | None) -> dict[str, str]:
    if bearer_file is None:
        return {}
    token = Path(bearer_file).read_text(encoding="utf-8").strip()
    return {"authorization": f"Bearer {token}"}


def in_force(listed: Sequence[Listed], source: str) -> tuple[Silence, ...]:
    kept = [as_silence(entry, source) for entry in listed if entry.status.state != "expired"]
    return tuple(sorted(kept, key=lambda s: s.id))


def as_silence(entry: Listed, source: str) -> Silence:
    starts_at = moment(entry.starts_at) or 0.0
    return Silence(
        id=entry.id,
        matchers=tuple(
            SilenceMatcher(name=m.name, value=m.value, is_regex=m.is_regex, is_equal=m.is_equal)
            for m in entry.matchers
        ),
        starts_at=starts_at,
        ends_at=moment(entry.ends_at) or starts_at,
        created_by=entry.created_by,
        comment=entry.comment,
        updated_at=moment(entry.updated_at) or starts_at,
        source=source,
    )
