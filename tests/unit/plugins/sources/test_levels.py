"""Both level sources against recorded answers; the real servers are in tests/integration."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from agent.model.alert import AlertStatus
from agent.model.errors import Temporary
from plugins.sources.alertmanager_level import Alertmanager
from plugins.sources.alertmanager_level import firing as alertmanager
from plugins.sources.prometheus_level import Prometheus
from plugins.sources.prometheus_level import firing as prometheus
from tests.support.loopback import Answer, json, serving, status
from tests.support.source_kit import collecting


def listed(name: str, state: str = "active") -> dict[str, Any]:
    return {
        "annotations": {"summary": "s"},
        "endsAt": "2026-03-01T10:04:00.123Z",
        "fingerprint": "0123456789abcdef",
        "receivers": [{"name": "homeostat"}],
        "startsAt": "2026-03-01T10:00:00.123Z",
        "status": {"inhibitedBy": [], "silencedBy": [], "state": state},
        "updatedAt": "2026-03-01T10:00:00.123Z",
        "generatorURL": "http://g",
        "labels": {"alertname": name},
    }


def rule(name: str, state: str = "firing", **labels: str) -> dict[str, Any]:
    return {
        "labels": {"alertname": name, **labels},
        "annotations": {},
        "state": state,
        "activeAt": "2026-03-01T10:00:00.623456789Z",
        "value": "1e+00",
    }


def rules(*entries: dict[str, Any]) -> Answer:
    return json({"status": "success", "data": {"alerts": list(entries)}})


async def test_alertmanager_lists_the_active_ones_and_flags_the_others() -> None:
    answer = json([listed("A"), listed("B", "suppressed"), listed("C", "unprocessed")])
    async with serving(answer) as server, collecting() as emitted:
        alerts = await alertmanager.firing(emitted.kit, Alertmanager(url=server.url + "/"))
    assert [a.flags for a in alerts] == [(), ("suppressed",), ("suppressed",)]
    alert = alerts[0]
    assert server.received[0].path == "/api/v2/alerts"
    assert server.received[0].query["active"] == "true"
    assert alert.source == "alertmanager"
    assert alert.fingerprint == "0123456789abcdef"
    assert alert.status is AlertStatus.FIRING
    assert alert.starts_at == 1772359200.123
    assert alert.expires_at is None


async def test_prometheus_lists_the_firing_ones_with_external_labels() -> None:
    answer = rules(rule("A", job="x", zone="own"), rule("B", "pending"))
    params = {"external_labels": {"cluster": "eu", "zone": "outer"}}
    async with serving(answer) as server, collecting() as emitted:
        [alert] = await prometheus.firing(emitted.kit, Prometheus(url=server.url, **params))
    assert server.received[0].path == "/api/v1/alerts"
    assert alert.source == "prometheus"
    assert alert.labels == {"alertname": "A", "job": "x", "zone": "own", "cluster": "eu"}
    assert alert.starts_at == 1772359200.623


@pytest.mark.parametrize(
    "answer",
    [
        status(503),
        status(200, body=b"<html>login</html>"),
        status(200, body=b'[{"labels":'),
        json({"status": "error"}),
        json([{"labels": {}}]),
        lambda _: web.Response(status=302, headers={"Location": "/"}),
    ],
)
async def test_no_list_is_not_an_empty_list(answer: Answer) -> None:
    async with serving(answer) as server, collecting() as emitted:
        with pytest.raises(Temporary):
            await alertmanager.firing(emitted.kit, Alertmanager(url=server.url))
        with pytest.raises(Temporary):
            await prometheus.firing(emitted.kit, Prometheus(url=server.url))


async def test_nobody_firing() -> None:
    async with serving(json([])) as server, collecting() as emitted:
        assert await alertmanager.firing(emitted.kit, Alertmanager(url=server.url)) == []
    async with serving(rules()) as server, collecting() as emitted:
        assert await prometheus.firing(emitted.kit, Prometheus(url=server.url)) == []
