"""The control plane of the tests is a real one: it rolls out, refuses, conflicts and forgets."""

from __future__ import annotations

import json

import pytest

from tests.cluster import building
from tests.cluster.asking import JSON_PATCH
from tests.cluster.control_plane import ControlPlane
from tests.cluster.objects import (
    batch_run,
    deployment,
    disruption_budget,
    path_of,
    pod,
    rule,
)
from tests.cluster.plane import READER, Plane

pytestmark = pytest.mark.cluster


def restarts(pod: dict[str, object]) -> int:
    return int(json.loads(json.dumps(pod))["status"]["containerStatuses"][0]["restartCount"])


async def test_the_server_is_of_the_pinned_version(own_plane: ControlPlane) -> None:
    if own_plane.programs["kube-apiserver"].parent != building.built_folder():
        pytest.skip(f"{building.ASSETS} brings a server of its own version")
    answer = await own_plane.request("GET", "/version")
    assert answer.json()["gitVersion"] == f"v{building.kubernetes_version()}"


async def test_a_deployment_is_rolled_out_by_the_real_controllers(
    plane: Plane, namespace: str
) -> None:
    await plane.create(deployment(namespace=namespace, replicas=3))
    await plane.rolled_out(namespace, "web")
    pods = await plane.items("Pod", namespace, labelSelector="app=web")
    assert len(pods) == 3
    assert {one["status"]["phase"] for one in pods} == {"Running"}
    assert all(one["spec"]["nodeName"] for one in pods)


async def test_a_bad_image_crash_loops_and_the_old_pods_stay(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, replicas=3))
    await own_plane.rolled_out(namespace, "web")
    await own_plane.kubectl("-n", namespace, "set", "image", "deployment/web", "app=shop:bad")

    async def has_crashed_thrice() -> bool:
        crashing = await own_plane.waiting_pods(namespace, "CrashLoopBackOff")
        return any(restarts(one) >= 3 for one in crashing)

    await own_plane.wait_for(has_crashed_thrice, what="three restarts", within=20)
    status = (await own_plane.get("Deployment", namespace, "web"))["status"]
    assert status["availableReplicas"] == 3

    await own_plane.kubectl("-n", namespace, "rollout", "undo", "deployment/web")
    back = await own_plane.rolled_out(namespace, "web")
    assert back["spec"]["template"]["spec"]["containers"][0]["image"] == "shop:1"


@pytest.mark.parametrize(
    ("image", "reason"),
    [("shop:oom", "CrashLoopBackOff"), ("shop:nopull", "ImagePullBackOff")],
)
async def test_pods_fail_as_their_image_says(
    own_plane: ControlPlane, namespace: str, image: str, reason: str
) -> None:
    await own_plane.create(pod(namespace=namespace, image=image))
    (found,) = await own_plane.waiting_pods(namespace, reason)
    (container,) = found["status"]["containerStatuses"]
    last = container.get("lastState", {}).get("terminated", {}).get("reason")
    assert last == ("OOMKilled" if image == "shop:oom" else None)


@pytest.mark.parametrize(
    ("image", "ends"), [("shop:ok-job", "Complete"), ("shop:failing-job", "Failed")]
)
async def test_a_batch_run_ends_as_its_image_says(
    own_plane: ControlPlane, namespace: str, image: str, ends: str
) -> None:
    await own_plane.create(batch_run(namespace=namespace, image=image))

    async def conditions() -> set[str]:
        found = await own_plane.get("Job", namespace, "nightly")
        seen = found["status"].get("conditions", ())
        return {one["type"] for one in seen if one["status"] == "True"} & {"Complete", "Failed"}

    assert await own_plane.wait_for(conditions, what="the run has ended") == {ends}


async def test_what_a_pod_logged_can_be_read(own_plane: ControlPlane, namespace: str) -> None:
    await own_plane.create(pod(namespace=namespace, image="shop:bad"))
    await own_plane.waiting_pods(namespace, "CrashLoopBackOff")
    await own_plane.set_log(namespace, "web", "starting\nno such table", previous="older")
    assert await own_plane.kubectl("-n", namespace, "logs", "web") == "starting\nno such table\n"
    assert await own_plane.kubectl("-n", namespace, "logs", "web", "--previous") == "older\n"


