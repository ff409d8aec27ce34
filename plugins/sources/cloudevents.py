"""CloudEvents 1.0, structured, as a batch or in binary mode (attributes in `ce-` headers, the body
is the data): what sub-agents, products and delivery tools say by HTTP.

| type | data | becomes |
|---|---|---|
| `homeostat.heartbeat` | flat object; `agent` here or as the event's subject, `alive` | heartbeat |
| `homeostat.telemetry` | flat object of running totals | telemetry |
| `homeostat.outcome` | `product`, `metric`, `value` | measure |
| `homeostat.change` | `product`, `entity`, `what`, and see below | change |
| `dev.cdevents.service.deployed.*`, `upgraded`, `rolledback`, `removed` | CDEvents | change |
| `dev.cdevents.deployment.started.*`, `finished` | CDEvents | change |
| `dev.cdevents.environment.modified.*` | CDEvents | change |
| `homeostat.alert` | labels, annotations, status, startsAt, endsAt, generatorURL | alert |

A `homeostat.change` may also say `by`, `manual` (by hand), `kind` (release, configuration,
machinery, scale, other), `phase` (started, done, failed, rolled_back), `version`, `before`, `link`,
`id` (the same one for all phases of one change) and `environment` (one that is no production has no
release).
What of those is no such word is left out; the change counts all the same.

Other types are accepted and mean nothing here, so that a whole bus can be pointed at this address.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec

from agent.model.alert import Change, Measure, Signal
from agent.model.errors import Unparseable
from agent.model.signals import ChangeKind, ChangePhase
from agent.ports.change_words import is_elsewhere, short, text_of
from agent.ports.member_wire import heartbeat, telemetry
from agent.ports.plugin import push_source
from agent.ports.wire import AlertJson, Moment, alert, moment, read

LONGEST_SOURCE = 256
STRUCTURED = "application/cloudevents"
NEEDED = ("ce-specversion", "ce-id", "ce-source", "ce-type")
NO_HEADERS: Mapping[str, str] = {}
W = TypeVar("W", bound=StrEnum)


class Event(msgspec.Struct, kw_only=True):
    specversion: str
    id: str
    source: str
    type: str
    subject: str | None = None
    time: Moment | None = None
    data: msgspec.Raw = msgspec.Raw(b"")


class OutcomeData(msgspec.Struct, kw_only=True):
    product: str
    metric: str
    value: float


class ChangeData(msgspec.Struct, kw_only=True):
    product: str
    entity: str
    what: str
    by: str = ""
    manual: bool = False
    kind: Any = None
    phase: Any = None
    version: Any = None
    before: Any = None
    link: Any = None
    id: Any = None
    environment: Any = None


class Environment(msgspec.Struct):
    id: str = ""


class Content(msgspec.Struct, rename={"artifact": "artifactId"}):
    environment: Environment | None = None
    artifact: str = ""
    outcome: Any = None


class CDSubject(msgspec.Struct):
    id: str
    content: Content = msgspec.field(default_factory=Content)


class CDData(msgspec.Struct):
    subject: CDSubject


EVENTS = msgspec.json.Decoder(list[Event] | Event)
OUTCOMES = msgspec.json.Decoder(OutcomeData)
CHANGES = msgspec.json.Decoder(ChangeData)
CDEVENTS = msgspec.json.Decoder(CDData)
ALERTS = msgspec.json.Decoder(AlertJson)


@push_source(
    name="cloudevents",
    path="/webhook/events",
    summary="CloudEvents 1.0: heartbeats, telemetry, outcomes, changes and alerts",
    headers=(*NEEDED, "ce-subject", "ce-time", "content-type"),
)
def receive(body: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Sequence[Signal]:
    if is_binary(headers):
        return signals(binary(body, headers), at="$")
    events = read(EVENTS, body)
    if isinstance(events, Event):
        return signals(events, at="$")
    return [s for i, event in enumerate(events) for s in signals(event, at=f"$[{i}]")]


def is_binary(headers: Mapping[str, str]) -> bool:
    """Whoever passes events on may leave such headers beside a structured one: its content type
    says what it is, and where that is not said all four that are needed have to be there."""
    content = headers.get("content-type", "").lower()
    return not content.startswith(STRUCTURED) and all(name in headers for name in NEEDED)


def binary(body: bytes, headers: Mapping[str, str]) -> Event:
    """The attributes are percent-encoded where they are not plain ASCII."""
    said = {name: unquote(value) for name, value in headers.items()}
    try:
        time = msgspec.convert(said["ce-time"], Moment) if said.get("ce-time") else None
    except msgspec.ValidationError as error:
        raise Unparseable(str(error), where="header ce-time") from None
    return Event(
        specversion=said["ce-specversion"],
        id=said["ce-id"],
        source=said["ce-source"],
        type=said["ce-type"],
        subject=said.get("ce-subject"),
        time=time,
        data=msgspec.Raw(body),
    )


def signals(event: Event, *, at: str) -> list[Signal]:
    if event.specversion != "1.0":
        raise Unparseable(
            f"version '1.0' is understood, found {event.specversion!r:.40}",
            where=f"{at}.specversion",
        )
    for name in ("id", "source", "type"):
        if not getattr(event, name):
            raise Unparseable("must not be empty", where=f"{at}.{name}")
    kind = cdevents_type(event.type)
    if kind in CDEVENTS_LATE:
        # They were let pass unread for long: whoever sends them in a form of their own goes on.
        try:
            return [cdevents_change(event, f"{at}.data")]
        except Unparseable:
            return []
    meaning = cdevents_change if kind in CDEVENTS_SAY else MEANINGS.get(event.type)
    if meaning is None and event.type.startswith(OURS):
        # Who writes this prefix means Homeostat: what it says must not be thanked for and lost.
        raise Unparseable(
            f"no type {event.type!r:.60}; did you mean {_nearest(event.type)}?", where=f"{at}.type"
        )
    if meaning is None:
        return []
    if not event.data:
        raise Unparseable(
            "missing: send it as JSON in `data` (data_base64 is not read)", where=f"{at}.data"
        )
    return [meaning(event, f"{at}.data")]


def _nearest(kind: str) -> str:
    close = get_close_matches(kind, MEANINGS, n=1, cutoff=0.6)
    return close[0] if close else f"one of {', '.join(MEANINGS)}"


def cdevents_type(kind: str) -> str:
    """Subject and predicate without the version: `service.deployed` of
    `dev.cdevents.service.deployed.0.3.0`; empty for what is no CDEvent."""
    if not kind.startswith(CDEVENTS_PREFIX):
        return ""
    return ".".join(kind.removeprefix(CDEVENTS_PREFIX).split(".", 2)[:2])


def beat(event: Event, at: str) -> Signal:
    said = heartbeat(event.data, agent=event.subject or "", at=at)
    if said.sent_at is not None or event.time is None:
        return said
    return msgspec.structs.replace(said, sent_at=moment(event.time))


def totals(event: Event, at: str) -> Signal:
    said = telemetry(event.data, agent=event.subject or "", at=at)
    if said.sent_at is not None or event.time is None:
        return said
    return msgspec.structs.replace(said, sent_at=moment(event.time))


def outcome(event: Event, at: str) -> Signal:
    data = read(OUTCOMES, event.data, at=at)
    if not data.product or not data.metric:
        raise Unparseable("product and metric must not be empty", where=at)
    return Measure(
        product=data.product, metric=data.metric, value=data.value, sent_at=moment(event.time)
    )


def change(event: Event, at: str) -> Signal:
    data = read(CHANGES, event.data, at=at)
    if not data.entity and not data.product:
        raise Unparseable("must not be empty", where=f"{at}.entity")
    return Change(
        product=data.product,
        entity=data.entity,
        what=data.what,
        by=data.by,
        is_manual=data.manual,
        kind=word(ChangeKind, data.kind, ChangeKind.OTHER),
        phase=word(ChangePhase, data.phase, ChangePhase.DONE),
        version=short(text_of(data.version)),
        before=short(text_of(data.before)),
        link=text_of(data.link),
        sent_at=moment(event.time),
        id=text_of(data.id) or f"{event.source} {event.id}",
        is_elsewhere=is_elsewhere(text_of(data.environment)),
    )


def word(words: type[W], value: object, otherwise: W) -> W:
    try:
        return words(text_of(value))
    except ValueError:
        return otherwise


def cdevents_change(event: Event, at: str) -> Signal:
    """CDEvents know services, not products: the product stays empty, the entity names it."""
    data = read(CDEVENTS, event.data, at=at)
    if not data.subject.id:
        raise Unparseable("must not be empty", where=f"{at}.subject.id")
    content, told = data.subject.content, cdevents_type(event.type)
    what, kind, phase = CDEVENTS_SAY[told]
    if told == "deployment.finished" and content.outcome in FAILED:
        what, phase = "could not deploy", ChangePhase.FAILED
    place = content.environment.id if content.environment is not None else ""
    if content.artifact:
        what += f" {content.artifact}"
    if place:
        what += f" in {place}"
    return Change(
        product="",
        entity=data.subject.id,
        what=what,
        by=event.source,
        kind=kind,
        version=artifact_version(content.artifact),
        phase=phase,
        sent_at=moment(event.time),
        id=f"{event.source} {event.id}",
        is_elsewhere=is_elsewhere(data.subject.id if told == "environment.modified" else place),
    )


def artifact_version(purl: str) -> str:
    """`1.4.2` of `pkg:oci/web@1.4.2?arch=amd64`; a digest is cut as commits are."""
    _, _, version = purl.partition("#")[0].partition("?")[0].rpartition("@")
    return short(unquote(version)) if "@" in purl else ""


def reported_alert(event: Event, at: str) -> Signal:
    if len(event.source) > LONGEST_SOURCE:
        raise Unparseable(f"longer than {LONGEST_SOURCE} characters", where="source")
    wire = read(ALERTS, event.data, at=at)
    if wire.starts_at is None:
        wire.starts_at = event.time
    return alert(wire, source=f"cloudevents:{event.source}", at=at)


CDEVENTS_PREFIX = "dev.cdevents."
OURS = "homeostat."
CDEVENTS_SAY = {
    "service.deployed": ("deployed", ChangeKind.RELEASE, ChangePhase.DONE),
    "service.upgraded": ("upgraded", ChangeKind.RELEASE, ChangePhase.DONE),
    "service.rolledback": ("rolled back", ChangeKind.RELEASE, ChangePhase.ROLLED_BACK),
    "service.removed": ("removed", ChangeKind.OTHER, ChangePhase.DONE),
    "deployment.started": ("deploying", ChangeKind.RELEASE, ChangePhase.STARTED),
    "deployment.finished": ("deployed", ChangeKind.RELEASE, ChangePhase.DONE),
    "environment.modified": ("modified", ChangeKind.CONFIGURATION, ChangePhase.DONE),
}
CDEVENTS_LATE = frozenset(
    {"service.removed", "deployment.started", "deployment.finished", "environment.modified"}
)
FAILED = ("failure", "error", "cancel", "cancelled")

MEANINGS: dict[str, Callable[[Event, str], Signal]] = {
    "homeostat.heartbeat": beat,
    "homeostat.telemetry": totals,
    "homeostat.outcome": outcome,
    "homeostat.change": change,
    "homeostat.alert": reported_alert,
}
