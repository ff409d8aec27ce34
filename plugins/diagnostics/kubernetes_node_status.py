"""A node as the cluster sees it: ready, under pressure, open for pods, or taken out on purpose.

`exists` is false where the API server has no such node any more, as after it was scaled in: an
alert about it is about something that is gone; of an address that no node has it is unknown, since
others than nodes have addresses. Who closed it is told where that was recorded.

Pods are those of the namespaces that are watched. How often it became ready or unready stands in
the events of the namespace `default`: where those may not be read, only that it did not is known.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster import ClusterReader, RightsMissing
from agent.ports.cluster_events import NODE_NAMESPACE, Event, events_about
from agent.ports.cluster_kinds import Ref, ref_of
from agent.ports.cluster_nodes import NodeSeen, pods_on
from agent.ports.cluster_questions import node_named
from agent.ports.cluster_walking import ago
from agent.ports.cluster_workloads import uid_of
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Node(Params):
    target: str = Field(description="Name of the node, or the address it is scraped at.")
    since: Span = Field(
        default=timedelta(minutes=30), description="How far back changes and evictions count."
    )


class NodeStatus(Result):
    exists: bool | None = Field(
        default=None, description="The API server knows a node of this name."
    )
    ready: bool | None = Field(default=None, description="It reports that it is ready.")
    ready_for: Span | None = Field(
        default=None, description="Since when without a break; left out where it is not ready."
    )
    changes: int | None = Field(
        default=None, description="How often it became ready or unready within `since`."
    )
    schedulable: bool | None = Field(default=None, description="It takes new pods.")
    closed_by: str | None = Field(
        default=None, description="Who closed it for new pods, where that was recorded."
    )
    closed_ago: Span | None = Field(default=None, description="How long ago that was.")
    memory_pressure: bool | None = Field(
        default=None, description="It is short of memory and evicts pods."
    )
    disk_pressure: bool | None = Field(
        default=None, description="It is short of disk and evicts pods."
    )
    pid_pressure: bool | None = Field(default=None, description="It is short of process numbers.")
    calm_for: Span | None = Field(
        default=None, description="Time since it was last under any pressure; left out where it is."
    )
    taints: list[str] | None = Field(default=None, description="What keeps pods off it.")
    pods: int | None = Field(default=None, description="Pods that run on it.")
    pods_most: int | None = Field(default=None, description="Pods it takes at most.")
    evicted: int | None = Field(default=None, description="Pods it evicted within `since`.")
    homeless: int | None = Field(
        default=None,
        description="Pods it evicted or does not run any more, whose workload lacks a replica.",
    )
    starved: int | None = Field(
        default=None,
        description="Its pods that are not ready or were killed for memory within `since`.",
    )
    age: Span | None = Field(default=None, description="How long the cluster has known it.")


@diagnostic(
    name="kubernetes.node_status",
    params=Node,
    result=NodeStatus,
    summary="A node: ready, pressure, taints, and whether it was taken out on purpose",
    needs="kubernetes",
    rights=(
        Right(kind="node", verbs=("get",)),
        Right(kind="event", verbs=("list",), namespace=NODE_NAMESPACE, optional=True),
    ),
)
async def node_status(kit: ReadKit, params: Node) -> NodeStatus:
    cluster, now = kit.cluster, kit.cluster.now()
    name = node_named(cluster, params.target) or _name_in(params.target)
    if name is None:
        return NodeStatus()
    found = await cluster.get(Ref("node", name))
    if found is None:
        return NodeStatus(exists=False)
    node, cutoff = NodeSeen(found), now - params.since.total_seconds()
    pods = pods_on(
        name, cluster.all_kept("pod"), cluster.kept, is_well=node.ready is True, cutoff=cutoff
    )
    closed = node.closed
    return NodeStatus(
        exists=True,
        ready=node.ready,
        ready_for=ago(now, node.turned_at) if node.ready else None,
        changes=node.turns_since(cutoff, await _events(cluster, name, uid_of(found), cutoff)),
        schedulable=node.schedulable,
        closed_by=closed.by if closed is not None and closed.by else None,
        closed_ago=ago(now, closed.at) if closed is not None else None,
        memory_pressure=node.pressure("MemoryPressure"),
        disk_pressure=node.pressure("DiskPressure"),
        pid_pressure=node.pressure("PIDPressure"),
        calm_for=ago(now, node.calm_since),
        taints=list(node.taints),
        pods=pods.running,
        pods_most=node.pods_most,
        evicted=pods.evicted,
        homeless=pods.homeless,
        starved=pods.starved,
        age=ago(now, node.made_at),
    )


def _name_in(target: str) -> str | None:
    """The name of a node that is not watched, or not there; None: it is an address, or no name."""
    ref = ref_of(target)
    if ref is not None:
        return ref.name if ref.kind == "node" else None
    host, _, port = target.rpartition(":")
    name = host if host and port.isdecimal() else target
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        is_name = name.replace("-", "").replace(".", "").isalnum() and len(name) <= 253
        return name if is_name and name.isascii() and name == name.lower() else None
    return None


async def _events(
    cluster: ClusterReader, name: str, uid: str, since: float
) -> tuple[Event, ...] | None:
    """None: they may not be read here."""
    about = f"involvedObject.kind=Node,involvedObject.name={name}"
    try:
        found = await cluster.list("event", namespace=NODE_NAMESPACE, fields=about, most=5000)
    except RightsMissing:
        return None
    return events_about(found, [(Ref("node", name), uid)], since=since)
