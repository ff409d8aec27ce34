"""A bad release is undone by itself, from end to end on a real control plane; and what holds that
back is told to people."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.fault_proxy import FaultProxy
from tests.cluster.objects import disruption_budget
from tests.cluster.story import BURN, CRASH_LOOP, opened, quick

pytestmark = pytest.mark.cluster

EVICTS = """\
apiVersion: homeostat/v1
kind: Runbook
metadata: {name: evict-it, owner: platform, layer: product, tier: low}
match:
  alert: [KubePodCrashLooping]
  entity: {kind: pod, of: {namespace: =alert.labels.namespace, pod: =alert.labels.pod}}
plans:
  evict:
    steps: [{id: evict, use: kubernetes.evict_pod, with: {target: =entity}, timeout: 10s}]
    verify: {success: {all: [alert_cleared]}, within: 30s}
"""
CRASH = {"crash-loop": CRASH_LOOP}


@pytest.mark.timeout(300)
async def test_a_bad_release_is_undone_and_proven_and_nobody_is_paged(
    own_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """The shipped runbook as it is shipped: its proof takes about two minutes."""
    async with opened(own_plane, namespace, tmp_path, runbooks=CRASH) as shop:
        await shop.daemon.start()
        await shop.in_sync()
        await shop.deliver("shop:bad")
        healed = await shop.daemon.until(240, state="resolved", outcome="healed")
        assert (healed["product"], healed["entity"]) == ("shop", "web")
        assert await shop.image() == "shop:1"
        done = await own_plane.rolled_out(namespace, "web")
        assert done["status"]["availableReplicas"] == 3
        assert shop.daemon.pages == [], "nobody is called"
        counted = await shop.releases()
        # The first one put shop:1 in place.
        assert (counted["releases"], counted["rolled_back"]) == (2, 1)
        assert counted["change_failure_rate"] == 0.5
        [broken] = counted["broken"]
        assert (broken["version"], broken["before"]) == ("shop:bad", "shop:1")
        assert broken["undone_for"] == healed["id"]


@pytest.mark.timeout(120)
async def test_a_release_before_a_burn_of_its_product_is_undone(
    own_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    books = {"burn-after-release": quick(BURN)}
    async with opened(own_plane, namespace, tmp_path, runbooks=books) as shop:
        await shop.daemon.start()
        await shop.in_sync()
        await shop.deliver("shop:unready")
        await shop.rolls_out()
        burn = {"product": "shop", "slo": "pay", "layer": "product", "severity": "critical"}
        await shop.daemon.fire("SloBurnFast", **burn)
        await own_plane.wait_for(shop.has_first_image, what="it is undone", within=30)
        await shop.daemon.clear("SloBurnFast", **burn)
        healed = await shop.daemon.until(60, state="resolved", outcome="healed")
        assert shop.daemon.pages == []
        [broken] = (await shop.releases())["broken"]
        assert (broken["version"], broken["undone_for"]) == ("shop:unready", healed["id"])


@pytest.mark.timeout(120)
async def test_what_a_repository_keeps_is_told_with_what_would_have_been_done(
    own_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """F-K8-10"""
    async with opened(own_plane, namespace, tmp_path, runbooks=CRASH) as shop:
        mark = f"argocd.argoproj.io/tracking-id=shop-prod:apps/Deployment:{namespace}/web"
        await shop.annotate(mark)
        await shop.daemon.start()
        await shop.in_sync()
        await shop.deliver("shop:bad")
        page = await shop.paged()
        assert "a repository keeps it as it is declared there: shop-prod keeps" in page
        assert "for its repository: kubernetes.rollout_undo, to 1" in page
        assert await shop.image() == "shop:bad"


@pytest.mark.timeout(120)
async def test_after_a_persons_edit_it_is_left_to_them(
    own_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """F-K8-09"""
    async with opened(own_plane, namespace, tmp_path, runbooks=CRASH) as shop:
        await shop.daemon.start()
        await shop.in_sync()
        await shop.annotate("note=looking", by="kubectl-edit")
        await shop.deliver("shop:bad")
        page = await shop.paged()
        assert "a person changed it a moment ago: kubectl-edit" in page
        assert await shop.image() == "shop:bad"


@pytest.mark.timeout(120)
async def test_an_edit_of_a_minute_before_the_agent_was_started_counts_as_well(
    own_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """F-K8-09"""
    async with opened(own_plane, namespace, tmp_path, runbooks=CRASH) as shop:
        await shop.annotate("note=looking", by="kubectl-edit")
        await shop.deliver("shop:bad")
        await shop.daemon.start()
        page = await shop.paged()
        assert "a person changed it a moment ago: kubectl-edit" in page
        assert await shop.image() == "shop:bad"


@pytest.mark.timeout(120)
async def test_a_disruption_budget_in_the_way_is_told_and_nothing_is_forced(
    own_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """F-K8-07"""
    books = {"evict-it": EVICTS}
    async with opened(own_plane, namespace, tmp_path, runbooks=books) as shop:
        await own_plane.create(disruption_budget(namespace=namespace, min_available=4))
        await shop.deliver("shop:bad")
        # A pod as young as the decision might be another one under its name: it is left alone.
        await own_plane.waiting_pods(namespace, "CrashLoopBackOff")
        await shop.daemon.start()
        page = await shop.paged()
        assert "disruption budget" in page
        assert len(await shop.pods()) == 4, "the bad one is there as well as the three before it"


@pytest.mark.timeout(120)
async def test_without_its_sight_of_the_cluster_nothing_is_done_and_people_are_told(
    own_plane: ControlPlane, namespace: str, tmp_path: Path, fault_proxy: FaultProxy
) -> None:
    """F-K8-12: the API server goes away between finding out and acting."""
    async with opened(
        own_plane, namespace, tmp_path, runbooks=CRASH, proxy=fault_proxy, dwell="8s"
    ) as shop:
        await shop.daemon.start()
        await shop.in_sync()
        await shop.deliver("shop:bad")
        await shop.daemon.until(40, plan="undo")
        await fault_proxy.refuse()
        page = await shop.paged()
        assert "the cluster is not seen as it is now" in page
        await fault_proxy.accept()
        await shop.in_sync()
        assert fault_proxy.writes("/deployments/") == []
        assert await shop.image() == "shop:bad"


@pytest.mark.timeout(60)
async def test_an_alert_that_names_a_pod_is_about_the_entity_it_belongs_to(
    own_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """As Prometheus tells it of kube-state-metrics: nobody named the product."""
    async with opened(own_plane, namespace, tmp_path, runbooks=CRASH) as shop:
        await shop.daemon.start()
        await shop.in_sync()
        await shop.daemon.fire("KubePodSlow", namespace=namespace, pod=await shop.some_pod())
        told = await shop.daemon.until(20, entity="web")
        assert (told["alerts"][0]["name"], told["product"]) == ("KubePodSlow", "shop")
