"""Ten thousand runbooks: read and checked from their files, and taken from the compiled cache."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml

from agent.catalog.runbook_cache import RunbookCache, load_cached
from agent.catalog.runbooks import load_runbooks
from agent.runtime.registry import PluginRegistry, shipped_plugins_folder
from tests.bench.machine import Cpus, Report, calm

pytestmark = [pytest.mark.bench, pytest.mark.timeout(600)]

COUNT = 10_000
COLD = 1_000
"""So many are read cold: the goal for all of them is scaled."""

RUNBOOK = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: service-{n}-hangs, owner: team-{n}, layer: product, tier: low}}
about:
  meaning: Service {n} lives but does not answer.
  impact: Requests to it wait until they time out.
  not_for: A process that is gone.
match:
  alert: [Service{n}NotAnswering]
  labels: {{severity: [warning, critical]}}
  when: alert.labels.service.startsWith("s")
guard:
  cooldown: {{every: 15m, max: 3, in: 6h}}
diagnose:
  - {{id: status, use: process.status}}
  - {{id: log, use: process.recent_log}}
decide:
  - {{when: status.alive && (status.hung || !status.answers), plan: restart, why: it hangs}}
  - {{default: escalate, why: it answers or is gone}}
plans:
  restart:
    steps:
      - {{id: restart, use: process.restart, timeout: 1m}}
    verify:
      observe: [{{id: up, use: process.up}}]
      success: {{all: ['up.verdict == "held"', alert_cleared], consecutive: 2, every: 1s}}
      within: 5m
escalate: {{evidence: [status, log]}}
tests:
  - name: one that hangs is restarted
    given:
      alert: {{labels: {{alertname: Service{n}NotAnswering, service: s, severity: critical}}}}
      facts: {{status: {{alive: true, hung: true, answers: false}}, log: {{errors: 0}}}}
      after: {{facts: {{up: {{verdict: held}}}}}}
    expect: {{plan: restart, actions: [process.restart], verdict: held, outcome: healed}}
  - name: one that answers is left alone
    given:
      facts: {{status: {{alive: true, hung: false, answers: true}}}}
    expect: {{actions: [], outcome: routed}}
"""


def written(folder: Path, count: int) -> Path:
    folder.mkdir()
    for n in range(count):
        (folder / f"service-{n}.yaml").write_text(RUNBOOK.format(n=n))
    return folder


def seconds_of(folder: Path, cache: RunbookCache | None) -> tuple[float, int]:
    plugins = PluginRegistry.load([shipped_plugins_folder()]).plugins
    began = time.perf_counter()
    if cache is None:
        found = load_runbooks([folder], plugins)
    else:
        found = load_cached([folder], plugins, cache)
    spent = time.perf_counter() - began
    assert found.faults == ()
    return spent, len(found.runbooks)


def parsed(folder: Path) -> float:
    """The least anybody could do: the same files through the same parser, into plain data."""
    began = time.perf_counter()
    for path in folder.glob("*.yaml"):
        yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
    return time.perf_counter() - began


async def test_cost_of_loading(report: Report, cpus: Cpus, tmp_path: Path) -> None:
    plugins = PluginRegistry.load([shipped_plugins_folder()]).plugins
    few, many = written(tmp_path / "few", COLD), written(tmp_path / "many", COUNT)
    await calm()
    cold = [seconds_of(few, None)[0] * COUNT / COLD for _ in range(3)]
    plain = [parsed(few) * COUNT / COLD for _ in range(3)]
    report.add("10,000 runbooks, cold", "s", cold, plain, of="YAML into plain data", goal="<= 30 s")
    file = tmp_path / "cache" / "runbooks.msgpack"
    first = RunbookCache(file, plugins)
    assert seconds_of(many, first)[1] == COUNT
    first.save()
    await calm()
    warm = []
    for _ in range(3):
        began = time.perf_counter()
        opened = RunbookCache(file, plugins)
        spent = time.perf_counter() - began
        taken, count = seconds_of(many, opened)
        assert count == COUNT
        warm.append(spent + taken)
    report.add("10,000 runbooks, from the cache", "s", warm, cold, of="cold", goal="<= 5 s")
