"""Who wrote and keeps an object, nodes, and runs: asked of a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from agent.model.cluster import ClusterPlace
from agent.model.signals import ChangeKind, ChangePhase, ChangeSeen
from agent.ports.cluster import Gone
from tests.cluster.asking import Refused
from tests.cluster.control_plane import ControlPlane
from tests.cluster.diagnosing import Diagnosing, diagnosing
from tests.cluster.objects import Object, batch_run, deployment, of_kind, pod, pod_spec, rule
from tests.cluster.plane import Plane
from tests.cluster.watching import shop

pytestmark = pytest.mark.cluster
MACHINES = ("ci", "tests", "Python")
TRACKED = "argocd.argoproj.io/tracking-id"


async def test_a_persons_edit_is_told_apart_from_that_of_a_delivery(
    plane: Plane, namespace: str
) -> None:
    """F-K8-09: a person's edit a moment ago."""
    await plane.apply(deployment(namespace=namespace, replicas=0), owner="ci")
    target = f"{namespace}/deployment/web"
    async with diagnosing(plane.kubeconfig, shop(namespace), machines=MACHINES) as ask:
        before = await ask("recent_edits", target="web")
        assert before.by_people == 0
        assert before.edits >= 1

        await plane.kubectl("-n", namespace, "set", "image", "deployment/web", "app=shop:2")
        edited = await ask("recent_edits", target=target)
        assert (edited.by_people, edited.last_by) == (1, "kubectl-set")
        assert edited.last_ago < timedelta(minutes=1)
        assert edited.fields == ["spec.template.spec.containers[app].image"]

        await plane.kubectl("-n", namespace, "scale", "deployment/web", "--replicas=1")
        # The API server keeps no time of this one: it counts where the watch saw it.
        assert (await ask("recent_edits", target=target)).by_people == 1
        ask.changes.told = [scaled(namespace)]
        assert (await ask("recent_edits", target=target)).by_people == 2
        await asyncio.sleep(1.1)
        old = await ask("recent_edits", target=target, since="0s")
        assert (old.edits, old.by_people, old.last_by, old.fields) == (0, 0, None, [])


def scaled(namespace: str) -> ChangeSeen:
    return ChangeSeen(
        product="",
        entity="web",
        kind=ChangeKind.SCALE,
        phase=ChangePhase.DONE,
        what="scaled by hand",
        by="kubectl",
        version="",
        is_manual=True,
        seconds_ago=2.0,
        id=f"kubernetes:{namespace}/deployment/web:kubectl:1",
    )


async def test_of_what_is_watched_without_its_writers_edits_are_unknown(
    own_plane: ControlPlane, namespace: str
) -> None:
    await own_plane.create(pod(namespace=namespace))
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        found = await ask("recent_edits", target=f"{namespace}/pod/web")
        assert (found.edits, found.by_people) == (None, None)
        with pytest.raises(Gone):
            await ask("recent_edits", target=f"{namespace}/job/none")


async def test_argo_cd_and_flux_are_known_by_their_marks(plane: Plane, namespace: str) -> None:
    """F-K8-10: what a repository keeps."""
    await plane.create(
        deployment(namespace=namespace, replicas=0),
        deployment(
            "argo",
            namespace=namespace,
            replicas=0,
            annotations={TRACKED: f"shop:apps/Deployment:{namespace}/argo"},
        ),
        deployment(
            "flux",
            namespace=namespace,
            replicas=0,
            labels={
                "kustomize.toolkit.fluxcd.io/name": "shop",
                "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
            },
        ),
    )
    async with diagnosing(plane.kubeconfig) as ask:
        free = await ask("gitops_owner", target=f"{namespace}/deployment/web")
        assert (free.owned, free.by, free.application) == (False, None, None)
        argo = await ask("gitops_owner", target=f"{namespace}/deployment/argo")
        assert (argo.owned, argo.by, argo.application) == (True, "argocd", "shop")
        # Their kinds are not served here: whether it is in sync is unknown, and no error.
        assert (argo.in_sync, argo.syncs_itself) == (None, None)
        flux = await ask("gitops_owner", target=f"{namespace}/deployment/flux")
        assert (flux.owned, flux.by, flux.application) == (True, "flux", "flux-system/shop")
        assert flux.in_sync is None


def definition(group: str, version: str, plural: str, kind: str) -> Object:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return of_kind(
        "CustomResourceDefinition",
        f"{plural}.{group}",
        spec={
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": anything},
                }
            ],
        },
    )


async def until_served(plane: Plane, path: str, body: Object) -> None:
    """A kind is served a moment after its definition is taken."""

    async def is_there() -> bool:
        answer = await plane.request("POST", path, body)
        return answer.status in (201, 409)

    await plane.wait_for(is_there, what=f"{path} is served")


