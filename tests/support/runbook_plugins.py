"""A few declared plugins for tests of runbooks. Their functions are never called there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.model.effect import Effect, Probed, Reversal
from agent.ports.plugin import Params, Plugin, Result, action, diagnostic, notifier


class Target(Params):
    target: str
    grace_seconds: int = 3
    names: list[str] = []


class Version(Params):
    target: str
    to: str


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


@action(
    name="process.restart",
    params=Target,
    effect=Effect.PROBED,
    reversal=Reversal.NOTHING,
    summary="Restarts it",
)
async def restart(kit: Any, params: Target) -> Mapping[str, Any]:
    return {}


@restart.probe
async def happened(kit: Any, params: Target, key: str) -> Probed:
    return Probed.UNCLEAR


@action(
    name="shell.run",
    params=Target,
    effect=Effect.OPAQUE,
    reversal=Reversal.NOTHING,
    summary="Runs something",
)
async def shell(kit: Any, params: Target) -> Mapping[str, Any]:
    return {}


@action(
    name="volume.delete",
    params=Target,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NONE,
    summary="Destroys it",
)
async def delete(kit: Any, params: Target) -> Mapping[str, Any]:
    return {}


@action(
    name="version.set",
    params=Version,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.SNAPSHOT,
    summary="Sets its version",
)
async def version(kit: Any, params: Version) -> Mapping[str, Any]:
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


_ALL = (restart, shell, delete, version, status, query, file)
PLUGINS: Mapping[str, Plugin] = {p.name: p for p in _ALL}

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

WHOLE = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: pod-crash, owner: team-pay, layer: product, tier: low}
about: {meaning: pods crash, impact: fewer answer, not_for: lack of memory}
match:
  alert: [KubePodCrashLooping, "*CrashLoop*"]
  labels: {severity: [warning, critical]}
  when: alert.labels.namespace.startsWith("prod-")
  entity: {kind: deployment, of: {namespace: =alert.labels.namespace, pod: =alert.labels.pod}}
guard:
  cooldown: {per: entity, every: 15m, max: 3, in: 6h}
  budget: {scope: product, min_healthy: 80%, concurrent: 1}
  window: business-safe
  require: [entity.replicas_ready >= 1]
diagnose:
  - {id: web, use: process.status, with: {target: =entity}}
decide:
  - {when: web.alive, do: settle, within: 30m, why: it came back}
  - {when: web.restarts > 9, plan: wait}
  - {when: web.previous.healthy, plan: undo}
  - {default: escalate, why: not the rollout}
plans:
  wait:
    do: settle
    verify: {observe: [{id: pods, use: process.status}], success: [pods.alive], within: 1h}
  undo:
    steps:
      - {id: undo, use: version.set, with: {target: =entity, to: =web.previous.version}}
    verify:
      settle: 30s
      within: 10m
      decay: {expression: 'rate(x[30m]) > 1', for: 15m, keep_firing_for: 0s, group_interval: 5m}
      observe: [{id: pods, use: process.status}]
      success: {any: [pods.alive, pods.restarts == 0], consecutive: 3, every: 20s}
      fail: {any: [pods.restarts > 5]}
      must_not_worsen: [pods.restarts <= before.pods.restarts + 1]
    rollback:
      steps: snapshot
      verify: {observe: [{id: back, use: process.status}], success: [back.alive]}
    on_inconclusive: roll_back_and_escalate
escalate: {evidence: [web]}
lifecycle: {state: shadow, review_by: 2027-01-31}
tests:
  - name: a bad rollout is undone
    given:
      alert:
        labels: {alertname: KubePodCrashLooping, namespace: prod-a, pod: web-1, severity: critical}
        annotations: {summary: it crashes}
        expression: 'rate(x[30m]) > 1'
      entity: {name: web, kind: service}
      object: {name: prod-a/deployment/web, facts: {replicas: 3, replicas_ready: 3}}
      facts: {web: {alive: false, previous: {version: v1, healthy: true}}}
      before: {pods: {alive: false, restarts: 4}}
      window: open
      healthy: 100%
      after: {alert: firing, facts: {pods: {alive: true, restarts: 4}}}
      restored: {facts: {back: {alive: true}}}
    at:
      - {time: 2m, alert: resolved}
      - {time: 5m, facts: {pods: {alive: true, restarts: 4}}}
      - {time: 6m, expect: {state: resolved, plan: undo}}
    expect: {plan: undo, actions: [version.set], verdict: held, rollback: held}
  - name: nothing is touched where the object is not known
    given: {object: none, busy: 0}
    expect: {stopped_by: object_unknown}
"""
"""Every section and every form of the language."""
