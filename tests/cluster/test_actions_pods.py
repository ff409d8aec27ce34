"""Actions on pods and nodes, on a real API server."""

from __future__ import annotations

import time
from typing import Any

import pytest

from agent.model.cluster import Asked
from agent.model.errors import Permanent
from agent.ports.cluster import Busy
from tests.cluster.acting import PERSON, acting
from tests.cluster.control_plane import ControlPlane
from tests.cluster.objects import deployment, disruption_budget, of_kind, pod, pod_spec
from tests.cluster.plane import Plane

pytestmark = pytest.mark.cluster

LATER = Asked(decided_at=time.time() + 3600, keep_off_seconds=600.0)
"""Decided after anything that a test makes."""


async def pods(plane: Plane, namespace: str) -> dict[str, str]:
    """UIDs by name, of those that are not on their way out."""
    found = await plane.items("Pod", namespace)
    return {
        p["metadata"]["name"]: p["metadata"]["uid"]
        for p in found
        if "deletionTimestamp" not in p["metadata"]
    }


async def test_one_pod_is_evicted_and_made_again(plane: Plane, namespace: str) -> None:
    await plane.create(deployment(namespace=namespace, replicas=2))
    await plane.rolled_out(namespace, "web")
    name = next(iter(await pods(plane, namespace)))
    async with acting(plane, namespace) as act:
        done = await act(
            "evict_pod",
            asked=LATER,
            target=f"{namespace}/deployment/web",
            pod=f"{namespace}/pod/{name}",
        )
        assert done["evicted"]
        await plane.rolled_out(namespace, "web")
        assert name not in await pods(plane, namespace)
        again = await act("evict_pod", asked=LATER, target=f"{namespace}/pod/{name}")
        assert (again["evicted"], again["detail"]) == (False, "it is gone already")


async def test_a_disruption_budget_is_respected_and_nothing_is_deleted_instead(
    plane: Plane, namespace: str
) -> None:
    """F-K8-07"""
    await plane.create(
        disruption_budget(namespace=namespace, min_available=2),
        deployment(namespace=namespace, replicas=2),
    )
    await plane.rolled_out(namespace, "web")
    before = await pods(plane, namespace)

    async def counted() -> bool:
        budget = await plane.get("PodDisruptionBudget", namespace, "web")
        return bool(budget["status"].get("currentHealthy") == 2)

    await plane.wait_for(counted, what="the budget has counted its pods")
    async with acting(plane, namespace) as act:
        with pytest.raises(Busy, match="disruption budget") as raised:
            await act("evict_pod", asked=LATER, target=f"{namespace}/pod/{min(before)}")
    # Policy tries a step that may not now three more times: it waits at most 5 minutes in all.
    assert raised.value.after_seconds is not None
    assert 0 < raised.value.after_seconds * 3 <= 300
    assert await pods(plane, namespace) == before


async def test_a_pod_that_was_replaced_under_its_name_is_left_alone(
    own_plane: ControlPlane, namespace: str
) -> None:
    """F-K8-08: also after an eviction whose answer was lost."""
    spec = {
        "replicas": 1,
        "serviceName": "db",
        "selector": {"matchLabels": {"app": "db"}},
        "template": {"metadata": {"labels": {"app": "db"}}, "spec": pod_spec()},
    }
    await own_plane.create(of_kind("StatefulSet", "db", namespace=namespace, spec=spec))
    await own_plane.wait_for(lambda: pods(own_plane, namespace), what="it has its pod")
    uid = (await pods(own_plane, namespace))["db-0"]
    decided = Asked(decided_at=time.time() + 2)
    async with acting(own_plane, namespace) as act:
        first = await act("evict_pod", asked=decided, target=f"{namespace}/pod/db-0")
        assert first["uid"] == uid

        async def replaced() -> str | None:
            found = await pods(own_plane, namespace)
            return found.get("db-0") if found.get("db-0") != uid else None

        new = await own_plane.wait_for(replaced, what="a new pod of that name")
        # The clock of the set-up: it was decided before the new one was made.
        before = Asked(decided_at=time.time() - 60)
        second = await act("evict_pod", asked=before, target=f"{namespace}/pod/db-0")
        assert (second["evicted"], second["detail"]) == (
            False,
            "it was replaced since this was decided",
        )
        assert (await pods(own_plane, namespace))["db-0"] == new


