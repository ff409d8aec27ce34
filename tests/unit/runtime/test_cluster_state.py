"""What people are told of a cluster: how it is seen, and each workload with its pods, rollouts,
alerts, and who else has a hand in it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from agent.catalog.cluster_document import ClusterSettings
from agent.core.matching import MatchIndex
from agent.core.view import ClusterSight, View
from agent.model.alert import AlertStatus
from agent.model.cluster import ClusterPlace
from agent.model.cluster_state import ClusterState, PodWord, Sight, WorkloadState
from agent.model.errors import Temporary
from agent.model.incident import AlertState
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Product, Registry
from agent.model.records import ChangeRecord
from agent.model.signals import ChangeKind, ChangePhase
from agent.ports.cluster_objects import Kept
from agent.runtime.cluster import Cluster
from agent.runtime.cluster_connection import Reply
from agent.runtime.cluster_state import ClusterTelling, pod_word
from agent.runtime.cluster_watch import Watch
from tests.support.cases import START
from tests.support.clock import TestClock, settle
from tests.support.decisions import make_incident
from tests.support.watched import (
    condition,
    container,
    counts,
    deployment,
    kept,
    pod,
    replica_set,
    writer,
)

WEB = "shop/deployment/web"


class Server:
    """Answers every request with one status and body."""

    def __init__(self, status: int = 200, body: Any = None) -> None:
        self.status, self.body = status, body or {"gitVersion": "v1.37.0"}
        self.error: Exception | None = None
        self.asked: list[str] = []
        self.listing = asyncio.Semaphore(1)

    async def ask(self, _method: str, path: str, **_more: Any) -> Reply:
        self.asked.append(path)
        if self.error is not None:
            raise self.error
        return Reply(status=self.status, body=msgspec.json.encode(self.body), headers={})


class Site:
    def __init__(self, *objects: Kept) -> None:
        place = ClusterPlace(namespace="shop", kind="deployment", name="web")
        web = Entity(
            name="web",
            kind=EntityKind.SERVICE,
            product="shop",
            owner="team-shop",
            places=(place,),
            watch_releases_seconds=1800.0,
        )
        shop = Product(name="shop", builder="team-shop", tier="low")
        self.view = View(
            policy=Policy(),
            registry=Registry(products={"shop": shop}, entities={"web": web}),
            runbooks=MatchIndex(()),
            plugins={},
        )
        self.clock, self.server = TestClock(START), Server()
        self.cluster = Cluster(ClusterSettings(), clock=self.clock, view=self.view)
        self.cluster.connection = self.server  # type: ignore[assignment]
        self.telling = ClusterTelling(self.cluster, view=self.view, clock=self.clock)
        self.view.cluster = ClusterSight(seen_at=START)
        for each in objects:
            self.cluster.keeping.changed(each, True)

    def watch(self, kind: str = "pod") -> Watch:
        made = self.cluster._watch(kind, "shop")
        self.cluster.watches[(kind, "shop")] = made
        return made

    async def told(self) -> ClusterState:
        found = await self.telling()
        assert found is not None
        return found

    async def web(self) -> WorkloadState:
        (found,) = (await self.told()).workloads
        return found


def change(revision: str, **fields: Any) -> ChangeRecord:
    given: dict[str, Any] = {
        "product": "shop",
        "entity": "web",
        "what": "rolled out",
        "by": "ci",
        "at": START - 60,
        "kind": ChangeKind.RELEASE,
        "version": f"shop:{revision}",
        "id": f"kubernetes:{WEB}:uid-web:{revision}",
    }
    return ChangeRecord(**{**given, **fields})


async def test_without_a_cluster_nothing_is_told_and_nothing_is_silent() -> None:
    telling = ClusterTelling(None, view=Site().view, clock=TestClock(START))
    assert await telling() is None
    assert telling.silent_seconds == 0.0


async def test_a_workload_is_told_with_its_counts_and_pods_the_worst_first() -> None:
    web = deployment(revision=4, status=counts(3, 2, updated=1))
    made = replica_set(web, 4)
    loops = container(restarts=7, waiting="CrashLoopBackOff")
    site = Site(web, made, pod("web-a", owner=made), pod("web-z", owner=made, containers=[loops]))
    told = await site.web()
    assert (told.name, told.product, told.entity) == (WEB, "shop", "web")
    assert (told.wanted, told.ready, told.updated) == (3, 2, 1)
    assert (told.revision, told.images, told.phase) == ("4", "shop:1", ChangePhase.STARTED)
    assert [(p.name, p.word, p.restarts) for p in told.pods] == [
        ("web-z", PodWord.FAILING, 7),
        ("web-a", PodWord.READY, 0),
    ]
    assert not told.is_well


@pytest.mark.parametrize(
    ("made", "word"),
    [
        (pod(), PodWord.READY),
        (pod(conditions=[condition("Ready", "False")]), PodWord.STARTING),
        (pod(phase="Pending", conditions=[condition("PodScheduled", "False")]), PodWord.STARTING),
        (pod(containers=[container(waiting="ImagePullBackOff")]), PodWord.FAILING),
        (pod(phase="Failed"), PodWord.FAILING),
        (pod(phase="Succeeded"), PodWord.DONE),
        (pod(deletionTimestamp="2026-01-01T00:00:00Z"), PodWord.ENDING),
    ],
)
def test_each_pod_has_one_word(made: Kept, word: PodWord) -> None:
    assert pod_word(made.thing) is word  # type: ignore[arg-type]


async def test_rollouts_come_from_changes_and_the_latest_is_watched_for_its_window() -> None:
    site = Site(deployment(revision=5))
    site.view.changes = {
        "web": (
            change("2", at=START - 100_000),
            change("4", at=START - 5000, phase=ChangePhase.ROLLED_BACK, undone_for="inc-1"),
            change("5", at=START - 60, began_at=START - 600),
            change("kubectl", is_manual=True, by="kubectl-scale", kind=ChangeKind.SCALE),
            change("6", id="kubernetes:shop/deployment/other:uid:6"),
            change("7", id="argocd:7"),
        )
    }
    told = await site.web()
    assert [r.revision for r in told.releases] == ["4", "5"]
    assert told.releases[0].undone_for == "inc-1"
    assert told.rollout is not None
    assert (told.rollout.revision, told.rollout.by) == ("5", "ci")
    assert told.rollout.began_at == START - 600
    assert told.watched_until == START - 600 + 1800
    # What `scale` changes leaves no time in the object: it is known by having been seen.
    assert told.edited is not None
    assert (told.edited.by, told.edited.at) == ("kubectl-scale", START - 60)


async def test_a_rollout_that_was_undone_or_is_long_over_is_not_watched() -> None:
    site = Site(deployment(revision=5))
    for record in (
        change("5", phase=ChangePhase.ROLLED_BACK),
        change("5", at=START - 60, began_at=START - 1801),
    ):
        site.view.changes = {"web": (record,)}
        site.clock.at += 10
        assert (await site.web()).watched_until is None


async def test_who_else_has_a_hand_in_it_is_told() -> None:
    web = deployment(
        annotations={
            "argocd.argoproj.io/tracking-id": "shop-app:apps/Deployment:shop/web",
            "homeostat/ignore": "true",
        },
        managedFields=[writer("kubectl-edit", seconds_ago=60), writer("helm", seconds_ago=5)],
    )
    told = await Site(web).web()
    assert told.kept_by == "argocd application shop-app"
    assert told.is_ignored
    assert told.edited is not None
    assert (told.edited.by, told.edited.at) == ("kubectl-edit", START - 60)
    assert told.edited.held_until == START - 60 + 600


async def test_an_edit_of_long_ago_is_no_news() -> None:
    web = deployment(managedFields=[writer("kubectl-edit", seconds_ago=86_401)])
    assert (await Site(web).web()).edited is None


def firing(identity: str, **labels: str) -> AlertState:
    return AlertState(
        identity=identity,
        name="KubePodCrashLooping",
        status=AlertStatus.FIRING,
        labels={"namespace": "shop", **labels},
        annotations={"summary": "it ends again and again"},
        starts_at=START - 30,
    )


async def test_only_what_the_clusters_own_source_says_of_it_is_its_trouble() -> None:
    """Labels of other senders are anybody's text."""
    site = Site(deployment())
    ours = firing("kubernetes/1", deployment="web", pod="web-1")
    alerts = {
        "kubernetes/1": ours,
        "am/2": firing("am/2", deployment="web"),
        "kubernetes/3": firing("kubernetes/3", deployment="api"),
        "kubernetes/4": msgspec.structs.replace(
            firing("kubernetes/4", deployment="web"), status=AlertStatus.RESOLVED
        ),
    }
    incident = make_incident("inc-1", product="shop", alerts=alerts)
    site.view.incidents = {"inc-1": incident}
    told = await site.web()
    assert [(a.name, a.incident, a.product) for a in told.alerts] == [
        ("KubePodCrashLooping", "inc-1", "shop")
    ]
    assert not told.is_well


