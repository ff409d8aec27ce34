from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from agent.model.alert import Alert, AlertStatus, Change, Heartbeat, Measure, Telemetry
from agent.model.errors import Unparseable
from agent.model.signals import ChangeKind, ChangePhase, Counters
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
    beat = Heartbeat(agent="indexer", alive=True, seq=4, version="1.2")
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
    counters = {"tasks": 4, "errors": 0, "rate": 0.5, "busy": False, "last": None}
    [told] = decode(event("homeostat.telemetry", counters, subject="indexer"))
    assert told == Telemetry(
        agent="indexer",
        counters=Counters(tasks=4.0, errors=0.0),
        detail={"rate": 0.5, "busy": False, "last": None},
    )


def test_the_time_of_the_event_is_when_it_was_sent() -> None:
    time = "2026-03-01T10:00:00Z"
    for kind in ("homeostat.heartbeat", "homeostat.telemetry"):
        [told] = decode(event(kind, {"agent": "a"}, time=time))
        assert told.sent_at == 1772359200.0
        [told] = decode(event(kind, {"agent": "a", "sent_at": 7}, time=time))
        assert told.sent_at == 7.0


def test_a_field_of_another_type_is_a_fault_and_no_refusal() -> None:
    [beat] = decode(event("homeostat.heartbeat", {"agent": "a", "alive": "yes", "deep": {}}))
    assert beat == Heartbeat(
        agent="a",
        faults=(
            "alive: expected true or false, found text",
            "deep: expected a plain value, found an object",
        ),
    )


def test_outcome() -> None:
    data = {"product": "shop", "metric": "orders", "value": 12}
    assert decode(event("homeostat.outcome", data)) == [
        Measure(product="shop", metric="orders", value=12.0)
    ]


def test_an_outcome_says_what_the_clock_of_its_sender_showed() -> None:
    data = {"product": "shop", "metric": "orders", "value": 12}
    [told] = decode(event("homeostat.outcome", data, time="2026-01-01T00:00:00Z"))
    assert told.sent_at == 1_767_225_600.0


def test_change() -> None:
    data = {"product": "shop", "entity": "web", "what": "config", "by": "mia"}
    assert decode(event("homeostat.change", data)) == [
        Change(product="shop", entity="web", what="config", by="mia", id="/shop 1")
    ]


def test_change_with_all_that_may_be_said() -> None:
    data = {
        "product": "shop",
        "entity": "web",
        "what": "deployed",
        "kind": "release",
        "phase": "failed",
        "version": "1.4",
        "before": "1.3",
        "link": "https://ci/1",
        "id": "run 7",
        "environment": "staging",
    }
    assert decode(event("homeostat.change", data, time="2026-03-01T10:00:00Z")) == [
        Change(
            product="shop",
            entity="web",
            what="deployed",
            kind=ChangeKind.RELEASE,
            phase=ChangePhase.FAILED,
            version="1.4",
            before="1.3",
            link="https://ci/1",
            id="run 7",
            sent_at=1772359200.0,
            is_elsewhere=True,
        )
    ]


@pytest.mark.parametrize("odd", [None, 3, "deploy", ["release"], {"a": 1}, True])
def test_words_that_are_none_are_left_out_and_refuse_nothing(odd: Any) -> None:
    """Senders wrote what they liked in these fields before they meant anything."""
    more = dict.fromkeys(("kind", "phase", "before", "link", "id", "environment"), odd)
    [change] = decode(
        event("homeostat.change", {"product": "shop", "entity": "w", "what": "x"} | more)
    )
    assert isinstance(change, Change)
    assert (change.kind, change.phase) == (ChangeKind.OTHER, ChangePhase.DONE)


def test_what_somebody_changed_by_hand_says_so() -> None:
    data = {"product": "shop", "entity": "web", "what": "edited", "by": "ann", "manual": True}
    [change] = decode(event("homeostat.change", data))
    assert isinstance(change, Change)
    assert change.is_manual


IMAGE = "pkg:oci/web@sha256%3A0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427?a=b"


def cdevent(kind: str, **content: Any) -> dict[str, Any]:
    data = {
        "context": {"version": "0.5.0", "id": "2", "type": kind},
        "subject": {"id": "web", "type": "service", "content": content},
    }
    return event(kind, data, source="/argo")