async def test_an_account_may_do_what_its_role_says_and_no_more(
    plane: Plane, namespace: str
) -> None:
    account = await plane.account(namespace, rules=READER)
    path = path_of("Pod", namespace)
    assert (await plane.request("GET", path, token=account.token)).status == 200
    refused = await plane.request("DELETE", f"{path}/web", token=account.token)
    assert (refused.status, refused.reason) == (403, "Forbidden")
    elsewhere = await plane.request("GET", path_of("Pod", "kube-system"), token=account.token)
    assert elsewhere.status == 403
    said = await plane.kubectl("get", "pods", "-n", namespace, kubeconfig=account.kubeconfig)
    assert said == ""


async def test_rights_can_be_had_in_other_namespaces_and_everywhere(
    plane: Plane, namespace: str
) -> None:
    other = await plane.namespace()
    account = await plane.account(
        namespace,
        elsewhere={other: [rule("", "configmaps", "list")]},
        cluster_rules=[rule("", "nodes", "list")],
    )
    asked = [path_of("ConfigMap", other), path_of("Node"), path_of("ConfigMap", namespace)]
    answers = [await plane.request("GET", path, token=account.token) for path in asked]
    assert [answer.status for answer in answers] == [200, 200, 403]


async def test_an_eviction_against_the_disruption_budget_is_429(
    plane: Plane, namespace: str
) -> None:
    await plane.create(
        disruption_budget(namespace=namespace, min_available=3), deployment(namespace=namespace)
    )
    await plane.rolled_out(namespace, "web")

    async def counted() -> bool:
        budget = await plane.get("PodDisruptionBudget", namespace, "web")
        return bool(budget["status"].get("currentHealthy") == 3)

    await plane.wait_for(counted, what="the budget has counted its pods")
    (first, *_) = await plane.items("Pod", namespace)
    refused = await plane.evict(namespace, first["metadata"]["name"])
    assert (refused.status, refused.reason) == (429, "TooManyRequests")
    assert b"disruption budget" in refused.body


async def test_a_patch_of_an_older_version_conflicts(plane: Plane, namespace: str) -> None:
    (made,) = await plane.create(deployment(namespace=namespace, replicas=0))
    await plane.patch("Deployment", namespace, "web", {"metadata": {"labels": {"a": "b"}}})
    old = made["metadata"]["resourceVersion"]
    stale = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": old},
        {"op": "replace", "path": "/spec/replicas", "value": 1},
    ]
    path = path_of("Deployment", namespace, "web")
    tested = await plane.request("PATCH", path, stale, content_type=JSON_PATCH)
    assert tested.status == 422
    replaced = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": old},
        {"op": "replace", "path": "/spec/replicas", "value": 1},
    ]
    conflict = await plane.request("PATCH", path, replaced, content_type=JSON_PATCH)
    assert (conflict.status, conflict.reason) == (409, "Conflict")


async def test_a_watch_from_before_a_compaction_is_410(
    own_plane: ControlPlane, namespace: str
) -> None:
    before = await own_plane.get("Pod", namespace)
    await own_plane.create(pod(namespace=namespace))
    await own_plane.compact()
    params = {
        "watch": "true",
        "timeoutSeconds": "1",
        "resourceVersion": before["metadata"]["resourceVersion"],
    }
    answer = await own_plane.request("GET", path_of("Pod", namespace), params=params)
    event = json.loads(answer.body.splitlines()[0])
    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


async def test_the_server_can_be_taken_away_and_comes_back(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, replicas=1))
    await own_plane.stop_api_server()
    with pytest.raises(OSError):
        await own_plane.request("GET", "/readyz")
    await own_plane.start_api_server("--watch-cache=false")
    await own_plane.rolled_out(namespace, "web")


async def test_a_node_can_be_made_sick(own_plane: ControlPlane) -> None:
    name = await own_plane.node("sick", by_hand=True)
    sick = {"type": "Ready", "status": "False", "reason": "KubeletNotReady"}
    await own_plane.patch("Node", "", name, {"status": {"conditions": [sick]}}, sub="status")

    async def is_tainted() -> bool:
        taints = (await own_plane.get("Node", "", name))["spec"].get("taints", ())
        return "node.kubernetes.io/not-ready" in {taint["key"] for taint in taints}

    await own_plane.wait_for(is_tainted, what="the node is tainted")
