"""Objects as small as they can be kept: there are thousands of pods, and most of what they say is
the same words; and annotations may hold whole documents, which nobody reads here."""

from __future__ import annotations

from sys import intern
from typing import Any

from msgspec.structs import replace

from agent.ports.cluster_objects import Condition, ContainerStatus, Kept, Pod, WrittenMeta

LONGEST_NOTE = 4096
"""What `kubectl apply` remembers is longer, for each Deployment of a cluster."""
TOLD_BY_READY = frozenset({"Initialized", "ContainersReady", "PodReadyToStartContainers"})
"""Conditions that say nothing more where they are true."""


def slim(pod: Pod) -> Pod:
    meta, status = pod.metadata, pod.status
    owners = tuple(
        replace(o, kind=intern(o.kind), name=intern(o.name), uid=intern(o.uid))
        for o in meta.owner_references
    )
    labels = {intern(key): intern(value) for key, value in meta.labels.items()}
    return replace(
        pod,
        metadata=replace(
            meta, namespace=intern(meta.namespace), labels=labels, owner_references=owners
        ),
        spec=replace(pod.spec, node_name=intern(pod.spec.node_name)),
        status=replace(
            status,
            phase=intern(status.phase),
            conditions=tuple(_condition(c) for c in status.conditions if _says_more(c)),
            container_statuses=tuple(map(_container, status.container_statuses)),
        ),
    )


def _says_more(condition: Condition) -> bool:
    return condition.type not in TOLD_BY_READY or condition.status != "True"


def _condition(condition: Condition) -> Condition:
    words = {"type": intern(condition.type), "status": intern(condition.status)}
    return replace(condition, **words, reason=intern(condition.reason))


def _container(status: ContainerStatus) -> ContainerStatus:
    return replace(status, name=intern(status.name))


def slimmed(kept: Kept) -> Kept:
    if isinstance(kept.thing, Pod):
        return Kept(kept.ref, slim(kept.thing), kept.template)
    if all(len(note) <= LONGEST_NOTE for note in kept.annotations.values()):
        return kept
    meta = kept.thing.metadata
    # Left out and not cut off: half of a list of numbers would say something else.
    notes = {name: note for name, note in kept.annotations.items() if len(note) <= LONGEST_NOTE}
    assert isinstance(meta, WrittenMeta)
    thing: Any = replace(kept.thing, metadata=replace(meta, annotations=notes))
    return Kept(kept.ref, thing, kept.template)
