"""An alert seen by a level check is the alert that was pushed: against the real servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from agent.core.fingerprint import fingerprint
from agent.model.alert import Alert, AlertStatus
from plugins.sources.alertmanager_api import receive as api
from plugins.sources.alertmanager_level import Alertmanager as AlertmanagerParams
from plugins.sources.alertmanager_level import firing as alertmanager_level
from plugins.sources.alertmanager_webhook import receive as webhook
from plugins.sources.prometheus_level import Prometheus as PrometheusParams
from plugins.sources.prometheus_level import firing as prometheus_level
from tests.support.loopback import Loopback, serving, status
from tests.support.servers import Alertmanager, Prometheus, amtool, rule
from tests.support.source_kit import collecting
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration


def pushed(server: Loopback, decode: Callable[[bytes], Sequence[object]]) -> list[Alert]:
    bodies = [received.body for received in server.received if received.method == "POST"]
    return [a for body in bodies for a in decode(body) if isinstance(a, Alert)]


async def test_alertmanager_says_the_same_both_ways(
    alertmanager: Callable[..., Awaitable[Alertmanager]],
) -> None:
    async with serving(status(200)) as server, collecting() as emitted:
        manager = await alertmanager(webhook=f"{server.url}/webhook/alertmanager")
        for name in ("A", "B", "C"):
            assert await amtool("alert", "add", name, "product=shop", url=manager.url) == 0
        await eventually(
            lambda: len({a.name for a in pushed(server, webhook.decode)}) == 3,
            within=15,
            what="all webhooks",
        )
        params = AlertmanagerParams(url=manager.url)
        level = await alertmanager_level.firing(emitted.kit, params)
    by_push = {a.identity: a for a in pushed(server, webhook.decode)}
    by_level = {a.identity: a for a in level}
    assert set(by_push) == set(by_level)
    for identity, alert in by_level.items():
        assert alert.starts_at == by_push[identity].starts_at
        assert alert.labels == by_push[identity].labels
        assert alert.status is AlertStatus.FIRING
        assert alert.fingerprint == fingerprint(alert.labels)


async def test_prometheus_says_the_same_both_ways(
    prometheus: Callable[..., Awaitable[Prometheus]], tmp_path: Path
) -> None:
    async with serving(status(200)) as server, collecting() as emitted:
        prom = await prometheus(
            targets={"shop": "127.0.0.1:1"},
            rules=[rule("Down", "up == 0", labels={"product": "shop"})],
            alertmanagers=[server.url],
        )
        await eventually(lambda: pushed(server, api.decode), within=20, what="a push")
        level = await prometheus_level.firing(emitted.kit, PrometheusParams(url=prom.url))
    [listed] = level
    sent = pushed(server, api.decode)[0]
    assert (listed.source, listed.labels) == (sent.source, sent.labels)
    assert listed.starts_at <= sent.starts_at
    assert sent.expires_at is not None
    assert sent.expires_at > sent.starts_at
