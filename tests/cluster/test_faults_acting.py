"""What can go wrong between an action and the API server: conflicts, too many requests, lost
answers, missing rights. Real where the server can produce it, else by the fault proxy."""

from __future__ import annotations

from typing import Any

import pytest

from agent.model.errors import Permanent, Temporary, UnknownEffect
from agent.ports.cluster import Busy, Conflict, Rejected, RightsMissing
from tests.cluster.acting import Acting, acting
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.objects import batch_run, deployment, of_kind
from tests.cluster.plane import Plane

pytestmark = pytest.mark.cluster


async def web(plane: Plane, namespace: str, **more: Any) -> str:
    await plane.create(deployment(namespace=namespace, replicas=1, **more))
    await plane.rolled_out(namespace, "web")
    return f"{namespace}/deployment/web"


async def restarted_by(plane: Plane, namespace: str) -> str | None:
    found = await plane.get("Deployment", namespace, "web")
    notes = found["spec"]["template"]["metadata"].get("annotations", {})
    said = notes.get("homeostat/restarted-by")
    return str(said) if said is not None else None


def real_writes(proxy: FaultProxy) -> int:
    return sum(1 for seen in proxy.writes() if "dryRun=All" not in seen.path)


async def test_what_changed_since_it_was_read_is_read_and_judged_again(
    plane: Plane, namespace: str, fault_proxy: FaultProxy
) -> None:
    """F-K8-01: the answer 409 is the server's own; somebody marks it between the read and the
    write, and the second judgement sees that."""
    target = await web(plane, namespace)
    changed = Between(plane, namespace, {"metadata": {"labels": {"homeostat/ignore": "true"}}})
    async with acting(plane, namespace, proxy=fault_proxy) as act:
        changed.into(act)
        with pytest.raises(Permanent, match="left alone"):
            await act("rollout_restart", target=target)
    assert changed.times == 1
    assert real_writes(fault_proxy) == 0
    assert await restarted_by(plane, namespace) is None


class Between:
    """Changes the object after each read of it, up to `times` times."""

    def __init__(self, plane: Plane, namespace: str, change: Any, *, most: int = 1) -> None:
        self._plane, self._namespace, self._change, self._most = plane, namespace, change, most
        self.times = 0

    def into(self, act: Acting) -> None:
        act.after_reading = self._now

    async def _now(self) -> None:
        if self.times < self._most:
            self.times += 1
            change = self._change or {"metadata": {"labels": {"n": str(self.times)}}}
            await self._plane.patch("Deployment", self._namespace, "web", change)


async def test_after_three_conflicts_people_are_asked_and_nothing_is_forced(
    plane: Plane, namespace: str, fault_proxy: FaultProxy
) -> None:
    """F-K8-01"""
    target = await web(plane, namespace)
    changed = Between(plane, namespace, None, most=10)
    async with acting(plane, namespace, proxy=fault_proxy) as act:
        changed.into(act)
        with pytest.raises(Conflict, match="changed each of the 3 times"):
            await act("rollout_restart", target=target)
    assert changed.times == 3
    assert len(fault_proxy.writes()) == 3
    assert await restarted_by(plane, namespace) is None


async def test_one_conflict_is_no_reason_to_ask_anybody(
    plane: Plane, namespace: str, fault_proxy: FaultProxy
) -> None:
    """F-K8-01"""
    target = await web(plane, namespace)
    async with acting(plane, namespace, proxy=fault_proxy) as act:
        Between(plane, namespace, None).into(act)
        assert (await act("rollout_restart", "k1", target=target))["changed"]
    assert await restarted_by(plane, namespace) == "k1"


async def test_too_many_requests_are_waited_for_as_it_is_asked(
    plane: Plane, namespace: str, fault_proxy: FaultProxy
) -> None:
    """F-K8-04: one request, and the server's own wish when to ask again."""
    target = await web(plane, namespace)
    fault_proxy.answer(429, method="PATCH", headers={"Retry-After": "7"})
    async with acting(plane, namespace, proxy=fault_proxy) as act:
        with pytest.raises(Busy) as raised:
            await act("rollout_restart", target=target)
    assert raised.value.after_seconds == 7.0
    assert len(fault_proxy.writes()) == 1
    assert await restarted_by(plane, namespace) is None


