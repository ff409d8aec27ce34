"""The real daemon past its own review: it says so, asks a person instead of acting, survives
kill -9 as what it is, and acts again with the next date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, catalog, component, daemon
from tests.support.oracle import PLUGINS, Oracle
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(90)]

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: broken-book, owner: team-shop, layer: product, tier: low}}
match: {{alert: Broken}}
plans:
  act:
    steps: [{{id: act, use: oracle.probed, with: {{file: {file}}}}}]
    verify: {{success: {{all: [alert_cleared]}}, within: 10m}}
"""


def declared(review_by: str) -> dict[str, Any]:
    return {
        "policy": {"cooldown": "0s", "page_hold": "0s", "rails": {"dwell": "0s"}},
        "agent": {"name": "warden", "owner": "team-agents", "review_by": review_by},
    }


async def until_it(made: Daemon, mode: str) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        try:
            told: dict[str, Any] = await made.get("/api/v1/self")
        except OSError:
            return None
        return told if told.get("mode") == mode else None

    return await eventually(look, within=20, what=f"{mode}\n{made.output[-1500:]}") or {}


async def test_past_its_review_it_asks_and_with_the_next_date_it_acts(tmp_path: Path) -> None:
    oracle = Oracle(tmp_path / "oracle.txt")
    async with daemon(
        tmp_path / "d",
        products=catalog([component("web"), component("api")]),
        runbooks={"broken": RUNBOOK.format(file=oracle.file)},
        plugins=PLUGINS,
        **declared("2020-01-31"),
    ) as made:
        await made.start()
        told = await until_it(made, "advises_only")
        assert (told["name"], told["owner"]) == ("warden", "team-agents")
        assert told["reason"] == "own_review_overdue"
        assert "2020-01-31" in told["banner"]
        said = await made.until(layer="machinery", routed_to="platform")
        assert "AgentAdvisesOnly" in str(said["alerts"])
        assert await made.fire("Broken", service="web") == 200
        await made.until(product="web", state="awaiting_approval")

        await made.kill()
        await made.start()
        assert (await until_it(made, "advises_only"))["since"] == told["since"]
        assert oracle.begun().total() == 0

        made.configure(plugins=["plugins"], **declared("2099-01-31"))
        assert await made.post("/-/reload", "") == 200
        assert (await until_it(made, "acts"))["review_by"] == "2099-01-31"
        await made.until(layer="machinery", state="resolved")
        assert await made.fire("Broken", service="api") == 200
        await eventually(lambda: oracle.begun().total() == 1, within=10, what=made.output[-1500:])
