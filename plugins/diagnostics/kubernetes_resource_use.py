"""What a workload's pods take of what they may have: memory, CPU, and how that moves.

Shares are of the limit, of the pod that is nearest to its own. Growth that goes on for hours at the
same traffic and began when the pod started is what a leak looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field

from agent.model.cluster import Right
from agent.model.errors import Temporary
from agent.ports.cluster import Busy, Gone, Rejected, RightsMissing
from agent.ports.cluster_questions import (
    GETS_WORKLOADS,
    LISTS_PODS,
    Workload,
    number,
    one_of,
    prometheus,
    series,
    workload,
)
from agent.ports.cluster_selectors import asked_as
from agent.ports.cluster_use import Fullest, Limits, Use, Where, fullest, limits_of, use_of
from agent.ports.cluster_walking import ago, span, walk
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

MOST_PODS = 100
"""In one question to Prometheus."""
WINDOWS_HOURS = (1, 2, 4, 8, 16)
_MEMORY = "container_memory_working_set_bytes"


class Used(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )


class ResourceUse(Result):
    memory: float | None = Field(
        default=None, description="Share of its memory limit; left out where there is none."
    )
    memory_full_in: Span | None = Field(
        default=None, description="When that is used up at the pace of the last hour."
    )
    growing_for: Span | None = Field(
        default=None, description="How long memory has grown without falling back."
    )
    running_for: Span | None = Field(default=None, description="How long the pod has been running.")
    cpu: float | None = Field(
        default=None, description="Share of its CPU limit; left out where there is none."
    )
    throttled: float | None = Field(
        default=None,
        description="Share of periods within the last 5 minutes in which it was held back.",
    )


@diagnostic(
    name="kubernetes.resource_use",
    params=Used,
    result=ResourceUse,
    summary="Memory and CPU of a workload's pods against their limits, and growth",
    needs="kubernetes",
    rights=(
        *GETS_WORKLOADS,
        LISTS_PODS,
        Right(kind="podmetrics", verbs=("list",), optional=True),
    ),
)
async def resource_use(kit: ReadKit, params: Used) -> ResourceUse:
    owner = await workload(kit.cluster, params.target)
    limits = limits_of(await owner.pods(kit.cluster))
    if not limits:
        return ResourceUse()
    use = await _by_metrics_server(kit, owner)
    if use is None:
        use = await by_prometheus(kit, owner, limits)
    memory, cpu = fullest(limits, use, "memory"), fullest(limits, use, "cpu")
    where = memory.where or cpu.where
    since = limits[where].since if where is not None else None
    full, growing = await growth(kit, owner.ref.namespace, memory, limits)
    return ResourceUse(
        memory=memory.share,
        memory_full_in=full,
        growing_for=growing,
        running_for=ago(kit.cluster.now(), since),
        cpu=cpu.share,
        throttled=await throttled_share(kit, owner.ref.namespace, limits),
    )


async def _by_metrics_server(kit: ReadKit, owner: Workload) -> dict[Where, Use] | None:
    """None: there is none, or it may not be asked, or it does not answer."""
    asked = asked_as(walk(owner.thing, "spec", "selector")) or ""
    try:
        found = await kit.cluster.list(
            "podmetrics", namespace=owner.ref.namespace, labels=asked, most=5000
        )
    except (Gone, RightsMissing, Rejected, Busy, Temporary) as error:
        kit.log.info("metrics_server_not_asked", why=str(error)[:200])
        return None
    return use_of(found) or None


async def by_prometheus(
    kit: ReadKit, owner: Workload, limits: Mapping[Where, Limits]
) -> dict[Where, Use]:
    space, pods = owner.ref.namespace, sorted({pod for pod, _ in limits})
    if len(pods) > MOST_PODS:
        return {}
    memory = one_of(_MEMORY, "pod", pods, namespace=space)
    cpu = one_of("container_cpu_usage_seconds_total", "pod", pods, namespace=space)
    taken = await _by_container(kit, f"max by (pod, container) ({memory})")
    busy = await _by_container(kit, f"max by (pod, container) (rate({cpu}[5m]))")
    return {where: Use(memory=taken.get(where), cpu=busy.get(where)) for where in limits}


async def _by_container(kit: ReadKit, expression: str) -> dict[Where, float]:
    samples = await prometheus(kit, expression) or ()
    return {(s.labels.get("pod", ""), s.labels.get("container", "")): s.value for s in samples}


async def growth(
    kit: ReadKit, namespace: str, memory: Fullest, limits: Mapping[Where, Limits]
) -> tuple[timedelta | None, timedelta | None]:
    """When the memory of the fullest container is used up, and how long it has grown."""
    if memory.where is None:
        return None, None
    pod, container = memory.where
    of = series(_MEMORY, namespace=namespace, pod=pod, container=container)
    limit = limits[memory.where].memory
    left = await number(
        kit, f"min((({limit!r} - {of}) / (deriv({of}[1h]) > 0)) and {of} offset 1h)"
    )
    longest = None
    for hours in WINDOWS_HOURS:
        steady = f"min_over_time(deriv({of}[30m])[{hours}h:10m])"
        slowest = await number(kit, f"min({steady} and {of} offset {hours}h)")
        if slowest is None:
            break  # it has not been there, or not been watched, for so long
        if slowest <= 0.0:
            longest = longest or timedelta(0)
            break
        longest = timedelta(hours=hours)
    return None if left is None else span(left), longest


async def throttled_share(
    kit: ReadKit, namespace: str, limits: Mapping[Where, Limits]
) -> float | None:
    """Of the container that is held back most."""
    pods = sorted({pod for pod, _ in limits})
    if len(pods) > MOST_PODS:
        return None
    held, all_of = (
        one_of(f"container_cpu_cfs_{word}_total", "pod", pods, namespace=namespace)
        for word in ("throttled_periods", "periods")
    )
    by = "sum by (pod, container)"
    return await number(kit, f"max({by} (increase({held}[5m])) / {by} (increase({all_of}[5m])))")