WRITTEN = r"/deployments/web\?fieldManager=homeostat$"
"""The write itself, and not its dry run."""


@pytest.mark.parametrize("fault", ["answer lost", 500, 503, 504])
async def test_after_an_unknown_write_it_finds_its_own_mark_and_writes_once(
    plane: Plane, namespace: str, fault_proxy: FaultProxy, fault: str | int
) -> None:
    """F-K8-05: as the core does it, the same step is run again with the same key."""
    target = await web(plane, namespace)
    if isinstance(fault, int):
        fault_proxy.answer(fault, method="PATCH", path=WRITTEN, times=1)
    else:
        fault_proxy.lose_answer(method="PATCH", path=WRITTEN)
    async with acting(plane, namespace, proxy=fault_proxy) as act:
        with pytest.raises(UnknownEffect):
            await act("rollout_restart", "k1", target=target)
        was_written = fault == "answer lost"
        assert await restarted_by(plane, namespace) == ("k1" if was_written else None)
        before = real_writes(fault_proxy)
        assert (await act("rollout_restart", "k1", target=target))["changed"]
        assert real_writes(fault_proxy) - before == (0 if was_written else 1)
    assert await restarted_by(plane, namespace) == "k1"
    found = await plane.get("Deployment", namespace, "web")
    assert found["metadata"]["generation"] == 2


async def test_an_undo_whose_answer_was_lost_is_not_undone_again(
    plane: Plane, namespace: str, fault_proxy: FaultProxy
) -> None:
    """F-K8-05: revision 1 is no more by then, and still it knows that it was itself."""
    target = await web(plane, namespace, image="shop:1")
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "shop:2"}]}}}}
    await plane.patch("Deployment", namespace, "web", change)
    await plane.rolled_out(namespace, "web")
    fault_proxy.lose_answer(method="PATCH", path=WRITTEN)
    async with acting(plane, namespace, proxy=fault_proxy) as act:
        with pytest.raises(UnknownEffect):
            await act("rollout_undo", "k1", target=target, to=1)
        await plane.rolled_out(namespace, "web")
        done = await act("rollout_undo", "k1", target=target, to=1)
    assert done["undo"]["with"] == {"target": target, "to": 2}
    assert real_writes(fault_proxy) == 1


async def test_a_run_whose_answer_was_lost_exists_once(
    own_plane: ControlPlane, namespace: str, fault_proxy: FaultProxy
) -> None:
    """F-K8-05"""
    made = batch_run(namespace=namespace, image="shop:failing-job")
    made["metadata"]["annotations"] = {"homeostat/may-rerun": "true"}
    await own_plane.create(made)

    async def failed() -> bool:
        found = await own_plane.get("Job", namespace, "nightly")
        return any(c["type"] == "Failed" for c in found["status"].get("conditions", ()))

    await own_plane.wait_for(failed, what="the run has failed")
    fault_proxy.lose_answer(method="POST", path=r"/jobs\?fieldManager=homeostat$")
    async with acting(own_plane, namespace, proxy=fault_proxy) as act:
        with pytest.raises(UnknownEffect):
            await act("rerun_job", "k1", target=f"{namespace}/job/nightly")
        await act("rerun_job", "k1", target=f"{namespace}/job/nightly")
    assert len(await own_plane.items("Job", namespace)) == 2


async def test_a_write_that_never_got_through_is_only_temporary(
    plane: Plane, namespace: str, fault_proxy: FaultProxy
) -> None:
    """F-K8-05, F-K8-12: a dry run comes first, and a dry run has no effect."""
    target = await web(plane, namespace)
    fault_proxy.cut(method="PATCH")
    async with acting(plane, namespace, proxy=fault_proxy) as act:
        with pytest.raises(Temporary):
            await act("rollout_restart", target=target)
        await fault_proxy.refuse()
        with pytest.raises(Temporary, match="does not answer"):
            await act("rollout_restart", target=target)
    assert await restarted_by(plane, namespace) is None


