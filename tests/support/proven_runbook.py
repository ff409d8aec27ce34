"""A runbook that uses every section of the language, and whose tests prove every part of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.model.effect import Effect, Reversal
from agent.ports.plugin import Params, Plugin, Result, action, diagnostic
from agent.ports.span import Span
from tests.support import runbook_plugins
from tests.support.runbook_plugins import Target


class Pods(Result):
    ready: int
    restarts: int
    changed_ago: Span
    is_busy: bool = False


class Where(Params):
    target: str


@action(
    name="web.pin",
    params=Target,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    undone_by="web.unpin",
    summary="Pins it to the version before",
)
async def pin(kit: Any, params: Target) -> Mapping[str, Any]:
    return {"undo": {"use": "web.unpin", "with": {"target": params.target}}}


@action(
    name="web.unpin",
    params=Target,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    summary="Takes it off",
)
async def unpin(kit: Any, params: Target) -> Mapping[str, Any]:
    return {}


@diagnostic(name="web.pods", params=Where, result=Pods, summary="Looks at its pods")
async def pods(kit: Any, params: Where) -> Pods:
    raise NotImplementedError


PLUGINS: Mapping[str, Plugin] = {
    **runbook_plugins.PLUGINS,
    **{plugin.name: plugin for plugin in (pin, unpin, pods)},
}

PROVEN = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: web-crash-loop, owner: team-shop, layer: product, tier: low}
about: {meaning: it crashes since its last change}
match:
  alert: [KubePodCrashLooping, "*CrashLoop*"]
  entity: {kind: deployment, of: {namespace: =alert.labels.namespace, pod: =alert.labels.pod}}
guard:
  cooldown: {per: entity, every: 30m, max: 3, in: 6h}
  budget: {scope: product, min_healthy: 80%, concurrent: 1}
  window: office
  require: [entity.replicas >= 2, now.restarts < 50]
diagnose:
  - {id: now, use: web.pods, with: {target: =entity}}
decide:
  - {when: now.is_busy, do: settle, within: 20m, why: somebody is at it}
  - {when: now.restarts < 3, plan: wait}
  - {when: 'now.changed_ago < duration("30m")', plan: pin, why: its last change}
  - {default: escalate, why: not the last change}
plans:
  wait:
    do: settle
    verify:
      observe: [{id: calm, use: web.pods, with: {target: =entity}}]
      success: calm.restarts < 5
      within: 1h
  pin:
    steps: [{id: pin, use: web.pin, with: {target: =entity}}]
    verify:
      observe: [{id: pods, use: web.pods, with: {target: =entity}}]
      success: {all: [pods.ready >= 2, alert_cleared], consecutive: 2, every: 20s}
      fail: pods.ready == 0
      must_not_worsen: pods.restarts <= before.pods.restarts + 1
      settle: 30s
      within: 10m
    rollback:
      steps: snapshot
      verify:
        observe: [{id: back, use: web.pods, with: {target: =entity}}]
        success: back.ready >= 1
        fail: back.restarts > 100
        within: 2m
  restart:
    steps: [{id: restart, use: process.restart, with: {target: =entity}}]
    verify: {success: alert_cleared, within: 10m}
escalate: {evidence: [now]}
lifecycle: {state: active, review_by: 2099-01-31}
tests:
  - name: its last change is taken back
    given:
      alert:
        labels: {alertname: KubePodCrashLooping, namespace: prod-a, pod: web-1}
        expression: rate(restarts[10m]) > 0
      entity: {name: web}
      object: {name: prod-a/deployment/web, facts: {replicas: 3}}
      facts: {now: {ready: 1, restarts: 9, changed_ago: 10m}}
      before: {pods: {ready: 1, restarts: 9, changed_ago: 10m}}
      after: {facts: {pods: {ready: 3, restarts: 9, changed_ago: 10m}}}
    expect: {plan: pin, actions: [web.pin], verdict: held, outcome: healed}
  - name: a busy one is left alone
    given: {facts: {now: {ready: 1, restarts: 9, changed_ago: 10m, is_busy: true}}}
    expect: {actions: [], outcome: settled}
  - name: a few restarts are waited out
    given:
      facts: {now: {ready: 1, restarts: 2, changed_ago: 10m}}
      after: {alert: firing, facts: {calm: {ready: 3, restarts: 2, changed_ago: 10m}}}
    expect: {plan: wait, actions: [], outcome: settled}
  - name: without a change people are told
    given: {facts: {now: {ready: 1, restarts: 9, changed_ago: 3h}}}
    expect: {stopped_by: decided_to_escalate, route: builder}
  - name: where nothing is left it is taken back, and a restart is tried
    given:
      after: {alert: firing, facts: {pods: {ready: 0, restarts: 9, changed_ago: 10m}}}
      restored: {facts: {back: {ready: 1, restarts: 9, changed_ago: 10m}}}
    at: [{time: 5m, alert: resolved}]
    expect:
      {plan: restart, actions: [web.pin, web.unpin, process.restart], verdict: held,
       rollback: held, outcome: healed}
  - name: what makes it worse is taken back, and one that goes wild is told at once
    given:
      after: {alert: firing, facts: {pods: {ready: 1, restarts: 20, changed_ago: 10m}}}
      restored: {facts: {back: {ready: 0, restarts: 200, changed_ago: 10m}}}
    expect: {actions: [web.pin, web.unpin], rollback: failed, stopped_by: rollback_failed}
  - name: twice within half an hour is no cure
    given: {history: 1 pin in 40m}
    expect: {stopped_by: cooldown}
  - name: the fourth time in six hours is for people
    given: {history: 3 pin in 6h}
    expect: {stopped_by: cooldown}
  - name: where much is broken nothing is tried
    given: {healthy: 70%}
    expect: {stopped_by: budget_min_healthy}
  - name: one at a time
    given: {busy: 1}
    expect: {stopped_by: budget_concurrent}
  - name: not outside of office hours
    given: {window: closed}
    expect: {stopped_by: window_closed}
  - name: a single replica is not touched
    given: {object: {facts: {replicas: 1}}}
    expect: {stopped_by: requirement_false}
  - name: one that crashes all the time is for people
    given: {facts: {now: {ready: 1, restarts: 60, changed_ago: 10m}}}
    expect: {stopped_by: requirement_false}
"""
