"""What is wrong with an object of a cluster, as alerts by the names people know them by.

Everything is told from the object alone, as it is now, and from the time: whoever starts anew, or
is asked a second time, comes to the same answer. Where something has to last before it counts, or
holds on for a while, `again_at` says when to look again although nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from agent.model.alert import Alert, AlertStatus
from agent.ports.cluster_kinds import BY_TITLE
from agent.ports.cluster_objects import (
    Batch,
    Condition,
    ContainerStatus,
    Cron,
    Kept,
    Node,
    Pod,
    Terminated,
    Workload,
    WrittenMeta,
    condition,
    seconds,
)
from agent.ports.wire import ARRIVAL

GROUP = "kubernetes"
CRASH_LOOP = "KubePodCrashLooping"
OOM_KILLED = "KubeContainerOOMKilled"
IMAGE_PULL = "KubePodImagePullBackOff"
WAITING = "KubeContainerWaiting"
PENDING = "KubePodPending"
NOT_READY = "KubePodNotReady"
RUN_FAILED = "KubeJobFailed"
ROLLOUT_STUCK = "KubeDeploymentRolloutStuck"
PODS_MISSING = "KubeDeploymentReplicasMismatch"
SET_SHORT = "KubeStatefulSetReplicasMismatch"
DAEMONS_SHORT = "KubeDaemonSetNotReady"
NODE_NOT_READY = "KubeNodeNotReady"
NODE_PRESSURE = "KubeNodePressure"
NODE_NETWORK = "KubeNodeNetworkUnavailable"
ALERTS = (
    CRASH_LOOP,
    OOM_KILLED,
    IMAGE_PULL,
    WAITING,
    PENDING,
    NOT_READY,
    RUN_FAILED,
    ROLLOUT_STUCK,
    PODS_MISSING,
    SET_SHORT,
    DAEMONS_SHORT,
    NODE_NOT_READY,
    NODE_PRESSURE,
    NODE_NETWORK,
)
TROUBLED = ("pod", "deployment", "statefulset", "daemonset", "job", "node")
"""Kinds in which anything is looked for."""
HOLD_SECONDS = 600.0
"""A container that ran for so long does not end again and again. Kubernetes forgets its back-off
after the same time."""
RESTARTS_OF_A_LOOP = 2
"""From the second restart on the kubelet waits before it starts a container again."""
START_SECONDS = 30.0
"""So long a young pod may fail to get its image or its configuration: registries hiccup, and a
secret may be created after the pod."""
PULLS = frozenset(
    {"ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"}
    | {"RegistryUnavailable", "ImageInspectError"}
)
STUCK = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
PRESSURES = ("MemoryPressure", "DiskPressure", "PIDPressure")
LONGEST_TEXT = 300


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How long something has to last before it is told; seconds."""

    alerts: frozenset[str] = frozenset(ALERTS)
    """Those that are told at all."""
    pending: float = 300.0
    not_ready: float = 900.0
    short: float = 900.0
    node: float = 60.0


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    alert: str
    summary: str
    said: str = ""
    """By Kubernetes, or by whoever wrote the status."""
    labels: Mapping[str, str] = {}


class Look(msgspec.Struct, frozen=True, kw_only=True):
    troubles: tuple[Trouble, ...] = ()
    again_at: float | None = None
    """When time alone may have changed the answer; None: only another version of it can."""


NOTHING = Look()


class _Looking:
    """Gathers what is found, and when to look again."""

    def __init__(self, at: float, limits: Limits) -> None:
        self.at, self.limits = at, limits
        self.found: list[Trouble] = []
        self.again: list[float] = []

    def wants(self, alert: str) -> bool:
        return alert in self.limits.alerts

    def tell(self, alert: str, summary: str, said: str = "", **labels: str) -> None:
        if self.wants(alert):
            kept = {name: text for name, text in labels.items() if text}
            self.found.append(Trouble(alert=alert, summary=summary, said=said, labels=kept))

    def lasts(self, since: float | None, least: float) -> bool:
        """Whether it has been so for long enough; else it is looked at again once it has."""
        if since is None:
            return False
        if self.at - since >= least:
            return True
        self.again.append(since + least)
        return False

    def holds(self, since: float | None, longest: float) -> bool:
        """Whether it is so still; what has no time is."""
        if since is None:
            return True
        if self.at - since >= longest:
            return False
        self.again.append(since + longest)
        return True

    @property
    def look(self) -> Look:
        again = min(self.again, default=None)
        return Look(troubles=tuple(self.found), again_at=again)


