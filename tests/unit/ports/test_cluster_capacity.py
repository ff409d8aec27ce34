"""Reading autoscalers, budgets, quotas, claims, room and use."""

from __future__ import annotations

from typing import Any

from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_quotas import (
    fullest as fullest_quota,
)
from agent.ports.cluster_quotas import lacks, lacks_by_condition, refusals, storage_left
from agent.ports.cluster_room import waiting_pods, why
from agent.ports.cluster_scalers import budget_seen, budgets_of, scaler_seen, scalers_of
from agent.ports.cluster_storage import (
    GIB,
    claim_seen,
    claims_declared,
    claims_used,
    is_mounted,
    next_bytes,
)
from agent.ports.cluster_use import Use, fullest, limits_of, use_of

NOW = 10_000.0
STAMP = "1970-01-01T02:{:02d}:00Z"
"""`NOW` is 02:46:40."""


def cpu(target: int) -> dict[str, Any]:
    aim = {"type": "Utilization", "averageUtilization": target}
    return {"type": "Resource", "resource": {"name": "cpu", "target": aim}}


def queue(target: str) -> dict[str, Any]:
    return {
        "type": "External",
        "external": {"target": {"type": "AverageValue", "averageValue": target}},
    }


def scaler(told: list[Any], *conditions: dict[str, str], **status: Any) -> dict[str, Any]:
    return {
        "spec": {"maxReplicas": 9, "metrics": [cpu(50), queue("100m")]},
        "status": {"currentMetrics": told, "conditions": list(conditions), **status},
    }


def test_the_metric_furthest_above_its_target_is_the_use() -> None:
    told = [
        {"type": "Resource", "resource": {"current": {"averageUtilization": 25}}},
        {"type": "External", "external": {"current": {"averageValue": "160m"}}},
    ]
    active = {"type": "ScalingActive", "status": "True"}
    seen = scaler_seen(scaler(told, active, desiredReplicas=4))
    assert (seen.use, seen.minimum, seen.maximum) == (1.6, 1, 9)
    assert (seen.current, seen.wanted, seen.reads_metric) == (0, 4, True)


def test_with_a_metric_missing_the_use_is_not_known() -> None:
    cpu_only = {"type": "Resource", "resource": {"current": {"averageUtilization": 25}}}
    assert scaler_seen(scaler([cpu_only, {"type": ""}])).use is None
    assert scaler_seen(scaler([cpu_only])).use is None
    assert scaler_seen({"status": {"currentMetrics": None, "desiredReplicas": 0}}).wanted is None


def test_an_autoscaler_of_nothing_does_not_fail_to_read() -> None:
    off = {"type": "ScalingActive", "status": "False", "reason": "ScalingDisabled"}
    assert scaler_seen(scaler([], off)).reads_metric is None
    failed = {**off, "reason": "FailedGetResourceMetric"}
    assert scaler_seen(scaler([], failed)).reads_metric is False


def test_a_scaler_of_another_group_is_not_of_the_workload() -> None:
    def of(version: str) -> dict[str, Any]:
        scaled = {"apiVersion": version, "kind": "Deployment", "name": "web"}
        return {"spec": {"scaleTargetRef": scaled}}

    web = Ref("deployment", "web", "shop")
    assert len(scalers_of([of("apps/v1"), of("example.test/v1")], web)) == 1


def budget(allowed: int, healthy: int, wanted: int, *, seen: int = 1) -> dict[str, Any]:
    status = {
        "observedGeneration": seen,
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
    }
    return {"metadata": {"generation": 1}, "spec": {"selector": {}}, "status": status}


def test_a_budget_that_was_not_counted_anew_allows_nobody_knows_what() -> None:
    found = budget_seen([budget(2, 3, 1, seen=0)])
    assert found is not None
    assert found.allowed is None
    assert budget_seen([]) is None


def test_what_two_budgets_count_is_not_evicted() -> None:
    found = budget_seen([budget(2, 3, 1), budget(1, 3, 2)])
    assert found is not None
    assert (found.allowed, found.healthy, found.wanted) == (0, 3, 2)


