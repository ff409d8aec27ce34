"""What a daemon did is gone through again by commands, while it runs and after it has stopped.

The commands run as people run them: processes of their own over the settings of the site. They
change nothing, and the daemon does not notice them.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Daemon, catalog, component, daemon
from tests.support.site import ROOT

pytestmark = pytest.mark.e2e

HUNG = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: hung, owner: team-shop, layer: product, tier: low}
match: {alert: Hung}
plans:
  wait: {do: settle, verify: {success: alert_cleared, within: 5m}}
lifecycle: {state: STATE}
"""
SETTLE = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: slow, owner: team-shop, layer: product, tier: low}
match: {alert: Slow, labels: {severity: [warning]}}
decide: [{default: settle, why: it is the nightly batch}]
"""
RESTART = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: restart, owner: team-shop, layer: product, tier: low}
match: {alert: [Slow, Hung]}
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: {success: alert_cleared, within: 2m}
lifecycle: {state: draft}
"""


async def homeostat(made: Daemon, *words: str) -> Any:
    """What the command prints as data; it has to end with 0."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agent",
        *words,
        "--config",
        "homeostat.yaml",
        "--format",
        "json",
        cwd=made.folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def lived(made: Daemon) -> tuple[str, str]:
    """One incident settled by the daemon, one that went to people; their ids."""
    labels = {"service": "web", "severity": "warning"}
    assert await made.fire("Slow", **labels) == 200
    assert await made.clear("Slow", **labels) == 200
    settled = await made.until(outcome="settled")
    assert await made.fire("Hung", **labels) == 200
    told = await made.until(state="escalated")
    path = f"/api/v1/incidents/{told['id']}/resolve"
    status, _ = await made.ask(
        path, method="POST", body={"cause": "a full disk", "actions": ["made room by hand"]}
    )
    assert status == 200
    return settled["id"], told["id"]


async def looked_back(made: Daemon, settled: str, told: str) -> None:
    """All three commands, over the same history."""
    replayed = await homeostat(made, "replay", "--since", "1d")
    assert replayed["incidents"] == 2
    rows = {row["incident"]: row for row in replayed["rows"]}
    assert rows[settled]["then"]["kind"] == rows[settled]["now"]["kind"] == "settles"
    assert (rows[settled]["now"]["runbook"], rows[settled]["differs"]) == ("slow", [])
    assert rows[told]["then"]["kind"] == "routes"
    assert rows[told]["now"]["routed_to"] == "team-shop"

    tested = await homeostat(made, "backtest", "restart.yaml", "--since", "1d")
    assert (tested["incidents"], tested["lifecycle"]) == (2, "draft")
    assert tested["not_chosen"] == {"slow": 1}
    [row] = tested["rows"]
    assert (row["incident"], row["would"]["kind"]) == (told, "acts")
    assert row["would"]["steps"] == [
        {"use": "process.restart", "target": "web", "params": {"target": "web"}}
    ]
    assert row["people"]["outside"] == ["made room by hand"]
    assert (row["people"]["cause"], row["agreement"]) == ("a full disk", "in_words")

    differing = await homeostat(made, "diff", "runbooks", "new")
    assert differing["runbooks"] == {"added": ["hung"], "removed": ["slow"], "changed": []}
    ends = {r["incident"]: (r["old"]["kind"], r["new"]["kind"]) for r in differing["rows"]}
    assert ends == {settled: ("settles", "routes"), told: ("routes", "settles")}


async def test_the_past_of_a_daemon_while_it_runs_and_after(tmp_path: Path) -> None:
    async with daemon(
        tmp_path / "d",
        products=catalog([component("web")]),
        runbooks={"slow": SETTLE},
        policy={"page_hold": "0s"},
    ) as made:
        (made.folder / "restart.yaml").write_text(RESTART)
        (made.folder / "new").mkdir()
        (made.folder / "new" / "hung.yaml").write_text(HUNG.replace("STATE", "active"))
        await made.start()
        settled, told = await lived(made)

        await looked_back(made, settled, told)
        assert await made.fire("Slow", service="web", severity="warning", n="2") == 200
        await made.until(state="verifying")
        assert (await homeostat(made, "replay"))["incidents"] == 3, "what it did meanwhile is seen"
        assert (await made.ledger())["balanced"] is True
        assert await made.clear("Slow", service="web", severity="warning", n="2") == 200

        assert await made.terminate(within=35) == 0
        left = sorted(os.listdir(made.var))
        replayed = await homeostat(made, "replay")
        assert replayed["incidents"] == 3
        export = made.folder / "past.jsonl"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "agent", "replay", "--config", "homeostat.yaml",
            "--export", str(export), cwd=made.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        assert await process.wait() == 0
        assert await homeostat(made, "replay", "--history", str(export)) == replayed
        assert sorted(os.listdir(made.var)) == left, "a reader leaves nothing behind"
        await made.start()
        assert len(await made.incidents()) == 3
