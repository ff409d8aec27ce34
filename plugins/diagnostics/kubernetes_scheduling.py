"""Whether pods find room: who waits for a node, how long, and whether nodes can be added.

Without a namespace it is about the whole cluster. `spare_cpu` and `spare_memory` are what would be
left of what nodes offer, after all requests, if the largest node were lost.

Who waits is asked of the API server; without the right to look into all namespaces their number is
that of kube-state-metrics. What is spare, what is used and whether nodes are added comes from
Prometheus, by the metrics of kube-state-metrics, node-exporter and the cluster autoscaler: unknown
where they are not scraped. Other things that add nodes (Karpenter) are not known here.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster_questions import listed_if_may, number, prometheus
from agent.ports.cluster_room import Waiting, waiting_pods
from agent.ports.cluster_walking import ago
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

WAITING = "sum(kube_pod_status_unschedulable) or 0 * count(kube_pod_info)"
_OFFERED = 'max by (node) (kube_node_status_allocatable{resource="RESOURCE"})'
_PROMISED = (
    "sum(max by (namespace, pod, container) "
    '(kube_pod_container_resource_requests{resource="RESOURCE"}) * on (namespace, pod) '
    "group_left () (max by (namespace, pod) "
    '(kube_pod_status_phase{phase=~"Pending|Running"}) == 1))'
)
SPARE = f"1 - {_PROMISED} / (sum({_OFFERED}) - max({_OFFERED}))"
USED_CPU = (
    'sum(rate(node_cpu_seconds_total{mode!~"idle|iowait|steal"}[5m])) '
    "/ count(count by (instance, cpu) (node_cpu_seconds_total))"
)
USED_MEMORY = "1 - sum(node_memory_MemAvailable_bytes) / sum(node_memory_MemTotal_bytes)"
ROOM = "max(cluster_autoscaler_max_nodes_count) - sum(cluster_autoscaler_nodes_count)"


class Scheduling(Params):
    namespace: str | None = Field(
        default=None,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        description="Only pods of this namespace; of all where absent.",
    )


class SchedulingState(Result):
    waiting: int | None = Field(default=None, description="Pods for which no node was found.")
    waiting_for: Span | None = Field(
        default=None, description="How long the first of them has waited; left out where none does."
    )
    reasons: list[str] | None = Field(default=None, description="Why, most frequent first.")
    spare_cpu: float | None = Field(
        default=None,
        description="Share of CPU left without the largest node; negative: too little.",
    )
    spare_memory: float | None = Field(
        default=None, description="Share of memory left without the largest node."
    )
    used_cpu: float | None = Field(
        default=None, description="Share of the CPU on offer that is really used."
    )
    used_memory: float | None = Field(
        default=None, description="Share of the memory on offer that is really used."
    )
    grows_itself: bool | None = Field(
        default=None, description="Something adds nodes, and may add at least one more."
    )


@diagnostic(
    name="kubernetes.scheduling",
    params=Scheduling,
    result=SchedulingState,
    summary="Pods that find no node, what is spare, and whether nodes can be added",
    needs="kubernetes",
    rights=(Right(kind="pod", verbs=("list",)),),
)
async def scheduling(kit: ReadKit, params: Scheduling) -> SchedulingState:
    waiting = await _waiting(kit, params.namespace)
    cpu, memory = await _spare(kit, "cpu"), await _spare(kit, "memory")
    return SchedulingState(
        waiting=None if waiting is None else waiting.count,
        waiting_for=None if waiting is None else ago(kit.cluster.now(), waiting.since),
        reasons=None if waiting is None or waiting.reasons is None else list(waiting.reasons),
        spare_cpu=cpu,
        spare_memory=memory,
        used_cpu=await number(kit, USED_CPU),
        used_memory=await number(kit, USED_MEMORY),
        grows_itself=await _grows(kit),
    )


async def _waiting(kit: ReadKit, namespace: str | None) -> Waiting | None:
    """Where the agent may look into some namespaces only, kube-state-metrics counts for all."""
    fields = "status.phase=Pending"
    if namespace is not None:
        pods = await kit.cluster.list("pod", namespace=namespace, fields=fields, most=5000)
        return waiting_pods(pods)
    everywhere = await listed_if_may(kit.cluster, "pod", fields=fields)
    if everywhere is not None:
        return waiting_pods(everywhere)
    counted = await number(kit, WAITING)
    return None if counted is None else Waiting(count=int(counted), since=None, reasons=None)


async def _spare(kit: ReadKit, resource: str) -> float | None:
    return await number(kit, SPARE.replace("RESOURCE", resource))


async def _grows(kit: ReadKit) -> bool | None:
    """By the metrics of the cluster autoscaler. Others that add nodes are not known here."""
    safe = await prometheus(kit, "cluster_autoscaler_cluster_safe_to_autoscale")
    if not safe:
        return None
    room = await number(kit, ROOM)
    return None if room is None else room > 0 and all(each.value == 1 for each in safe)