def look(kept: Kept, *, at: float, limits: Limits, owners: Sequence[Kept] = ()) -> Look:
    """What is wrong with it now. `owners`: what made it, what made that; only runs need them."""
    thing = kept.thing
    looking = _Looking(at, limits)
    if isinstance(thing, Pod):
        _pod(thing, kept, looking)
    elif isinstance(thing, Workload):
        _workload(thing, kept, looking)
    elif isinstance(thing, Batch):
        _batch(thing, owners, looking)
    elif isinstance(thing, Node):
        _node(thing, looking)
    else:
        return NOTHING
    return looking.look


def _pod(pod: Pod, kept: Kept, looking: _Looking) -> None:
    status = pod.status
    if pod.metadata.deletion_timestamp is not None or status.phase in ("Succeeded", "Failed"):
        return
    # Set by the kubelet; pods that no kubelet took yet are as old as they are.
    began = seconds(status.start_time or pod.metadata.creation_timestamp)
    for container in (*status.init_container_statuses, *status.container_statuses):
        _container(container, began, looking)
    owner = kept.controller.kind if kept.controller is not None else ""
    if not looking.found:
        _standing(pod, owner, looking)


def _standing(pod: Pod, owner: str, looking: _Looking) -> None:
    """A pod none of whose containers says what it lacks."""
    made = seconds(pod.metadata.creation_timestamp)
    placed = condition(pod.status.conditions, "PodScheduled")
    if pod.status.phase == "Pending" and not pod.spec.node_name:
        if looking.lasts(_since(placed) or made, looking.limits.pending):
            reason = placed.reason if placed is not None else ""
            said = placed.message if placed is not None else ""
            looking.tell(PENDING, "no node was found for it", said, reason=reason)
        return
    ready = condition(pod.status.conditions, "Ready")
    # Those of sets are told of as a whole; a run is not ready in the end, and then it is done.
    if owner in ("StatefulSet", "DaemonSet", "Job") or (ready is not None and _is(ready, "True")):
        return
    if looking.lasts(_since(ready) or made, looking.limits.not_ready):
        said = ready.message if ready is not None else ""
        minutes = round(looking.limits.not_ready / 60)
        looking.tell(NOT_READY, f"it has not been ready for {minutes} minutes", said)


def _container(container: ContainerStatus, began: float | None, looking: _Looking) -> None:
    waiting = container.state.waiting
    why = waiting.reason if waiting is not None else ""
    said = waiting.message if waiting is not None else ""
    last = container.state.terminated or container.last_state.terminated
    is_looping = _is_looping(container, looking)
    if last is not None and last.reason == "OOMKilled" and looking.wants(OOM_KILLED):
        # A loop by itself would be told of twice.
        if is_looping or looking.holds(seconds(last.finished_at), HOLD_SECONDS):
            count = container.restart_count
            text = f"{container.name} used up its memory and was killed; restarts: {count}"
            looking.tell(OOM_KILLED, text, container=container.name, reason="OOMKilled")
    elif is_looping:
        text = f"{container.name} ends again and again; restarts: {container.restart_count}"
        looking.tell(
            CRASH_LOOP, text, _ended(last), container=container.name, reason="CrashLoopBackOff"
        )
    elif why in PULLS and looking.lasts(began, START_SECONDS):
        text = f"{container.name} cannot get its image"
        looking.tell(
            IMAGE_PULL, text, f"{why}: {said}", container=container.name, reason="ImagePullBackOff"
        )
    elif why in STUCK and looking.lasts(began, START_SECONDS):
        text = f"{container.name} cannot be started"
        looking.tell(WAITING, text, f"{why}: {said}", container=container.name)


def _is_looping(container: ContainerStatus, looking: _Looking) -> bool:
    waiting, running = container.state.waiting, container.state.running
    if waiting is not None:
        return waiting.reason == "CrashLoopBackOff"
    last = container.state.terminated or container.last_state.terminated
    if last is None or last.exit_code == 0 or container.restart_count < RESTARTS_OF_A_LOOP:
        return False
    began, ended = seconds(last.started_at), seconds(last.finished_at)
    if began is not None and ended is not None and ended - began >= HOLD_SECONDS:
        return False  # it ran well before that: once is no loop
    since = seconds(running.started_at) if running is not None else ended
    return looking.holds(since, HOLD_SECONDS)


def _ended(last: Terminated | None) -> str:
    return f"last: {last.reason or 'Error'}, exit code {last.exit_code}" if last else ""


