"""A node, and how the pods on it fare."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agent.ports.cluster_events import Event
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_nodes import NodeSeen, PodsOnNode, pods_on
from agent.ports.cluster_objects import SHAPES, Kept
from agent.ports.cluster_walking import moment
from tests.support.told_cluster import recorded

NOW = 1_700_000_000.0
RECENT, OLD = "2023-11-14T22:12:20Z", "2023-11-14T20:00:00Z"
CUTOFF = NOW - 1800


def kept(kind: str, name: str, owner: tuple[str, str] | None = None, **rest: Any) -> Kept:
    meta: dict[str, Any] = {"name": name, "namespace": "shop", **rest.pop("metadata", {})}
    if owner is not None:
        of = {"kind": owner[0], "name": owner[1], "controller": True}
        meta["ownerReferences"] = [of]
    thing = msgspec.convert({"metadata": meta, **rest}, SHAPES[kind])
    return Kept(Ref(kind, name, "shop"), thing)


def pod(
    name: str, *, owner: tuple[str, str] | None = ("ReplicaSet", "web-1"), **status: Any
) -> Kept:
    metadata = status.pop("metadata", {})
    ready = {"type": "Ready", "status": status.pop("ready", "True")}
    told = {"phase": "Running", "conditions": [ready], **status}
    return kept("pod", name, owner, metadata=metadata, spec={"nodeName": "n1"}, status=told)


def evicted(at: str | None = RECENT, **more: Any) -> Kept:
    target = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": at}
    conditions = [target] if at is not None else []
    return pod("evicted", phase="Failed", reason="Evicted", conditions=conditions, **more)


def web(ready: int) -> list[Kept]:
    return [
        kept("deployment", "web", spec={"replicas": 3}, status={"readyReplicas": ready}),
        kept("replicaset", "web-1", ("Deployment", "web")),
    ]


def seen(pods: list[Kept], ready: int = 3, *, is_well: bool = True) -> PodsOnNode:
    known = {each.name: each for each in web(ready)}
    return pods_on("n1", pods, known.get, is_well=is_well, cutoff=CUTOFF)


def test_pods_that_are_well() -> None:
    elsewhere = kept("pod", "b", spec={"nodeName": "n2"})
    assert seen([pod("a"), elsewhere]) == PodsOnNode(running=1, evicted=0, homeless=0, starved=0)


def test_an_evicted_pod_is_homeless_while_its_workload_lacks_a_replica() -> None:
    assert seen([evicted()], ready=2) == PodsOnNode(0, 1, 1, 0)
    assert seen([evicted()], ready=3) == PodsOnNode(0, 1, 0, 0)


def test_evictions_of_long_ago_do_not_count_and_those_without_a_time_do() -> None:
    assert seen([evicted(OLD)], ready=2).evicted == 0
    assert seen([evicted(None)], ready=2).evicted == 1


def test_on_a_node_that_is_not_well_all_pods_have_to_find_room() -> None:
    assert seen([pod("a", ready="False")], ready=2, is_well=False).homeless == 1
    assert seen([pod("a")], ready=3, is_well=False).homeless == 0


def test_whose_workload_is_not_known_is_unknown_and_without_one_it_is_homeless() -> None:
    assert seen([evicted(owner=("BrokerSet", "kafka"))]).homeless is None
    assert seen([evicted(owner=("ReplicaSet", "other"))]).homeless is None
    assert seen([evicted(owner=None)]).homeless == 1


def test_pods_of_a_daemon_set_belong_on_their_nodes() -> None:
    agent = kept("daemonset", "agent", status={"desiredNumberScheduled": 3, "numberReady": 2})
    lost = evicted(owner=("DaemonSet", "agent"))
    found = pods_on("n1", [lost], {agent.name: agent}.get, is_well=False, cutoff=CUTOFF)
    assert found.homeless == 0


@pytest.mark.parametrize(
    ("complete", "active", "homeless"), [("True", 0, 0), ("False", 1, 0), ("False", 0, 1)]
)
def test_a_run_is_homeless_that_neither_goes_on_nor_is_over(
    complete: str, active: int, homeless: int
) -> None:
    over = [{"type": "Complete", "status": complete}]
    run = kept("job", "nightly", status={"active": active, "conditions": over})
    lost = evicted(owner=("Job", "nightly"))
    found = pods_on("n1", [lost], {run.name: run}.get, is_well=True, cutoff=CUTOFF)
    assert found.homeless == homeless


def test_pods_starve_that_are_not_ready_or_were_killed_for_memory_lately() -> None:
    def killed(at: str | None) -> Kept:
        ended = {"terminated": {"reason": "OOMKilled", "finishedAt": at}}
        return pod("a", containerStatuses=[{"name": "app", "lastState": ended}])

    assert seen([killed(RECENT)]).starved == 1
    assert seen([killed(None)]).starved == 1
    assert seen([killed(OLD)]).starved == 0
    assert seen([pod("a", ready="False")]).starved == 1
    leaving = pod("a", ready="False", metadata={"deletionTimestamp": RECENT})
    assert seen([leaving]).starved == 0


def node(*conditions: tuple[str, str, str], **spec: Any) -> NodeSeen:
    told = [
        {"type": kind, "status": status, "lastTransitionTime": at}
        for kind, status, at in conditions
    ]
    return NodeSeen({"metadata": {"name": "n1"}, "spec": spec, "status": {"conditions": told}})


CALM = tuple((kind, "False", OLD) for kind in ("MemoryPressure", "DiskPressure", "PIDPressure"))


def test_a_recorded_node() -> None:
    found = NodeSeen(recorded()["node"])
    assert (found.name, found.ready, found.schedulable) == ("node-1", True, True)
    assert found.calm_since == found.turned_at
    assert (found.taints, found.closed, found.pods_most) == ((), None, 100_000)


def test_calm_is_only_what_is_under_no_pressure_for_certain() -> None:
    assert node(*CALM).calm_since == moment({"at": OLD}, "at")
    assert node(*CALM[:2]).calm_since is None
    assert node(*CALM[:2], ("PIDPressure", "Unknown", OLD)).calm_since is None
    assert node(*CALM[:2], ("PIDPressure", "True", OLD)).calm_since is None


def test_a_node_that_does_not_report_is_not_ready_and_one_that_never_did_is_unknown() -> None:
    assert node(("Ready", "Unknown", OLD)).ready is False
    assert node().ready is None


def test_turns_are_known_by_events_or_for_certain_that_there_were_none() -> None:
    quiet, turned = node(("Ready", "True", OLD)), node(("Ready", "True", RECENT))
    assert quiet.turns_since(CUTOFF, None) == 0
    assert turned.turns_since(CUTOFF, None) is None
    assert turned.turns_since(CUTOFF, ()) == 1
    events = (
        Event("NodeNotReady", "", NOW - 60, 2, True),
        Event("NodeReady", "", NOW - 60, 1, False),
        Event("Rebooted", "", NOW - 60, 9, True),
        Event("NodeReady", "", NOW - 9000, 5, False),
    )
    assert turned.turns_since(CUTOFF, events) == 3


def test_when_it_was_closed_is_told_by_its_taint() -> None:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": OLD}
    found = node(
        unschedulable=True, taints=[taint, {"key": "gpu", "value": "a", "effect": "NoExecute"}]
    )
    assert found.closed is not None
    assert found.closed == ("", moment({"at": OLD}, "at"))
    assert found.taints == ("node.kubernetes.io/unschedulable:NoSchedule", "gpu=a:NoExecute")
    assert node().closed is None
