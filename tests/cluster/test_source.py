"""What the watch of a real cluster tells: troubles as alerts, rollouts and edits as changes."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from agent.model.cluster import ClusterPlace
from agent.model.errors import Temporary
from agent.model.product import Registry
from agent.model.signals import ChangeKind, ChangePhase
from tests.cluster.control_plane import ControlPlane
from tests.cluster.objects import batch_run, deployment, pod
from tests.cluster.watching import Watching, shop, watching

pytestmark = pytest.mark.cluster

BEGUN, DONE, BACK = ChangePhase.STARTED, ChangePhase.DONE, ChangePhase.ROLLED_BACK


def told(seen: Watching, image: str, phases: list[ChangePhase]) -> bool:
    return seen.phases(image) == phases


async def set_image(plane: ControlPlane, namespace: str, image: str, *, by: str = "ci") -> None:
    await plane.kubectl(
        "-n", namespace, "set", "image", "deployment/web", f"app={image}", f"--field-manager={by}"
    )


async def test_a_crash_loop_fires_and_ends_with_the_pods(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, image="shop:bad", replicas=2))
    async with watching(own_plane.kubeconfig, shop(namespace)) as seen:
        fired = await seen.until(lambda: len(f := seen.firing("KubePodCrashLooping")) == 2 and f)
        assert {alert.labels["entity"] for alert in fired} == {"web"}
        assert {alert.labels["deployment"] for alert in fired} == {"web"}
        assert {a.labels["pod"] for a in await seen.level()} == {a.labels["pod"] for a in fired}
        await own_plane.delete("Deployment", namespace, "web", propagationPolicy="Background")
        await seen.until(lambda: not seen.firing("KubePodCrashLooping"))
        assert not await seen.level()


@pytest.mark.parametrize(
    ("image", "alert"),
    [("shop:oom", "KubeContainerOOMKilled"), ("shop:oom-once", "KubeContainerOOMKilled")],
)
async def test_what_runs_out_of_memory_is_told_by_that_alone(
    own_plane: ControlPlane, namespace: str, image: str, alert: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, image=image, replicas=1))
    async with watching(own_plane.kubeconfig, shop(namespace)) as seen:
        await seen.until(lambda: seen.firing(alert))
        assert {a.name for a in await seen.level()} == {alert}


async def test_a_failed_run_fires_until_it_is_gone(own_plane: ControlPlane, namespace: str) -> None:
    nightly = ClusterPlace(namespace=namespace, kind="job", name="nightly")
    async with watching(own_plane.kubeconfig, shop(namespace, nightly=nightly)) as seen:
        await own_plane.create(batch_run(namespace=namespace, image="shop:failing-job"))
        (fired,) = await seen.until(lambda: seen.firing("KubeJobFailed"))
        assert (fired.labels["job_name"], fired.labels["entity"]) == ("nightly", "nightly")
        await own_plane.delete("Job", namespace, "nightly", propagationPolicy="Background")
        await seen.until(lambda: not seen.firing("KubeJobFailed"))


async def test_what_belongs_to_nobody_is_not_told(own_plane: ControlPlane, namespace: str) -> None:
    await own_plane.create(pod("stranger", namespace=namespace, image="shop:bad"))
    await own_plane.create(deployment(namespace=namespace, image="shop:bad", replicas=1))
    await own_plane.waiting_pods(namespace, "CrashLoopBackOff", least=2)
    async with watching(own_plane.kubeconfig, shop(namespace)) as seen:
        fired = await seen.until(lambda: seen.firing("KubePodCrashLooping"))
        assert {alert.labels["entity"] for alert in fired} == {"web"}
        everything = ClusterPlace(namespace=namespace)
        seen.view.registry = shop(namespace, rest=everything)
        await seen.until(lambda: len(seen.firing("KubePodCrashLooping")) == 2)


async def test_a_node_that_is_not_ready_is_told_though_it_is_nobodys(
    own_plane: ControlPlane, namespace: str
) -> None:
    name = await own_plane.node(f"sick-{namespace}", by_hand=True)
    async with watching(own_plane.kubeconfig, shop(namespace), nodes=True) as seen:
        await seen.in_sync()
        sick = {
            "type": "Ready",
            "status": "Unknown",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        change = {"status": {"conditions": [sick]}}
        await own_plane.patch("Node", "", name, change, sub="status")
        (fired,) = await seen.until(
            lambda: [a for a in seen.firing("KubeNodeNotReady") if a.labels["node"] == name]
        )
        assert "entity" not in fired.labels


async def test_a_release_begins_and_ends_and_a_bad_one_is_rolled_back(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, image="shop:1"))
    await own_plane.rolled_out(namespace, "web")
    async with watching(own_plane.kubeconfig, shop(namespace), machines=("ci",)) as seen:
        await seen.until(lambda: seen.phases("shop:1") == [DONE])
        await asyncio.sleep(1.1)  # who wrote is recorded by the second
        await set_image(own_plane, namespace, "shop:2")
        await seen.until(lambda: seen.phases("shop:2") == [BEGUN, DONE])
        (begun, done) = (c for c in seen.changes if c.version == "shop:2")
        assert (begun.entity, begun.kind, begun.by) == ("web", ChangeKind.RELEASE, "ci")
        assert (begun.before, begun.is_manual, begun.id) == ("shop:1", False, done.id)
        await own_plane.kubectl("-n", namespace, "rollout", "restart", "deployment/web")
        await own_plane.rolled_out(namespace, "web")
        await set_image(own_plane, namespace, "shop:bad")
        await seen.until(lambda: seen.phases("shop:bad") == [BEGUN])
        await own_plane.waiting_pods(namespace, "CrashLoopBackOff")
        await own_plane.kubectl("-n", namespace, "rollout", "undo", "deployment/web")
        await seen.until(lambda: seen.phases("shop:bad") == [BEGUN, BACK])
        await seen.until(lambda: seen.phases("shop:2") == [BEGUN, DONE, BEGUN, DONE])
        await seen.until(lambda: not seen.firing("KubePodCrashLooping"))
    # Who starts after that tells the same by the same ids.
    async with watching(own_plane.kubeconfig, shop(namespace), machines=("ci",)) as again:
        await again.until(lambda: again.phases("shop:bad") == [BACK])
        (back,) = (c for c in again.changes if c.phase is BACK)
        assert back.id == next(c.id for c in seen.changes if c.version == "shop:bad")


async def test_a_set_tells_its_releases_too(own_plane: ControlPlane, namespace: str) -> None:
    made = deployment("db", namespace=namespace, image="shop:1", replicas=2)
    made["kind"] = "StatefulSet"
    made["spec"]["serviceName"] = "db"
    place = ClusterPlace(namespace=namespace, kind="statefulset", name="db")
    async with watching(own_plane.kubeconfig, shop(namespace, db=place)) as seen:
        await seen.in_sync()
        await own_plane.create(made)
        await seen.until(lambda: seen.phases("shop:1") == [BEGUN, DONE])
        for image, phases in (("shop:2", [BEGUN, DONE]), ("shop:1", [BEGUN, DONE] * 2)):
            template = {"spec": {"containers": [{"name": "app", "image": image}]}}
            change = {"spec": {"template": template}}
            await own_plane.patch("StatefulSet", namespace, "db", change)
            await seen.until(partial(told, seen, image, phases))
        assert seen.phases("shop:2") == [BEGUN, DONE, BACK]
        ids = {c.id for c in seen.changes if c.version == "shop:1"}
        assert len(ids) == 2


async def test_an_edit_by_a_person_is_told_at_once_and_at_the_next_start(
    own_plane: ControlPlane, namespace: str
) -> None:
    """F-K8-09: so that the agent keeps its hands off it (rail human_change)."""
    await own_plane.create(deployment(namespace=namespace, replicas=1))
    async with watching(
        own_plane.kubeconfig, shop(namespace), machines=("ci", "tests", "Python")
    ) as seen:
        await seen.in_sync()
        await set_image(own_plane, namespace, "shop:2", by="ci")
        await seen.until(lambda: seen.phases("shop:2")[-1:] == [DONE])
        assert not [c for c in seen.changes if c.is_manual and c.by in ("ci", "tests")]
        await own_plane.kubectl("-n", namespace, "scale", "deployment/web", "--replicas=2")
        (scale,) = await seen.until(lambda: [c for c in seen.changes if c.is_manual])
        assert (scale.entity, scale.kind, scale.by) == ("web", ChangeKind.SCALE, "kubectl")
        await set_image(own_plane, namespace, "shop:3", by="kubectl-edit")
        (_, edit) = await seen.until(
            lambda: len(m := [c for c in seen.changes if c.is_manual]) == 2 and m
        )
        assert (edit.kind, edit.by) == (ChangeKind.CONFIGURATION, "kubectl-edit")
    async with watching(
        own_plane.kubeconfig, shop(namespace), machines=("ci", "tests", "Python")
    ) as again:
        (old,) = await again.until(lambda: [c for c in again.changes if c.is_manual])
        assert (old.by, old.sent_at, old.id) == ("kubectl-edit", edit.sent_at, edit.id)


async def test_nothing_is_lost_while_the_store_cannot_write(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(deployment(namespace=namespace, replicas=1))
    await own_plane.rolled_out(namespace, "web")
    async with watching(own_plane.kubeconfig, shop(namespace)) as seen:
        await seen.until(lambda: seen.phases("shop:1"))
        seen.store_is_down = True
        for image in ("shop:2", "shop:bad"):
            await set_image(own_plane, namespace, image)
            await asyncio.sleep(1)
        await own_plane.waiting_pods(namespace, "CrashLoopBackOff")
        assert not seen.phases("shop:2")
        seen.store_is_down = False
        await seen.until(lambda: seen.firing("KubePodCrashLooping"), within=30)
        assert seen.phases("shop:2")[0] is BEGUN
        assert seen.phases("shop:bad") == [BEGUN]


async def test_the_level_is_no_answer_before_everything_is_known(
    own_plane: ControlPlane, namespace: str
) -> None:
    async with watching(own_plane.kubeconfig, shop(namespace), source=False) as seen:
        with pytest.raises(Temporary, match="not seen as it is"):
            await seen.level_now()
        assert await seen.level() == []
    async with watching(own_plane.kubeconfig, Registry(), source=False) as nothing:
        await asyncio.sleep(0.1)
        assert await nothing.level_now() == [], "nothing is declared, so nothing is missed"
