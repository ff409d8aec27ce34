"""Actions on workloads, on a real API server with its real controllers."""

from __future__ import annotations

from typing import Any

import pytest

from agent.model.errors import Permanent, Temporary
from agent.ports.cluster import Gone
from tests.cluster.acting import AGENT, PERSON, Acting, acting
from tests.cluster.control_plane import ControlPlane
from tests.cluster.objects import deployment, of_kind, pod_spec
from tests.cluster.plane import Plane

pytestmark = pytest.mark.cluster


async def image_of(plane: Plane, kind: str, namespace: str, name: str = "web") -> str:
    found = await plane.get(kind, namespace, name)
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


async def undo(act: Acting, target: str, to: int, key: str) -> Any:
    """As the outbox would: what asks to wait is done again."""
    for _ in range(20):
        try:
            return await act("rollout_undo", key, target=target, to=to)
        except Temporary:
            await act.pause()
    raise AssertionError("it never had a revision")


def stateful(namespace: str, kind: str = "StatefulSet") -> dict[str, Any]:
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod_spec("shop:1")},
    }
    if kind == "StatefulSet":
        spec |= {"replicas": 2, "serviceName": "web"}
    return of_kind(kind, "web", namespace=namespace, spec=spec)


async def test_a_restart_replaces_the_pods_once_for_each_step(plane: Plane, namespace: str) -> None:
    await plane.create(deployment(namespace=namespace, replicas=2))
    await plane.rolled_out(namespace, "web")
    before = {p["metadata"]["uid"] for p in await plane.items("Pod", namespace)}
    target = f"{namespace}/deployment/web"
    async with acting(plane, namespace) as act:
        assert (await act("rollout_restart", "k1", target=target))["changed"]
        done = await plane.rolled_out(namespace, "web")
        again = await act("rollout_restart", "k1", target=target)
        assert again["changed"]
        same = await plane.get("Deployment", namespace, "web")
        assert same["metadata"]["generation"] == done["metadata"]["generation"]
        await act("rollout_restart", "k2", target=target)
        other = await plane.get("Deployment", namespace, "web")
        assert other["metadata"]["generation"] == done["metadata"]["generation"] + 1
    alive = await plane.items("Pod", namespace)
    assert not before & {p["metadata"]["uid"] for p in alive}


async def test_a_bad_revision_is_undone_and_the_way_back_names_what_ran(
    own_plane: ControlPlane, namespace: str
) -> None:
    """Numbers move at an undo: the revision that comes back gets a new one. The way back is tried
    for real, and then once more."""
    await own_plane.create(deployment(namespace=namespace, image="shop:1"))
    await own_plane.rolled_out(namespace, "web")
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "shop:2"}]}}}}
    await own_plane.patch("Deployment", namespace, "web", change)
    await own_plane.rolled_out(namespace, "web")
    target = f"{namespace}/deployment/web"
    async with acting(own_plane, namespace) as act:
        first = await undo(act, target, 1, "k1")
        assert await image_of(own_plane, "Deployment", namespace) == "shop:1"
        assert first["undo"] == {
            "use": "kubernetes.rollout_undo",
            "with": {"target": target, "to": 2},
        }
        assert (await undo(act, target, 1, "k1")) == first  # its own mark: nothing is written
        await own_plane.rolled_out(namespace, "web")
        with pytest.raises(Permanent, match="no revision 1 any more; there are: 2, 3"):
            await undo(act, target, 1, "k2")

        second = await undo(act, target, 2, "k3")
        assert await image_of(own_plane, "Deployment", namespace) == "shop:2"
        assert second["undo"]["with"]["to"] == 3
        await own_plane.rolled_out(namespace, "web")

        third = await undo(act, target, 3, "k4")
        assert await image_of(own_plane, "Deployment", namespace) == "shop:1"
        assert third["undo"]["with"]["to"] == 4
        await own_plane.rolled_out(namespace, "web")
        assert await undo(act, target, 5, "k5") == {"changed": False, "revision": 5}
    found = await own_plane.get("Deployment", namespace, "web")
    assert "pod-template-hash" not in found["spec"]["template"]["metadata"]["labels"]
    sets = await own_plane.items("ReplicaSet", namespace)
    assert len(sets) == 2  # both templates were found again, and no third was made


