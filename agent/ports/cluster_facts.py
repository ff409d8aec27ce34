"""What runbooks may read of an object of a cluster as `entity` (catalog/entity_kinds.py), and the
keys it is found by. What the object does not say is left out: it is unknown, and not nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from agent.ports.cluster_objects import (
    Batch,
    Claim,
    Cron,
    Kept,
    Node,
    Pod,
    Scaler,
    Workload,
    condition,
)
from agent.ports.cluster_writers import gitops_owner, is_ignored

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(?:e([0-9]{1,2}))?([a-zA-Z]{0,2})")
_UNITS = {
    "": 1.0, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
    "n": 1e-9, "u": 1e-6,
}  # fmt: skip
PRESSURES = {
    "MemoryPressure": "memory_pressure",
    "DiskPressure": "disk_pressure",
    "PIDPressure": "pid_pressure",
}


def quantity(text: str) -> float | None:
    """`10Gi`, `250m`, `1e3` as a number; None: it is none, or beyond all of them."""
    found = _QUANTITY.fullmatch(text)
    if found is None or found[3] not in _UNITS:
        return None
    value = float(found[1]) * 10.0 ** int(found[2] or 0) * _UNITS[found[3]]
    return value if math.isfinite(value) else None


def truth(status: str) -> bool | None:
    return {"True": True, "False": False}.get(status)


def facts_of(kept: Kept) -> dict[str, Any]:
    thing = kept.thing
    facts: dict[str, Any] = {"labels": kept.labels}
    if kept.ref.namespace:
        facts["namespace"] = kept.ref.namespace
    if isinstance(thing, Pod):
        facts |= _pod(thing, kept)
    elif isinstance(thing, Workload):
        facts |= _workload(thing)
    elif isinstance(thing, Batch):
        facts |= _batch(thing, kept)
    elif isinstance(thing, Cron):
        facts |= {"active": len(thing.status.active), "suspended": thing.spec.suspend}
    elif isinstance(thing, Node):
        facts |= _node(thing)
    elif isinstance(thing, Scaler):
        facts |= _scaler(thing)
    elif isinstance(thing, Claim):
        facts |= _claim(thing)
    if not isinstance(thing, Pod):
        keeper = gitops_owner(kept)
        facts["gitops"] = (keeper.name or keeper.by) if keeper is not None else ""
    facts["ignored"] = is_ignored(kept.labels, kept.annotations)
    return facts


def _pod(pod: Pod, kept: Kept) -> dict[str, Any]:
    ready = condition(pod.status.conditions, "Ready")
    owner = kept.controller
    return {
        "node": pod.spec.node_name,
        "phase": pod.status.phase,
        "ready": ready is not None and ready.status == "True",
        "restarts": sum(c.restart_count for c in pod.status.container_statuses),
        "controller_kind": owner.kind.lower() if owner is not None else "",
        "controller": owner.name if owner is not None else "",
    }


def _workload(workload: Workload) -> dict[str, Any]:
    status, wanted = workload.status, workload.spec.replicas
    if status.desired_number_scheduled is not None:
        return {
            "replicas": status.desired_number_scheduled,
            "replicas_ready": status.number_ready,
            "replicas_updated": status.updated_number_scheduled,
            "replicas_available": status.number_available,
            "paused": False,
        }
    return {
        # The API server writes the default of 1 itself.
        "replicas": 1 if wanted is None else wanted,
        "replicas_ready": status.ready_replicas,
        "replicas_updated": status.updated_replicas,
        "replicas_available": status.available_replicas,
        "paused": workload.spec.paused,
    }


def _batch(batch: Batch, kept: Kept) -> dict[str, Any]:
    owner = kept.controller
    return {
        "active": batch.status.active,
        "succeeded": batch.status.succeeded,
        "failed": batch.status.failed,
        "suspended": batch.spec.suspend,
        "cronjob": owner.name if owner is not None and owner.kind == "CronJob" else "",
    }


def _node(node: Node) -> dict[str, Any]:
    facts: dict[str, Any] = {"schedulable": not node.spec.unschedulable}
    for kind, name in {"Ready": "ready", **PRESSURES}.items():
        found = condition(node.status.conditions, kind)
        value = truth(found.status) if found is not None else None
        if value is not None:
            facts[name] = value
        elif kind == "Ready" and found is not None:
            facts[name] = False  # `Unknown`: the kubelet does not report any more
    return facts


def _scaler(scaler: Scaler) -> dict[str, Any]:
    return {
        "replicas": scaler.status.current_replicas,
        "replicas_wanted": scaler.status.desired_replicas,
        "replicas_min": scaler.spec.min_replicas,
        "replicas_max": scaler.spec.max_replicas,
        "target_kind": scaler.spec.scale_target_ref.kind.lower(),
        "target": scaler.spec.scale_target_ref.name,
    }


def _claim(claim: Claim) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "phase": claim.status.phase,
        "storage_class": claim.spec.storage_class_name,
    }
    size = quantity(claim.status.capacity.get("storage", ""))
    if size is not None:
        facts["capacity_bytes"] = int(size)
    return facts


def keys_of(kept: Kept, made: Iterable[Kept] = ()) -> Mapping[str, tuple[str, ...]]:
    """What it is found by. `made`: everything it controls, also at second hand."""
    ref, thing = kept.ref, kept.thing
    keys: dict[str, tuple[str, ...]] = {"name": (ref.name,), ref.kind: (ref.name,)}
    if ref.namespace:
        keys["namespace"] = (ref.namespace,)
    below: dict[str, list[str]] = {}
    for other in made:
        word = "job_name" if other.ref.kind == "job" else other.ref.kind
        below.setdefault(word, []).append(other.ref.name)
    keys |= {word: tuple(sorted(names)) for word, names in below.items()}
    if isinstance(thing, Pod):
        keys |= {"node": (thing.spec.node_name,), "ip": (thing.status.pod_ip,)}
    elif isinstance(thing, Node):
        addresses = tuple(a.address for a in thing.status.addresses)
        # Exporters on a node are scraped by its address and a port, which differs by exporter.
        keys |= {"ip": addresses, "instance": (ref.name, *addresses)}
    elif isinstance(thing, Batch):
        keys["job_name"] = (ref.name,)
    elif isinstance(thing, Claim):
        keys["persistentvolume"] = (thing.spec.volume_name,)
    return {word: tuple(v for v in values if v) for word, values in keys.items()}
