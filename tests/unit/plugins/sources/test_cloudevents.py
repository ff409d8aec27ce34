from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from agent.model.alert import Alert, AlertStatus, Change, Heartbeat, Measure
from agent.model.errors import Unparseable
from plugins.sources.cloudevents import receive as source
from tests.support.hostile import ANY_JSON, mutated, readable_or_refused


def event(kind: str, data: Any = None, **changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": "1",
        "source": "/shop",
        "type": kind,
        "datacontenttype": "application/json",
        "data": data,
        **changes,
    }


def decode(*events: dict[str, Any]) -> list[Any]:
    return list(source.decode(json.dumps(events[0] if len(events) == 1 else events).encode()))


def refused(value: Any) -> Unparseable:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    with pytest.raises(Unparseable) as caught:
        source.decode(data)
    return caught.value


def test_heartbeat_by_data_and_by_subject() -> None:
    beat = Heartbeat(agent="indexer", alive=True, detail={"seq": 4, "version": "1.2"})
    assert decode(event("homeostat.heartbeat", {"agent": "indexer", "seq": 4, "version": "1.2"}))[
        0
    ] == (beat)
    assert decode(
        event("homeostat.heartbeat", {"seq": 4, "version": "1.2"}, subject="indexer")
    ) == [beat]


def test_heartbeat_says_dead() -> None:
    [beat] = decode(event("homeostat.heartbeat", {"agent": "indexer", "alive": False}))
    assert beat == Heartbeat(agent="indexer", alive=False)


def test_telemetry() -> None:
    counters = {"handled": 4, "failed": 0, "rate": 0.5, "busy": False, "last": None}
    [beat] = decode(event("homeostat.telemetry", counters, subject="indexer"))
    assert beat == Heartbeat(agent="indexer", detail=counters)


def test_outcome() -> None:
    data = {"product": "shop", "metric": "orders", "value": 12}
    assert decode(event("homeostat.outcome", data)) == [
        Measure(product="shop", metric="orders", value=12.0)
    ]


def test_change() -> None:
    data = {"product": "shop", "entity": "web", "what": "config", "by": "mia"}
    assert decode(event("homeostat.change", data)) == [
        Change(product="shop", entity="web", what="config", by="mia")
    ]


def test_what_somebody_changed_by_hand_says_so() -> None:
    data = {"product": "shop", "entity": "web", "what": "edited", "by": "ann", "manual": True}
    [change] = decode(event("homeostat.change", data))
    assert isinstance(change, Change)
    assert change.is_manual


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("dev.cdevents.service.deployed.0.2.0", "deployed pkg:oci/web@sha in prod"),
        ("dev.cdevents.service.upgraded.0.2.0", "upgraded pkg:oci/web@sha in prod"),
        ("dev.cdevents.service.rolledback.0.2.0", "rolled back pkg:oci/web@sha in prod"),
    ],
)
def test_cdevents(kind: str, what: str) -> None:
    data = {
        "context": {"version": "0.5.0", "id": "2", "type": kind},
        "subject": {
            "id": "web",
            "type": "service",
            "content": {"environment": {"id": "prod"}, "artifactId": "pkg:oci/web@sha"},
        },
    }
    assert decode(event(kind, data, source="/argo")) == [
        Change(product="", entity="web", what=what, by="/argo")
    ]


def test_alert() -> None:
    data = {
        "labels": {"alertname": "Down"},
        "status": "resolved",
        "startsAt": "2026-03-01T10:00:00Z",
        "endsAt": "2026-03-01T10:01:00Z",
    }
    assert decode(event("homeostat.alert", data)) == [
        Alert(
            source="cloudevents:/shop",
            fingerprint="",
            status=AlertStatus.RESOLVED,
            labels={"alertname": "Down"},
            starts_at=1772359200.0,
            ends_at=1772359260.0,
        )
    ]


