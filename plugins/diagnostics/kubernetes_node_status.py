"""A node as the cluster sees it: ready, under pressure, open for pods, or taken out on purpose.

`exists` is false where the API server has no such node any more, as after it was scaled in: an
alert about it is about something that is gone. Who closed it is told where that was recorded.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.model.errors import Permanent
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
        default=None, description="Evicted pods whose workload still lacks a replica."
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
)
async def node_status(kit: ReadKit, params: Node) -> NodeStatus:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
