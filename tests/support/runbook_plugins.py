"""A few declared plugins for tests of runbooks. Their functions are never called there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.model.effect import Effect, Probed
from agent.ports.plugin import Params, Plugin, Result, action, diagnostic, notifier


class Target(Params):
    target: str
    grace_seconds: int = 3
    names: list[str] = []


class Look(Params):
    target: str
    lines: int = 10


class Query(Params):
    query: str
    target: str | None = None


class Release(Result):
    version: str
    healthy: bool


class StatusResult(Result):
    alive: bool
    restarts: int = 0
    changed_seconds_ago: float | None = None
    tags: list[str] = []
    counts: dict[str, int] = {}
    previous: Release | None = None


class QueryResult(Result):
    value: float | None = None


@action(name="process.restart", params=Target, effect=Effect.PROBED, summary="Restarts it")
async def restart(kit: Any, params: Target) -> Mapping[str, Any]:
    return {}


@restart.probe
async def happened(kit: Any, params: Target, key: str) -> Probed:
    return Probed.UNCLEAR


@action(name="shell.run", params=Target, effect=Effect.OPAQUE, summary="Runs something")
async def shell(kit: Any, params: Target) -> Mapping[str, Any]:
    return {}


@diagnostic(name="process.status", params=Look, result=StatusResult, summary="Looks at it")
async def status(kit: Any, params: Look) -> StatusResult:
    return StatusResult(alive=True)


@diagnostic(name="prometheus.query", params=Query, result=QueryResult, summary="Asks")
async def query(kit: Any, params: Query) -> QueryResult:
    return QueryResult()


@notifier(name="file", params=Params, summary="Writes it down")
async def file(kit: Any, params: Params, message: Any) -> str:
    return ""


PLUGINS: Mapping[str, Plugin] = {p.name: p for p in (restart, shell, status, query, file)}

SMALL = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: web-hung, owner: team-shop, layer: product, tier: low}
match: {alert: ServiceNotAnswering}
plans:
  restart:
    steps: [{id: restart, use: process.restart}]
    verify: {success: alert_cleared, within: 2m}
tests:
  - name: a hung service is restarted
    given: {alert: {labels: {alertname: ServiceNotAnswering, service: web}}}
    expect: {plan: restart, actions: [process.restart], verdict: held}
"""

FULL = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: crash-loop, owner: team-shop, layer: product, tier: low, author: ann}
about: {meaning: it crashes, impact: nobody can pay, not_for: lack of memory}
match:
  alert: [CrashLoop, CrashLoopSlow]
  labels: {severity: [warning, critical]}
  when: alert.labels.namespace.startsWith("prod-")
guard:
  cooldown: {per: entity, every: 15m, max: 3, in: 6h}
  require: [web.restarts < 5]
diagnose:
  - {id: web, use: process.status, with: {target: =entity.name, lines: 5}, timeout: 5s}
decide:
  - {when: web.changed_seconds_ago < 1800 && web.previous.healthy, plan: undo, why: the rollout}
  - {when: web.alive, do: settle}
  - {default: escalate, why: not the rollout}
plans:
  undo:
    steps:
      - {id: undo, use: process.restart, with: {grace_seconds: =web.restarts}, timeout: 3m}
    verify:
      observe: [{id: after, use: process.status}]
      success: {all: [after.alive, after.restarts == 0], consecutive: 3, every: 20s}
      fail: after.restarts > 2
      settle: 30s
      within: 10m
    rollback: [{id: back, use: process.restart}]
  again:
    steps: [{id: again, use: process.restart}]
    verify: {success: alert_cleared, within: 10m, decay: 5m}
    rollback: snapshot
escalate: {evidence: [web]}
lifecycle: {state: active, review_by: 2027-01-31}
tests:
  - name: a bad rollout is undone
    given:
      alert: {labels: {alertname: CrashLoop, service: web, severity: critical, namespace: prod-a}}
      facts:
        web: {alive: false, changed_seconds_ago: 60, previous: {version: v1, healthy: true}}
      after: {facts: {after: {alive: true}}}
    expect:
      {runbook: crash-loop, plan: undo, actions: [process.restart], verdict: held, outcome: healed,
       route: nobody}
  - name: the fourth run is stopped
    given: {history: 3 undo in 6h}
    expect: {stopped_by: cooldown, actions: [], route: builder, outcome: routed}
  - name: the sixth bad run of a day is stopped
    given: {history: 5 failed undo in 20h}
    expect: {stopped_by: daily_attempts_exhausted}
  - name: too many restarts
    given:
      facts: {web: {alive: false, restarts: 7, changed_seconds_ago: 60,
              previous: {version: v1, healthy: true}}}
    expect: {stopped_by: requirement_false}
  - name: one that lives settles
    given: {facts: {web: {alive: true, changed_seconds_ago: 6000}}}
    expect: {outcome: settled, actions: []}
  - name: not the rollout
    given: {facts: {web: {alive: false, changed_seconds_ago: 6000}}}
    expect: {stopped_by: decided_to_escalate, route: builder}
  - name: an unknown fact acts on nothing
    given: {facts: {web: {alive: false}}}
    expect: {stopped_by: facts_unknown, actions: []}
  - name: another namespace is not for it
    given: {alert: {labels: {alertname: CrashLoop, service: web, severity: critical}}}
    expect: {stopped_by: no_runbook, route: builder}
"""
