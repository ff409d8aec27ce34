"""Objects of a cluster as a watch keeps them, written as they are in the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from agent.ports.cluster_kinds import KINDS, Ref
from agent.ports.cluster_objects import SHAPES, Kept, Workload
from agent.ports.cluster_templates import template_digest
from tests.support.cases import START

Object = dict[str, Any]


def ago(seconds: float, *, now: float = START) -> str:
    return datetime.fromtimestamp(now - seconds, UTC).isoformat().replace("+00:00", "Z")


def kept(
    kind: str,
    name: str,
    *,
    namespace: str = "shop",
    owner: Kept | None = None,
    spec: Object | None = None,
    status: Object | None = None,
    version: int = 1,
    **meta: Any,
) -> Kept:
    written: Object = {
        "name": name,
        "uid": f"uid-{name}",
        "resourceVersion": str(version),
        "creationTimestamp": ago(7200),
        **({"namespace": namespace} if KINDS[kind].is_namespaced else {}),
        **meta,
    }
    if owner is not None:
        title, uid = KINDS[owner.ref.kind].title, owner.thing.metadata.uid
        of = {"kind": title, "name": owner.ref.name, "uid": uid, "controller": True}
        written["ownerReferences"] = [of]
    whole = {"metadata": written, "spec": spec or {}, "status": status or {}}
    body = msgspec.json.encode(whole)
    thing = msgspec.json.decode(body, type=SHAPES[kind])
    digest = template_digest(body) if isinstance(thing, Workload) else ""
    return Kept(Ref(kind, name, written.get("namespace", "")), thing, digest)


def template(image: str = "shop:1", *, notes: Mapping[str, str] | None = None) -> Object:
    meta: Object = {"labels": {"app": "web"}, **({"annotations": notes} if notes else {})}
    return {"metadata": meta, "spec": {"containers": [{"name": "app", "image": image}]}}


def condition(
    kind: str, status: str, *, since: float = 0.0, reason: str = "", message: str = ""
) -> Object:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": ago(since),
    }


def writer(by: str, *, seconds_ago: float | None = 0.0, part: str = "") -> Object:
    time = {} if seconds_ago is None else {"time": ago(seconds_ago)}
    return {"manager": by, "operation": "Update", "subresource": part, **time}


def container(
    name: str = "app",
    *,
    restarts: int = 0,
    waiting: str = "",
    running: float | None = None,
    ended: tuple[float, float, int] | None = None,
    reason: str = "Error",
) -> Object:
    """`running`: since so many seconds. `ended`: how long ago the last one began and ended, and its
    exit code."""
    state: Object = {"waiting": {"reason": waiting}} if waiting else {}
    if running is not None:
        state = {"running": {"startedAt": ago(running)}}
    last: Object = {}
    if ended is not None:
        began, over, code = ended
        told = {"startedAt": ago(began), "finishedAt": ago(over), "exitCode": code}
        last = {"terminated": {**told, "reason": reason}}
    return {"name": name, "restartCount": restarts, "state": state, "lastState": last}


def pod(
    name: str = "web-1",
    *,
    containers: Sequence[Object] = (),
    phase: str = "Running",
    node: str = "node-1",
    conditions: Sequence[Object] = (),
    age: float = 7200.0,
    **more: Any,
) -> Kept:
    status = {
        "phase": phase,
        "startTime": ago(age),
        "conditions": list(conditions) or [condition("Ready", "True", since=age)],
        "containerStatuses": list(containers),
    }
    more.setdefault("creationTimestamp", ago(age))
    return kept("pod", name, spec={"nodeName": node}, status=status, **more)


def counts(replicas: int, ready: int | None = None, *, updated: int | None = None) -> Object:
    ready = replicas if ready is None else ready
    return {
        "observedGeneration": 1,
        "replicas": replicas,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "updatedReplicas": replicas if updated is None else updated,
    }


def deployment(
    name: str = "web",
    *,
    image: str = "shop:1",
    replicas: int = 3,
    revision: int | None = None,
    status: Object | None = None,
    notes: Mapping[str, str] | None = None,
    **more: Any,
) -> Kept:
    marks = {"deployment.kubernetes.io/revision": str(revision)} if revision else {}
    spec = {"replicas": replicas, "template": template(image, notes=notes)}
    more.setdefault("generation", 1)
    more["annotations"] = {**marks, **more.get("annotations", {})}
    return kept("deployment", name, spec=spec, status=status or counts(replicas), **more)


def replica_set(
    of: Kept,
    revision: int,
    *,
    image: str = "shop:1",
    before: str = "",
    age: float = 7200.0,
    notes: Mapping[str, str] | None = None,
    name: str = "",
) -> Kept:
    """`before`: the revisions it was, as in "1,3"."""
    marks = {"deployment.kubernetes.io/revision": str(revision)}
    if before:
        marks["deployment.kubernetes.io/revision-history"] = before
    return kept(
        "replicaset",
        name or f"{of.ref.name}-{revision}",
        owner=of,
        spec={"template": template(image, notes=notes)},
        annotations=marks,
        creationTimestamp=ago(age),
    )
