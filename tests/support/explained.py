"""A small site with one runbook, and `homeostat explain` asked about alerts of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from agent.interface.cli.main import app

CATALOG = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: web}
spec:
  type: service
  owner: team-shop
  dependsOn: ["resource:db"]
---
apiVersion: backstage.io/v1alpha1
kind: Resource
metadata: {name: db}
spec: {type: database, owner: team-data}
"""
CRASH = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: crash, owner: team-shop, layer: product, tier: low}
about: {meaning: it crashes, impact: nobody can pay, not_for: lack of memory}
match:
  alert: ["*CrashLoop*"]
  labels: {severity: [warning, critical]}
  when: alert.labels.namespace.startsWith("prod-")
guard:
  cooldown: {every: 15m, max: 3, in: 6h}
  require: [status.restarts < 5]
diagnose:
  - {id: status, use: process.status}
decide:
  - {when: '!status.alive', plan: restart, why: it is gone}
  - {when: alert.name == "Never", do: settle, within: 30m}
  - {default: escalate, why: it lives}
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify:
      settle: 30s
      within: 10m
      observe: [{id: up, use: process.up}]
      success: {all: ['up.verdict == "held"', alert_cleared], consecutive: 3, every: 20s}
      fail: up.verdict == "failed"
    rollback: snapshot
lifecycle: {state: shadow}
"""
LABELS = {
    "alertname": "PodCrashLoop",
    "service": "web",
    "severity": "critical",
    "namespace": "prod-a",
}


def make_site(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes it there, and goes there."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("HOMEOSTAT_CONFIG", raising=False)
    Path("runbooks").mkdir()
    Path("catalog-info.yaml").write_text(CATALOG)
    Path("runbooks/crash.yaml").write_text(CRASH)
    Path("homeostat.yaml").write_text(
        "{products: [catalog-info.yaml], runbooks: [runbooks], shipped_runbooks: false}"
    )


def explain(alert: Any, *words: str) -> Result:
    Path("alert.json").write_text(alert if isinstance(alert, str) else json.dumps(alert))
    result = CliRunner().invoke(app, ["explain", "alert.json", *words])
    assert result.exit_code == 0, result.output
    return result


def found(alert: Any) -> Any:
    return json.loads(explain(alert, "--format", "json").stdout)[0]


def rows(text: str) -> dict[str, list[str]]:
    """What is said under each title."""
    said: dict[str, list[str]] = {}
    title = ""
    for line in text.splitlines()[1:]:
        title = line[:16].strip() or title
        said.setdefault(title, []).append(line[16:].strip())
    return said
