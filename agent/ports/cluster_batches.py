"""Jobs and the runs of CronJobs: how they went, why they ended, and how long they take."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple

from agent.ports.cluster import Json
from agent.ports.cluster_acting import MAY_RERUN, RERUN_OF, note_of
from agent.ports.cluster_nodes import GONE_REASONS
from agent.ports.cluster_walking import (
    condition_of,
    holds,
    items,
    moment,
    name_of,
    text,
    walk,
    whole,
)
from agent.ports.cluster_workloads import made_at, newest

LEAST_RUNS = 5
USUAL_SHARE = 0.95
NODES_FAULT = frozenset(
    {"DeletionByTaintManager", "EvictionByEvictionAPI", "DeletionByPodGC", "TerminationByKubelet"}
)
"""Reasons of the condition DisruptionTarget where a node went away, was emptied or evicted. A pod
that made way for a more important one is none of them."""


class Ending(NamedTuple):
    succeeded: bool
    failed: bool
    reason: str | None


def ending_of(job: Json) -> Ending:
    """Both false: it goes on, or has not begun."""
    found = condition_of(job, "Failed")
    failed = holds(job, "Failed") is True
    return Ending(
        succeeded=holds(job, "Complete") is True,
        failed=failed,
        reason=text(found, "reason", most=80) or None if failed else None,
    )


def active_of(job: Json) -> int:
    return whole(job, "status", "active") or 0


def ran_for(job: Json) -> float | None:
    """Of one that came to its end, in seconds."""
    start, end = moment(job, "status", "startTime"), moment(job, "status", "completionTime")
    if start is None or end is None or not ending_of(job).succeeded:
        return None
    return max(0.0, end - start)


def running_since(job: Json) -> float | None:
    ending = ending_of(job)
    is_over = ending.succeeded or ending.failed
    return None if is_over or not active_of(job) else moment(job, "status", "startTime")


def is_suspended(thing: Json) -> bool:
    return walk(thing, "spec", "suspend") is True


def may_rerun(job: Json, cron: Json | None) -> bool:
    """Its owners say so on it or on its CronJob, and on neither the contrary."""
    told = [note_of(each, MAY_RERUN) for each in (job, cron) if each is not None]
    return "true" in told and "false" not in told


def usual_of(runs: Iterable[Json]) -> float | None:
    """95 of 100 took no longer; None: fewer than five came to their end."""
    took = sorted(t for t in map(ran_for, runs) if t is not None)
    if len(took) < LEAST_RUNS:
        return None
    return took[ceil(USUAL_SHARE * len(took)) - 1]


def lost_its_node(job: Json, pods: Sequence[Json]) -> bool | None:
    """Whether all of its pods that failed ended because of their node. None: none of those that
    failed is there any more."""
    failed = [pod for pod in pods if text(pod, "status", "phase") == "Failed"]
    if failed:
        return all(_was_nodes_fault(pod) for pod in failed)
    has_failed = ending_of(job).failed or (whole(job, "status", "failed") or 0) > 0
    return None if has_failed else False


def _was_nodes_fault(pod: Json) -> bool:
    found = condition_of(pod, "DisruptionTarget")
    if text(found, "status") == "True":
        return text(found, "reason") in NODES_FAULT
    if text(pod, "status", "reason") not in GONE_REASONS:
        return False
    # It was evicted; a container that had ended by itself before tells otherwise.
    ended = (
        walk(each, "state", "terminated") for each in items(pod, "status", "containerStatuses")
    )
    return not any(whole(each, "exitCode") not in (None, 0, 137, 143) for each in ended)


def later_success(job: Json, cron: Json | None, runs: Iterable[Json]) -> bool | None:
    """Whether a later run of the same CronJob came to its end. None: its CronJob tells of a success
    that no run which is still there accounts for."""
    if cron is None:
        return False
    begun = made_at(job)
    if any(made_at(run) > begun and ending_of(run).succeeded for run in runs):
        return True
    last = moment(cron, "status", "lastSuccessfulTime")
    ends = [moment(run, "status", "completionTime") for run in runs if ending_of(run).succeeded]
    is_accounted_for = (
        last is None or last <= begun or any(e is not None and e >= last for e in ends)
    )
    return False if is_accounted_for else None


def last_success_at(cron: Json | None, runs: Iterable[Json]) -> float | None:
    ends = [moment(run, "status", "completionTime") for run in runs if ending_of(run).succeeded]
    if cron is not None:
        ends.append(moment(cron, "status", "lastSuccessfulTime"))
    return max((end for end in ends if end is not None), default=None)


def repetition_of(job: Json, jobs: Iterable[Json]) -> Json | None:
    """The newest that `kubernetes.rerun_job` made of it, or of one of its repetitions."""
    names, known = {name_of(job)}, list(jobs)
    found: list[Json] = []
    for _ in range(10):
        more = [j for j in known if note_of(j, RERUN_OF) in names and name_of(j) not in names]
        if not more:
            break
        found += more
        names |= {name_of(each) for each in more}
    return newest(found)
