"""Pods as the API server tells of them: restarts in time, ends, and which one is the worst."""

from __future__ import annotations

from typing import Any

import pytest

from agent.ports.cluster_pods import PodSeen, Restarts, worst_first
from agent.ports.cluster_walking import moment
from tests.support.told_cluster import recorded

T0 = 1_700_000_000.0
"""2023-11-14T22:13:20Z"""


def at(seconds: float) -> str:
    """`seconds` before T0."""
    from_midnight = 22 * 3600 + 13 * 60 + 20 - seconds
    hours, rest = divmod(int(from_midnight), 3600)
    return f"2023-11-14T{hours:02}:{rest // 60:02}:{rest % 60:02}Z"


def seen(*containers: dict[str, Any], made: float = 7200, **status: Any) -> PodSeen:
    pod = {
        "metadata": {"name": "web-1", "namespace": "shop", "creationTimestamp": at(made)},
        "status": {"phase": "Running", "containerStatuses": list(containers), **status},
    }
    return PodSeen(pod, T0)


def container(restarts: int, *, started: float | None = None, before: float | None = None) -> Any:
    """Its newest start, and that of the run before, in seconds before T0."""
    found: dict[str, Any] = {"name": "app", "restartCount": restarts, "ready": True}
    if started is not None:
        found["state"] = {"running": {"startedAt": at(started)}}
    if before is not None:
        ended = {"startedAt": at(before), "finishedAt": at(started or before), "exitCode": 1}
        found["lastState"] = {"terminated": {**ended, "reason": "Error"}}
    return found


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (container(0, started=3600), Restarts(0, 0)),
        (container(9, started=3600), Restarts(0, 0)),
        (container(1, started=60), Restarts(1, 1)),
        (container(9, started=60, before=4000), Restarts(1, 1)),
        (container(2, started=60, before=90), Restarts(2, 2)),
        (container(9, started=60, before=90), Restarts(2, None)),
        (container(9, before=90), Restarts(1, None)),
        (container(1, before=90), Restarts(1, 1)),
        (container(9), Restarts(0, None)),
        # The first start of all is no restart.
        (container(1, started=60, before=120), Restarts(1, 1)),
    ],
)
def test_restarts_are_placed_in_time_as_far_as_two_starts_tell(
    told: dict[str, Any], expected: Restarts
) -> None:
    assert seen(told).restarts_since(T0 - 1800) == expected


def test_all_restarts_of_a_young_pod_are_recent() -> None:
    assert seen(container(9), made=600).restarts_since(T0 - 1800) == Restarts(9, 9)


def test_a_recorded_crash_loop() -> None:
    told = recorded()
    now = max(moment(p, "metadata", "creationTimestamp") or 0 for p in told["pods"]) + 60
    crashing, *well = worst_first(PodSeen(pod, now) for pod in told["pods"])
    assert crashing.name == f"shop/pod/{told['pods'][0]['metadata']['name']}"
    assert (crashing.ready, crashing.waiting, crashing.restarts) == (False, "CrashLoopBackOff", 5)
    end = crashing.last_end
    assert end is not None
    assert (end.reason, end.exit_code) == ("OOMKilled", 137)
    assert crashing.oom_killed_since(now - 600) is True
    assert crashing.oom_killed_since(now + 600) is False
    assert all(pod.ready and pod.last_end is None and pod.waiting == "" for pod in well)


def test_a_kill_whose_time_is_not_told_is_unknown() -> None:
    killed = {"name": "app", "lastState": {"terminated": {"reason": "OOMKilled"}}}
    assert seen(killed).oom_killed_since(T0 - 60) is None


def test_a_clock_that_is_ahead_makes_no_negative_time() -> None:
    ahead = {"type": "Ready", "status": "False", "lastTransitionTime": at(-600)}
    assert seen(conditions=[ahead]).unready_for == 0.0


def test_before_its_kubelet_tells_anything_it_is_unready_since_it_was_made() -> None:
    assert seen(made=300).unready_for == 300.0


def test_the_container_in_trouble_is_the_one_whose_log_is_read() -> None:
    well = {"name": "proxy", "ready": True, "restartCount": 0}
    ill = {"name": "app", "ready": False, "restartCount": 3, "state": {"waiting": {"reason": "x"}}}
    assert seen(well, ill).troubled_container == "app"
    assert seen(well, {**well, "name": "app", "restartCount": 1}).troubled_container == "app"
    quiet = seen(well)
    assert isinstance(quiet.pod, dict)
    quiet.pod["spec"] = {"containers": [{"name": "app"}, {"name": "proxy"}]}
    assert quiet.troubled_container == "app"
    note = {"kubectl.kubernetes.io/default-container": "proxy"}
    quiet.pod["metadata"]["annotations"] = note
    assert quiet.troubled_container == "proxy"


def test_what_went_wrong_comes_before_what_takes_its_time() -> None:
    comes_up = {"name": "a", "state": {"waiting": {"reason": "ContainerCreating"}}}
    wrong = {"name": "b", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    assert seen(comes_up, wrong).waiting == "ImagePullBackOff"
    assert seen(comes_up).waiting == "ContainerCreating"


def test_only_the_scheduler_says_that_there_is_no_node() -> None:
    def scheduled(reason: str) -> PodSeen:
        return seen(conditions=[{"type": "PodScheduled", "status": "False", "reason": reason}])

    assert scheduled("Unschedulable").is_unscheduled
    assert not scheduled("SchedulingGated").is_unscheduled
    assert not seen().is_unscheduled