async def test_a_pod_that_nothing_would_make_again_is_not_evicted(
    plane: Plane, namespace: str
) -> None:
    await plane.create(pod(namespace=namespace), deployment("api", namespace=namespace))
    await plane.rolled_out(namespace, "api")
    other = next(name for name in await pods(plane, namespace) if name != "web")
    async with acting(plane, namespace) as act:
        with pytest.raises(Permanent, match="has no controller"):
            await act("evict_pod", asked=LATER, target=f"{namespace}/pod/web")
        with pytest.raises(Permanent, match="say which pod"):
            await act("evict_pod", asked=LATER, target=f"{namespace}/deployment/api")
        await plane.create(deployment("web", namespace=namespace))
        with pytest.raises(Permanent, match=f"{other} is no pod of {namespace}/deployment/web"):
            await act(
                "evict_pod",
                asked=LATER,
                target=f"{namespace}/deployment/web",
                pod=f"{namespace}/pod/{other}",
            )
    assert {"web", other} <= set(await pods(plane, namespace))


async def test_a_pod_of_a_workload_that_its_owners_want_left_alone_is_left_alone(
    plane: Plane, namespace: str
) -> None:
    """F-K8-10: the mark of the workload counts, its pods carry none."""
    await plane.create(deployment(namespace=namespace, annotations={"homeostat/ignore": "true"}))
    await plane.rolled_out(namespace, "web")
    name = next(iter(await pods(plane, namespace)))
    async with acting(plane, namespace) as act:
        with pytest.raises(Permanent, match="left alone"):
            await act("evict_pod", asked=LATER, target=f"{namespace}/pod/{name}")


async def test_failed_pods_are_deleted_by_uid_and_no_others(
    own_plane: ControlPlane, namespace: str
) -> None:
    by_hand = {"homeostat.test/status": "by-hand"}
    await own_plane.create(deployment(namespace=namespace, replicas=1, labels=by_hand))

    async def one() -> dict[str, str]:
        return await pods(own_plane, namespace)

    (name,) = await own_plane.wait_for(one, what="its pod")
    ended = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    failed = {"status": {"phase": "Failed", "reason": "Evicted", "conditions": [ended]}}
    await own_plane.patch("Pod", namespace, name, failed, sub="status")
    stranger = pod("other", namespace=namespace, labels={"app": "web", **by_hand})
    await own_plane.create(stranger)
    await own_plane.patch("Pod", namespace, "other", failed, sub="status")
    target = f"{namespace}/deployment/web"
    async with acting(own_plane, namespace) as act:
        shown = await act.foresee("delete_failed_pods", target=target)
        assert len(shown.lines) == 1
        assert shown.lines[0].startswith(f"delete {namespace}/pod/{name} (UID ")
        assert name in await pods(own_plane, namespace)  # F-GRD-11: it was shown, and not done
        done = await act("delete_failed_pods", target=target)
        assert (done["deleted"], done["names"]) == (1, [name])
        assert (await act("delete_failed_pods", target=target))["deleted"] == 0
    left = await pods(own_plane, namespace)
    assert name not in left
    assert "other" in left


async def test_a_node_is_closed_and_opened_again(own_plane: ControlPlane, namespace: str) -> None:
    name = await own_plane.node("closes")
    async with acting(own_plane, namespace) as act:
        done = await act("cordon", "k1", target=f"node/{name}")
        assert await is_closed(own_plane, name)
        again = await act("cordon", "k1", target=f"node/{name}")
        assert again == done  # its own mark, so its way back is known
        assert await act("cordon", "k2", target=f"node/{name}") == {"changed": False}
        await act.back(done, "k3")
        assert not await is_closed(own_plane, name)
        assert await act("uncordon", "k4", target=f"node/{name}") == {"changed": False}
    found = await own_plane.get("Node", "", name)
    assert "homeostat/cordoned-by" not in found["metadata"].get("annotations", {})


async def test_a_node_that_a_person_closed_is_opened_for_people_only(
    own_plane: ControlPlane, namespace: str
) -> None:
    name = await own_plane.node("closed", by_hand=True)
    # kwok has written over who wrote what; by an apply it is counted again.
    await own_plane.apply(of_kind("Node", name, labels={"a": "b"}))
    await own_plane.kubectl("cordon", name)
    async with acting(own_plane, namespace) as act:
        later = Asked(keep_off_seconds=0.0)
        with pytest.raises(Permanent, match="was closed by kubectl, who has a reason"):
            await act("uncordon", asked=later, target=f"node/{name}")
        assert await is_closed(own_plane, name)
        done = await act("uncordon", asked=PERSON, target=f"node/{name}")
        assert done["changed"]
    assert not await is_closed(own_plane, name)


async def is_closed(plane: Plane, node: str) -> Any:
    return (await plane.get("Node", "", node))["spec"].get("unschedulable", False)
