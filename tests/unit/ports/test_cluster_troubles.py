"""What is wrong with an object of a cluster, told from it alone."""

from __future__ import annotations

import typing
from typing import Any

import pytest

from agent.model.alert import AlertStatus
from agent.ports.cluster_objects import Kept
from agent.ports.cluster_source import AlertName, ClusterAlerts
from agent.ports.cluster_troubles import (
    ALERTS,
    CRASH_LOOP,
    DAEMONS_SHORT,
    IMAGE_PULL,
    NODE_NETWORK,
    NODE_NOT_READY,
    NODE_PRESSURE,
    NOT_READY,
    OOM_KILLED,
    PENDING,
    PODS_MISSING,
    ROLLOUT_STUCK,
    RUN_FAILED,
    SET_SHORT,
    WAITING,
    Limits,
    alert_of,
    look,
)
from tests.support.cases import START
from tests.support.watched import (
    ago,
    condition,
    container,
    counts,
    deployment,
    kept,
    pod,
    replica_set,
    writer,
)

UNREADY = condition("Ready", "False", since=60)
LONG_UNREADY = condition("Ready", "False", since=1000)


def told(thing: Kept, *, at: float = START, owners: tuple[Kept, ...] = ()) -> set[str]:
    return {t.alert for t in look(thing, at=at, limits=Limits(), owners=owners).troubles}


def again(thing: Kept, *, at: float = START) -> float | None:
    """In how many seconds it is to be looked at again."""
    due = look(thing, at=at, limits=Limits()).again_at
    return None if due is None else round(due - at, 3)


CRASHED = (40.0, 30.0, 1)


@pytest.mark.parametrize(
    ("seen", "alerts"),
    [
        (container(waiting="CrashLoopBackOff", restarts=1, ended=CRASHED), {CRASH_LOOP}),
        (container(waiting="CrashLoopBackOff", restarts=1), {CRASH_LOOP}),
        (container(running=30, restarts=3, ended=CRASHED), {CRASH_LOOP}),
        (container(restarts=3, ended=CRASHED), {CRASH_LOOP}),
        (container(running=30, restarts=1, ended=CRASHED), set()),
        (container(running=601, restarts=3, ended=(640, 602, 1)), set()),
        (container(running=30, restarts=3, ended=(90_000, 40, 1)), set()),
        (container(running=30, restarts=3, ended=(40, 30, 0)), set()),
        (container(running=30, restarts=0), set()),
        (container(waiting="ContainerCreating"), set()),
    ],
    ids=[
        "back-off",
        "back-off, nothing else known",
        "runs between two crashes",
        "ended a moment ago",
        "one crash is no loop",
        "ran for ten minutes since",
        "ran for a day before",
        "ends well",
        "well",
        "starts",
    ],
)
def test_a_crash_loop(seen: dict[str, Any], alerts: set[str]) -> None:
    assert told(pod(containers=[seen])) == alerts


def test_a_loop_is_over_ten_minutes_after_the_last_start_and_looked_at_then() -> None:
    thing = pod(containers=[container(running=100, restarts=3, ended=(120, 100, 1))])
    assert again(thing) == 500
    assert told(thing, at=START + 499) == {CRASH_LOOP}
    assert told(thing, at=START + 500) == set()


def test_who_ran_out_of_memory_is_told_by_that_and_not_twice() -> None:
    loop = container(waiting="CrashLoopBackOff", restarts=5, ended=CRASHED, reason="OOMKilled")
    once = container(running=30, restarts=1, ended=(40, 30, 137), reason="OOMKilled")
    assert told(pod(containers=[loop])) == {OOM_KILLED}
    assert told(pod(containers=[once])) == {OOM_KILLED}
    assert again(pod(containers=[once])) == 570
    assert told(pod(containers=[once]), at=START + 570) == set()
    without = Limits(alerts=frozenset({CRASH_LOOP}))
    found = look(pod(containers=[loop]), at=START, limits=without).troubles
    assert {t.alert for t in found} == {CRASH_LOOP}, "who leaves one out is told the other"


@pytest.mark.parametrize(
    ("why", "alert"),
    [
        ("ErrImagePull", IMAGE_PULL),
        ("ImagePullBackOff", IMAGE_PULL),
        ("InvalidImageName", IMAGE_PULL),
        ("CreateContainerConfigError", WAITING),
        ("RunContainerError", WAITING),
    ],
)
def test_what_cannot_start_is_told_once_it_had_time_to(why: str, alert: str) -> None:
    young = pod(containers=[container(waiting=why)], conditions=[UNREADY], age=10)
    assert alert not in told(young)
    assert again(young) == 20
    assert told(young, at=START + 20) == {alert}


def test_a_pod_without_a_node() -> None:
    waits = condition("PodScheduled", "False", since=200, reason="Unschedulable", message="0/3")
    thing = pod(phase="Pending", node="", conditions=[waits], age=200)
    assert told(thing) == set()
    assert again(thing) == 100
    (trouble,) = look(thing, at=START + 100, limits=Limits()).troubles
    assert (trouble.alert, trouble.said) == (PENDING, "0/3")
    assert trouble.labels == {"reason": "Unschedulable"}


