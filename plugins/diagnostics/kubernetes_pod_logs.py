"""The last lines of a pod's containers, and how many of them tell of an error.

Of several pods it is the worst one, of several containers the one that ended, waits or was started
most often. Bounded, and cleaned of control characters and terminal escapes. `previous` reads what
the container wrote before it ended last, which is what a crash loop is about; of one that ended for
good that is its only log. Where there is none, or its node does not keep it any more, it is
unknown. Good for a page; no base for a decision where better evidence exists.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.cluster import Right
from agent.ports.cluster import Gone, LogText, Rejected
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_pods import PodSeen, ends, worst_first
from agent.ports.cluster_walking import mapping, text
from agent.ports.cluster_workloads import READS_PODS_OF_TARGET, READS_RUNS, own_pods
from agent.ports.kit import ReadKit
from agent.ports.log_lines import cleaned, errors_among
from agent.ports.plugin import Params, Result, diagnostic


class Logs(Params):
    target: str = Field(
        description="Pod or workload of the inventory, or a registered entity that is one workload."
    )
    lines: int = Field(default=20, ge=1, le=200, description="How many lines, from the end.")
    previous: bool = Field(
        default=False,
        description="Those of the container that ended, in place of the one that runs.",
    )


class Lines(Result):
    lines: list[str] | None = Field(
        default=None, description="Oldest first, without control characters."
    )
    errors: int | None = Field(
        default=None, description="How many of these lines tell of an error."
    )
    last_error: str | None = Field(
        default=None, description="The last of them; empty: there is none."
    )
    pod: str | None = Field(default=None, description="Whose log it is.")
    container: str | None = Field(default=None, description="Name of the container.")
    cut: bool | None = Field(default=None, description="It wrote more than these lines.")


@diagnostic(
    name="kubernetes.pod_logs",
    params=Logs,
    result=Lines,
    summary="The last lines of a pod's containers, and the last error among them",
    needs="kubernetes",
    rights=(
        *READS_PODS_OF_TARGET,
        *READS_RUNS,
        Right(kind="pod", part="log", verbs=("get",)),
    ),
)
async def pod_logs(kit: ReadKit, params: Logs) -> Lines:
    own = await own_pods(kit.cluster, params.target)
    now = kit.cluster.now()
    seen = [PodSeen(pod, now) for pod in own.pods]
    pod = _chosen([each for each in seen if each.node])
    if pod is None:
        return Lines()
    container = pod.troubled_container
    ref = Ref("pod", text(pod.pod, "metadata", "name"), own.ref.namespace)
    try:
        told: LogText = await kit.cluster.logs(
            ref,
            container=container,
            previous=params.previous and not _has_ended(pod, container),
            lines=params.lines,
        )
    except (Gone, Rejected) as none:
        kit.log.info("no_log", pod=ref.text, why=str(none)[:200])
        return Lines(pod=ref.text, container=container)
    lines = cleaned(told.lines)[-params.lines :]
    errors = errors_among(lines)
    return Lines(
        lines=list(lines),
        errors=len(errors),
        last_error=errors[-1] if errors else "",
        pod=ref.text,
        container=container,
        cut=told.is_cut,
    )


def _chosen(pods: list[PodSeen]) -> PodSeen | None:
    """The worst that is there; else the one that ended last, as of a Job that failed."""
    there = worst_first(p for p in pods if not p.is_leaving and not p.has_ended)
    if there:
        return there[0]
    gone = [p for p in pods if not p.is_leaving] or pods
    return max(gone, key=_ended_at, default=None)


def _ended_at(pod: PodSeen) -> tuple[bool, float]:
    end = pod.last_end
    return pod.phase == "Failed", (end.at or 0.0) if end is not None else 0.0


def _has_ended(pod: PodSeen, container: str) -> bool:
    """It does not run and did not begin anew: what it wrote is still the log of this run."""
    for each in pod.containers:
        if text(each, "name", most=80) == container:
            return bool(mapping(each, "state", "terminated")) and bool(ends(each))
    return False
