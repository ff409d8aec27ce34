"""The alerts and dashboards about Homeostat itself: Prometheus reads them, they fire when they are
meant to, and a running daemon exposes what they ask for."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.support.daemon import daemon
from tests.support.promtool import Rules, Told
from tests.support.running import http_get
from tests.support.tree import ROOT
from tests.support.waiting import eventually

pytestmark = pytest.mark.integration

GROUPS = yaml.safe_load((ROOT / "deploy/prometheus/homeostat.yaml").read_text())["groups"]
NEEDS_AN_EVENT = {"homeostat_rail_stops_total", "homeostat_requests_refused_total"}
"""Counters that are exposed once they have counted; the name is checked in tests/unit/deploy."""
HEALTHY = {
    'up{job="homeostat"}': "1+0x400",
    'homeostat_commits{job="homeostat"}': "0+5x400",
    'homeostat_alerts_received_total{job="homeostat"}': "0+3x400",
    'homeostat_pages_unheard{job="homeostat"}': "0+0x400",
    'homeostat_own_decisions_late{job="homeostat"}': "2+0x400",
    'homeostat_own_budget_spent{job="homeostat"}': "0.1+0x400",
    'homeostat_own_advises_only{job="homeostat"}': "0+0x400",
    'homeostat_ledger_unbalanced{job="homeostat"}': "0+0x400",
    'homeostat_cluster_watch_silent{job="homeostat"}': "60+0x400",
    'homeostat_halted{job="homeostat"}': "0+0x400",
    'homeostat_files_refused{job="homeostat"}': "0+0x400",
    'process_start_time_seconds{job="homeostat"}': "1000+0x400",
}
"""A daemon that is well, a sample each 30 s."""


def expressions() -> list[str]:
    found = []
    for path in sorted((ROOT / "deploy/grafana").glob("*.json")):
        read = json.loads(path.read_text())
        found += [t["expr"] for panel in read["panels"] for t in panel.get("targets", ())]
        found += [one["expr"] for one in read["annotations"]["list"]]
    return found


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\b((?:homeostat|process)_[a-z_]+)\{", expression))


def test_prometheus_reads_the_alerts(tmp_path: Path) -> None:
    Rules(tmp_path, GROUPS).check()


def test_prometheus_reads_every_expression_of_the_dashboards(tmp_path: Path) -> None:
    plain = [one.replace("$__rate_interval", "5m") for one in expressions()]
    rules = [{"record": f"board:{at}", "expr": text} for at, text in enumerate(plain)]
    Rules(tmp_path, [{"name": "boards", "rules": rules}]).check()


def test_a_healthy_one_makes_no_noise(tmp_path: Path) -> None:
    Rules(tmp_path, GROUPS).hold(HEALTHY, Told("2h", set()), Told("3h", set()))


@pytest.mark.parametrize(
    ("name", "samples", "at", "then"),
    [
        ("up", "1+0x100 0+0x300", "1h", "Down"),
        ("up", "1+0x100 _x300", "1h30m", "Down"),
        ("homeostat_commits", "0+5x100 500+0x300", "1h30m", "StandsStill"),
        ("homeostat_pages_unheard", "0+0x100 1+0x300", "1h", "PagesNotDelivered"),
        ("homeostat_own_decisions_late", "0+0x100 0+1x300", "1h30m", "DecisionsLate"),
        ("homeostat_own_budget_spent", "0.85+0x400", "1h", "BudgetNearlySpent"),
        ("homeostat_own_budget_spent", "NaN+0x400", "1h", "OwnHealthUnknown"),
        ("homeostat_own_advises_only", "1+0x400", "1h", "AdvisesOnly"),
        ("homeostat_ledger_unbalanced", "-2+0x400", "1h", "LedgerUnbalanced"),
        ("homeostat_cluster_watch_silent", "0+30x400", "1h", "WatchSilent"),
        ("homeostat_halted", "1+0x400", "1h30m", "Halted"),
        ("homeostat_files_refused", "2+0x400", "1h", "FilesRefused"),
        ("homeostat_alerts_received_total", "7+0x400", "2h", "HearsNothing"),
        ("process_start_time_seconds", "1000+60x400", "1h", "Restarts"),
        ("homeostat_requests_refused_total", "0+2x400", "1h", "TurnsSendersAway"),
    ],
)
def test_each_alert_fires_alone_when_it_is_meant_to(
    tmp_path: Path, name: str, samples: str, at: str, then: str
) -> None:
    played = {**HEALTHY, f'{name}{{job="homeostat"}}': samples}
    Rules(tmp_path, GROUPS).hold(played, Told(at, {f"Homeostat{then}"}))


def test_a_slow_disk_is_told(tmp_path: Path) -> None:
    name = 'homeostat_commit_duration_seconds_bucket{job="homeostat",le="%s"}'
    slow = {name % "0.1": "0+1x400", name % "1.0": "0+20x400", name % "+Inf": "0+20x400"}
    Rules(tmp_path, GROUPS).hold({**HEALTHY, **slow}, Told("1h", {"HomeostatCommitsSlow"}))


def test_every_alert_is_tried() -> None:
    """So that a new one is not forgotten above."""
    [mark] = test_each_alert_fires_alone_when_it_is_meant_to.pytestmark  # type: ignore[attr-defined]
    tried = {f"Homeostat{row[3]}" for row in mark.args[1]}
    written = {rule["alert"] for group in GROUPS for rule in group["rules"]}
    assert written == tried | {"HomeostatCommitsSlow"}


async def test_a_running_daemon_exposes_what_is_asked_for(tmp_path: Path) -> None:
    async with daemon(tmp_path / "d") as made:
        await made.start()
        assert await made.fire("Broken", service="web") == 200
        await eventually(lambda: bool(made.pages), within=10, what="somebody is told")
        _, said = await http_get(f"{made.url}/metrics")
    exposed = {re.split(r"[ {]", line)[0] for line in said.decode().splitlines() if line[:1] != "#"}
    rules = [rule["expr"] for group in GROUPS for rule in group["rules"]]
    asked = set().union(*map(names_in, [*expressions(), *rules]))
    assert len(asked) > 12
    assert asked - exposed - NEEDS_AN_EVENT == set()