def test_a_pod_that_is_not_ready_for_long_and_says_nothing_else() -> None:
    assert told(pod(conditions=[UNREADY])) == set()
    assert told(pod(conditions=[LONG_UNREADY])) == {NOT_READY}
    crashing = container(waiting="CrashLoopBackOff")
    assert told(pod(conditions=[LONG_UNREADY], containers=[crashing])) == {CRASH_LOOP}
    db = kept("statefulset", "db")
    assert told(pod(conditions=[LONG_UNREADY], owner=db)) == set(), "its set is told of"


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_what_has_ended_or_is_being_deleted_is_no_trouble(phase: str) -> None:
    crashing = container(waiting="CrashLoopBackOff")
    assert told(pod(phase=phase, containers=[crashing])) == set()
    assert told(pod(containers=[crashing], deletionTimestamp=ago(5))) == set()


def test_a_run_that_was_given_up_until_a_later_one_makes_up_for_it() -> None:
    failed = {"conditions": [condition("Failed", "True", since=60, reason="BackoffLimitExceeded")]}
    run = kept("job", "report-28", status=failed)
    before = kept("cronjob", "report", status={"lastSuccessfulTime": ago(3600)})
    later = kept("cronjob", "report", status={"lastSuccessfulTime": ago(10)})
    assert told(run) == told(run, owners=(before,)) == {RUN_FAILED}
    assert told(run, owners=(later,)) == set()
    assert told(kept("job", "runs", status={"active": 1})) == set()


def test_a_rollout_that_stands_still() -> None:
    stuck = condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="late")
    status = {**counts(3, 2), "conditions": [stuck]}
    assert told(deployment(status=status)) == {ROLLOUT_STUCK}
    paused = deployment(status=status)
    thing = kept("deployment", "web", spec={"paused": True, "replicas": 3}, status=status)
    assert told(thing) == set()
    assert told(paused) == {ROLLOUT_STUCK}


@pytest.mark.parametrize(
    ("kind", "spec", "status", "alert"),
    [
        ("deployment", {"replicas": 3}, counts(1), PODS_MISSING),
        ("statefulset", {"replicas": 3}, counts(3, 2), SET_SHORT),
        (
            "daemonset",
            {},
            {"desiredNumberScheduled": 3, "numberReady": 2, "observedGeneration": 1},
            DAEMONS_SHORT,
        ),
    ],
)
def test_what_lacks_pods_while_nothing_moves(
    kind: str, spec: dict[str, Any], status: dict[str, Any], alert: str
) -> None:
    def thing(seconds: float) -> Kept:
        written = [writer("kube-controller-manager", seconds_ago=seconds, part="status")]
        return kept(kind, "db", spec=spec, status=status, managedFields=written)

    assert told(thing(800)) == set()
    assert again(thing(800)) == 100
    assert told(thing(901)) == {alert}


def test_pods_that_are_there_and_not_ready_speak_for_their_deployment() -> None:
    old = [writer("kube-controller-manager", seconds_ago=5000, part="status")]
    assert told(deployment(status=counts(3, 1), managedFields=old)) == set()
    assert told(replica_set(deployment(), 1)) == set()


def test_nodes() -> None:
    def node(*conditions: dict[str, Any]) -> Kept:
        return kept("node", "node-1", status={"conditions": list(conditions)})

    ready = condition("Ready", "True")
    assert told(node(ready)) == told(node()) == set()
    assert told(node(condition("Ready", "Unknown", since=30))) == set()
    assert again(node(condition("Ready", "Unknown", since=30))) == 30
    pressed = condition("DiskPressure", "True", since=90)
    assert told(node(condition("Ready", "Unknown", since=60), pressed)) == {NODE_NOT_READY}
    assert told(node(ready, pressed)) == {NODE_PRESSURE}
    unset = condition("NetworkUnavailable", "True", since=90)
    assert told(node(ready, unset, condition("PIDPressure", "False"))) == {NODE_NETWORK}


def test_labels_name_the_object_and_its_maker_and_nothing_that_changes() -> None:
    web = deployment()
    made = replica_set(web, 1)
    crashing = container(waiting="CrashLoopBackOff", restarts=4, ended=CRASHED)
    thing = pod(owner=made, containers=[crashing])
    (trouble,) = look(thing, at=START, limits=Limits()).troubles
    alert = alert_of(trouble, thing, entity="web", owners=(made, web))
    assert alert.labels == {
        "alertname": "KubePodCrashLooping",
        "severity": "warning",
        "layer": "product",
        "namespace": "shop",
        "pod": "web-1",
        "deployment": "web",
        "container": "app",
        "reason": "CrashLoopBackOff",
        "entity": "web",
    }
    assert "restarts: 4" in alert.annotations["summary"]
    over = alert_of(trouble, thing, entity=None, status=AlertStatus.RESOLVED)
    assert "entity" not in over.labels
    assert over.ends_at is not None


def test_the_settings_name_the_alerts_there_are() -> None:
    assert typing.get_args(AlertName) == ALERTS
    assert ClusterAlerts().limits == Limits()
    assert ClusterAlerts.model_validate({"alerts": ["KubeJobFailed"], "pending": "1m"}).limits == (
        Limits(alerts=frozenset({"KubeJobFailed"}), pending=60)
    )
