from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.alert import AlertStatus
from agent.model.errors import Unparseable
from plugins.sources.alertmanager_webhook import receive as source
from tests.support.hostile import ANY_JSON, mutated, readable_or_refused

OPEN_END = "0001-01-01T00:00:00Z"


def member(**changes: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "Down", "service": "shop"},
        "annotations": {"summary": "down"},
        "startsAt": "2026-03-01T10:00:00.123456789Z",
        "endsAt": OPEN_END,
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "0123456789abcdef",
        **changes,
    }


def body(*members: dict[str, Any], **changes: Any) -> bytes:
    group = {
        "version": "4",
        "groupKey": "{}:{}",
        "receiver": "homeostat",
        "status": "firing",
        "alerts": list(members),
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "truncatedAlerts": 0,
        **changes,
    }
    return json.dumps(group).encode()


def refused(data: bytes) -> Unparseable:
    with pytest.raises(Unparseable) as caught:
        source.decode(data)
    return caught.value


def test_firing_alert() -> None:
    [alert] = source.decode(body(member()))
    assert alert.source == "alertmanager"
    assert alert.status is AlertStatus.FIRING
    assert alert.name == "Down"
    assert alert.fingerprint == "0123456789abcdef"
    assert alert.starts_at == 1772359200.123
    assert alert.ends_at is None
    assert alert.expires_at is None
    assert alert.flags == ()


def test_resolved_alert_has_its_end() -> None:
    [alert] = source.decode(body(member(status="resolved", endsAt="2026-03-01T10:05:00Z")))
    assert alert.status is AlertStatus.RESOLVED
    assert alert.ends_at == 1772359500.0


def test_resolved_without_end_ends_on_arrival() -> None:
    [alert] = source.decode(body(member(status="resolved")))
    assert alert.ends_at == 0.0


def test_whole_group_in_order() -> None:
    names = [f"A{i}" for i in range(50)]
    alerts = source.decode(body(*(member(labels={"alertname": n}) for n in names)))
    assert [a.name for a in alerts] == names


def test_unknown_keys_are_tolerated() -> None:
    changed = body(member(notification_reason="x"), routeLabels={"a": "b"}, new=[{"deep": 1}])
    assert len(source.decode(changed)) == 1


@pytest.mark.parametrize("text", ["", "0123", "0123456789ABCDEF", "zzzzzzzzzzzzzzzz", "0" * 17])
def test_no_fingerprint_is_left_to_the_intake(text: str) -> None:
    [alert] = source.decode(body(member(fingerprint=text)))
    assert alert.fingerprint == ""


def test_truncated_group_is_flagged() -> None:
    alerts = source.decode(body(member(), member(), truncatedAlerts=7))
    assert [a.flags for a in alerts] == [("truncated_group",)] * 2


@pytest.mark.parametrize("version", ["3", "5", 4, None])
def test_other_version_names_what_was_found_and_the_way_out(version: object) -> None:
    error = refused(body(member(), version=version))
    assert error.where == "$.version"
    assert "webhook_configs" in str(error)
    assert ("none" if version is None else repr(version)) in str(error)


def test_other_version_with_other_fields_is_about_the_version() -> None:
    assert refused(b'{"version": "3", "alert": []}').where == "$.version"
    assert refused(b'{"custom": "payload"}').where == "$.version"


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"labels": None}, "$.alerts[1].labels"),
        ({"labels": {"a": 1}}, "$.alerts[1].labels[...]"),
        ({"startsAt": "yesterday"}, "$.alerts[1].startsAt"),
        ({"startsAt": "2026-03-01T10:00:00"}, "$.alerts[1].startsAt"),
        ({"status": "suppressed"}, "$.alerts[1].status"),
        ({"annotations": {"a": []}}, "$.alerts[1].annotations[...]"),
    ],
)
def test_names_the_field(changes: dict[str, Any], where: str) -> None:
    assert refused(body(member(), member(**changes))).where == where


def test_missing_start_names_the_field() -> None:
    without = member()
    del without["startsAt"]
    error = refused(body(without))
    assert error.where == "$.alerts[0]"
    assert "startsAt" in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"42",
        b"hello",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"[" * 200,
        b'{"version":"4","alerts":' + b"[" * 100_000,
        b'{"version":"4","alerts":[{"labels":' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}]}",
        b'{"version":"4","alerts":[],"truncatedAlerts":NaN}',
        b'{"version":"4","alerts":[],"truncatedAlerts":1e999}',
        b'{"version":"4","alerts":[],"truncatedAlerts":' + b"9" * 5000 + b"}",
        b'{"version":"4","alerts":[]} {}',
        body(member(labels={"alertname": "x"})).replace(b'"x"', b'"\\ud800"'),
        body(member(labels={"alertname": "x"})).replace(b'"x"', b'"\xff"'),
    ],
)
def test_unreadable(data: bytes) -> None:
    assert refused(data).where


def test_hostile_text_is_left_to_the_intake() -> None:
    labels = {"alertname": "\x00\x1b[31m\u202e", "big": "x" * 1_000_000}
    labels |= {f"l{i}": "v" for i in range(5000)}
    [alert] = source.decode(body(member(labels=labels)))
    assert alert.labels == labels


def test_no_alertname() -> None:
    [alert] = source.decode(body(member(labels={"service": "shop"})))
    assert alert.name == ""


def test_duplicate_keys_are_an_answer_not_a_crash() -> None:
    data = body(member()).replace(b'"service"', b'"alertname"')
    assert len(source.decode(data)) == 1


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    refused(data)


@given(mutated(body(member(), member(status="resolved", endsAt="2026-03-01T10:05:00Z"))))
def test_any_damage(data: bytes) -> None:
    readable_or_refused(source.decode, data)


@given(ANY_JSON)
def test_any_json(value: Any) -> None:
    for data in (value, {"version": "4", "alerts": value}, {"version": "4", "alerts": [value]}):
        readable_or_refused(source.decode, json.dumps(data).encode())