async def test_a_right_that_is_missing_is_named_and_asked_for_once(
    plane: Plane, namespace: str, fault_proxy: FaultProxy
) -> None:
    """F-K8-06: refused by the real server; told with verb, resource and namespace."""
    target = await web(plane, namespace)
    async with acting(plane, namespace, proxy=fault_proxy) as act:
        act.without = "patch"
        with pytest.raises(RightsMissing) as raised:
            await act("rollout_restart", target=target)
    assert f"may not patch deployments.apps in {namespace}" in str(raised.value)
    assert len(fault_proxy.writes()) == 1
    assert await restarted_by(plane, namespace) is None


# F-GRD-11: what is shown is not done


async def version(plane: Plane, kind: str, namespace: str, name: str) -> str:
    return str((await plane.get(kind, namespace, name))["metadata"]["resourceVersion"])


async def test_a_preview_shows_what_the_server_would_do_and_changes_nothing(
    own_plane: ControlPlane, namespace: str, fault_proxy: FaultProxy
) -> None:
    """F-GRD-11: by what the server keeps, and by every request that reached it."""
    plane = own_plane
    target = await web(plane, namespace, image="shop:1")
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "shop:2"}]}}}}
    await plane.patch("Deployment", namespace, "web", change)
    await plane.rolled_out(namespace, "web")
    before = await version(plane, "Deployment", namespace, "web")
    (pod,) = await pods_of(plane, namespace)
    async with acting(plane, namespace, proxy=fault_proxy) as act:
        undone = await act.foresee("rollout_undo", target=target, to=1)
        assert undone.lines == (
            f"change {target}",
            '  metadata.annotations.homeostat/undone-by: none -> "shown"',
            '  metadata.annotations.homeostat/undone-from: none -> "2"',
            '  spec.template.spec.containers[app].image: "shop:2" -> "shop:1"',
        )
        scaled = await act.foresee("scale", target=target, replicas=5)
        assert scaled.lines[1:] == ("  spec.replicas: 1 -> 5",)
        evicted = await act.foresee("evict_pod", target=f"{namespace}/pod/{pod}")
        assert evicted.lines[0].startswith(f"evict {namespace}/pod/{pod} (UID ")
        gone = await act.foresee("rollout_undo", target=target, to=9)
        assert gone.lines == ()
        assert "no revision 9 any more" in gone.fails
    assert await version(plane, "Deployment", namespace, "web") == before
    assert await pods_of(plane, namespace) == [pod]
    assert len(fault_proxy.writes()) == 3
    assert real_writes(fault_proxy) == 0


async def pods_of(plane: Plane, namespace: str) -> list[str]:
    found = await plane.items("Pod", namespace)
    return [p["metadata"]["name"] for p in found if "deletionTimestamp" not in p["metadata"]]


async def test_a_preview_shows_what_the_api_server_refuses(plane: Plane, namespace: str) -> None:
    """A quota leaves no room for another Job: only the server's own admission knows that."""
    made = batch_run(namespace=namespace, image="shop:failing-job")
    made["metadata"]["annotations"] = {"homeostat/may-rerun": "true"}
    await plane.create(made)

    async def failed() -> bool:
        found = await plane.get("Job", namespace, "nightly")
        return any(c["type"] == "Failed" for c in found["status"].get("conditions", ()))

    await plane.wait_for(failed, what="the run has failed")
    hard = {"hard": {"count/jobs.batch": "1"}}
    await plane.create(of_kind("ResourceQuota", "few", namespace=namespace, spec=hard))

    async def counted() -> bool:
        found = await plane.get("ResourceQuota", namespace, "few")
        return bool(found.get("status", {}).get("used", {}).get("count/jobs.batch") == "1")

    await plane.wait_for(counted, what="the quota has counted")
    async with acting(plane, namespace) as act:
        shown = await act.foresee("rerun_job", target=f"{namespace}/job/nightly")
        assert shown.lines == ()
        assert "exceeded quota: few" in shown.fails
        # It is a 403 as well, and yet no right is missing: the runbook need not be suspended.
        with pytest.raises(Rejected, match="exceeded quota"):
            await act("rerun_job", target=f"{namespace}/job/nightly")