async def test_what_belongs_to_nobody_is_counted_without_what_something_else_made() -> None:
    stray = deployment("stray")
    made = replica_set(stray, 1)
    site = Site(deployment(), stray, made, pod("stray-1", owner=made), kept("cronjob", "old"))
    told = await site.told()
    assert told.nobodys == ("shop/cronjob/old", "shop/deployment/stray")
    assert told.objects == {"shop": 1, "": 3}
    assert told.products == {"shop": frozenset({"shop"})}


async def test_what_is_declared_and_not_there_is_told_once_its_kind_is_seen() -> None:
    site = Site(deployment("wbe"))
    watch = site.watch("deployment")
    assert (await site.told()).absent == ()
    watch.trouble = ""
    await site.clock.pass_time(60)
    (absent,) = (await site.told()).absent
    assert (absent.name, absent.entity, absent.product) == (WEB, "web", "shop")


@pytest.mark.parametrize(
    ("status", "sight"),
    [(403, Sight.FORBIDDEN), (404, Sight.NOT_SERVED), (500, Sight.BROKEN)],
)
async def test_why_a_kind_is_not_watched_is_told(status: int, sight: Sight) -> None:
    """F-K8-06, F-K8-14: in the words of the watch itself."""
    site = Site(deployment())
    watch = site.watch("cronjob")
    site.server.status = status
    running = asyncio.create_task(watch.run())
    await settle()
    running.cancel()
    (told,) = (await site.told()).watches
    assert (told.kind, told.namespace, told.sight) == ("cronjobs.batch", "shop", sight)
    assert told.said
    assert told.is_needed is (sight is Sight.BROKEN)


