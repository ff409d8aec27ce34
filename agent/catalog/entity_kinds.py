"""The kinds of things a runbook can be about, with what may be read of each and how it is found.

An object of the inventory has a kind. The kind says which names `entity.FIELD` are there, with
their CEL types, so that a misspelt one is an error when the runbook is loaded and not a fact that
is missing at night; and it says which keys `match.entity.of` may look it up by. An inventory fills
in what it knows; what it leaves out is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agent.model.product import EntityKind

_MARKED = {"labels": "map<string, string>", "ignored": "bool"}
"""`ignored`: its owners want the agent to keep off."""
_KEPT = {**_MARKED, "gitops": "string"}
"""`gitops`: what keeps it as a repository declares it; empty: nothing does."""
_NAMESPACED = {"namespace": "string", **_KEPT}
_WORKLOAD = {
    **_NAMESPACED,
    "replicas": "int",
    "replicas_ready": "int",
    "replicas_updated": "int",
    "replicas_available": "int",
}


@dataclass(frozen=True)
class ObjectKind:
    """One kind: `facts` are field names with CEL types, `keys` what it is found by."""

    name: str
    facts: Mapping[str, str] = field(default_factory=dict)
    keys: frozenset[str] | None = None
    """None: any, because the registry's labels are the writer's own."""

    @property
    def names(self) -> Mapping[str, str]:
        """What expressions read of it, as dotted names."""
        return {f"entity.{name}": kind for name, kind in self.facts.items()}


def _kind(name: str, facts: Mapping[str, str], *keys: str) -> ObjectKind:
    own = {"name", name, *keys}
    if "namespace" in facts:
        own.add("namespace")
    return ObjectKind(name=name, facts=MappingProxyType(dict(facts)), keys=frozenset(own))


_KINDS = (
    _kind("deployment", {**_WORKLOAD, "paused": "bool"}, "pod", "replicaset"),
    _kind("statefulset", _WORKLOAD, "pod", "persistentvolumeclaim"),
    _kind("daemonset", _WORKLOAD, "pod"),
    _kind(
        "pod",
        {
            "namespace": "string",
            **_MARKED,
            "node": "string",
            "phase": "string",
            "ready": "bool",
            "restarts": "int",
            "controller_kind": "string",
            "controller": "string",
        },
        "node",
        "ip",
    ),
    _kind(
        "node",
        {
            **_KEPT,
            "ready": "bool",
            "schedulable": "bool",
            "memory_pressure": "bool",
            "disk_pressure": "bool",
            "pid_pressure": "bool",
        },
        "instance",
        "ip",
    ),
    _kind(
        "job",
        {
            **_NAMESPACED,
            "active": "int",
            "succeeded": "int",
            "failed": "int",
            "suspended": "bool",
            "cronjob": "string",
        },
        "job_name",
        "pod",
    ),
    _kind("cronjob", {**_NAMESPACED, "active": "int", "suspended": "bool"}, "job_name"),
    _kind(
        "persistentvolumeclaim",
        {
            **_NAMESPACED,
            "phase": "string",
            "capacity_bytes": "int",
            "storage_class": "string",
            "expandable": "bool",
        },
        "persistentvolume",
        "pod",
    ),
    _kind(
        "horizontalpodautoscaler",
        {
            **_NAMESPACED,
            "replicas": "int",
            "replicas_wanted": "int",
            "replicas_min": "int",
            "replicas_max": "int",
            "target_kind": "string",
            "target": "string",
        },
    ),
    *(ObjectKind(name=kind.value) for kind in EntityKind),
)

OBJECT_KINDS: Mapping[str, ObjectKind] = MappingProxyType({kind.name: kind for kind in _KINDS})
"""By name. `service`, `agent`, `substrate` and `resource` are the entities of the registry."""


def kind_in(name: str | None) -> str:
    """The kind that the name of an object tells, as `prod-a/deployment/web` does; else nothing."""
    parts = (name or "").split("/")
    return parts[-2] if len(parts) > 1 else ""
