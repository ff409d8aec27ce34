"""What `deploy/` says about Homeostat's own metrics asks for metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from docs.instruments import metrics_in
from tests.support.tree import ROOT

BOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))
RULES = ROOT / "deploy/prometheus/homeostat.yaml"
OF_THE_PROCESS = {
    "process_start_time_seconds",
    "process_resident_memory_bytes",
    "process_cpu_seconds_total",
    "process_open_fds",
    "process_max_fds",
}
"""Those of prometheus_client; tests/integration/test_deploy_watched.py sees them exposed."""
NAME = re.compile(r"\b((?:homeostat|process)_[a-z_]+)\b(?=\s*[{\[(])|\bup\{")


def known() -> set[str]:
    names = set(OF_THE_PROCESS)
    for file in ("telemetry.py", "gauges.py"):
        for shown, kind, _ in metrics_in(ROOT / "agent/runtime" / file):
            name = shown.strip("`")
            names |= {f"{name}_bucket"} if kind == "histogram" else {name}
    return names


def board(path: Any) -> Any:
    return json.loads(path.read_text())


def expressions() -> Iterator[tuple[str, str]]:
    """Where it stands, and the expression."""
    for path in BOARDS:
        read = board(path)
        for panel in read["panels"]:
            for target in panel.get("targets", ()):
                yield f"{path.name} {panel['title']}", target["expr"]
        for annotation in read["annotations"]["list"]:
            yield f"{path.name} {annotation['name']}", annotation["expr"]
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]


def test_there_are_expressions() -> None:
    assert len(list(expressions())) > 30


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_metric_is_one_of_ours(where: str, expression: str) -> None:
    named = {found for found in NAME.findall(expression) if found}
    assert named or "up{" in expression, where
    assert named - known() == set(), where


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_series_is_asked_for_by_the_job(where: str, expression: str) -> None:
    selectors = re.findall(r"(?:up|homeostat_\w+|process_\w+)(\{[^}]*\})?", expression)
    assert all('job="homeostat"' in found for found in selectors), where


def test_ids_of_boards_and_panels_are_unique() -> None:
    uids = [board(path)["uid"] for path in BOARDS]
    assert len(set(uids)) == len(uids) >= 2
    for path in BOARDS:
        ids = [panel["id"] for panel in board(path)["panels"]]
        assert len(set(ids)) == len(ids)


def test_no_panel_lies_on_another() -> None:
    for path in BOARDS:
        taken: set[tuple[int, int]] = set()
        for panel in board(path)["panels"]:
            at = panel["gridPos"]
            own = {
                (x, y)
                for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])
            }
            assert at["x"] + at["w"] <= 24
            assert not own & taken, (path.name, panel["title"])
            taken |= own


def test_every_alert_says_what_to_do() -> None:
    for group in yaml.safe_load(RULES.read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["labels"]["severity"] in ("critical", "warning"), rule["alert"]
            assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]