async def test_an_application_says_whether_it_is_in_sync_and_syncs_itself(
    plane: Plane, namespace: str
) -> None:
    crd = definition("argoproj.io", "v1alpha1", "applications", "Application")
    with suppress(Refused):  # another test made it
        await plane.create(crd)
    in_own_namespace = {TRACKED: f"{namespace}_shop:apps/Deployment:{namespace}/web"}
    await plane.create(deployment(namespace=namespace, replicas=0, annotations=in_own_namespace))
    resource = {"group": "apps", "kind": "Deployment", "namespace": namespace, "name": "web"}
    application = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": namespace},
        "spec": {"syncPolicy": {"automated": {"selfHeal": True}}},
        "status": {
            "sync": {"status": "OutOfSync"},
            "resources": [{**resource, "status": "Synced"}],
        },
    }
    path = f"/apis/argoproj.io/v1alpha1/namespaces/{namespace}/applications"
    await until_served(plane, path, application)
    async with diagnosing(plane.kubeconfig) as ask:
        found = await ask("gitops_owner", target=f"{namespace}/deployment/web")
    assert (found.application, found.in_sync, found.syncs_itself) == (
        f"{namespace}/shop",
        True,
        True,
    )
    rules = [rule("apps", "deployments", "get")]
    account = await plane.account(namespace, rules=rules)
    async with diagnosing(account.kubeconfig) as ask:
        # Without the right to read Applications, only that is unknown.
        poor = await ask("gitops_owner", target=f"{namespace}/deployment/web")
    assert (poor.owned, poor.in_sync) == (True, None)


async def node_is(ask: Diagnosing, plane: Plane, what: str, look: Any, **params: Any) -> Any:
    async def seen() -> Any:
        found = await ask("node_status", **params)
        return found if look(found) else None

    return await plane.wait_for(seen, what=what)


async def test_a_node_that_is_well_then_sick_and_then_gone(
    own_plane: ControlPlane, namespace: str
) -> None:
    name = await own_plane.node(f"n-{namespace}", by_hand=True)
    alone = pod("alone", namespace=namespace, nodeName=name)
    await own_plane.create(deployment(namespace=namespace, replicas=1), alone)
    async with diagnosing(own_plane.kubeconfig, shop(namespace), nodes=True) as ask:
        well = await node_is(
            ask, own_plane, "its pod runs", lambda n: n.pods == 1 and n.starved == 0, target=name
        )
        assert (well.exists, well.ready, well.schedulable) == (True, True, True)
        assert (well.memory_pressure, well.disk_pressure, well.pid_pressure) == (False,) * 3
        assert (well.evicted, well.homeless, well.taints) == (0, 0, [])
        assert well.pods_most == 100_000
        assert well.calm_for is not None
        assert well.age < timedelta(minutes=5)
        by_name = await ask("node_status", target=f"node/{name}")
        assert by_name.ready is True

        await own_plane.kubectl("cordon", name)
        closed = await node_is(
            ask,
            own_plane,
            "it is closed",
            lambda n: n.closed_ago is not None,
            target=f"{name}:9100",
        )
        # This API server records no writers of nodes.
        assert closed.closed_by is None
        assert closed.schedulable is False
        assert closed.closed_ago < timedelta(minutes=1)

        sick = [
            {"type": "Ready", "status": "False", "reason": "KubeletNotReady"},
            {"type": "MemoryPressure", "status": "True", "reason": "KubeletHasInsufficientMemory"},
        ]
        await own_plane.patch("Node", "", name, {"status": {"conditions": sick}}, sub="status")
        ill = await node_is(
            ask, own_plane, "its pod has no home", lambda n: n.homeless == 1, target=name
        )
        assert (ill.ready, ill.ready_for, ill.memory_pressure) == (False, None, True)
        assert (ill.calm_for, ill.disk_pressure) == (None, None)

        await own_plane.delete("Node", "", name)
        gone = await node_is(ask, own_plane, "it is gone", lambda n: not n.exists, target=name)
        assert (gone.exists, gone.ready, gone.pods) == (False, None, None)
        # An address may be of anything: no node is known to be gone by it.
        elsewhere = await ask("node_status", target="192.0.2.7:9100")
        assert elsewhere.exists is None


async def test_turns_of_a_node_are_counted_by_its_events(plane: Plane, namespace: str) -> None:
    name = await plane.node(f"turns-{namespace}")
    async with diagnosing(plane.kubeconfig) as ask:

        async def told() -> Any:
            found = await ask("node_status", target=name)
            return found if found.changes else None

        found = await plane.wait_for(told, what="it became ready")
        assert found.changes >= 1
        assert (await ask("node_status", target=name, since="0s")).changes == 0
    rules = [rule("", "nodes", "get")]
    account = await plane.account(namespace, cluster_rules=rules)
    async with diagnosing(account.kubeconfig) as ask:
        # Where events may not be read it is unknown, since it did turn.
        assert (await ask("node_status", target=name)).changes is None


async def ended(ask: Diagnosing, plane: Plane, target: str) -> Any:
    async def is_over() -> Any:
        found = await ask("job_status", target=target)
        return found if found.succeeded or found.failed else None

    return await plane.wait_for(is_over, what=f"{target} is over")


