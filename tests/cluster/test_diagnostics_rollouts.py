"""Rollouts and their past, asked of a real API server and its controllers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from agent.model.cluster import ClusterPlace
from agent.model.signals import ChangeKind, ChangePhase, ChangeSeen
from tests.cluster.control_plane import ControlPlane
from tests.cluster.diagnosing import Diagnosing, diagnosing
from tests.cluster.objects import Object, deployment, of_kind, pod_spec
from tests.cluster.plane import Plane
from tests.cluster.watching import shop

pytestmark = pytest.mark.cluster
LONG_AGO = "2020-01-01T00:00:00Z"


def a_set(kind: str, namespace: str, image: str = "shop:1", **more: Any) -> Object:
    labels = {"app": "db"}
    spec = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": pod_spec(image)},
        **more,
    }
    return of_kind(kind, "db", namespace=namespace, spec=spec)


def of_the_set(namespace: str, kind: str) -> ClusterPlace:
    return ClusterPlace(namespace=namespace, kind=kind, name="db")


async def set_image(plane: Plane, namespace: str, image: str, *, by: str = "ci") -> None:
    await plane.kubectl(
        "-n", namespace, "set", "image", "deployment/web", f"app={image}", f"--field-manager={by}"
    )


async def complete(plane: Plane, ask: Diagnosing, target: str) -> Any:
    async def done() -> Any:
        found = await ask("rollout_status", target=target)
        return found if found.complete else None

    return await plane.wait_for(done, what=f"{target} is rolled out")


async def stands_since(plane: Plane, namespace: str, at: str) -> None:
    """As if that much time had passed: the pods are ready, and the Deployment is available, since
    then."""
    for one in await plane.items("Pod", namespace, labelSelector="app=web"):
        conditions = [
            {**c, "lastTransitionTime": at} for c in one["status"]["conditions"] if c["status"]
        ]
        change = {"status": {"conditions": conditions}}
        await plane.patch("Pod", namespace, one["metadata"]["name"], change, sub="status")
    found = await plane.get("Deployment", namespace, "web")
    conditions = [
        {**c, "lastTransitionTime": at} if c["type"] == "Available" else c
        for c in found["status"]["conditions"]
    ]
    await plane.patch(
        "Deployment", namespace, "web", {"status": {"conditions": conditions}}, sub="status"
    )


async def test_a_rollout_that_comes_to_its_end_and_one_that_stands_still(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, progressDeadlineSeconds=3))
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        done = await complete(own_plane, ask, "web")
        assert (done.wanted, done.ready, done.updated, done.available) == (3, 3, 3, 3)
        assert (done.observed, done.paused, done.progressing) == (True, False, True)
        assert (done.misplaced, done.reason) == (None, "")
        assert done.unchanged_for < timedelta(minutes=1)

        await set_image(own_plane, namespace, "shop:bad")

        async def stands_still() -> Any:
            found = await ask("rollout_status", target=f"{namespace}/deployment/web")
            return found if found.progressing is False else None

        still = await own_plane.wait_for(stands_still, what="its deadline has passed")
        assert (still.complete, still.updated, still.available) == (False, 1, 3)
        assert still.reason.startswith("ProgressDeadlineExceeded: ")
        assert still.unchanged_for >= timedelta(seconds=3)


async def test_pods_that_a_quota_forbids_are_the_reason(
    own_plane: ControlPlane, namespace: str
) -> None:
    quota = of_kind("ResourceQuota", "none", namespace=namespace, spec={"hard": {"pods": "0"}})
    await own_plane.create(quota, deployment(namespace=namespace))
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:

        async def refused() -> Any:
            found = await ask("rollout_status", target="web")
            return found if found.reason.startswith("FailedCreate") else None

        found = await own_plane.wait_for(refused, what="the controller tells of the quota")
    assert "exceeded quota" in found.reason
    assert (found.complete, found.ready) == (False, 0)


@pytest.mark.parametrize(
    ("kind", "more"), [("StatefulSet", {"serviceName": "db", "replicas": 2}), ("DaemonSet", {})]
)
async def test_sets_are_rolled_out_and_remember_what_ran_before(
    own_plane: ControlPlane, namespace: str, kind: str, more: Mapping[str, Any]
) -> None:
    place = of_the_set(namespace, kind.lower())
    target = f"{namespace}/{kind.lower()}/db"
    await own_plane.create(a_set(kind, namespace, **more))
    async with diagnosing(own_plane.kubeconfig, shop(namespace, db=place)) as ask:
        first = await complete(own_plane, ask, "db")
        assert (first.wanted, first.ready, first.progressing) == (2, 2, None)
        assert first.misplaced == (0 if kind == "DaemonSet" else None)
        assert (await ask("rollout_history", target=target)).previous is None

        patch = {
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "shop:2"}]}}}
        }
        await own_plane.patch(kind, namespace, "db", patch, owner="ci")
        await complete(own_plane, ask, target)
        history = await ask("rollout_history", target="db")
        assert (history.revision, history.previous.revision) == (2, 1)
        assert (history.image, history.previous.image) == ("shop:2", "shop:1")
        assert (history.changed_by, history.image_changed, history.watched) == ("ci", True, True)
        assert history.diff == ["spec.containers[app].image: shop:1 -> shop:2"]
        # It ran for seconds.
        assert history.previous.healthy is False


async def test_a_set_whose_old_pods_have_been_ready_for_long_was_healthy(
    own_plane: ControlPlane, namespace: str
) -> None:
    place = of_the_set(namespace, "statefulset")
    await own_plane.create(a_set("StatefulSet", namespace, serviceName="db", replicas=2))
    async with diagnosing(own_plane.kubeconfig, shop(namespace, db=place)) as ask:
        await complete(own_plane, ask, "db")
        first = await own_plane.get("Pod", namespace, "db-0")
        ready = [{**c, "lastTransitionTime": LONG_AGO} for c in first["status"]["conditions"]]
        await own_plane.patch(
            "Pod", namespace, "db-0", {"status": {"conditions": ready}}, sub="status"
        )
        patch = {
            "spec": {"template": {"spec": {"containers": [{"name": "app", "image": "s:bad"}]}}}
        }
        await own_plane.patch("StatefulSet", namespace, "db", patch, owner="ci")
        await own_plane.waiting_pods(namespace, "CrashLoopBackOff")
        history = await ask("rollout_history", target="db")
    assert (history.previous.image, history.previous.healthy) == ("shop:1", True)


async def test_the_past_of_a_deployment(own_plane: ControlPlane, namespace: str) -> None:
    await own_plane.create(deployment(namespace=namespace))
    await own_plane.rolled_out(namespace, "web")
    target = f"{namespace}/deployment/web"
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        first = await ask("rollout_history", target=target)
        assert (first.revision, first.image, first.previous) == (1, "shop:1", None)
        assert (first.diff, first.image_changed) == (None, None)

        await stands_since(own_plane, namespace, LONG_AGO)
        await set_image(own_plane, namespace, "shop:bad")
        await own_plane.waiting_pods(namespace, "CrashLoopBackOff")
        bad = await ask("rollout_history", target=target)
        assert (bad.revision, bad.changed_by, bad.watched) == (2, "ci", True)
        assert bad.changed_ago < timedelta(minutes=1)
        assert (bad.previous.revision, bad.previous.image) == (1, "shop:1")
        assert bad.previous.healthy is True
        assert bad.diff == ["spec.containers[app].image: shop:1 -> shop:bad"]

        # It is undone: the old one has a new number, and what it replaced is what it would bring
        # back, which never was well.
        await own_plane.kubectl("-n", namespace, "rollout", "undo", "deployment/web")
        await own_plane.rolled_out(namespace, "web")
        undone = await ask("rollout_history", target=target)
        assert (undone.revision, undone.image) == (3, "shop:1")
        assert undone.changed_ago < timedelta(minutes=1)
        assert (undone.previous.revision, undone.previous.image) == (2, "shop:bad")
        assert undone.previous.healthy is False


async def test_a_revision_that_never_was_whole_is_not_healthy_for_the_pods_of_another(
    own_plane: ControlPlane, namespace: str
) -> None:
    """The Deployment has been available all the time, by the pods of the first one."""
    await own_plane.create(deployment(namespace=namespace))
    await own_plane.rolled_out(namespace, "web")
    await stands_since(own_plane, namespace, LONG_AGO)
    await set_image(own_plane, namespace, "shop:unready")

    async def stuck() -> bool:
        found = await own_plane.items("Pod", namespace)
        return len([p for p in found if p["spec"]["containers"][0]["image"] == "shop:unready"]) == 1

    await own_plane.wait_for(stuck, what="the second one is stuck")
    await set_image(own_plane, namespace, "shop:bad")
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        await own_plane.waiting_pods(namespace, "CrashLoopBackOff")
        found = await ask("rollout_history", target="web")
    assert (found.previous.image, found.previous.healthy) == ("shop:unready", False)


async def test_restarts_are_no_releases(own_plane: ControlPlane, namespace: str) -> None:
    await own_plane.create(deployment(namespace=namespace, replicas=1))
    await own_plane.rolled_out(namespace, "web")
    await set_image(own_plane, namespace, "shop:2")
    await own_plane.rolled_out(namespace, "web")
    await own_plane.kubectl("-n", namespace, "rollout", "restart", "deployment/web")
    await own_plane.rolled_out(namespace, "web")
    ours = {"metadata": {"annotations": {"homeostat/restarted-by": "step"}}}
    await own_plane.patch("Deployment", namespace, "web", {"spec": {"template": ours}})
    await own_plane.rolled_out(namespace, "web")
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        found = await ask("rollout_history", target="web")
    assert found.revision == 4
    assert (found.image, found.previous.revision, found.previous.image) == ("shop:2", 1, "shop:1")
    assert found.changed_by == "ci"
    sets = await own_plane.items("ReplicaSet", namespace)
    (released,) = [
        s["metadata"]["creationTimestamp"]
        for s in sets
        if s["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    ]
    ago = datetime.now(UTC) - datetime.fromisoformat(released)
    assert abs(found.changed_ago - ago) < timedelta(seconds=2)


async def test_secrets_in_what_changed_are_masked(own_plane: ControlPlane, namespace: str) -> None:
    await own_plane.create(deployment(namespace=namespace, replicas=0))
    env = [
        {"name": "DB_PASSWORD", "value": "hunter2-is-long"},
        {"name": "DB_URL", "value": "postgres://shop:s3cr3t@db/shop"},
        {"name": "LEVEL", "value": "debug"},
    ]
    spec = {"containers": [{"name": "app", "image": "shop:1", "env": env}]}
    await own_plane.patch("Deployment", namespace, "web", {"spec": {"template": {"spec": spec}}})
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:

        async def second() -> Any:
            found = await ask("rollout_history", target=f"{namespace}/deployment/web")
            return found if found.revision == 2 else None

        found = await own_plane.wait_for(second, what="it has its second revision")
    assert "spec.containers[app].env[LEVEL].value: added debug" in found.diff
    assert "spec.containers[app].env[DB_URL].value: added postgres://shop:***@db/shop" in found.diff
    assert "hunter2" not in str(found.diff)
    assert "s3cr3t" not in str(found.diff)
    assert found.image_changed is False


def done(namespace: str, uid: str, revision: int, ago: float) -> ChangeSeen:
    return ChangeSeen(
        product="",
        entity="web",
        kind=ChangeKind.RELEASE,
        phase=ChangePhase.DONE,
        what="",
        by="",
        version="",
        is_manual=False,
        seconds_ago=ago,
        id=f"kubernetes:{namespace}/deployment/web:{uid}:{revision}",
    )


async def test_what_homeostat_saw_come_to_its_end_was_healthy(
    own_plane: ControlPlane, namespace: str
) -> None:
    (made,) = await own_plane.create(deployment(namespace=namespace))
    uid = made["metadata"]["uid"]
    await own_plane.rolled_out(namespace, "web")
    await set_image(own_plane, namespace, "shop:2")
    await own_plane.rolled_out(namespace, "web")
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        assert (await ask("rollout_history", target="web")).previous.healthy is False
        ask.changes.told = [done(namespace, uid, 1, 3600.0)]
        assert (await ask("rollout_history", target="web")).previous.healthy is True
        ask.changes.told = [done(namespace, "another-uid", 1, 3600.0)]
        assert (await ask("rollout_history", target="web")).previous.healthy is False
        ask.changes.told = [done(namespace, uid, 1, 300.0)]
        assert (await ask("rollout_history", target="web")).previous.healthy is False


async def test_the_release_of_a_product_is_the_one_that_was_rolled_out_lately(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(
        deployment(namespace=namespace, replicas=1),
        deployment("worker", namespace=namespace, replicas=1),
    )
    for name in ("web", "worker"):
        await own_plane.rolled_out(namespace, name)
    worker = ClusterPlace(namespace=namespace, kind="deployment", name="worker")
    async with diagnosing(own_plane.kubeconfig, shop(namespace, worker=worker)) as ask:
        both = await ask("release", target="shop")
        assert (both.count, both.target, both.previous) == (2, None, None)

        await set_image(own_plane, namespace, "shop:2", by="kubectl-set")
        await own_plane.rolled_out(namespace, "web")
        one = await ask("release", target="web")
        assert (one.count, one.target, one.entity) == (1, f"{namespace}/deployment/web", "web")
        assert (one.revision, one.previous.revision, one.previous.image) == (2, 1, "shop:1")
        assert (one.changed_by, one.by_person, one.watched) == ("kubectl-set", True, True)
        same = await ask("release", target=f"{namespace}/deployment/web")
        assert same.target == one.target
        # Its pods are started anew: that is none.
        await own_plane.kubectl("-n", namespace, "rollout", "restart", "deployment/worker")
        assert (await ask("release", target="shop")).count == 2


async def test_after_the_watch_window_nothing_is_held_against_a_release(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, replicas=1))
    await own_plane.rolled_out(namespace, "web")
    known = shop(namespace)
    short = msgspec.structs.replace(known.entities["web"], watch_releases_seconds=0.001)
    async with diagnosing(
        own_plane.kubeconfig, msgspec.structs.replace(known, entities={"web": short})
    ) as ask:
        assert (await ask("rollout_history", target="web")).watched is False
        found = await ask("release", target="shop")
    assert (found.count, found.target) == (0, None)
