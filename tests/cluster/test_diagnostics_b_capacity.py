"""Capacity, asked of a real API server: autoscalers, budgets, quotas, volumes, room."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agent.model.errors import Permanent
from agent.ports.cluster import Gone
from tests.cluster.objects import deployment, disruption_budget, of_kind, pod
from tests.cluster.plane import Plane
from tests.cluster.reading import ToldPrometheus, put, put_status, reading

pytestmark = pytest.mark.cluster
GIB = 2**30


def scaler(namespace: str, name: str = "web", *, of: str = "web") -> dict[str, Any]:
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}},
    }
    spec = {
        "minReplicas": 2,
        "maxReplicas": 10,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": of},
        "metrics": [metric],
    }
    return of_kind("HorizontalPodAutoscaler", name, namespace=namespace, spec=spec)


async def test_an_autoscaler_is_found_by_what_it_scales(plane: Plane, namespace: str) -> None:
    await plane.create(deployment(namespace=namespace, replicas=2))
    target = f"{namespace}/deployment/web"
    async with reading(plane.kubeconfig) as kit:
        assert (await kit.ask("autoscaler", target=target)).exists is False
        await plane.create(scaler(namespace, "other", of="api"), scaler(namespace))

        async def cannot_read() -> Any:
            found = await kit.ask("autoscaler", target=target)
            return found if found.reads_metric is not None else None

        # There is no metrics server, and the real controller says so.
        found = await plane.wait_for(cannot_read, what="the autoscaler has looked", within=40)
    assert (found.exists, found.minimum, found.maximum) == (True, 2, 10)
    assert (found.reads_metric, found.able, found.use) == (False, True, None)
    assert found.current == 2
    async with reading(plane.kubeconfig) as kit:
        named = await kit.ask("autoscaler", target=f"{namespace}/horizontalpodautoscaler/web")
        with pytest.raises(Gone, match="is not there"):
            await kit.ask("autoscaler", target=f"{namespace}/horizontalpodautoscaler/none")
    assert named.maximum == 10


async def test_a_budget_counts_pods_as_its_controller_does(plane: Plane, namespace: str) -> None:
    await plane.create(deployment(namespace=namespace))
    target = f"{namespace}/deployment/web"
    async with reading(plane.kubeconfig) as kit:
        assert (await kit.ask("disruption_budget", target=target)).exists is False
        await plane.rolled_out(namespace, "web")
        await plane.create(disruption_budget(namespace=namespace, min_available=2))

        async def counted() -> Any:
            found = await kit.ask("disruption_budget", target=target)
            return found if found.allowed else None

        found = await plane.wait_for(counted, what="the budget is counted")
        assert (found.healthy, found.wanted, found.allowed) == (3, 2, 1)
        named = f"{namespace}/poddisruptionbudget/web"
        assert (await kit.ask("disruption_budget", target=named)).allowed == 1
        # Two budgets over the same pods: the API server evicts none of them.
        await plane.create(
            disruption_budget("second", namespace=namespace, min_available=1, app="web")
        )
        assert (await kit.ask("disruption_budget", target=target)).allowed == 0
        web = (await plane.items("Pod", namespace, labelSelector="app=web"))[0]
        assert (await plane.evict(namespace, web["metadata"]["name"])).status == 500


async def test_what_a_quota_refused_is_counted(plane: Plane, namespace: str) -> None:
    async with reading(plane.kubeconfig) as kit:
        free = await kit.ask("quota", namespace=namespace)
        assert (free.used, free.resource, free.refused, free.short) == (0.0, None, 0, 0)
        quota = of_kind("ResourceQuota", "pods", namespace=namespace, spec={"hard": {"pods": "2"}})
        await plane.create(quota)

        async def is_counted() -> bool:
            return (await kit.ask("quota", namespace=namespace)).used is not None

        await plane.wait_for(is_counted, what="the quota is counted")
        await plane.create(deployment(namespace=namespace, replicas=5))

        async def is_short() -> Any:
            found = await kit.ask("quota", namespace=namespace)
            return found if found.short == 3 and found.refused and found.used == 1.0 else None

        found = await plane.wait_for(is_short, what="the deployment lacks three")
        assert found.resource == "pods"
        other = of_kind("ResourceQuota", "maps", namespace=namespace)
        await plane.create({**other, "spec": {"hard": {"configmaps": "100"}}})

        async def other_is_counted() -> Any:
            told = await kit.ask("quota", namespace=namespace, name="maps")
            return told if told.used is not None else None

        told = await plane.wait_for(other_is_counted, what="the other quota is counted")
        assert told.used < 0.1
        assert (told.refused, told.short) == (0, 0)
        with pytest.raises(Gone, match="no quota 'none'"):
            await kit.ask("quota", namespace=namespace, name="none")


async def test_a_stateful_set_that_a_quota_keeps_short_is_counted(
    plane: Plane, namespace: str
) -> None:
    quota = of_kind("ResourceQuota", "pods", namespace=namespace, spec={"hard": {"pods": "1"}})
    await plane.create(quota)
    await plane.create(store(namespace, replicas=3))
    async with reading(plane.kubeconfig) as kit:

        async def is_short() -> Any:
            found = await kit.ask("quota", namespace=namespace)
            return found if found.short == 2 else None

        found = await plane.wait_for(is_short, what="the store lacks two")
    assert found.refused >= 1


def store(namespace: str, *, replicas: int = 1, claims: bool = False) -> dict[str, Any]:
    spec: dict[str, Any] = deployment("db", namespace=namespace, replicas=replicas)["spec"]
    spec |= {"serviceName": "db", "podManagementPolicy": "OrderedReady"}
    if claims:
        spec["volumeClaimTemplates"] = [
            {
                "metadata": {"name": "data"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "storageClassName": f"grows-{namespace}",
                    "resources": {"requests": {"storage": "10Gi"}},
                },
            }
        ]
    return of_kind("StatefulSet", "db", namespace=namespace, spec=spec)


def storage_class(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "example.test/none",
        "allowVolumeExpansion": True,
    }


async def test_a_claim_waits_is_bound_and_may_grow(plane: Plane, namespace: str) -> None:
    await put(plane, storage_class(f"grows-{namespace}"), store(namespace, claims=True))
    claim = f"{namespace}/persistentvolumeclaim/data-db-0"
    async with reading(plane.kubeconfig) as kit:

        async def is_made() -> Any:
            return await kit.ask("volume", target=claim)

        waiting = await plane.wait_for(is_made, what="the claim is made")
        assert (waiting.bound, waiting.phase) == (False, "Pending")
        assert waiting.pending_for < timedelta(minutes=1)
        assert waiting.mounted is False
        bound = {"phase": "Bound", "capacity": {"storage": "10Gi"}}
        await put_status(plane, "pvc", namespace, "data-db-0", bound)

        kit.prometheus = ToldPrometheus(
            {"stats_used_bytes{": 0.9, "bool": 1.0, "inodes_used{": 0.2}
        )
        found = await kit.ask("volume", target=f"{namespace}/statefulset/db")
        assert (found.claim, found.bound, found.expandable) == (claim, True, True)
        assert (found.capacity_bytes, found.next_bytes) == (10 * GIB, 13 * GIB)
        assert (found.resizing, found.pending_for) == (False, None)
        assert f'namespace="{namespace}"' in kit.prometheus.asked[0]

        quota = of_kind("ResourceQuota", "disk", namespace=namespace)
        await plane.create({**quota, "spec": {"hard": {"requests.storage": "11Gi"}}})

        async def bounded() -> bool:
            return (await kit.ask("volume", target=claim)).next_bytes is None

        await plane.wait_for(bounded, what="the quota leaves no room to grow")
        more = {"spec": {"resources": {"requests": {"storage": "11Gi"}}}}
        await plane.patch("PersistentVolumeClaim", namespace, "data-db-0", more)
        assert (await kit.ask("volume", target=claim)).resizing is True
    await plane.kubectl("delete", "storageclass", f"grows-{namespace}", "--wait=false")


async def test_a_workload_without_a_claim_keeps_no_data(plane: Plane, namespace: str) -> None:
    await plane.create(deployment(namespace=namespace, replicas=1))
    async with reading(plane.kubeconfig) as kit:
        found = await kit.ask("volume", target=f"{namespace}/deployment/web")
        assert found.model_dump(exclude_none=True) == {"bound": False}
        with pytest.raises(Gone):
            await kit.ask("volume", target=f"{namespace}/deployment/gone")
        with pytest.raises(Permanent, match="is no"):
            await kit.ask("volume", target="nobody")


async def test_of_several_volumes_the_fullest_is_unknown_without_figures(
    plane: Plane, namespace: str
) -> None:
    await put(plane, storage_class(f"grows-{namespace}"))
    await plane.create(store(namespace, replicas=2, claims=True))
    for number in range(2):
        name = f"data-db-{number}"
        claim = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": f"grows-{namespace}",
            "resources": {"requests": {"storage": "10Gi"}},
        }
        made = of_kind("PersistentVolumeClaim", name, namespace=namespace, spec=claim)
        await put(plane, made)
        bound = {"phase": "Bound", "capacity": {"storage": "10Gi"}}
        await put_status(plane, "pvc", namespace, name, bound)
    target = f"{namespace}/statefulset/db"
    async with reading(plane.kubeconfig) as kit:
        found = await kit.ask("volume", target=target)
        assert found.model_dump(exclude_none=True) == {"bound": True}
        kit.prometheus = ToldPrometheus({"data-db-1": 0.9, "data-db-0": 0.3})
        assert (await kit.ask("volume", target=target)).claim.endswith("/data-db-1")
    await plane.kubectl("delete", "storageclass", f"grows-{namespace}", "--wait=false")


async def test_pods_without_a_node_are_counted_with_the_reason(
    plane: Plane, namespace: str
) -> None:
    picky = pod("picky", namespace=namespace, nodeSelector={"disk": "none-has-it"})
    await plane.create(picky, pod("easy", namespace=namespace))
    async with reading(plane.kubeconfig) as kit:

        async def waits() -> Any:
            found = await kit.ask("scheduling", namespace=namespace)
            return found if found.waiting == 1 else None

        found = await plane.wait_for(waits, what="one pod waits for a node")
        assert found.waiting_for < timedelta(minutes=1)
        assert any("didn't match Pod's node affinity/selector" in r for r in found.reasons)
        assert (found.spare_cpu, found.grows_itself, found.used_memory) == (None, None, None)
        kit.prometheus = ToldPrometheus(
            {"safe_to_autoscale": 1.0, "max_nodes_count": 2.0, "kube_node_status": -0.1}
        )
        everywhere = await kit.ask("scheduling")
        assert everywhere.waiting >= 1
        assert (everywhere.grows_itself, everywhere.spare_cpu) == (True, -0.1)


async def test_without_the_right_to_look_everywhere_the_number_comes_from_metrics(
    plane: Plane, namespace: str
) -> None:
    few = await plane.account(namespace)
    async with reading(few.kubeconfig) as kit:
        assert (await kit.ask("scheduling")).waiting is None
        kit.prometheus = ToldPrometheus({"kube_pod_status_unschedulable": 4.0})
        found = await kit.ask("scheduling")
        assert (found.waiting, found.waiting_for, found.reasons) == (4, None, None)