async def test_runs_that_fail_succeed_and_are_repeated(
    own_plane: ControlPlane, namespace: str
) -> None:
    failing = batch_run(namespace=namespace, image="shop:failing-job")
    failing["metadata"]["annotations"] = {"homeostat/may-rerun": "true"}
    await own_plane.create(failing)
    target = f"{namespace}/job/nightly"
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:
        found = await ended(ask, own_plane, target)
        assert (found.failed, found.succeeded, found.active) == (True, False, 0)
        assert found.reason == "BackoffLimitExceeded"
        assert (found.may_rerun, found.node_lost, found.suspended) == (True, False, False)
        assert (found.again, found.later_succeeded, found.usual) == (None, False, None)
        assert (found.running_for, found.last_success_ago) == (None, None)

        again = batch_run("nightly-again", namespace=namespace)
        again["metadata"]["annotations"] = {"homeostat/rerun-of": "nightly"}
        await own_plane.create(again)
        done = await ended(ask, own_plane, f"{namespace}/job/nightly-again")
        assert (done.succeeded, done.reason, done.may_rerun) == (True, None, False)
        repeated = await ask("job_status", target=target)
        assert (repeated.again.succeeded, repeated.again.failed, repeated.again.active) == (
            True,
            False,
            0,
        )
        with pytest.raises(Gone):
            await ask("job_status", target=f"{namespace}/job/none")


async def test_the_last_run_of_a_cron_job_and_how_long_its_runs_take(
    own_plane: ControlPlane, namespace: str
) -> None:
    template = {"spec": {"template": {"spec": pod_spec("shop:ok-job", restartPolicy="Never")}}}
    spec = {"schedule": "0 0 1 1 *", "jobTemplate": template, "successfulJobsHistoryLimit": 10}
    await own_plane.create(of_kind("CronJob", "report", namespace=namespace, spec=spec))
    place = ClusterPlace(namespace=namespace, kind="cronjob", name="report")
    async with diagnosing(own_plane.kubeconfig, shop(namespace, report=place)) as ask:
        none = await ask("job_status", target="report")
        assert (none.active, none.succeeded, none.suspended) == (0, None, False)
        for name in ("first", "r2", "r3", "r4", "r5"):
            await run_now(own_plane, namespace, name)
            if name == "first":
                await ended(ask, own_plane, f"{namespace}/job/first")
                await asyncio.sleep(1.1)  # times of creation count in seconds
        for name in ("r2", "r3", "r4", "r5"):
            await ended(ask, own_plane, f"{namespace}/job/{name}")
        found = await ask("job_status", target=f"{namespace}/job/first")
        assert (found.succeeded, found.later_succeeded) == (True, True)
        assert timedelta(0) <= found.usual < timedelta(minutes=1)
        assert found.last_success_ago < timedelta(minutes=1)
        last = await ask("job_status", target="report")
        assert (last.succeeded, last.later_succeeded) == (True, False)
        await own_plane.patch("CronJob", namespace, "report", {"spec": {"suspend": True}})
        assert (await ask("job_status", target="report")).suspended is True


async def run_now(plane: Plane, namespace: str, name: str) -> None:
    await plane.kubectl("-n", namespace, "create", "job", name, "--from=cronjob/report")


def failed_pod(reason: str | None) -> Sequence[dict[str, str]]:
    if reason is None:
        return []
    return [{"type": "DisruptionTarget", "status": "True", "reason": reason}]


@pytest.mark.parametrize(
    ("reason", "is_lost"),
    [("DeletionByTaintManager", True), ("PreemptionByScheduler", False), (None, False)],
)
async def test_a_run_that_lost_its_node_did_not_fail_by_itself(
    own_plane: ControlPlane, namespace: str, reason: str | None, is_lost: bool
) -> None:
    made = batch_run(namespace=namespace, image="shop:1")
    made["spec"]["template"]["metadata"] = {"labels": {"homeostat.test/status": "by-hand"}}
    await own_plane.create(made)
    target = f"{namespace}/job/nightly"

    async def is_made() -> Any:
        return await own_plane.items("Pod", namespace)

    (its_pod,) = await own_plane.wait_for(is_made, what="it has its pod")
    async with diagnosing(own_plane.kubeconfig, shop(namespace)) as ask:

        async def runs() -> Any:
            found = await ask("job_status", target=target)
            return found if found.active else None

        running = await own_plane.wait_for(runs, what="it runs")
        assert (running.active, running.succeeded, running.failed) == (1, False, False)
        assert running.running_for < timedelta(minutes=1)
        assert running.node_lost is False
        status = {"phase": "Failed", "conditions": failed_pod(reason)}
        name = its_pod["metadata"]["name"]
        await own_plane.patch("Pod", namespace, name, {"status": status}, sub="status")
        found = await ended(ask, own_plane, target)
        assert (found.failed, found.node_lost) == (True, is_lost)
        await own_plane.delete("Pod", namespace, name)

        async def is_gone() -> bool:
            return not await own_plane.items("Pod", namespace)

        await own_plane.wait_for(is_gone, what="the pod is gone")
        # Nothing tells any more why it failed.
        assert (await ask("job_status", target=target)).node_lost is None
