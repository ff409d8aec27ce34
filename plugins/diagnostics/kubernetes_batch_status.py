"""A Kubernetes Job, or the last one of a CronJob: how it goes, and whether it may be run again.

Only the people who wrote it know whether running it twice does harm. They say so with the
annotation `homeostat/may-rerun: "true"`, on it or its CronJob; without it `may_rerun` is false.
`again` is what `kubernetes.rerun_job` made of it.

What became of earlier and later runs is known of those that are still there: a CronJob keeps three
that came to their end unless its owners say otherwise (`successfulJobsHistoryLimit`).
"""

from __future__ import annotations

from pydantic import Field

from agent.model.cluster import Right
from agent.model.errors import Permanent
from agent.ports.cluster import ClusterReader, Json
from agent.ports.cluster_acting import controller_of
from agent.ports.cluster_batches import (
    active_of,
    ending_of,
    is_suspended,
    last_success_at,
    later_success,
    lost_its_node,
    may_rerun,
    repetition_of,
    running_since,
    usual_of,
)
from agent.ports.cluster_kinds import Ref, ref_of
from agent.ports.cluster_walking import ago, span, text
from agent.ports.cluster_workloads import controlled, got, newest, pods_of, uid_of
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

MOST = 5000


class Batch(Params):
    target: str = Field(
        description="Job or CronJob of the inventory, or a registered entity that is one."
    )


class Again(Result):
    """The newest repetition of it."""

    active: int | None = Field(default=None, description="Pods of it that run.")
    succeeded: bool | None = Field(default=None, description="It came to its end.")
    failed: bool | None = Field(default=None, description="It was given up.")


class BatchStatus(Result):
    active: int | None = Field(default=None, description="Pods that run.")
    succeeded: bool | None = Field(default=None, description="It came to its end.")
    failed: bool | None = Field(default=None, description="It was given up.")
    reason: str | None = Field(
        default=None,
        description="Why: `BackoffLimitExceeded`, `DeadlineExceeded`, `PodFailurePolicy`.",
    )
    node_lost: bool | None = Field(
        default=None, description="Its pods ended because a node went away or evicted them."
    )
    may_rerun: bool | None = Field(
        default=None, description="Its owners declare that running it again does no harm."
    )
    suspended: bool | None = Field(default=None, description="Somebody suspended it.")
    running_for: Span | None = Field(
        default=None, description="How long it has been running; left out where it is not."
    )
    usual: Span | None = Field(
        default=None,
        description="How long its runs took, 95 of 100; left out with fewer than five runs.",
    )
    last_success_ago: Span | None = Field(
        default=None, description="How long ago a run of the same CronJob came to its end."
    )
    later_succeeded: bool | None = Field(
        default=None, description="A later run of the same CronJob came to its end."
    )
    again: Again | None = Field(
        default=None, description="Its repetition; left out where there is none."
    )


@diagnostic(
    name="kubernetes.job_status",
    params=Batch,
    result=BatchStatus,
    summary="A Kubernetes Job: active, failed, why, and whether it may be run again",
    needs="kubernetes",
    rights=(
        Right(kind="job", verbs=("get", "list")),
        Right(kind="cronjob", verbs=("get",)),
        Right(kind="pod", verbs=("list",)),
    ),
)
async def batch_status(kit: ReadKit, params: Batch) -> BatchStatus:
    cluster, now = kit.cluster, kit.cluster.now()
    ref = await _which(cluster, params.target)
    thing = await got(cluster, ref)
    cron = thing if ref.kind == "cronjob" else await _cron_of(cluster, ref, thing)
    jobs = await cluster.list("job", namespace=ref.namespace, most=MOST)
    runs = controlled(jobs, {uid_of(cron)}) if cron is not None else ()
    job = newest(runs) if ref.kind == "cronjob" else thing
    last_success = ago(now, last_success_at(cron, runs)) if cron is not None else None
    is_off = any(is_suspended(each) for each in (job, cron) if each is not None)
    if job is None:
        return BatchStatus(active=0, suspended=is_off, last_success_ago=last_success)
    ending, began, usual = ending_of(job), running_since(job), usual_of(runs)
    own = Ref("job", text(job, "metadata", "name"), ref.namespace)
    again = repetition_of(job, jobs)
    return BatchStatus(
        active=active_of(job),
        succeeded=ending.succeeded,
        failed=ending.failed,
        reason=ending.reason,
        node_lost=lost_its_node(job, await pods_of(cluster, own, job)),
        may_rerun=may_rerun(job, cron),
        suspended=is_off,
        running_for=ago(now, began),
        usual=span(usual) if usual is not None else None,
        last_success_ago=last_success,
        later_succeeded=later_success(job, cron, runs),
        again=_again(again) if again is not None else None,
    )


async def _which(cluster: ClusterReader, target: str) -> Ref:
    """An entity that is a CronJob has its runs too: it is the CronJob that is meant."""
    if ref_of(target) is not None:
        return await cluster.find(target, kinds=("job", "cronjob"))
    try:
        return await cluster.find(target, kinds=("cronjob",))
    except Permanent:
        return await cluster.find(target, kinds=("job",))


async def _cron_of(cluster: ClusterReader, ref: Ref, job: Json) -> Json | None:
    owner = controller_of(job)
    if owner is None or text(owner, "kind") != "CronJob":
        return None
    found = await cluster.get(Ref("cronjob", text(owner, "name"), ref.namespace))
    return found if found is not None and uid_of(found) == text(owner, "uid", most=100) else None


def _again(job: Json) -> Again:
    ending = ending_of(job)
    return Again(active=active_of(job), succeeded=ending.succeeded, failed=ending.failed)