@pytest.mark.parametrize(
    ("kind", "what", "phase"),
    [
        ("service.deployed.0.2.0", "deployed", ChangePhase.DONE),
        ("service.upgraded.0.3.0-draft", "upgraded", ChangePhase.DONE),
        ("service.rolledback.9", "rolled back", ChangePhase.ROLLED_BACK),
        ("deployment.started.0.1.0", "deploying", ChangePhase.STARTED),
    ],
)
def test_cdevents(kind: str, what: str, phase: ChangePhase) -> None:
    told = cdevent(f"dev.cdevents.{kind}", environment={"id": "prod"}, artifactId=IMAGE)
    assert decode(told) == [
        Change(
            product="",
            entity="web",
            what=f"{what} {IMAGE} in prod",
            by="/argo",
            kind=ChangeKind.RELEASE,
            version="sha256:0b31b1c02ff4",
            phase=phase,
            id="/argo 1",
        )
    ]


def test_cdevents_that_came_later() -> None:
    [removed] = decode(cdevent("dev.cdevents.service.removed.0.3.0", environment={"id": "test"}))
    assert (removed.kind, removed.is_elsewhere) == (ChangeKind.OTHER, True)
    [done] = decode(cdevent("dev.cdevents.deployment.finished.0.1.0", outcome="success"))
    assert (done.phase, done.what) == (ChangePhase.DONE, "deployed")
    [failed] = decode(cdevent("dev.cdevents.deployment.finished.0.1.0", outcome="failure"))
    assert failed.phase is ChangePhase.FAILED
    [modified] = decode(cdevent("dev.cdevents.environment.modified.0.3.0", name="x"))
    assert modified.kind is ChangeKind.CONFIGURATION


# binary mode

BINARY = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/shop",
    "ce-type": "homeostat.change",
    "content-type": "application/json; charset=utf-8",
}
CHANGE = json.dumps({"product": "shop", "entity": "web", "what": "x"}).encode()


def test_binary_mode_is_as_good_as_structured() -> None:
    headers = {**BINARY, "ce-time": "2026-03-01T10:00:00Z", "ce-source": "/sh%C3%B6p"}
    [change] = source.signals(CHANGE, {**headers, "authorization": "Bearer x"})
    assert isinstance(change, Change)
    assert (change.entity, change.sent_at, change.id) == ("web", 1772359200.0, "/sh\u00f6p 1")
    beat = {**BINARY, "ce-type": "homeostat.heartbeat", "ce-subject": "indexer"}
    [heard] = source.signals(b'{"alive": true}', beat)
    assert isinstance(heard, Heartbeat)
    assert heard.agent == "indexer"
    assert list(source.signals(b"<xml/>", {**BINARY, "ce-type": "com.example.x"})) == []


def test_a_structured_event_is_one_whatever_headers_stand_beside_it() -> None:
    body = json.dumps(event("homeostat.change", json.loads(CHANGE))).encode()
    for headers in (
        {**BINARY, "content-type": "application/cloudevents+json"},
        {"ce-id": "9", "ce-type": "com.example.x", "content-type": "application/json"},
    ):
        [change] = source.signals(body, headers)
        assert isinstance(change, Change)
        assert change.id == "/shop 1"
    batch = {"content-type": "application/cloudevents-batch+json; charset=utf-8"}
    assert len(source.signals(b"[" + body + b"," + body + b"]", batch)) == 2


@pytest.mark.parametrize(
    ("headers", "body", "where"),
    [
        ({"ce-specversion": "0.3"}, CHANGE, "$.specversion"),
        ({"ce-time": "now"}, CHANGE, "header ce-time"),
        ({"ce-id": ""}, CHANGE, "$.id"),
        ({}, b"", "$.data"),
        ({}, b"{", "$.data"),
        ({}, b'{"product": 1}', "$.data.product"),
    ],
)
def test_binary_mode_names_the_field(headers: dict[str, str], body: bytes, where: str) -> None:
    with pytest.raises(Unparseable) as caught:
        source.signals(body, {**BINARY, **headers})
    assert caught.value.where == where


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


def test_what_is_meant_for_homeostat_is_not_thanked_for_and_lost() -> None:
    with pytest.raises(Unparseable, match=r"did you mean homeostat\.heartbeat\?") as caught:
        decode(event("homeostat.hearbeat", {"agent": "a"}))
    assert caught.value.where == "$.type"


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
    "dev.cdevents.deployment.finished.0.1.0",
)


@given(mutated(json.dumps(event("homeostat.heartbeat", {"agent": "a", "alive": True})).encode()))
def test_any_damage(data: bytes) -> None:
    readable_or_refused(source.decode, data)


@given(ANY_JSON)
def test_any_json(value: Any) -> None:
    for data in (value, *(event(kind, value) for kind in KINDS)):
        readable_or_refused(source.decode, json.dumps(data).encode())