def _batch(batch: Batch, owners: Sequence[Kept], looking: _Looking) -> None:
    failed = condition(batch.status.conditions, "Failed")
    if failed is None or not _is(failed, "True") or batch.metadata.deletion_timestamp is not None:
        return
    at = _since(failed)
    for owner in owners:
        if isinstance(owner.thing, Cron):
            later = seconds(owner.thing.status.last_successful_time)
            if later is not None and at is not None and later >= at:
                return  # a later run made up for it
    looking.tell(RUN_FAILED, "it was given up", failed.message, reason=failed.reason)


def _workload(workload: Workload, kept: Kept, looking: _Looking) -> None:
    kind = kept.ref.kind
    if workload.metadata.deletion_timestamp is not None or kind == "replicaset":
        return
    status, wanted = workload.status, workload.spec.replicas
    if kind == "deployment":
        moves = condition(status.conditions, "Progressing")
        if workload.spec.paused:
            return
        if moves is not None and _is(moves, "False"):
            looking.tell(ROLLOUT_STUCK, "its rollout stands still", moves.message)
            return
        # Pods that are there and not ready speak for themselves.
        alert, there = PODS_MISSING, status.replicas
    elif kind == "statefulset":
        alert, there = SET_SHORT, status.ready_replicas
    else:
        alert, there, wanted = DAEMONS_SHORT, status.number_ready, status.desired_number_scheduled
    lacks = (1 if wanted is None else wanted) - there
    if lacks > 0 and looking.lasts(_status_written(workload.metadata), looking.limits.short):
        what = "are not there" if alert is PODS_MISSING else "are not ready"
        looking.tell(alert, f"{lacks} of {there + lacks} pods {what}, and nothing moves")


def _status_written(meta: WrittenMeta) -> float | None:
    """When its counts last changed: its controller writes the status only then."""
    times = [seconds(w.time) for w in meta.managed_fields if w.subresource == "status"]
    return max((at for at in times if at is not None), default=None)


def _node(node: Node, looking: _Looking) -> None:
    conditions, least = node.status.conditions, looking.limits.node
    ready = condition(conditions, "Ready")
    if ready is not None and not _is(ready, "True"):
        if looking.lasts(_since(ready), least):
            silent = "its kubelet says nothing any more" if _is(ready, "Unknown") else ""
            text = silent or "it is not ready"
            looking.tell(NODE_NOT_READY, text, ready.message, condition="Ready")
        return  # what it said last of pressures is old
    for kind in PRESSURES:
        found = condition(conditions, kind)
        if found is not None and _is(found, "True") and looking.lasts(_since(found), least):
            looking.tell(NODE_PRESSURE, f"it is under {kind}", found.message, condition=kind)
    found = condition(conditions, "NetworkUnavailable")
    if found is not None and _is(found, "True") and looking.lasts(_since(found), least):
        looking.tell(NODE_NETWORK, "its network is not set up", found.message)


def _is(found: Condition, status: str) -> bool:
    return found.status == status


def _since(found: Condition | None) -> float | None:
    return seconds(found.last_transition_time) if found is not None else None


def alert_of(
    trouble: Trouble,
    kept: Kept,
    *,
    entity: str | None,
    owners: Iterable[Kept] = (),
    status: AlertStatus = AlertStatus.FIRING,
) -> Alert:
    """As it is sent. Labels name the object and what made it, and never what changes from one
    moment to the next: they are the identity of the alert."""
    labels = {
        "alertname": trouble.alert,
        "severity": "warning",
        "layer": "product",
        **dict(_names(kept, owners)),
        **trouble.labels,
    }
    if entity is not None:
        labels["entity"] = entity
    notes = {"summary": f"{kept.name}: {trouble.summary}"[:LONGEST_TEXT]}
    if trouble.said:
        notes["description"] = trouble.said[:LONGEST_TEXT]
    return Alert(
        source=GROUP,
        fingerprint="",
        status=status,
        labels=labels,
        annotations=notes,
        starts_at=ARRIVAL,
        ends_at=ARRIVAL if status is AlertStatus.RESOLVED else None,
    )


def _names(kept: Kept, owners: Iterable[Kept]) -> Iterator[tuple[str, str]]:
    if kept.ref.namespace:
        yield "namespace", kept.ref.namespace
    for one in (*owners, kept):
        if one.ref.kind != "replicaset":
            # `job` is what Prometheus calls a group of targets.
            yield ("job_name" if one.ref.kind == "job" else one.ref.kind), one.ref.name
    owner = kept.controller
    kind = BY_TITLE.get(owner.kind) if owner is not None else None
    if owner is not None and kind is None:
        yield "controller", owner.name
