from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.alert import AlertStatus
from agent.model.errors import Unparseable
from plugins.sources.alertmanager_api import receive as source
from tests.support.hostile import ANY_JSON, mutated, readable_or_refused


def body(*alerts: dict[str, Any]) -> bytes:
    return json.dumps(alerts).encode()


def refused(data: bytes) -> Unparseable:
    with pytest.raises(Unparseable) as caught:
        source.decode(data)
    return caught.value


def test_as_prometheus_posts_it() -> None:
    [alert] = source.decode(
        body(
            {
                "labels": {"alertname": "Down", "job": "shop"},
                "annotations": {"summary": "down"},
                "startsAt": "2026-03-01T10:00:00.623Z",
                "endsAt": "2026-03-01T10:04:00.623Z",
                "generatorURL": "http://prometheus/graph",
            }
        )
    )
    assert alert.source == "prometheus"
    assert alert.fingerprint == ""
    assert alert.status is AlertStatus.FIRING
    assert alert.starts_at == 1772359200.623
    assert alert.expires_at == 1772359440.623
    assert alert.ends_at is None
    assert alert.generator_url == "http://prometheus/graph"


def test_as_amtool_posts_it() -> None:
    zero = "0001-01-01T00:00:00.000Z"
    [alert] = source.decode(
        body({"labels": {"alertname": "X"}, "annotations": None, "startsAt": zero, "endsAt": zero})
    )
    assert alert.starts_at == 0.0
    assert alert.expires_at == 0.0  # a resolve timeout after its arrival; the intake has the clock


def test_only_labels() -> None:
    [alert] = source.decode(body({"labels": {"alertname": "X"}}))
    assert alert.starts_at == 0.0
    assert alert.annotations == {}


def test_empty_list() -> None:
    assert list(source.decode(b"[]")) == []


def test_status_of_the_sender_does_not_count() -> None:
    [alert] = source.decode(body({"labels": {"a": "b"}, "status": "resolved"}))
    assert alert.status is AlertStatus.FIRING


def test_empty_label_is_no_label() -> None:
    [alert] = source.decode(body({"labels": {"a": "b", "c": ""}}))
    assert alert.labels == {"a": "b"}


def test_needs_a_label() -> None:
    good: dict[str, Any] = {"labels": {"a": "b"}}
    assert refused(body(good, {"labels": {}})).where == "$[1].labels"
    assert refused(body(good, {"labels": {"a": ""}})).where == "$[1].labels"
    assert refused(body(good, {})).where == "$[1]"


def test_end_before_start() -> None:
    error = refused(
        body(
            {
                "labels": {"a": "b"},
                "startsAt": "2026-03-01T10:00:00Z",
                "endsAt": "2026-03-01T09:00:00Z",
            }
        )
    )
    assert error.where == "$[0].endsAt"


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"null", b"x", b"[1]", b"[" * 200, b'[{"labels":{"a":1}}]', b'[{"labels":NaN}]'],
)
def test_unreadable(data: bytes) -> None:
    assert refused(data).where


@given(mutated(body({"labels": {"alertname": "X"}, "startsAt": "2026-03-01T10:00:00Z"})))
def test_any_damage(data: bytes) -> None:
    readable_or_refused(source.decode, data)


@given(st.lists(ANY_JSON, max_size=3) | ANY_JSON)
def test_any_json(value: Any) -> None:
    readable_or_refused(source.decode, json.dumps(value).encode())