def test_a_budget_without_a_selector_counts_nothing() -> None:
    assert budgets_of([{"spec": {}}, {"spec": {"selector": None}}], {"app": "web"}) == ()
    assert len(budgets_of([{"spec": {"selector": {}}}], {"app": "web"})) == 1


def quota(hard: dict[str, str], used: dict[str, str]) -> dict[str, Any]:
    return {"spec": {"hard": hard}, "status": {"hard": hard, "used": used}}


def test_the_fullest_resource_of_all_quotas_counts() -> None:
    found = fullest_quota(
        [
            quota(
                {"pods": "10", "services.nodeports": "0"}, {"pods": "5", "services.nodeports": "0"}
            ),
            quota({"requests.cpu": "2"}, {"requests.cpu": "1900m"}),
        ]
    )
    assert (found.used, found.resource) == (0.95, "requests.cpu")
    assert fullest_quota([]).used == 0.0


def test_a_quota_that_is_not_counted_yet_may_be_full() -> None:
    assert fullest_quota([{"spec": {"hard": {"pods": "1"}}, "status": {}}]).used is None
    assert storage_left([{"spec": {"hard": {"requests.storage": "1Gi"}}}], "") is None


def test_storage_is_bounded_by_all_and_by_its_class() -> None:
    name = "fast.storageclass.storage.k8s.io/requests.storage"
    quotas = [
        quota({"requests.storage": "100Gi"}, {"requests.storage": "40Gi"}),
        quota({name: "20Gi"}, {name: "15Gi"}),
    ]
    assert storage_left(quotas, "fast") == 5 * GIB
    assert storage_left(quotas, "slow") == 60 * GIB
    assert storage_left([], "slow") == float("inf")


def event(minute: int, message: str, *, count: int = 4, first: int | None = None) -> dict[str, Any]:
    return {
        "message": message,
        "count": count,
        "firstTimestamp": STAMP.format(minute if first is None else first),
        "lastTimestamp": STAMP.format(minute),
        "involvedObject": {"kind": "StatefulSet", "namespace": "shop", "name": "db"},
    }


REFUSED = 'pods "db-0" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=1'


def test_what_a_quota_refused_within_the_hour_counts() -> None:
    old = {**event(0, REFUSED), "firstTimestamp": None, "lastTimestamp": "1970-01-01T01:00:00Z"}
    found = refusals([event(40, REFUSED), event(41, "no such image"), old, {}], NOW)
    assert found.count == 4
    assert found.of == {Ref("statefulset", "db", "shop")}
    assert refusals([event(40, REFUSED)], NOW, quota="cpu").count == 0


def test_of_what_began_before_the_hour_one_is_certain() -> None:
    long = {**event(40, REFUSED, count=700), "firstTimestamp": "1970-01-01T00:10:00Z"}
    assert refusals([long], NOW).count == 1


def test_events_of_the_newer_kind_are_read_as_well() -> None:
    new = {
        "message": REFUSED,
        "eventTime": "1970-01-01T02:30:00.000000Z",
        "series": {"count": 7, "lastObservedTime": "1970-01-01T02:40:00.000000Z"},
    }
    assert refusals([new], NOW).count == 7


def test_replica_sets_say_what_they_lack() -> None:
    failed = {"type": "ReplicaFailure", "status": "True", "message": REFUSED}
    lacking = {"spec": {"replicas": 5}, "status": {"replicas": 2, "conditions": [failed]}}
    other = {"spec": {"replicas": 5}, "status": {"replicas": 2}}
    assert lacks_by_condition([lacking, other]) == 3
    assert lacks({"status": {"desiredNumberScheduled": 4, "currentNumberScheduled": 1}}) == 3
    assert lacks({"spec": {"replicas": 3}, "status": {}}) is None


def claim(size: str = "10Gi", asked: str = "10Gi", **status: Any) -> dict[str, Any]:
    return {
        "spec": {"resources": {"requests": {"storage": asked}}, "storageClassName": "fast"},
        "status": {"phase": "Bound", "capacity": {"storage": size}, **status},
    }


