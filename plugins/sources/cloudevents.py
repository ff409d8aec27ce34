"""CloudEvents 1.0 in structured mode, one event or a batch: what sub-agents, products and delivery
tools say by HTTP.

| type | data | becomes |
|---|---|---|
| `homeostat.heartbeat` | flat object; `agent` here or as the event's subject, `alive` | heartbeat |
| `homeostat.telemetry` | flat object of counters | heartbeat |
| `homeostat.outcome` | `product`, `metric`, `value` | measure |
| `homeostat.change` | `product`, `entity`, `what`, `by` | change |
| `dev.cdevents.service.deployed.*`, `upgraded`, `rolledback` | CDEvents | change |
| `homeostat.alert` | labels, annotations, status, startsAt, endsAt, generatorURL | alert |

Other types are accepted and mean nothing here, so that a whole bus can be pointed at this address.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from agent.model.alert import Change, Measure, Signal
from agent.model.errors import Unparseable
from agent.ports.plugin import push_source
from agent.ports.wire import AlertJson, Moment, alert, heartbeat, read

LONGEST_SOURCE = 256


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


class Environment(msgspec.Struct):
    id: str = ""


class Content(msgspec.Struct, rename={"artifact": "artifactId"}):
    environment: Environment | None = None
    artifact: str = ""


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
)
def receive(body: bytes) -> Sequence[Signal]:
    events = read(EVENTS, body)
    if isinstance(events, Event):
        return signals(events, at="$")
    return [s for i, event in enumerate(events) for s in signals(event, at=f"$[{i}]")]


def signals(event: Event, *, at: str) -> list[Signal]:
    if event.specversion != "1.0":
        raise Unparseable(
            f"version '1.0' is understood, found {event.specversion!r:.40}",
            where=f"{at}.specversion",
        )
    for name in ("id", "source", "type"):
        if not getattr(event, name):
            raise Unparseable("must not be empty", where=f"{at}.{name}")
    meaning = meaning_of(event.type)
    if meaning is None:
        return []
    if not event.data:
        raise Unparseable(
            "missing: send it as JSON in `data` (data_base64 is not read)", where=f"{at}.data"
        )
    return [meaning(event, f"{at}.data")]


def meaning_of(kind: str) -> Callable[[Event, str], Signal] | None:
    if kind.startswith("dev.cdevents.service."):
        what = kind.removeprefix("dev.cdevents.service.").partition(".")[0]
        return cdevents_change if what in ("deployed", "upgraded", "rolledback") else None
    return MEANINGS.get(kind)


def beat(event: Event, at: str) -> Signal:
    return heartbeat(event.data, agent=event.subject or "", at=at)


def outcome(event: Event, at: str) -> Signal:
    data = read(OUTCOMES, event.data, at=at)
    if not data.product or not data.metric:
        raise Unparseable("product and metric must not be empty", where=at)
    return Measure(product=data.product, metric=data.metric, value=data.value)


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
    )


def cdevents_change(event: Event, at: str) -> Signal:
    """CDEvents know services, not products: the product stays empty, the entity names it."""
    data = read(CDEVENTS, event.data, at=at)
    if not data.subject.id:
        raise Unparseable("must not be empty", where=f"{at}.subject.id")
    content = data.subject.content
    done = event.type.removeprefix("dev.cdevents.service.").partition(".")[0]
    what = {"rolledback": "rolled back"}.get(done, done)
    if content.artifact:
        what += f" {content.artifact}"
    if content.environment is not None and content.environment.id:
        what += f" in {content.environment.id}"
    return Change(product="", entity=data.subject.id, what=what, by=event.source)


def reported_alert(event: Event, at: str) -> Signal:
    if len(event.source) > LONGEST_SOURCE:
        raise Unparseable(f"longer than {LONGEST_SOURCE} characters", where="source")
    wire = read(ALERTS, event.data, at=at)
    if wire.starts_at is None:
        wire.starts_at = event.time
    return alert(wire, source=f"cloudevents:{event.source}", at=at)


MEANINGS: dict[str, Callable[[Event, str], Signal]] = {
    "homeostat.heartbeat": beat,
    "homeostat.telemetry": beat,
    "homeostat.outcome": outcome,
    "homeostat.change": change,
    "homeostat.alert": reported_alert,
}
