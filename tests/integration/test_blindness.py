"""A real Prometheus that goes away: its last word is not acted on, the platform is told, and told
again when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.support.daemon import catalog, component, daemon
from tests.support.oracle import PLUGINS, Oracle
from tests.support.servers import Prometheus, rule
from tests.support.waiting import eventually

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

BLIND = "6s"

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: down-book, owner: team-shop, layer: product, tier: low}}
match: {{alert: Down}}
plans:
  act:
    steps: [{{id: act, use: oracle.probed, with: {{file: {file}, before: 0.0, after: 0.0}}}}]
    verify: {{success: alert_cleared, within: 60s}}
"""


def watching(url: str) -> dict[str, object]:
    """The step waits for the dwell, and the source is gone before it is over."""
    rails = {"blind": BLIND, "dwell": "20s", "wait": "40s", "signal_age": "60s"}
    return {
        "plugins": ["plugins"],
        "sources": [{"use": "prometheus.level", "with": {"url": url}}],
        "level_check": "1s",
        "policy": {"page_hold": "0s", "evaluation_interval": "1s", "rails": rails},
    }


async def test_a_prometheus_that_is_gone_blinds_and_one_that_is_back_heals(
    tmp_path: Path, prometheus: Callable[..., Awaitable[Prometheus]]
) -> None:
    """F-STORM-07: the alert is long enough there to be acted on only after the source is gone."""
    oracle = Oracle(tmp_path / "oracle.txt")
    async with daemon(
        tmp_path / "d",
        products=catalog([component("shop")]),
        runbooks={"down": RUNBOOK.format(file=oracle.file)},
        plugins=PLUGINS,
    ) as made:
        server = await prometheus(
            targets={"shop": "127.0.0.1:1"},
            rules=[
                rule("Down", "up == 0", labels={"service": "shop", "severity": "critical"}),
                rule("Watchdog", "vector(1)"),
            ],
            alertmanagers=[made.url],
            resend_delay="15s",  # what fires is promised for four times as long
        )
        made.configure(**watching(server.url))
        await made.start()
        await eventually(made.incidents, within=15, what="the alert arrives")
        found = await made.incidents()
        assert {i["title"].partition(":")[0] for i in found} == {"Down"}, "no Watchdog among them"

        async def silent() -> list[dict[str, object]]:
            return [i for i in await made.incidents() if i["title"].startswith("SourceSilent")]

        await asyncio.sleep(7)
        assert await silent() == [], "an answer, or the Watchdog in it, was heard all the time"
        await server.stop()

        async def told() -> bool:
            return any("SourceSilent" in str(page) for page in made.pages)

        await eventually(silent, within=20, what=f"blind\n{made.output[-1500:]}")
        await eventually(told, within=10, what=f"somebody is told\n{made.output[-1500:]}")
        page = next(p for p in made.pages if "SourceSilent" in str(p))
        assert page["to"] == "platform", page

        down = await made.until(within=40, reason="blind")
        assert down["title"].startswith("Down")
        assert oracle.begun() == {}, "nothing was done on the word of a source that is gone"

        await server.start()

        async def is_over() -> bool:
            return all(i["state"] == "resolved" for i in await silent())

        await eventually(is_over, within=20, what=f"heard again\n{made.output[-1500:]}")
        ledger = await made.ledger()
        assert ledger["balanced"] is True, ledger