@pytest.mark.parametrize("kind", ["StatefulSet", "DaemonSet"])
async def test_a_revision_of_a_stateful_or_daemon_set_is_undone_and_done_again(
    own_plane: ControlPlane, namespace: str, kind: str
) -> None:
    await own_plane.create(stateful(namespace, kind))
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "shop:2"}]}}}}
    target = f"{namespace}/{kind.lower()}/web"

    async def are_two() -> bool:
        listed = await own_plane.kubectl(
            "-n", namespace, "get", "controllerrevisions", "-o", "name"
        )
        return len(listed.split()) == 2

    await own_plane.wait_for(lambda: observed(own_plane, kind, namespace), what="it was seen")
    await own_plane.patch(kind, namespace, "web", change)
    await own_plane.wait_for(are_two, what="two revisions")
    async with acting(own_plane, namespace) as act:
        back = await undo(act, target, 1, "k1")
        assert await image_of(own_plane, kind, namespace) == "shop:1"
        await own_plane.wait_for(lambda: observed(own_plane, kind, namespace), what="it was seen")
        again = await undo(act, target, back["undo"]["with"]["to"], "k2")
        assert again["changed"]
        assert await image_of(own_plane, kind, namespace) == "shop:2"


async def observed(plane: Plane, kind: str, namespace: str) -> bool:
    found = await plane.get(kind, namespace, "web")
    seen = found["status"].get("observedGeneration")
    return bool(seen == found["metadata"]["generation"])


async def test_what_runs_is_scaled_to_a_number_and_back(plane: Plane, namespace: str) -> None:
    await plane.create(deployment(namespace=namespace, replicas=2))
    target = f"{namespace}/deployment/web"
    async with acting(plane, namespace) as act:
        done = await act("scale", target=target, replicas=4)
        assert (done["replaced"], done["undo"]["with"]) == (2, {"target": target, "replicas": 2})
        assert (await act("scale", target=target, replicas=4)) == {"changed": False, "replicas": 4}
        await act.back(done, "k2")
    assert (await plane.get("Deployment", namespace, "web"))["spec"]["replicas"] == 2


async def test_what_an_autoscaler_scales_is_left_to_it(plane: Plane, namespace: str) -> None:
    """F-K8-11"""
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": scaled, "minReplicas": 1, "maxReplicas": 3}
    await plane.create(
        deployment(namespace=namespace, replicas=2),
        of_kind("HorizontalPodAutoscaler", "web", namespace=namespace, spec=spec),
    )
    async with acting(plane, namespace) as act:
        with pytest.raises(Permanent, match="scaled by the autoscaler web"):
            await act("scale", target=f"{namespace}/deployment/web", replicas=3)
    assert (await plane.get("Deployment", namespace, "web"))["spec"]["replicas"] == 2


async def test_an_image_is_set_and_set_back(plane: Plane, namespace: str) -> None:
    await plane.create(deployment(namespace=namespace, image="shop:2"))
    target = f"{namespace}/deployment/web"
    async with acting(plane, namespace) as act:
        done = await act("patch_image", target=target, container="app", image="shop:1")
        assert await image_of(plane, "Deployment", namespace) == "shop:1"
        again = await act("patch_image", target=target, container="app", image="shop:1")
        assert again == done, "its own mark, so its way back is known"
        same = await act("patch_image", "k1", target=target, container="app", image="shop:1")
        assert same == {"changed": False, "image": "shop:1"}
        await act.back(done, "k2")
        assert await image_of(plane, "Deployment", namespace) == "shop:2"
        with pytest.raises(Permanent, match="no container web; there are: app"):
            await act("patch_image", target=target, container="web", image="shop:1")


async def test_an_image_that_nobody_could_name_again_is_not_replaced(
    plane: Plane, namespace: str
) -> None:
    await plane.create(deployment(namespace=namespace, image="shop"))
    async with acting(plane, namespace) as act:
        target = f"{namespace}/deployment/web"
        with pytest.raises(Permanent, match="no way back"):
            await act("patch_image", target=target, container="app", image="shop:1")
    assert await image_of(plane, "Deployment", namespace) == "shop"


