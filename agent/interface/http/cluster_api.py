"""What is seen of a cluster, for people and their tools: the connection, and what runs for whom.

Guards ask how well it is seen as a whole (core/rails/cluster.py). People who are limited to
products are told of namespaces in which theirs run, and of others only that something is missing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from agent.interface.http.desk import Desk, belongs
from agent.interface.http.replies import json_reply
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.cluster_state import (
    ClusterState,
    ReleaseState,
    Sight,
    WatchState,
    WorkloadState,
)
from agent.model.principal import Principal
from agent.model.signals import ChangePhase

MOST_WORKLOADS = 1000
MOST_NAMES = 20
CONNECT = "write `kubernetes:` into the settings (docs/operating/kubernetes.md)"
ELSEWHERE = "not all of it is seen where other products run; nothing is done in it until it is"
REMEDIES = {
    Sight.WATCHED: "",
    Sight.FORBIDDEN: "homeostat rbac | kubectl apply -f -",
    Sight.NOT_SERVED: "install what brings it, or raise the API server (homeostat doctor --rbac)",
    Sight.BROKEN: "homeostat doctor",
}
DECLARE = (
    "say where products run: spec.homeostat.kubernetes in catalog-info.yaml (docs/products.md)"
)


async def cluster(desk: Desk, request: Request, who: Principal) -> Response:
    """`GET /api/v1/cluster`: `?product=`."""
    return json_reply(await told(desk, who, product=request.query_params.get("product", "")))


async def told(desk: Desk, who: Principal, *, product: str = "") -> dict[str, Any]:
    state = await desk.facade.cluster_state()
    if state is None:
        return {"connected": False, "remedy": CONNECT}
    mine = [w for w in state.workloads if belongs(who, w.product) and product in ("", w.product)]
    mine.sort(key=rank)
    watches = [w for w in state.watches if _is_in_reach(w.namespace, state, who, product)]
    nobodys = [n for n in state.nobodys if _is_in_reach(_space(n), state, who, product)]
    return {
        "connected": True,
        **_sight(state, watches, who, product),
        "version": state.version or None,
        "objects": sum(
            count
            for name, count in state.objects.items()
            if (product == name if product else belongs(who, name))
        ),
        "watches": [_watch(watch) for watch in watches],
        "workloads": [_workload(one, who, at=state.at) for one in mine[:MOST_WORKLOADS]],
        "more": max(0, len(mine) - MOST_WORKLOADS),
        "absent": [
            {"name": one.name, "entity": one.entity, "product": one.product}
            for one in state.absent
            if belongs(who, one.product) and product in ("", one.product)
        ][:MOST_WORKLOADS],
        "nobodys": {"count": len(nobodys), "names": nobodys[:MOST_NAMES]},
    }


def rank(one: WorkloadState) -> tuple[bool, bool, str]:
    """What is in trouble first."""
    return not one.alerts, one.is_well, one.name


def _space(name: str) -> str:
    first, _, rest = name.partition("/")
    return first if "/" in rest else ""


def _is_in_reach(namespace: str, state: ClusterState, who: Principal, product: str) -> bool:
    """What is of no namespace concerns everybody."""
    if not namespace or (not who.products and not product):
        return True
    there = state.products.get(namespace, frozenset())
    return any(belongs(who, name) and product in ("", name) for name in there)


def _sight(
    state: ClusterState, watches: Iterable[WatchState], who: Principal, product: str
) -> dict[str, Any]:
    trouble = state.trouble
    blind = [w for w in watches if w.is_needed and w.sight is not Sight.WATCHED]
    if trouble and state.watches and (who.products or product):
        trouble = blind[0].said if blind else ELSEWHERE
    remedy = ""
    if trouble:
        remedy = REMEDIES[blind[0].sight] if blind else "" if state.watches else DECLARE
    return {
        "in_sync": state.seen_at is not None and not state.trouble,
        "seen_at": rfc3339_or_none(state.seen_at),
        "trouble": trouble,
        "remedy": remedy,
    }


def _watch(watch: WatchState) -> dict[str, Any]:
    return {
        "kind": watch.kind,
        "namespace": watch.namespace,
        "state": watch.sight.value,
        "said": watch.said,
        "remedy": REMEDIES[watch.sight],
        "needed": watch.is_needed,
        "silent_seconds": round(watch.silent_seconds, 1),
        "lists": watch.lists,
    }


def _workload(one: WorkloadState, who: Principal, *, at: float) -> dict[str, Any]:
    edited, rollout = one.edited, one.rollout
    return {
        "name": one.name,
        "product": one.product,
        "entity": one.entity,
        "well": one.is_well,
        "wanted": one.wanted,
        "ready": one.ready,
        "updated": one.updated,
        "available": one.available,
        "revision": one.revision or None,
        "images": one.images,
        "phase": one.phase.value,
        "paused": one.is_paused,
        "ignored": one.is_ignored,
        "kept_by": one.kept_by or None,
        "pods": [{"name": p.name, "state": p.word.value, "restarts": p.restarts} for p in one.pods],
        "rollout": _release(rollout) if rollout is not None else None,
        "watched_until": rfc3339_or_none(one.watched_until),
        "releases": [_release(release) for release in one.releases],
        "alerts": [
            {
                "name": alert.name,
                "summary": alert.summary,
                "since": rfc3339(alert.since),
                "incident": alert.incident,
            }
            for alert in one.alerts
            if belongs(who, alert.product)
        ],
        "edited": None
        if edited is None
        else {
            "by": edited.by,
            "at": rfc3339(edited.at),
            "held_until": rfc3339(edited.held_until) if edited.held_until > at else None,
        },
    }


def _release(release: ReleaseState) -> dict[str, Any]:
    return {
        "revision": release.revision,
        "version": release.version,
        "phase": release.phase.value,
        "broken": release.phase in (ChangePhase.FAILED, ChangePhase.ROLLED_BACK),
        "by": release.by or None,
        "began_at": rfc3339(release.began_at),
        "at": rfc3339(release.at),
        "undone_for": release.undone_for or None,
    }
