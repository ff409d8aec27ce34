"""The state of a pod, or of all pods of a workload: ready, restarted, and how they ended last.

Where there are several, `available` is true only for all of them, `restarts` is their sum, and what
ended or waits is told of the worst one: the longest not ready, then the one with most restarts.
Pods that are on their way out, or that ended and were replaced, are none of them.

Restarts are counted within `since`, because the counter of a pod never goes back. The API server
tells of each container only its last two starts: where more of them lie within `since`, how many
there were is unknown, and `restarts_at_least` says what is certain.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.ports.cluster import ClusterReader, Json
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_objects import Node as NodeShape
from agent.ports.cluster_objects import condition
from agent.ports.cluster_pods import PodSeen, worst_first
from agent.ports.cluster_rollouts import rollout_of
from agent.ports.cluster_walking import span
from agent.ports.cluster_workloads import READS_PODS_OF_TARGET, READS_RUNS, Own, own_pods
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

ILL = ("MemoryPressure", "DiskPressure", "PIDPressure")


class Pods(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )
    since: Span = Field(
        default=timedelta(minutes=30), description="How far back restarts and terminations count."
    )


class PodStatus(Result):
    pods: int | None = Field(default=None, description="How many there are.")
    ready: int | None = Field(default=None, description="How many of them are ready.")
    available: bool | None = Field(
        default=None,
        description="All of them are ready, and there are as many as the workload wants.",
    )
    unavailable_for: Span | None = Field(
        default=None, description="How long the worst one has not been ready; 0 where all are."
    )
    restarts: int | None = Field(
        default=None, description="Restarts of their containers within `since`."
    )
    restarts_at_least: int | None = Field(
        default=None, description="So many of them for certain, where `restarts` is unknown too."
    )
    reason: str | None = Field(
        default=None,
        description=(
            "How a container of the worst one ended last: `Error`, `OOMKilled`, ...; empty: none "
            "has."
        ),
    )
    exit_code: int | None = Field(default=None, description="The exit code it ended with.")
    oom_killed: bool | None = Field(
        default=None,
        description=(
            "A container was killed within `since` because it used up its memory, as far as its "
            "last two ends tell."
        ),
    )
    waiting: str | None = Field(
        default=None,
        description="Why it does not run: `CrashLoopBackOff`, `ImagePullBackOff`; or empty.",
    )
    unscheduled: int | None = Field(default=None, description="Pods for which no node was found.")
    worst: str | None = Field(
        default=None,
        description="Name of the worst one in the inventory; left out where all are ready.",
    )
    worst_node: str | None = Field(default=None, description="The node it runs on.")
    worst_node_ready: bool | None = Field(
        default=None,
        description="That node is ready and under no pressure; left out where nodes are unwatched.",
    )
    nodes: int | None = Field(default=None, description="Nodes with pods that are not ready.")


@diagnostic(
    name="kubernetes.pod_status",
    params=Pods,
    result=PodStatus,
    summary="Readiness, restarts and last terminations of a pod or of a workload's pods",
    needs="kubernetes",
    rights=(*READS_PODS_OF_TARGET, *READS_RUNS),
)
async def pod_status(kit: ReadKit, params: Pods) -> PodStatus:
    own = await own_pods(kit.cluster, params.target)
    now = kit.cluster.now()
    cutoff = now - params.since.total_seconds()
    seen = [PodSeen(pod, now) for pod in own.pods if not _is_leaving(pod)]
    there = [pod for pod in seen if not pod.has_ended]
    ready = sum(pod.ready for pod in there)
    restarts = [pod.restarts_since(cutoff) for pod in there]
    exact = [r.exactly for r in restarts if r.exactly is not None]
    # Of what is done once, those that ended are what it is about; of the rest they were replaced.
    told = worst_first(there or (seen if own.ref.kind in ("pod", "job", "cronjob") else ()))
    worst = told[0] if told else None
    ill = [pod for pod in there if not pod.ready]
    ooms = [pod.oom_killed_since(cutoff) for pod in seen]
    end = worst.last_end if worst is not None else None
    node = worst.node if worst is not None and ill else None
    return PodStatus(
        pods=len(there),
        ready=ready,
        available=_available(own, len(there), ready),
        unavailable_for=span(max((pod.unready_for for pod in there), default=0.0))
        if there
        else None,
        restarts=sum(exact) if len(exact) == len(restarts) else None,
        restarts_at_least=sum(r.least for r in restarts),
        reason=None if worst is None else end.reason if end is not None else "",
        exit_code=end.exit_code if end is not None else None,
        oom_killed=True if True in ooms else None if None in ooms else False,
        waiting=worst.waiting if worst is not None else None,
        unscheduled=sum(pod.is_unscheduled for pod in there),
        worst=worst.name if worst is not None and ill else None,
        worst_node=node or None,
        worst_node_ready=_is_well(kit.cluster, node) if node else None,
        nodes=len({pod.node for pod in ill if pod.node}),
    )


def _is_leaving(pod: Json) -> bool:
    return PodSeen(pod, 0.0).is_leaving


def _available(own: Own, there: int, ready: int) -> bool | None:
    """None: nothing is wanted, so that nothing can be missing."""
    if own.ref.kind in ("pod", "job", "cronjob"):
        return ready == there if there else None
    wanted = rollout_of(own.thing, own.ref.kind, 0.0).wanted
    if wanted is None or not (wanted or there):
        return None
    return ready == there >= wanted


def _is_well(cluster: ClusterReader, name: str) -> bool | None:
    kept = cluster.kept(Ref("node", name).text)
    if kept is None or not isinstance(kept.thing, NodeShape):
        return None
    found = {kind: condition(kept.thing.status.conditions, kind) for kind in ("Ready", *ILL)}
    ready, *ill = found.values()
    return (
        ready is not None
        and ready.status == "True"
        and not any(pressure is not None and pressure.status == "True" for pressure in ill)
    )
