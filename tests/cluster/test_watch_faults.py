"""The watch against a real API server that is overloaded, forgets, falls silent, or goes away."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from agent.model.cluster import ClusterPlace
from agent.runtime.cluster_watch import Watch
from tests.cluster.asking import Refused
from tests.cluster.control_plane import ControlPlane
from tests.cluster.fault_proxy import WATCH, FaultProxy
from tests.cluster.objects import deployment, path_of, pod, rule
from tests.cluster.plane import Account, Plane
from tests.cluster.watching import Watching, shop, watching

pytestmark = pytest.mark.cluster

LIST = "get list watch"
EVERYTHING = (
    rule("", "pods persistentvolumeclaims", LIST),
    rule("apps", "deployments replicasets statefulsets daemonsets", LIST),
    rule("batch", "jobs cronjobs", LIST),
    rule("autoscaling", "horizontalpodautoscalers", LIST),
)
PODS_LISTED = r"/pods\?limit"
PODS_WATCHED = rf"/pods\?.*{WATCH}|/pods{WATCH}"


@pytest.fixture
async def account(plane: Plane, namespace: str) -> Account:
    return await plane.account(namespace, rules=EVERYTHING)


async def sees(seen: Watching, namespace: str, name: str, *, within: float = 40) -> None:
    wanted = f"{namespace}/pod/{name}"
    what = f"{wanted} is in the inventory"
    await seen.until(lambda: wanted in seen.view.inventory, what, within=within)


async def idle_pod(plane: Plane, namespace: str, name: str) -> None:
    """One that no kubelet takes, so that nothing else happens to it."""
    by_hand = {"homeostat.test/status": "by-hand"}
    await plane.create(pod(name, namespace=namespace, labels=by_hand, nodeName="nowhere"))


@pytest.mark.parametrize("how", ["status", "event"])
async def test_what_is_too_old_is_listed_again(
    plane: Plane, namespace: str, account: Account, fault_proxy: FaultProxy, how: str
) -> None:
    """F-K8-02."""
    if how == "status":
        fault_proxy.answer(410, path=PODS_WATCHED, times=1)
    else:
        fault_proxy.expire_watch(path="/pods", times=1)
    kubeconfig = fault_proxy.account(account).kubeconfig
    async with watching(kubeconfig, shop(namespace), source=False) as seen:
        await seen.until(lambda: len(fault_proxy.seen(path=PODS_LISTED)) == 2)
        await seen.in_sync()
        await idle_pod(plane, namespace, "later")
        await sees(seen, namespace, "later")
        assert len(fault_proxy.seen(path=PODS_LISTED)) == 2


async def test_a_server_that_only_says_too_old_is_not_asked_without_end(
    namespace: str, account: Account, fault_proxy: FaultProxy
) -> None:
    """F-K8-02."""
    fault_proxy.expire_watch(path="/pods", times=None)
    kubeconfig = fault_proxy.account(account).kubeconfig
    async with watching(kubeconfig, shop(namespace), source=False) as seen:
        await asyncio.sleep(4)
        assert 2 <= len(fault_proxy.seen(path=PODS_LISTED)) <= 6
        assert "too old" in str(seen.cluster.unsynced())


async def test_what_etcd_has_forgotten_is_listed_again(
    own_plane: ControlPlane, namespace: str
) -> None:
    """F-K8-02, by a compaction."""
    old = (await own_plane.get("Pod", namespace))["metadata"]["resourceVersion"]
    await idle_pod(own_plane, namespace, "meanwhile")
    await own_plane.compact()

    class Late(Watch):
        """As if it had been away since then."""

        async def _list(self) -> str:
            version = await super()._list()
            return old if self.lists == 1 else version

    async with watching(own_plane.kubeconfig, shop(namespace), source=False) as seen:
        keeping, cluster = seen.cluster.keeping, seen.cluster
        late = Late(
            "pod",
            namespace,
            connection=cluster.connection,
            settings=cluster.settings,
            clock=seen.clock,
            listed=keeping.listed,
            changed=keeping.changed,
        )
        running = asyncio.create_task(late.run())
        try:
            await seen.until(lambda: late.lists == 2 and not late.trouble, "listed again")
        finally:
            running.cancel()


async def test_a_silent_watch_is_begun_again(
    plane: Plane, namespace: str, account: Account, fault_proxy: FaultProxy
) -> None:
    """F-K8-03: the connection stays open and nothing comes, not even a bookmark. What was missed
    is found by a list; of a kind that never changes a server sends none, which is no trouble."""
    kubeconfig = fault_proxy.account(account).kubeconfig
    async with watching(kubeconfig, shop(namespace), source=False, silence=5.0) as seen:
        await seen.in_sync()
        fault_proxy.fall_silent(PODS_WATCHED)
        await idle_pod(plane, namespace, "unheard")
        await asyncio.sleep(0.5)
        assert f"{namespace}/pod/unheard" not in seen.view.inventory
        troubles = set[str]()

        def is_heard() -> bool:
            troubles.update(seen.cluster.unsynced())
            return f"{namespace}/pod/unheard" in seen.view.inventory

        await seen.until(is_heard, "it is listed")
        assert not troubles


async def test_a_server_that_is_silent_to_lists_as_well_is_trouble(
    plane: Plane, namespace: str, account: Account, fault_proxy: FaultProxy
) -> None:
    """F-K8-03."""
    kubeconfig = fault_proxy.account(account).kubeconfig
    async with watching(kubeconfig, shop(namespace), source=False, silence=5.0) as seen:
        await seen.in_sync()
        fault_proxy.fall_silent("/pods")
        await idle_pod(plane, namespace, "unheard")
        await seen.until(lambda: "pods" in str(seen.cluster.unsynced()), "it is told", within=60)
        assert f"{namespace}/pod/unheard" not in seen.view.inventory
        fault_proxy.heal()
        await sees(seen, namespace, "unheard")
        await seen.in_sync()


async def test_a_list_finds_what_a_lost_event_hid(
    plane: Plane, namespace: str, account: Account, fault_proxy: FaultProxy
) -> None:
    kubeconfig = fault_proxy.account(account).kubeconfig
    async with watching(kubeconfig, shop(namespace), source=False, relist=4.0) as seen:
        await idle_pod(plane, namespace, "goes")
        await sees(seen, namespace, "goes")
        fault_proxy.fall_silent(PODS_WATCHED)
        await plane.delete("Pod", namespace, "goes", gracePeriodSeconds=0)
        await idle_pod(plane, namespace, "comes")
        await sees(seen, namespace, "comes")
        assert f"{namespace}/pod/goes" not in seen.view.inventory


async def test_a_wish_to_wait_is_honoured(
    namespace: str, account: Account, fault_proxy: FaultProxy
) -> None:
    """F-K8-04."""
    fault_proxy.answer(429, path=PODS_LISTED, headers={"Retry-After": "2"}, times=2)
    kubeconfig = fault_proxy.account(account).kubeconfig
    async with watching(kubeconfig, shop(namespace), source=False) as seen:
        began = time.monotonic()
        await seen.until(lambda: len(fault_proxy.seen(path=PODS_LISTED)) == 1)
        await asyncio.sleep(1.5)
        assert len(fault_proxy.seen(path=PODS_LISTED)) == 1
        await seen.in_sync()
        assert time.monotonic() - began >= 4
        assert len(fault_proxy.seen(path=PODS_LISTED)) == 3


async def test_a_busy_server_is_asked_ever_less(
    namespace: str, account: Account, fault_proxy: FaultProxy
) -> None:
    """F-K8-04, without a wish; and a watch that is ended at once, which is no error."""
    fault_proxy.answer(429, path="/deployments", times=None)
    fault_proxy.answer(200, path=PODS_WATCHED, body=b"", times=None)
    kubeconfig = fault_proxy.account(account).kubeconfig
    async with watching(kubeconfig, shop(namespace), source=False):
        await asyncio.sleep(5)
    assert 2 <= len(fault_proxy.seen(path="/deployments")) <= 6
    assert 2 <= len(fault_proxy.seen(path=PODS_WATCHED)) <= 6
    assert len(fault_proxy.seen(path=PODS_LISTED)) == 1


async def test_one_kind_that_may_not_be_read_stops_no_other(
    own_plane: ControlPlane, namespace: str
) -> None:
    """F-K8-06: and it is said by name, because what is not seen may be anything."""
    kept = [each for each in EVERYTHING if each["apiGroups"] != ["batch"]]
    less = await own_plane.account(namespace, rules=kept)
    await own_plane.create(deployment(namespace=namespace, image="shop:bad", replicas=1))
    async with watching(less.kubeconfig, shop(namespace)) as seen:
        await seen.until(lambda: seen.firing("KubePodCrashLooping"))
        missing = seen.cluster.unsynced()
        assert len(missing) == 1, "a CronJob is optional"
        assert f"jobs.batch in {namespace}: may not list and watch" in missing[0]
        assert seen.view.cluster is not None
        assert (seen.view.cluster.seen_at, seen.view.cluster.trouble) == (None, missing[0])


async def test_a_kind_that_is_not_served_is_said_by_name(
    plane: Plane, namespace: str, account: Account, fault_proxy: FaultProxy
) -> None:
    """F-K8-14."""
    fault_proxy.answer(404, path="/horizontalpodautoscalers")
    rule_of_sets = fault_proxy.answer(404, path="/statefulsets")
    kubeconfig = fault_proxy.account(account).kubeconfig
    async with watching(kubeconfig, shop(namespace), source=False) as seen:
        await seen.until(
            lambda: (
                "knows no statefulsets.apps" in str(seen.cluster.unsynced())
                and len(seen.cluster.unsynced()) == 1
            )
        )
        assert rule_of_sets.used == 1, "it is asked again in a minute"


async def test_a_rotated_token_is_read_and_the_old_one_is_refused_once(
    own_plane: ControlPlane, namespace: str, account: Account, fault_proxy: FaultProxy
) -> None:
    """F-K8-13."""
    by_proxy = fault_proxy.account(account)
    async with watching(by_proxy.kubeconfig, shop(namespace), source=False) as seen:
        await seen.in_sync()
        await own_plane.delete("ServiceAccount", namespace, account.name)
        again = await own_plane.account(namespace, rules=EVERYTHING)
        assert again.token != account.token
        await refused(own_plane, namespace, account.token)
        rotated = len(fault_proxy.requests)
        fault_proxy.cut_open()
        await idle_pod(own_plane, namespace, "later")
        await sees(seen, namespace, "later")
        await seen.in_sync()
        since = fault_proxy.requests[rotated:]
        old = [one for one in since if one.headers["Authorization"].endswith(account.token)]
        assert 1 <= len(old) <= len(seen.cluster.watches), "each watch asks at most once by it"


async def refused(plane: Plane, namespace: str, token: str) -> None:
    """A server takes a token it has just seen for some seconds more."""

    async def is_refused() -> bool:
        answer = await plane.request("GET", path_of("Pod", namespace), token=token)
        return answer.status == 401

    await plane.wait_for(is_refused, what="the old token is refused", within=40)


async def test_the_server_goes_away_and_comes_back(own_plane: ControlPlane, namespace: str) -> None:
    """F-K8-12: it is said, nothing that is known is dropped, and it comes back by itself."""
    await idle_pod(own_plane, namespace, "there")
    async with watching(own_plane.kubeconfig, shop(namespace), source=False) as seen:
        await seen.in_sync()
        await own_plane.stop_api_server()
        await seen.until(lambda: seen.view.cluster and seen.view.cluster.trouble)
        assert seen.view.cluster is not None
        assert seen.view.cluster.seen_at is None
        assert f"{namespace}/pod/there" in seen.view.inventory
        await own_plane.start_api_server()
        await seen.in_sync(within=40)


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_event_is_lost_though_connections_break(
    plane: Plane, namespace: str, fault_proxy: FaultProxy, account: Account, seed: int
) -> None:
    """200 changes in quick succession; in the end everything is known as it is."""
    chance = random.Random(seed)
    everything = ClusterPlace(namespace=namespace)
    kubeconfig = fault_proxy.account(account).kubeconfig
    is_over = asyncio.Event()

    async def cut() -> None:
        while not is_over.is_set():
            await asyncio.sleep(chance.uniform(0.01, 0.3))
            fault_proxy.cut_open()

    async def change() -> None:
        name = f"d{chance.randrange(12)}"
        try:
            match chance.choice(["create", "create", "label", "label", "scale", "delete"]):
                case "create":
                    await plane.create(deployment(name, namespace=namespace, replicas=0))
                case "label":
                    text = str(chance.randrange(1000))
                    labels = {"metadata": {"labels": {"n": text}}}
                    await plane.patch("Deployment", namespace, name, labels)
                case "scale":
                    paused = {"spec": {"paused": chance.random() < 0.5}}
                    await plane.patch("Deployment", namespace, name, paused)
                case "delete":
                    await plane.delete("Deployment", namespace, name)
        except Refused:
            pass  # it is there already, or not any more

    async with watching(kubeconfig, shop(namespace, all=everything), source=False) as seen:
        await seen.in_sync()
        cutting = asyncio.create_task(cut())
        for _ in range(200):
            await change()
        is_over.set()
        await cutting

        async def is_the_same() -> bool:
            there = await plane.items("Deployment", namespace)
            real = {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in there}
            kept = seen.cluster.keeping.all_kept("deployment")
            return real == {one.ref.name: one.version for one in kept}

        await plane.wait_for(is_the_same, what="everything is known as it is", within=40)
        names = {
            f"{namespace}/deployment/{k.ref.name}"
            for k in seen.cluster.keeping.all_kept("deployment")
        }
        of_inventory = {n for n, o in seen.view.inventory.items() if o.kind == "deployment"}
        assert of_inventory == names
