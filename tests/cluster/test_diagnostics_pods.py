"""Pods, their logs, events and owners, asked of a real API server."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agent.model.cluster import ClusterPlace
from agent.model.errors import Permanent
from agent.ports.cluster import Gone
from tests.cluster.control_plane import ControlPlane
from tests.cluster.diagnosing import diagnosing
from tests.cluster.objects import batch_run, deployment, of_kind, pod, pod_spec
from tests.cluster.watching import shop

pytestmark = pytest.mark.cluster


async def test_pods_of_a_workload_that_is_well_and_then_crashes(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace))
    await own_plane.rolled_out(namespace, "web")
    target = f"{namespace}/deployment/web"
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        well = await ask("pod_status", target="web")
        assert (well.pods, well.ready, well.available, well.restarts) == (3, 3, True, 0)
        assert (well.reason, well.waiting, well.worst, well.oom_killed) == ("", "", None, False)
        assert well.unavailable_for == timedelta(0)

        await own_plane.kubectl("-n", namespace, "set", "image", "deployment/web", "app=shop:bad")
        (crashing,) = await own_plane.waiting_pods(namespace, "CrashLoopBackOff")
        ill = await ask("pod_status", target=target)
        assert (ill.pods, ill.ready, ill.available) == (4, 3, False)
        assert (ill.reason, ill.exit_code, ill.waiting) == ("Error", 1, "CrashLoopBackOff")
        assert ill.restarts >= 1
        assert ill.worst == f"{namespace}/pod/{crashing['metadata']['name']}"
        assert ill.worst_node == crashing["spec"]["nodeName"]
        assert ill.nodes == 1

        one = await ask("pod_status", target=ill.worst)
        assert (one.pods, one.ready, one.available) == (1, 0, False)


async def test_a_pod_that_was_killed_for_memory_says_so(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, replicas=1, image="shop:oom-once"))
    await own_plane.rolled_out(namespace, "web")
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        found = await ask("pod_status", target="web")
    assert (found.available, found.restarts, found.oom_killed) == (True, 1, True)
    assert (found.reason, found.exit_code, found.worst) == ("OOMKilled", 137, None)


async def test_pods_that_cannot_be_made_or_placed_are_missing(
    own_plane: ControlPlane, namespace: str
) -> None:
    quota = of_kind("ResourceQuota", "few", namespace=namespace, spec={"hard": {"pods": "1"}})
    await own_plane.create(quota, deployment(namespace=namespace, replicas=2))
    target = f"{namespace}/deployment/web"
    stuck = pod("stuck", namespace=namespace, nodeSelector={"disk": "none"})

    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:

        async def one_is_ready() -> Any:
            found = await ask("pod_status", target=target)
            return found if found.ready == 1 else None

        found = await own_plane.wait_for(one_is_ready, what="one of the two pods is ready")
        assert (found.pods, found.available) == (1, False)

        await own_plane.delete("ResourceQuota", namespace, "few")
        await own_plane.create(stuck)

        async def is_unscheduled() -> Any:
            seen = await ask("pod_status", target=f"{namespace}/pod/stuck")
            return seen if seen.unscheduled else None

        unplaced = await own_plane.wait_for(is_unscheduled, what="the scheduler has looked")
        assert (unplaced.unscheduled, unplaced.worst_node) == (1, None)


async def test_nothing_is_available_of_what_is_scaled_to_nothing_or_gone(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, replicas=0))
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        found = await ask("pod_status", target="web")
        assert (found.pods, found.available, found.reason) == (0, None, None)
        with pytest.raises(Gone, match="is not there"):
            await ask("pod_status", target=f"{namespace}/deployment/none")
        with pytest.raises(Permanent, match="is no"):
            await ask("pod_status", target=f"{namespace}/configmap/web")


async def test_the_log_of_a_crash_is_cleaned_and_shows_its_last_error(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, replicas=1, image="shop:bad"))
    (crashing,) = await own_plane.waiting_pods(namespace, "CrashLoopBackOff")
    name = crashing["metadata"]["name"]
    hostile = "\x1b[31mstarting\x1b[0m\n\x1b]0;owned\x07panic: no such table\x00\n\u202eerror: x\n"
    await own_plane.set_log(namespace, name, "coming up", previous=hostile + "y" * 5000)
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        before = await ask("pod_logs", target="web", previous=True)
        assert before.lines[:3] == ["starting", "panic: no such table", "error: x"]
        assert len(before.lines[3]) == 500
        assert (before.errors, before.last_error, before.cut) == (2, "error: x", False)
        assert (before.pod, before.container) == (f"{namespace}/pod/{name}", "app")
        last = await ask("pod_logs", target="web", lines=1, previous=True)
        assert (len(last.lines), last.cut) == (1, True)
        now = await ask("pod_logs", target=f"{namespace}/deployment/web")
        assert (now.lines, now.errors, now.last_error) == (["coming up"], 0, "")


async def test_a_log_that_is_not_there_is_unknown_and_no_error(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, replicas=1))
    await own_plane.rolled_out(namespace, "web")
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        found = await ask("pod_logs", target="web", previous=True)
        assert (found.lines, found.errors, found.container) == (None, None, "app")


async def test_the_log_of_a_run_that_failed_is_the_one_it_has(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(batch_run(namespace=namespace, image="shop:failing-job"))

    async def failed() -> list[Any]:
        found = await own_plane.items("Pod", namespace)
        return [one for one in found if one["status"].get("phase") == "Failed"]

    (ended,) = await own_plane.wait_for(failed, what="the run has failed")
    await own_plane.set_log(namespace, ended["metadata"]["name"], "failed: cannot reach the bank")
    async with diagnosing(own_plane.kubeconfig) as ask:
        found = await ask("pod_logs", target=f"{namespace}/job/nightly", previous=True)
        assert found.last_error == "failed: cannot reach the bank"
        status = await ask("pod_status", target=f"{namespace}/job/nightly")
        assert (status.pods, status.available, status.reason) == (0, None, "Error")


async def test_warnings_about_what_a_workload_made_count_with_its_own(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(
        deployment(namespace=namespace, replicas=1, image="shop:nopull"),
        pod("other", namespace=namespace, image="shop:nopull"),
    )
    await own_plane.waiting_pods(namespace, "ImagePullBackOff", least=2)
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:

        async def told() -> Any:
            found = await ask("events", target="web")
            return found if found.warnings else None

        found = await own_plane.wait_for(told, what="the warning is told")
        assert found.reasons == ["Failed"]
        assert found.last == "Failed: Failed to pull image: not found"
        assert found.last_ago < timedelta(minutes=1)
        (made,) = await own_plane.items("Pod", namespace, labelSelector="app=web")
        own = await ask("events", target=f"{namespace}/pod/{made['metadata']['name']}")
        assert own.warnings == found.warnings
        long_ago = await ask("events", target="web", since="0s")
        assert (long_ago.warnings, long_ago.reasons, long_ago.last) == (0, [], "")


async def test_the_chain_of_owners_leads_from_a_pod_to_its_entity(
    own_plane: ControlPlane, namespace: str
) -> None:
    cron = of_kind(
        "CronJob",
        "report",
        namespace=namespace,
        spec={
            "schedule": "0 0 1 1 *",
            "jobTemplate": {
                "spec": {"template": {"spec": pod_spec("shop:ok-job", restartPolicy="Never")}}
            },
        },
    )
    await own_plane.create(deployment(namespace=namespace, replicas=1), cron)
    await own_plane.rolled_out(namespace, "web")
    await own_plane.kubectl("-n", namespace, "create", "job", "report-1", "--from=cronjob/report")
    place = ClusterPlace(namespace=namespace, kind="cronjob", name="report")
    async with diagnosing(own_plane.kubeconfig, shop(namespace, report=place)) as ask:
        (made,) = await own_plane.items("Pod", namespace, labelSelector="app=web")
        name = f"{namespace}/pod/{made['metadata']['name']}"
        found = await ask("owner_chain", target=name)
        replica_set = made["metadata"]["ownerReferences"][0]["name"]
        assert found.chain == [
            name,
            f"{namespace}/replicaset/{replica_set}",
            f"{namespace}/deployment/web",
        ]
        assert (found.workload_kind, found.entity) == ("deployment", "web")
        run = await ask("owner_chain", target=f"{namespace}/job/report-1")
        assert (run.workload, run.entity) == (f"{namespace}/cronjob/report", "report")
        alone = await ask("owner_chain", target=f"{namespace}/deployment/web")
        assert alone.chain == [f"{namespace}/deployment/web"]


async def test_where_the_controller_is_of_an_unknown_kind_the_workload_is_unknown(
    own_plane: ControlPlane, namespace: str
) -> None:
    orphan = pod(namespace=namespace)
    orphan["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "kafka.example.org/v1",
            "kind": "BrokerSet",
            "name": "db",
            "uid": "0b7c5a3e-0000-4000-8000-000000000000",
            "controller": True,
        }
    ]
    await own_plane.create(orphan)
    async with diagnosing(own_plane.kubeconfig) as ask:
        found = await ask("owner_chain", target=f"{namespace}/pod/web")
    assert found.chain == [f"{namespace}/pod/web"]
    assert (found.workload, found.workload_kind, found.entity) == (None, None, None)
