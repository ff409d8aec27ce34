"""How far a rollout has come, by what a controller tells of it."""

from __future__ import annotations

from typing import Any

import pytest

from agent.ports.cluster_rollouts import rollout_of
from agent.ports.cluster_walking import moment
from tests.support.told_cluster import recorded

NOW = 1_700_000_000.0


def workload(spec: dict[str, Any], generation: int = 2, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"generation": generation},
        "spec": spec,
        "status": {"observedGeneration": 2, **status},
    }


def counts(n: int) -> dict[str, int]:
    return dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas", "availableReplicas"), n)


def test_a_recorded_rollout_that_stands_still() -> None:
    thing = recorded()["deployment"]
    at = moment(thing["status"]["conditions"][1], "lastUpdateTime")
    assert at is not None
    found = rollout_of(thing, "deployment", at + 60)
    assert (found.wanted, found.ready, found.updated, found.available) == (2, 2, 1, 2)
    assert (found.is_complete, found.is_observed, found.is_progressing) == (False, True, False)
    assert found.reason.startswith("ProgressDeadlineExceeded: ReplicaSet")
    # Its deadline of two seconds began to run when it came forward last.
    assert found.unchanged_for == 62.0


@pytest.mark.parametrize(
    ("change", "is_complete"),
    [
        ({}, True),
        ({"updatedReplicas": 2}, False),
        ({"availableReplicas": 2}, False),
        ({"replicas": 4}, False),
        ({"observedGeneration": 1}, False),
    ],
)
def test_it_is_complete_where_nothing_is_missing_and_nothing_too_much(
    change: dict[str, Any], is_complete: bool
) -> None:
    thing = workload({"replicas": 3}, **{**counts(3), **change})
    assert rollout_of(thing, "deployment", NOW).is_complete is is_complete


def test_what_is_scaled_to_nothing_is_complete_without_pods() -> None:
    assert rollout_of(workload({"replicas": 0}), "deployment", NOW).is_complete is True


def test_pods_below_a_partition_stay_at_the_revision_before_on_purpose() -> None:
    strategy = {"rollingUpdate": {"partition": 2}}
    spec = {"replicas": 3, "updateStrategy": strategy}
    status = {**counts(3), "updatedReplicas": 1}
    assert rollout_of(workload(spec, **status), "statefulset", NOW).is_complete is True
    assert (
        rollout_of(workload(spec, **{**status, "updatedReplicas": 0}), "statefulset", NOW)[5]
        is False
    )


def test_a_daemon_set_counts_nodes() -> None:
    told = {
        "desiredNumberScheduled": 3,
        "numberReady": 2,
        "updatedNumberScheduled": 3,
        "numberAvailable": 2,
        "numberMisscheduled": 1,
    }
    found = rollout_of(workload({}, **told), "daemonset", NOW)
    assert (found.wanted, found.ready, found.misplaced, found.is_complete) == (3, 2, 1, False)
    unseen = rollout_of({"spec": {}, "metadata": {"generation": 1}}, "daemonset", NOW)
    assert (unseen.wanted, unseen.is_complete, unseen.is_observed) == (None, None, False)


def test_a_rollout_of_argo_writes_its_generation_as_text_and_says_why_it_waits() -> None:
    thing = workload({"replicas": 3}, **counts(3))
    thing["status"] |= {"observedGeneration": "2", "pauseConditions": [{"reason": "CanaryPause"}]}
    found = rollout_of(thing, "rollout", NOW)
    assert (found.is_observed, found.is_paused) == (True, True)
    thing["status"]["observedGeneration"] = "65f9b6c5cf"
    assert rollout_of(thing, "rollout", NOW).is_observed is False


def test_a_set_changed_when_its_controller_wrote_its_status_last() -> None:
    thing = workload({"replicas": 3}, **counts(3))
    thing["metadata"]["managedFields"] = [
        {"manager": "ci", "time": "2023-11-14T22:13:00Z"},
        {"manager": "kcm", "subresource": "status", "time": "2023-11-14T22:03:20Z"},
    ]
    assert rollout_of(thing, "statefulset", NOW).unchanged_for == 600.0
    thing["metadata"]["managedFields"] = []
    assert rollout_of(thing, "statefulset", NOW).unchanged_for is None


def test_pods_that_cannot_be_made_are_the_reason_before_a_deadline() -> None:
    told = [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"},
        {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"},
    ]
    thing = workload({"replicas": 3}, conditions=told)
    assert rollout_of(thing, "deployment", NOW).reason == "FailedCreate: quota"
