"""A pod as small as it is kept says what it said."""

from __future__ import annotations

from agent.ports.cluster_objects import Pod
from agent.ports.cluster_slim import slimmed
from tests.support.watched import condition, container, deployment, pod, replica_set


def test_only_conditions_that_say_nothing_are_left_out() -> None:
    conditions = [
        condition("Ready", "True", since=5),
        condition("Initialized", "True"),
        condition("ContainersReady", "False", reason="ContainersNotReady"),
        condition("PodScheduled", "True"),
        condition("DisruptionTarget", "True", reason="EvictionByEvictionAPI"),
    ]
    whole = pod(
        conditions=conditions,
        containers=[container(restarts=2, waiting="CrashLoopBackOff")],
        labels={"app": "web"},
        owner=replica_set(deployment(), 1),
    )
    small = slimmed(whole)
    assert isinstance(small.thing, Pod)
    assert isinstance(whole.thing, Pod)
    kept = [c for c in whole.thing.status.conditions if c.type != "Initialized"]
    assert list(small.thing.status.conditions) == kept
    assert small.thing.metadata == whole.thing.metadata
    assert small.thing.status.container_statuses == whole.thing.status.container_statuses
    assert slimmed(deployment()) == deployment()


def test_a_document_in_an_annotation_is_not_kept() -> None:
    notes = {"kubectl.kubernetes.io/last-applied-configuration": "x" * 5000, "short": "y"}
    small = slimmed(deployment(revision=3, annotations=notes))
    assert small.annotations == {"deployment.kubernetes.io/revision": "3", "short": "y"}