TRACKED = {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:prod/web"}
DECLARING = [
    ("rollout_undo", {"to": 1}),
    ("scale", {"replicas": 2}),
    ("patch_image", {"container": "app", "image": "shop:9"}),
    ("config_restore", {"source": "NAMESPACE/configmap/web-1"}),
]


@pytest.mark.parametrize(("name", "params"), DECLARING)
async def test_what_a_repository_keeps_is_not_fought(
    plane: Plane, namespace: str, name: str, params: dict[str, Any]
) -> None:
    """F-K8-10, for people too: it would be undone."""
    await plane.create(deployment(namespace=namespace, annotations=TRACKED))
    told = {k: v.replace("NAMESPACE", namespace) if isinstance(v, str) else v
            for k, v in params.items()}  # fmt: skip
    async with acting(plane, namespace) as act:
        for asked in (PERSON, AGENT):
            with pytest.raises(Permanent, match=r"kept by Argo CD \(application shop\)"):
                await act(name, asked=asked, target=f"{namespace}/deployment/web", **told)
    found = await plane.get("Deployment", namespace, "web")
    assert found["metadata"]["generation"] == 1


async def test_a_restart_changes_nothing_that_a_repository_keeps(
    plane: Plane, namespace: str
) -> None:
    await plane.create(deployment(namespace=namespace, annotations=TRACKED))
    async with acting(plane, namespace) as act:
        done = await act("rollout_restart", target=f"{namespace}/deployment/web")
    assert done["changed"]


@pytest.mark.parametrize(
    ("name", "params"), [*DECLARING[:3], ("rollout_restart", {}), ("delete_failed_pods", {})]
)
async def test_what_its_owners_want_left_alone_is_left_alone(
    plane: Plane, namespace: str, name: str, params: dict[str, Any]
) -> None:
    """F-K8-10"""
    await plane.create(deployment(namespace=namespace, labels={"homeostat/ignore": "true"}))
    async with acting(plane, namespace) as act:
        with pytest.raises(Permanent, match="its owners want it left alone"):
            await act(name, target=f"{namespace}/deployment/web", **params)
    assert (await plane.get("Deployment", namespace, "web"))["metadata"]["generation"] == 1


async def test_what_a_person_edits_is_left_to_them_and_a_person_may_go_on(
    plane: Plane, namespace: str
) -> None:
    """F-K8-09: the net below the rail `human_change`."""
    await plane.create(deployment(namespace=namespace, replicas=1))
    change = {"spec": {"replicas": 2}}
    await plane.patch("Deployment", namespace, "web", change, owner="kubectl-edit")
    target = f"{namespace}/deployment/web"
    async with acting(plane, namespace) as act:
        with pytest.raises(Permanent, match=r"was edited with kubectl-edit .* people are at it"):
            await act("rollout_restart", target=target)
        assert (await act("rollout_restart", asked=PERSON, target=target))["changed"]


async def test_a_delivery_is_no_person(plane: Plane, namespace: str) -> None:
    await plane.create(deployment(namespace=namespace, replicas=1))
    await plane.patch("Deployment", namespace, "web", {"spec": {"replicas": 2}}, owner="ci")
    async with acting(plane, namespace) as act:
        assert (await act("rollout_restart", target=f"{namespace}/deployment/web"))["changed"]


async def test_a_paused_workload_and_one_that_is_gone_are_refused(
    plane: Plane, namespace: str
) -> None:
    await plane.create(deployment(namespace=namespace, paused=True))
    async with acting(plane, namespace) as act:
        with pytest.raises(Permanent, match="is paused"):
            await act("rollout_restart", target=f"{namespace}/deployment/web")
        with pytest.raises(Gone, match="is not there"):
            await act("rollout_restart", target=f"{namespace}/deployment/other")
        with pytest.raises(Permanent, match="is no deployment or"):
            await act("rollout_restart", target=f"{namespace}/pod/web")
