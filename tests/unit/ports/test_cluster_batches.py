"""Jobs: how they went, why, and how long they take."""

from __future__ import annotations

from typing import Any

import pytest

from agent.ports.cluster_batches import (
    ending_of,
    last_success_at,
    later_success,
    lost_its_node,
    may_rerun,
    repetition_of,
    running_since,
    usual_of,
)
from agent.ports.cluster_walking import moment
from tests.support.told_cluster import recorded


def at(minute: int) -> str:
    return f"2026-11-22T{3 + minute // 60:02}:{minute % 60:02}:00Z"


def job(name: str, minute: int, *, took: int | None = 1, rerun_of: str = "") -> dict[str, Any]:
    """`took`: minutes until it came to its end; None: it goes on."""
    status: dict[str, Any] = {"startTime": at(minute), "active": 1}
    if took is not None:
        done = [{"type": "Complete", "status": "True"}]
        status = {
            "startTime": at(minute),
            "completionTime": at(minute + took),
            "conditions": done,
        }
    meta = {
        "name": name,
        "creationTimestamp": at(minute),
        "annotations": {"homeostat/rerun-of": rerun_of},
    }
    return {"metadata": meta, "status": status}


def cron(minute: int | None = None) -> dict[str, Any]:
    return {"metadata": {}, "status": {"lastSuccessfulTime": at(minute)} if minute else {}}


def test_a_recorded_run_that_failed() -> None:
    told = recorded()["job"]
    assert ending_of(told) == (False, True, "BackoffLimitExceeded")
    assert running_since(told) is None
    assert lost_its_node(told, ()) is None


def test_one_that_runs_has_a_start_and_no_end() -> None:
    running = job("a", 5, took=None)
    assert ending_of(running) == (False, False, None)
    assert running_since(running) == moment({"at": at(5)}, "at")


def test_usual_is_what_95_of_100_do_not_exceed_and_needs_five() -> None:
    runs = [job(str(n), n, took=n) for n in range(1, 21)]
    assert usual_of(runs) == 19 * 60.0
    assert usual_of(runs[:5]) == 5 * 60.0
    assert usual_of(runs[:4]) is None
    assert usual_of([*runs[:4], job("x", 1, took=None)]) is None


def test_a_later_run_counts_only_where_it_came_to_its_end_later() -> None:
    ours = job("ours", 10, took=None)
    assert later_success(ours, None, [job("b", 20)]) is False
    assert later_success(ours, cron(), [ours, job("before", 5)]) is False
    assert later_success(ours, cron(21), [ours, job("after", 20)]) is True
    # Somebody deleted the run that the CronJob tells of: it may have been an earlier one.
    assert later_success(ours, cron(30), [ours]) is None
    assert later_success(ours, cron(30), [ours, job("long", 5, took=25)]) is False


def test_the_last_success_is_the_newest_that_anything_tells_of() -> None:
    assert last_success_at(cron(30), [job("a", 5)]) == moment({"at": at(30)}, "at")
    assert last_success_at(cron(), [job("a", 5)]) == moment({"at": at(6)}, "at")
    assert last_success_at(cron(), []) is None


def test_repetitions_of_repetitions_are_followed_to_the_newest() -> None:
    ours = job("ours", 1)
    first = job("first", 2, rerun_of="ours")
    second = job("second", 3, rerun_of="first")
    circle = job("ours", 1, rerun_of="second")
    assert repetition_of(ours, [ours, first, second]) == second
    assert repetition_of(circle, [circle, first, second]) == second
    assert repetition_of(ours, [ours, job("other", 9)]) is None


@pytest.mark.parametrize(
    ("on_job", "on_cron", "may"),
    [
        ("true", None, True),
        (None, "true", True),
        ("true", "false", False),
        ("false", "true", False),
        (None, None, False),
        ("yes", None, False),
    ],
)
def test_its_owners_say_whether_it_may_run_twice(
    on_job: str | None, on_cron: str | None, may: bool
) -> None:
    def noted(note: str | None) -> dict[str, Any]:
        return {"metadata": {"annotations": {"homeostat/may-rerun": note} if note else {}}}

    assert may_rerun(noted(on_job), noted(on_cron)) is may


def failed(
    reason: str = "", *, disrupted: str = "", exit_code: int | None = None
) -> dict[str, Any]:
    status: dict[str, Any] = {"phase": "Failed", "reason": reason}
    if disrupted:
        told = {"type": "DisruptionTarget", "status": "True", "reason": disrupted}
        status["conditions"] = [told]
    if exit_code is not None:
        status["containerStatuses"] = [{"state": {"terminated": {"exitCode": exit_code}}}]
    return {"status": status}


@pytest.mark.parametrize(
    ("pods", "is_lost"),
    [
        ([failed("Evicted")], True),
        ([failed("Evicted", exit_code=137)], True),
        ([failed("Evicted", exit_code=1)], False),
        ([failed(disrupted="DeletionByTaintManager")], True),
        ([failed(disrupted="EvictionByEvictionAPI")], True),
        ([failed(disrupted="PreemptionByScheduler")], False),
        ([failed("Error", exit_code=1)], False),
        ([failed("Evicted"), failed(exit_code=1)], False),
    ],
)
def test_its_node_is_to_blame_only_where_it_ended_all_of_its_pods(
    pods: list[Any], is_lost: bool
) -> None:
    assert lost_its_node({"status": {"failed": len(pods)}}, pods) is is_lost
