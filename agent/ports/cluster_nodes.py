"""A node as the API server tells of it, and how the pods on it fare."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from agent.ports.cluster import Json
from agent.ports.cluster_edits import Written, field_writer
from agent.ports.cluster_events import Event
from agent.ports.cluster_facts import PRESSURES
from agent.ports.cluster_kinds import BY_TITLE, Ref
from agent.ports.cluster_objects import Batch, Kept, Pod, Workload, condition, seconds
from agent.ports.cluster_walking import (
    amount,
    condition_of,
    holds,
    items,
    moment,
    name_of,
    text,
    walk,
)

MOST_TAINTS = 20
TURNS = ("NodeReady", "NodeNotReady")
"""Reasons of the events that tell of a node becoming ready or unready."""
CLOSED = "node.kubernetes.io/unschedulable"
OOM_KILLED = "OOMKilled"
GONE_REASONS = frozenset({"Evicted", "NodeLost", "NodeShutdown", "Terminated", "Shutdown"})
"""Why a pod ended, where the node ended it."""


class NodeSeen:
    """One node, read when it is asked for."""

    def __init__(self, node: Json) -> None:
        self.node = node
        self.name = name_of(node)
        found = condition_of(node, "Ready")
        told = text(found, "status")
        # `Unknown`: its kubelet does not report any more.
        self.ready = told == "True" if told else None
        self.turned_at = moment(found, "lastTransitionTime")

    @property
    def schedulable(self) -> bool:
        return walk(self.node, "spec", "unschedulable") is not True

    @property
    def closed(self) -> Written | None:
        """Who closed it for new pods, and when: its controller marks it with a taint at once. Of
        nodes most API servers record no writers, so that by whom is often unknown."""
        if self.schedulable:
            return None
        writer = field_writer(self.node, "spec", "unschedulable")
        found = items(self.node, "spec", "taints")
        times = [moment(each, "timeAdded") for each in found if each.get("key") == CLOSED]
        at = next((t for t in times if t is not None), None)
        if at is None and writer is not None:
            at = writer.at
        return Written(writer.by if writer is not None else "", at)

    def pressure(self, kind: str) -> bool | None:
        return holds(self.node, kind)

    @property
    def calm_since(self) -> float | None:
        """When it was last under any pressure. None: it is, or that is not known."""
        if any(self.pressure(kind) is not False for kind in PRESSURES):
            return None
        found = (condition_of(self.node, kind) for kind in PRESSURES)
        times = [moment(each, "lastTransitionTime") for each in found]
        known = [t for t in times if t is not None]
        return max(known) if len(known) == len(times) else None

    @property
    def taints(self) -> tuple[str, ...]:
        found = []
        for each in items(self.node, "spec", "taints")[:MOST_TAINTS]:
            key, value = text(each, "key"), text(each, "value")
            named = f"{key}={value}" if value else key
            found.append(f"{named}:{text(each, 'effect', most=40)}")
        return tuple(found)

    @property
    def pods_most(self) -> int | None:
        found = amount(self.node, "status", "allocatable", "pods")
        return int(found) if found is not None else None

    @property
    def made_at(self) -> float | None:
        return moment(self.node, "metadata", "creationTimestamp")

    def turns_since(self, cutoff: float, events: Iterable[Event] | None) -> int | None:
        """How often it became ready or unready. `events` None: they may not be read, and then only
        that it did not is known for certain."""
        if self.turned_at is not None and self.turned_at < cutoff:
            return 0
        if events is None:
            return None
        told = sum(e.times for e in events if e.reason in TURNS and e.at >= cutoff)
        return max(told, 1 if self.turned_at is not None else 0)


class PodsOnNode(NamedTuple):
    """Of the namespaces that are watched."""

    running: int
    evicted: int
    homeless: int | None
    starved: int


Find = Callable[[str], Kept | None]


def pods_on(
    node: str, pods: Iterable[Kept], find: Find, *, is_well: bool, cutoff: float
) -> PodsOnNode:
    """`find` gives an object by its name in the inventory; `is_well`: the node runs what is on
    it."""
    here = [
        (k, k.thing) for k in pods if isinstance(k.thing, Pod) and k.thing.spec.node_name == node
    ]
    there = [(k, pod) for k, pod in here if pod.status.phase not in ("Succeeded", "Failed")]
    evicted = [(k, pod) for k, pod in here if _was_evicted(pod) and _at(pod, cutoff) >= cutoff]
    leaving = [(k, pod) for k, pod in there if pod.metadata.deletion_timestamp is not None]
    lost = [*evicted, *leaving] if is_well else [*evicted, *there]
    homes = [_is_homeless(k, find) for k, _ in lost]
    return PodsOnNode(
        running=len(there),
        evicted=len(evicted),
        homeless=None if None in homes else sum(home is True for home in homes),
        starved=sum(_is_starved(pod, cutoff) for _, pod in there),
    )


def _was_evicted(pod: Pod) -> bool:
    return pod.status.phase == "Failed" and pod.status.reason in GONE_REASONS


def _at(pod: Pod, unknown: float) -> float:
    """When it was disrupted. Where that is not told it counts: too many rather than too few."""
    found = condition(pod.status.conditions, "DisruptionTarget")
    at = seconds(found.last_transition_time) if found is not None else None
    return at if at is not None else unknown


def _is_homeless(kept: Kept, find: Find) -> bool | None:
    """Whether its workload still lacks a replica. Without a controller nothing makes it again.
    None: what is above it is not known."""
    if kept.controller is None:
        return True
    top = top_of(kept, find)
    thing = top.thing if top is not None else None
    if isinstance(thing, Workload):
        status = thing.status
        if status.desired_number_scheduled is not None:
            # Its pods belong on their nodes: none of them finds room elsewhere.
            return False
        wanted = 1 if thing.spec.replicas is None else thing.spec.replicas
        return status.ready_replicas < wanted
    if isinstance(thing, Batch):
        is_over = any(
            c.type in ("Complete", "Failed") and c.status == "True" for c in thing.status.conditions
        )
        return not is_over and thing.status.active == 0
    return None


def top_of(kept: Kept, find: Find) -> Kept | None:
    """The workload behind a pod; None: a controller on the way is not known."""
    for _ in range(4):
        owner = kept.controller
        if owner is None:
            return kept
        kind = BY_TITLE.get(owner.kind)
        if kind is None:
            return None
        if kind.word == "cronjob":
            return kept
        above = find(Ref(kind.word, owner.name, kept.ref.namespace).text)
        if above is None:
            return None
        kept = above
    return kept


def _is_starved(pod: Pod, cutoff: float) -> bool:
    if pod.metadata.deletion_timestamp is not None:
        return False
    ready = condition(pod.status.conditions, "Ready")
    if ready is None or ready.status != "True":
        return True
    for each in (*pod.status.container_statuses, *pod.status.init_container_statuses):
        for state in (each.state, each.last_state):
            ended = state.terminated
            if ended is not None and ended.reason == OOM_KILLED:
                at = seconds(ended.finished_at)
                if at is None or at >= cutoff:
                    return True
    return False
