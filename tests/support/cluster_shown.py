"""What a page or a command shows of a cluster: workloads in every state people meet."""

from __future__ import annotations

from typing import Any

from agent.model.cluster_state import (
    AlertInCluster,
    ClusterState,
    Edited,
    PodState,
    PodWord,
    ReleaseState,
    Sight,
    WatchState,
    WorkloadState,
)
from agent.model.signals import ChangePhase
from tests.support.facade import NOW


def workload(name: str = "shop/deployment/web", **fields: Any) -> WorkloadState:
    """One of three pods that is well, of the product `shop`."""
    pods = tuple(PodState(name=f"web-{i}", word=PodWord.READY) for i in range(3))
    given: dict[str, Any] = {
        "product": "shop",
        "entity": name.rpartition("/")[2],
        "wanted": 3,
        "ready": 3,
        "updated": 3,
        "available": 3,
        "revision": "4",
        "images": "web:1.4",
        "phase": ChangePhase.DONE,
        "pods": pods,
    }
    return WorkloadState(name=name, **{**given, **fields})


def release(**fields: Any) -> ReleaseState:
    given: dict[str, Any] = {
        "revision": "4",
        "version": "web:1.4",
        "phase": ChangePhase.DONE,
        "by": "ci",
        "began_at": NOW - 1800,
        "at": NOW - 1700,
    }
    return ReleaseState(**{**given, **fields})


def watch(kind: str = "pods", namespace: str = "shop", **fields: Any) -> WatchState:
    given = {"sight": Sight.WATCHED, "silent_seconds": 12.0, "lists": 3, **fields}
    return WatchState(kind=kind, namespace=namespace, **given)


def state(*workloads: WorkloadState, **fields: Any) -> ClusterState:
    products = {"shop": frozenset({"shop"}), "pay": frozenset({"pay"})}
    given: dict[str, Any] = {
        "at": NOW,
        "version": "v1.37.0",
        "seen_at": NOW - 20,
        "trouble": "",
        "has_begun": True,
        "watches": (watch(), watch("deployments.apps"), watch(namespace="pay")),
        "objects": {"shop": 40, "pay": 7, "": 2},
        "products": products,
    }
    return ClusterState(workloads=workloads, **{**given, **fields})


def crashing(name: str = "shop/deployment/checkout", **fields: Any) -> WorkloadState:
    """Its new revision crashes, and what it had before still serves."""
    bad = release(revision="5", version="web:1.5", phase=ChangePhase.FAILED, began_at=NOW - 600)
    given: dict[str, Any] = {
        "ready": 2,
        "updated": 1,
        "revision": "5",
        "images": "web:1.5",
        "phase": ChangePhase.FAILED,
        "pods": (
            PodState(name="web-bad", word=PodWord.FAILING, restarts=7),
            PodState(name="web-new", word=PodWord.STARTING),
            PodState(name="web-1", word=PodWord.READY),
            PodState(name="web-2", word=PodWord.READY),
        ),
        "releases": (release(began_at=NOW - 50_000), bad),
        "rollout": bad,
        "watched_until": NOW + 3000,
        "alerts": (
            AlertInCluster(
                name="KubePodCrashLooping",
                summary="web ends again and again; restarts: 7",
                since=NOW - 300,
                incident="inc-7",
                product=fields.get("product", "shop"),
            ),
        ),
    }
    return workload(name, **{**given, **fields})


def everything() -> ClusterState:
    """One of each."""
    undone = release(
        revision="8", phase=ChangePhase.ROLLED_BACK, undone_for="inc-3", began_at=NOW - 20_000
    )
    return state(
        crashing(),
        workload(releases=(release(),), rollout=release(), watched_until=NOW + 1800),
        workload(
            "shop/statefulset/db",
            kept_by="argocd application shop",
            is_ignored=True,
            images="pg:16",
        ),
        workload(
            "shop/daemonset/proxy",
            is_paused=True,
            edited=Edited(by="kubectl-edit", at=NOW - 60, held_until=NOW + 540),
        ),
        workload(
            "shop/deployment/api",
            phase=ChangePhase.STARTED,
            updated=1,
            releases=(undone, release(phase=ChangePhase.STARTED, began_at=NOW - 100)),
            rollout=release(phase=ChangePhase.STARTED, began_at=NOW - 100),
        ),
        workload("pay/deployment/ledger", product="pay"),
        nobodys=("shop/deployment/forgotten", "shop/cronjob/old"),
    )
