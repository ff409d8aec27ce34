"""A candidate runs against history many times faster than history was made.

The peer reads the same lines of JSON into the same incidents and does nothing with them. One alert
in twenty is the candidate's; each comes with an incident of its own, which is the dearest case:
further alerts of an incident cost next to nothing. The same alerts come again: 4,000 sets of labels
in all.
"""

from __future__ import annotations

import time

import msgspec
import pytest

from agent.catalog.runbooks import load_text
from agent.model.decision import JournalEntry
from agent.model.incident import Incident
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Registry
from agent.model.reason import Reason
from agent.model.runbook import Runbook
from agent.runtime.history import ExportedHistory, Rules, backtest
from tests.bench.machine import REPEATS, Cpus, Report, calm
from tests.support.cases import REGISTRY
from tests.support.past import line, past, routed
from tests.support.runbook_plugins import PLUGINS

pytestmark = pytest.mark.bench

ALERTS = 20_000
OF_THE_CANDIDATE = 20
"""One in so many."""
ENTITIES = 400
SETS = 4_000
"""Of labels."""

CANDIDATE = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: web-hung, owner: team-shop, layer: product, tier: low}
match:
  alert: "*Hung"
  labels: {severity: [warning, critical]}
  when: alert.labels.namespace.startsWith("prod")
diagnose: [{id: seen, use: process.status, with: {target: =entity.name}}]
decide:
  - {when: '!seen.alive', plan: restart}
  - {default: escalate}
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: {success: alert_cleared, within: 2m}
"""
POLICY = Policy(default_diagnostics={"service": ("process.status",)})
SHOPS = Registry(
    products=REGISTRY.products,
    entities={
        name: Entity(name=name, kind=EntityKind.SERVICE, product="shop", owner="team-shop")
        for name in (f"shop-{n}" for n in range(ENTITIES))
    },
)


class _Line(msgspec.Struct):
    incident: Incident
    timeline: msgspec.Raw


def incident(number: int) -> Incident:
    of = number % SETS
    is_candidates = number % OF_THE_CANDIDATE == 0
    told = past(
        number,
        "WebHung" if is_candidates else f"Alert{of % 200}",
        entity=f"shop-{of % ENTITIES}",
        at=number * 30.0,
        labels={
            "namespace": "prod-a",
            "pod": f"web-{of % 500}",
            "instance": f"10.0.{of % 7}.{of % 250}:9100",
            "job": "web",
            "severity": "critical",
        },
        findings={"process_status": {"alive": bool(number % 3), "restarts": 0}},
    )
    return routed(told, "team-shop", "process.restart") if number % 3 == 0 else told


def lines() -> list[bytes]:
    def journal(told: Incident) -> list[JournalEntry]:
        return [
            JournalEntry(
                at=told.opened_at + n,
                subject=told.id,
                kind="opened",
                reason=Reason.NEW_ALERT,
                text="what happened, in a sentence as long as they are",
            )
            for n in range(6)
        ]

    return [line(told, *journal(told)) for told in map(incident, range(ALERTS))]


def tried_out(history: list[bytes], candidate: Runbook) -> float:
    began = time.perf_counter()
    rules = Rules([], policy=POLICY, registry=SHOPS, plugins=PLUGINS)
    found = backtest(ExportedHistory(history, name="bench"), rules, candidate)
    seconds = time.perf_counter() - began
    assert (found.alerts, len(found.rows)) == (ALERTS, ALERTS // OF_THE_CANDIDATE)
    assert {row.would.kind.value for row in found.rows} == {"acts", "routes"}
    return ALERTS / seconds


def read(history: list[bytes]) -> float:
    began = time.perf_counter()
    decode = msgspec.json.Decoder(_Line).decode
    for each in history:
        decode(each)
    return ALERTS / (time.perf_counter() - began)


async def test_backtest(report: Report, cpus: Cpus) -> None:
    candidate = load_text(CANDIDATE, path="candidate.yaml", plugins=PLUGINS)
    history = lines()
    tried_out(history, candidate)
    speeds: dict[str, list[float]] = {"backtest": [], "read": []}
    for _ in range(REPEATS):
        await calm()
        speeds["backtest"].append(tried_out(history, candidate))
        speeds["read"].append(read(history))
    report.add(
        "back-test of one runbook",
        "alerts/s",
        speeds["backtest"],
        speeds["read"],
        of="decoding the same JSON",
        goal=">= 20,000 alerts/s",
    )
