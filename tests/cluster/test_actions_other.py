"""Actions on Jobs, volumes, configuration, certificates and Argo Rollouts, on a real API server.

cert-manager and Argo Rollouts themselves are not here: their kinds are, as far as what is written
goes, and the tests write what their controllers would.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agent.model.effect import Probed
from agent.model.errors import Permanent
from agent.ports.cluster_kinds import KINDS, Ref
from agent.ports.cluster_kinds import path_of as served_at
from tests.cluster.acting import PERSON, acting
from tests.cluster.asking import MERGE_PATCH
from tests.cluster.control_plane import ControlPlane
from tests.cluster.objects import batch_run, deployment, of_kind, pod_spec
from tests.cluster.plane import Plane

pytestmark = pytest.mark.cluster

MAY = {"homeostat/may-rerun": "true"}


async def failed_run(plane: Plane, namespace: str, **more: Any) -> None:
    made = batch_run(namespace=namespace, image="shop:failing-job")
    made["metadata"].update(more)
    await plane.create(made)
    await plane.wait_for(lambda: has_failed(plane, namespace), what="the run has failed")


async def has_failed(plane: Plane, namespace: str) -> bool:
    found = await plane.get("Job", namespace, "nightly")
    seen = found["status"].get("conditions", ())
    return any(c["type"] == "Failed" and c["status"] == "True" for c in seen)


async def test_a_failed_run_is_run_again_once_and_the_old_one_is_cleaned_up_later(
    own_plane: ControlPlane, namespace: str
) -> None:
    await failed_run(own_plane, namespace, annotations=MAY)
    target = f"{namespace}/job/nightly"
    async with acting(own_plane, namespace) as act:
        shown = await act.foresee("rerun_job", target=target)
        assert shown.fails == ""
        assert len(await own_plane.items("Job", namespace)) == 1
        done = await act("rerun_job", "k1", target=target)
        assert await act("rerun_job", "k1", target=target) == done
    runs = {run["metadata"]["name"]: run for run in await own_plane.items("Job", namespace)}
    assert set(runs) == {"nightly", done["job"].rpartition("/")[2]}
    assert 3600 <= runs["nightly"]["spec"]["ttlSecondsAfterFinished"] < 3700
    again = runs[done["job"].rpartition("/")[2]]
    assert again["metadata"]["annotations"]["homeostat/rerun-of"] == "nightly"


async def test_what_nobody_declares_repeatable_is_not_repeated(
    own_plane: ControlPlane, namespace: str
) -> None:
    await failed_run(own_plane, namespace)
    async with acting(own_plane, namespace) as act:
        with pytest.raises(Permanent, match="do not declare"):
            await act("rerun_job", asked=PERSON, target=f"{namespace}/job/nightly")
    assert len(await own_plane.items("Job", namespace)) == 1


async def test_a_run_that_goes_on_is_not_run_beside_it(plane: Plane, namespace: str) -> None:
    made = batch_run(namespace=namespace, image="shop:1")
    made["metadata"]["annotations"] = MAY
    await plane.create(made)
    async with acting(plane, namespace) as act:
        with pytest.raises(Permanent, match="has not failed"):
            await act("rerun_job", target=f"{namespace}/job/nightly")


async def test_that_of_a_cron_job_is_run_now_unless_one_runs(plane: Plane, namespace: str) -> None:
    spec = {
        "schedule": "0 3 1 1 *",
        "concurrencyPolicy": "Forbid",
        "jobTemplate": {"spec": {"template": {"spec": pod_spec("shop:1", restartPolicy="Never")}}},
    }
    await plane.create(
        of_kind("CronJob", "report", namespace=namespace, annotations=MAY, spec=spec)
    )
    target = f"{namespace}/cronjob/report"
    async with acting(plane, namespace) as act:
        await act("rerun_job", "k1", target=target)

        async def runs() -> bool:
            (run,) = await plane.items("Job", namespace)
            return bool(run["status"].get("active"))

        await plane.wait_for(runs, what="it runs")
        with pytest.raises(Permanent, match="of it runs now"):
            await act("rerun_job", "k2", target=target)
        await plane.patch("CronJob", namespace, "report", {"spec": {"suspend": True}})
        with pytest.raises(Permanent, match="somebody suspended it"):
            await act("rerun_job", "k3", target=target)
    (run,) = await plane.items("Job", namespace)
    (owner,) = run["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("CronJob", "report", True)


async def bound_claim(plane: Plane, namespace: str, *, grows: bool) -> str:
    """A claim with its volume, as a provisioner leaves them. Returns the name of its class."""
    name = f"{namespace}-disk"
    path = "/apis/storage.k8s.io/v1/storageclasses"
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name},
        "provisioner": "example.test/none",
        "allowVolumeExpansion": grows,
    }
    assert (await plane.request("POST", path, storage)).status == 201
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "capacity": {"storage": "10Gi"},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": "/nowhere"},
            "storageClassName": name,
            "claimRef": {"namespace": namespace, "name": "data"},
        },
    }
    assert (await plane.request("POST", "/api/v1/persistentvolumes", volume)).status == 201
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": name,
        "volumeName": name,
        "resources": {"requests": {"storage": "10Gi"}},
    }
    await plane.create(of_kind("PersistentVolumeClaim", "data", namespace=namespace, spec=spec))

    async def bound() -> bool:
        found = await plane.get("PersistentVolumeClaim", namespace, "data")
        return bool(found["status"].get("phase") == "Bound" and found["status"].get("capacity"))

    await plane.wait_for(bound, what="the claim is bound")
    return name


async def test_a_volume_grows_and_never_shrinks(plane: Plane, namespace: str) -> None:
    await bound_claim(plane, namespace, grows=True)
    target = f"{namespace}/persistentvolumeclaim/data"
    async with acting(plane, namespace) as act:
        size = 12 * 2**30
        assert (await act("expand_volume", target=target, to_bytes=size))["replaced"] == 10 * 2**30
        again = await act("expand_volume", target=target, to_bytes=size)
        assert again == {"changed": False, "bytes": size}
        with pytest.raises(Permanent, match="never shrinks"):
            await act("expand_volume", target=target, to_bytes=11 * 2**30)
    found = await plane.get("PersistentVolumeClaim", namespace, "data")
    assert found["spec"]["resources"]["requests"]["storage"] == str(size)


async def test_a_volume_whose_class_cannot_grow_is_left(plane: Plane, namespace: str) -> None:
    name = await bound_claim(plane, namespace, grows=False)
    async with acting(plane, namespace) as act:
        target = f"{namespace}/persistentvolumeclaim/data"
        with pytest.raises(Permanent, match=f"its class of storage \\({name}\\) cannot grow"):
            await act("expand_volume", target=target, to_bytes=12 * 2**30)


# configuration


def configured(namespace: str, config: str) -> dict[str, Any]:
    made = deployment(namespace=namespace, replicas=1)
    pod = made["spec"]["template"]["spec"]
    pod["volumes"] = [{"name": "config", "configMap": {"name": config}}]
    pod["containers"][0]["envFrom"] = [{"configMapRef": {"name": config}}]
    return made


async def config_of(plane: Plane, namespace: str) -> tuple[str, str]:
    pod = (await plane.get("Deployment", namespace, "web"))["spec"]["template"]["spec"]
    variables = pod["containers"][0]["envFrom"][0]["configMapRef"]["name"]
    return pod["volumes"][0]["configMap"]["name"], variables


async def test_the_configuration_of_the_revision_before_is_used_again(
    plane: Plane, namespace: str
) -> None:
    for name in ("web-aaaaa", "web-bbbbb"):
        await plane.create(of_kind("ConfigMap", name, namespace=namespace, data={"a": name}))
    await plane.create(configured(namespace, "web-aaaaa"))
    await plane.rolled_out(namespace, "web")
    await asyncio.sleep(1.1)  # times of the API server are whole seconds
    await plane.apply(configured(namespace, "web-bbbbb"))
    await plane.rolled_out(namespace, "web")
    target = f"{namespace}/deployment/web"
    async with acting(plane, namespace) as act:
        source = f"{namespace}/configmap/web-bbbbb"
        done = await act("config_restore", "k1", target=target, source=source)
        assert await config_of(plane, namespace) == ("web-aaaaa", "web-aaaaa")
        assert await act("config_restore", "k1", target=target, source=source) == done
        await act.back(done, "k2")
        assert await config_of(plane, namespace) == ("web-bbbbb", "web-bbbbb")
        await plane.delete("ConfigMap", namespace, "web-aaaaa")
        with pytest.raises(Permanent, match="web-aaaaa is not there any more"):
            await act("config_restore", "k3", target=target, source=source)


async def test_a_configuration_that_was_changed_in_place_is_for_people(
    plane: Plane, namespace: str
) -> None:
    await plane.create(of_kind("ConfigMap", "web", namespace=namespace, data={"a": "1"}))
    await plane.create(configured(namespace, "web"))
    target = f"{namespace}/deployment/web"
    async with acting(plane, namespace) as act:
        for source, why in (
            (f"{namespace}/configmap/web", "nobody knows what"),
            (f"{namespace}/secret/web", "none is ever read"),
            (f"{namespace}/configmap/other", "does not use"),
            ("kube-system/configmap/web", "another namespace"),
        ):
            with pytest.raises(Permanent, match=why):
                await act("config_restore", target=target, source=source)


# kinds of others


async def kind_of_others(plane: Plane, word: str) -> None:
    """Its definition, with any schema."""
    kind = KINDS[word]
    version = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "schema": {
            "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        },
        "subresources": {"status": {}},
    }
    names = {"kind": kind.title, "plural": kind.plural, "singular": word}
    spec = {"group": kind.group, "names": names, "scope": "Namespaced", "versions": [version]}
    await plane.apply(of_kind("CustomResourceDefinition", kind.resource, spec=spec))

    async def served() -> bool:
        return (await plane.request("GET", served_at(word, "default"))).status == 200

    await plane.wait_for(served, what=f"{kind.resource} is served")


async def make(plane: Plane, ref: Ref, status: dict[str, Any], **rest: Any) -> Any:
    kind = KINDS[ref.kind]
    meta = {"name": ref.name, "namespace": ref.namespace, **rest.pop("metadata", {})}
    body = {"apiVersion": kind.api_version, "kind": kind.title, "metadata": meta, **rest}
    answer = await plane.request("POST", served_at(ref.kind, ref.namespace), body)
    assert answer.status == 201, answer.body
    await set_status(plane, ref, status)
    return answer.json()


async def set_status(plane: Plane, ref: Ref, status: dict[str, Any]) -> None:
    path = served_at(ref.kind, ref.namespace, ref.name, "status")
    answer = await plane.request("PATCH", path, {"status": status}, content_type=MERGE_PATCH)
    assert answer.status == 200, answer.body


async def read(plane: Plane, ref: Ref) -> Any:
    return (await plane.request("GET", served_at(ref.kind, ref.namespace, ref.name))).json()


READY = {"type": "Ready", "status": "True", "reason": "Ready"}


async def test_a_certificate_is_asked_for_anew_once(plane: Plane, namespace: str) -> None:
    """As `cmctl renew` does; then what cert-manager would write is written by the test."""
    await kind_of_others(plane, "certificate")
    ref = Ref("certificate", "web", namespace)
    await make(plane, ref, {"revision": 3, "conditions": [READY]}, spec={"secretName": "web"})
    async with acting(plane, namespace) as act:
        assert await act.probe("renew_certificate", "k1", target=ref.text) is Probed.NOT_HAPPENED
        shown = await act.foresee("renew_certificate", target=ref.text)
        assert shown.fails == ""
        assert any("Issuing" in line for line in shown.lines)
        assert await act.probe("renew_certificate", "shown", target=ref.text) is (
            Probed.NOT_HAPPENED
        )
        assert (await act("renew_certificate", "k1", target=ref.text))["changed"]
        conditions = {c["type"]: c for c in (await read(plane, ref))["status"]["conditions"]}
        assert conditions["Issuing"]["reason"] == "ManuallyTriggered"
        assert conditions["Ready"]["status"] == "True"
        assert await act.probe("renew_certificate", "k1", target=ref.text) is Probed.HAPPENED
        again = await act("renew_certificate", "k1", target=ref.text)
        assert not again["changed"]

        await set_status(plane, ref, {"revision": 4, "conditions": [READY]})
        assert await act.probe("renew_certificate", "k1", target=ref.text) is Probed.HAPPENED
        assert await act.probe("renew_certificate", "k2", target=ref.text) is Probed.NOT_HAPPENED


async def test_a_canary_is_ended_and_what_is_through_is_not(plane: Plane, namespace: str) -> None:
    await kind_of_others(plane, "rollout")
    ref = Ref("rollout", "web", namespace)
    await make(plane, ref, {"stableRS": "aaa", "currentPodHash": "bbb"}, spec={"replicas": 2})
    async with acting(plane, namespace) as act:
        shown = await act.foresee("argo_abort", target=ref.text)
        assert shown.lines == (f"change {ref.text}, its status", "  status.abort: none -> true")
        assert "abort" not in (await read(plane, ref))["status"]
        assert (await act("argo_abort", target=ref.text))["changed"]
        assert (await read(plane, ref))["status"]["abort"] is True
        assert await act("argo_abort", "k2", target=ref.text) == {"changed": False}
        await set_status(plane, ref, {"abort": False, "currentPodHash": "aaa"})
        with pytest.raises(Permanent, match="is through"):
            await act("argo_abort", "k3", target=ref.text)


def template(image: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "web"}}, "spec": pod_spec(image)}


async def replica_set(plane: Plane, owner: Any, number: int, image: str) -> None:
    """As the controller of Argo Rollouts makes it."""
    owned = {k: owner[k] for k in ("apiVersion", "kind")}
    owned |= {k: owner["metadata"][k] for k in ("name", "uid")} | {"controller": True}
    made = of_kind(
        "ReplicaSet",
        f"web-{number}",
        namespace=owner["metadata"]["namespace"],
        labels={"app": "web"},
        annotations={"rollout.argoproj.io/revision": str(number)},
        spec={
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web", "rollouts-pod-template-hash": str(number)}},
            "template": template(image),
        },
    )
    made["metadata"]["ownerReferences"] = [owned]
    labels = made["spec"]["template"]["metadata"]["labels"]
    labels["rollouts-pod-template-hash"] = str(number)
    await plane.create(made)


async def test_a_revision_of_an_argo_rollout_is_undone(plane: Plane, namespace: str) -> None:
    await kind_of_others(plane, "rollout")
    ref = Ref("rollout", "web", namespace)
    spec = {"selector": {"matchLabels": {"app": "web"}}, "template": template("shop:2")}
    noted = {"annotations": {"rollout.argoproj.io/revision": "2"}}
    owner = await make(plane, ref, {"observedGeneration": "1"}, spec=spec, metadata=noted)
    await replica_set(plane, owner, 1, "shop:1")
    await replica_set(plane, owner, 2, "shop:2")
    async with acting(plane, namespace) as act:
        done = await act("argo_undo", target=ref.text, to=1)
        assert done["undo"] == {
            "use": "kubernetes.argo_undo",
            "with": {"target": ref.text, "to": 2},
        }
    found = await read(plane, ref)
    assert found["spec"]["template"]["metadata"]["labels"] == {"app": "web"}
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "shop:1"
    await stays_with_another_template(plane, namespace)


async def stays_with_another_template(plane: Plane, namespace: str) -> None:
    """One that takes its template from a Deployment is refused."""
    ref = Ref("rollout", "api", namespace)
    spec = {"workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "api"}}
    await make(plane, ref, {}, spec=spec)
    async with acting(plane, namespace) as act:
        with pytest.raises(Permanent, match="takes its template from another workload"):
            await act("argo_undo", target=ref.text, to=1)