def test_a_claim_grows_by_a_quarter_in_whole_gib() -> None:
    seen = claim_seen(claim())
    assert next_bytes(seen, left=float("inf"), expandable=True) == 13 * GIB
    assert next_bytes(seen, left=2.0 * GIB, expandable=True) is None
    assert next_bytes(seen, left=None, expandable=True) is None
    assert next_bytes(seen, left=float("inf"), expandable=None) is None


def test_a_claim_that_asks_for_more_than_it_has_is_growing() -> None:
    assert not claim_seen(claim()).is_resizing
    assert claim_seen(claim(asked="20Gi")).is_resizing
    pending = {"type": "FileSystemResizePending", "status": "True"}
    assert claim_seen(claim(conditions=[pending])).is_resizing


def test_claims_of_a_workload_are_declared_or_made_for_each_replica() -> None:
    named = {"name": "shared", "persistentVolumeClaim": {"claimName": "files"}}
    store = {
        "spec": {
            "replicas": 2,
            "ordinals": {"start": 5},
            "template": {"spec": {"volumes": [named, {"name": "tmp", "emptyDir": {}}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
        }
    }
    assert claims_declared(store, "db") == ("files", "data-db-5", "data-db-6")
    scratch = {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}}
    pod = {"metadata": {"name": "db-0"}, "spec": {"volumes": [scratch]}}
    assert claims_used(pod) == ("db-0-scratch",)
    assert not is_mounted([pod], "db-0-scratch")
    assert is_mounted([{**pod, "status": {"phase": "Running"}}], "db-0-scratch")


def waiting(minute: int | None, message: str, *, reason: str = "Unschedulable") -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    if minute is not None:
        condition["lastTransitionTime"] = STAMP.format(minute)
    return {"status": {"conditions": [condition]}}


NO_NODE = (
    "0/3 nodes are available: 2 Insufficient cpu, 1 node(s) had untolerated taint {a: b}. "
    "preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."
)


def test_why_pods_wait_is_read_without_its_numbers() -> None:
    assert why(NO_NODE) == ("Insufficient cpu", "node(s) had untolerated taint {a: b}")
    assert why("unbound claims") == ("unbound claims",)
    assert why("") == ()


def test_those_that_wait_for_a_node_are_counted() -> None:
    gone = {**waiting(1, ""), "metadata": {"deletionTimestamp": STAMP.format(2)}}
    held = waiting(1, "", reason="SchedulingGated")
    found = waiting_pods([waiting(30, NO_NODE), waiting(20, "Insufficient cpu"), gone, held, {}])
    assert (found.count, found.since) == (2, 8400.0)
    assert found.reasons is not None
    assert found.reasons[0] == "Insufficient cpu"
    assert waiting_pods([waiting(None, "")]).since is None


def pod(name: str, memory: str | None) -> dict[str, Any]:
    limits = {} if memory is None else {"limits": {"memory": memory}}
    running = {"running": {"startedAt": STAMP.format(0)}}
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "app", "resources": limits}]},
        "status": {"containerStatuses": [{"name": "app", "state": running}]},
    }


def test_the_container_nearest_to_its_own_limit_is_told() -> None:
    limits = limits_of([pod("a", "100Mi"), pod("b", "50Mi"), pod("free", None)])
    taken = [
        {"metadata": {"name": name}, "containers": [{"name": "app", "usage": {"memory": "40Mi"}}]}
        for name in ("a", "b", "free")
    ]
    found = fullest(limits, use_of(taken), "memory")
    assert (found.where, found.share) == (("b", "app"), 0.8)
    assert fullest(limits, use_of(taken[:1]), "memory").share is None
    assert fullest(limits, use_of(taken), "cpu").share is None


def test_a_container_that_does_not_run_takes_nothing() -> None:
    stopped = pod("b", "50Mi")
    stopped["status"] = {}
    limits = limits_of([pod("a", "100Mi"), stopped])
    assert fullest(limits, {("a", "app"): Use(memory=50 * 2.0**20)}, "memory").share == 0.5