def test_alert_without_start_began_when_the_event_happened() -> None:
    data = {"labels": {"alertname": "Down"}}
    [alert] = decode(event("homeostat.alert", data, time="2026-03-01T10:00:00Z"))
    assert alert.starts_at == 1772359200.0
    [alert] = decode(event("homeostat.alert", data))
    assert alert.starts_at == 0.0


def test_other_types_mean_nothing() -> None:
    assert decode(event("com.example.x", {"any": ["thing"]})) == []
    assert decode(event("dev.cdevents.build.started.0.1.0", {})) == []
    assert decode(event("dev.cdevents.service.removed.0.1.0", {})) == []


def test_batch() -> None:
    beats = [event("homeostat.heartbeat", {"agent": f"a{i}"}) for i in range(3)]
    assert [b.agent for b in decode(*beats, event("other"))] == ["a0", "a1", "a2"]
    assert list(source.decode(b"[]")) == []


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"specversion": "0.3"}, "$[1].specversion"),
        ({"id": ""}, "$[1].id"),
        ({"source": None}, "$[1].source"),
        ({"type": ""}, "$[1].type"),
        ({"data": {}}, "$[1].data.agent"),
        ({"data": {"agent": 3}}, "$[1].data.agent"),
        ({"data": {"agent": ""}}, "$[1].data.agent"),
        ({"data": {"agent": "a", "alive": "yes"}}, "$[1].data.alive"),
        ({"data": {"agent": "a", "deep": {}}}, "$[1].data[...]"),
        ({"data": {"agent": "a", "n": 2**64}}, "$[1].data"),
        ({"data": {f"k{i}": i for i in range(66)}, "subject": "a"}, "$[1].data"),
        ({"data": {"agent": "a"}, "subject": "b"}, "$[1].data.agent"),
        ({"time": "now"}, "$[1].time"),
        ({"type": "homeostat.outcome", "data": {"product": "p"}}, "$[1].data"),
        (
            {
                "type": "homeostat.outcome",
                "data": {"product": "p", "metric": "m", "value": float("nan")},
            },
            "$",
        ),
        (
            {"type": "homeostat.outcome", "data": {"product": "p", "metric": "m", "value": True}},
            "$[1].data.value",
        ),
        ({"type": "homeostat.alert", "data": {"labels": {}}}, "$[1].data.labels"),
        ({"type": "dev.cdevents.service.deployed.0.2.0", "data": {}}, "$[1].data"),
    ],
)
def test_names_the_field(changes: dict[str, Any], where: str) -> None:
    good = event("homeostat.heartbeat", {"agent": "a"})
    assert refused([good, {**good, **changes}]).where.startswith(where)


def test_infinite_value() -> None:
    data = event("homeostat.outcome", {"product": "p", "metric": "m", "value": 4321})
    assert "range" in str(refused(json.dumps(data).replace("4321", "1e999").encode()))


def test_no_data() -> None:
    without = event("homeostat.heartbeat")
    del without["data"]
    assert refused(without).where == "$.data"
    assert refused({**without, "data_base64": "e30="}).where == "$.data"


def test_long_source_of_an_alert() -> None:
    refused(event("homeostat.alert", {"labels": {"a": "b"}}, source="s" * 300))


@pytest.mark.parametrize("data", [b"", b"x", b"1", b"null", b"[1]", b"[" * 200, b"[" * 100_000])
def test_unreadable(data: bytes) -> None:
    assert refused(data).where


KINDS = (
    "homeostat.heartbeat",
    "homeostat.outcome",
    "homeostat.change",
    "homeostat.alert",
    "dev.cdevents.service.deployed.0.2.0",
)


@given(mutated(json.dumps(event("homeostat.heartbeat", {"agent": "a", "alive": True})).encode()))
def test_any_damage(data: bytes) -> None:
    readable_or_refused(source.decode, data)


@given(ANY_JSON)
def test_any_json(value: Any) -> None:
    for data in (value, *(event(kind, value) for kind in KINDS)):
        readable_or_refused(source.decode, json.dumps(data).encode())