async def test_the_longest_silence_goes_on_while_a_watch_fails_and_ends_when_it_speaks() -> None:
    """F-K8-03: a watch that failed forgets when it was heard last; who measures does not."""
    site = Site()
    pods, jobs = site.watch("pod"), site.watch("job")
    pods.heard_at = jobs.heard_at = site.clock.monotonic()
    site.clock.at += 30
    assert site.telling.silent_seconds == 30.0
    pods.heard_at, pods.trouble = None, "the watch broke"
    jobs.heard_at = site.clock.monotonic()
    site.clock.at += 300
    jobs.heard_at = site.clock.monotonic()
    assert site.telling.silent_seconds == 330.0
    pods.heard_at = site.clock.monotonic()
    assert site.telling.silent_seconds == 0.0


async def test_a_kind_that_it_does_without_does_not_count_as_silent() -> None:
    site = Site()
    watch = site.watch("cronjob")
    watch.is_forbidden, watch.trouble = True, "may not list"
    assert site.telling.silent_seconds == 0.0
    site.clock.at += 1000
    assert site.telling.silent_seconds == 0.0
    watch.is_forbidden = False
    assert site.telling.silent_seconds == 1000.0


async def test_the_version_is_asked_once_and_not_while_the_server_does_not_answer() -> None:
    site = Site(deployment())
    watch = site.watch()
    site.cluster._has_begun = True
    assert (await site.told()).version == ""
    assert site.server.asked == []
    watch.trouble, watch.heard_at = "", 0.0
    site.clock.at += 10
    assert (await site.told()).version == "v1.37.0"
    site.clock.at += 10
    await site.told()
    assert site.server.asked == ["/version"]
    site.clock.at += 600
    site.server.error = Temporary("gone")
    assert (await site.told()).version == ""


async def test_whoever_looks_in_the_same_moment_gets_the_same() -> None:
    site = Site(deployment())
    first = await site.told()
    site.clock.at += 1
    assert await site.told() is first
    site.clock.at += 2
    assert await site.told() is not first
