"""The sources of a cluster over what the watch keeps, in a time that passes when told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.catalog.cluster_document import ClusterSettings
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.alert import Alert, Alive, Change, Signal
from agent.model.cluster import ClusterPlace
from agent.model.errors import StoreUnavailable, Temporary
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Registry
from agent.model.signals import ChangeKind, ChangePhase
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_objects import Kept
from agent.runtime import cluster_keeping
from agent.runtime.cluster import Cluster
from agent.runtime.kit import LentToSource, StructLog
from plugins.sources.kubernetes_level import firing
from plugins.sources.kubernetes_watch import Watched, listen
from tests.support.cases import START
from tests.support.clock import TestClock
from tests.support.watched import ago, condition, container, deployment, kept, pod, replica_set
from tests.support.watched import writer as written


class ToldCluster(Cluster):
    """Knows what it is told, and says whether that is all there is."""

    missing: tuple[str, ...] = ()

    def unsynced(self) -> tuple[str, ...]:
        return self.missing

    def is_in_sync(self, ref: Ref) -> bool:
        return not self.missing


def registry(**entities: str) -> Registry:
    """Entities by name, each a Deployment of that name in the namespace that is given."""
    return Registry(
        entities={
            name: Entity(
                name=name,
                kind=EntityKind.SERVICE,
                product="shop",
                owner="team-shop",
                places=(ClusterPlace(namespace=space, kind="deployment", name=name),),
            )
            for name, space in entities.items()
        }
    )


class Source:
    def __init__(self, params: Mapping[str, object]) -> None:
        self.clock = TestClock(START)
        self.view = View(
            policy=Policy(), registry=registry(web="shop"), runbooks=MatchIndex(()), plugins={}
        )
        settings = ClusterSettings(kubeconfig=Path("none"), machines=("ci",))
        self.cluster = ToldCluster(settings, clock=self.clock, view=self.view)
        self.params = Watched.model_validate(params)
        self.signals: list[Signal] = []
        self.failures = 0
        self.kit = LentToSource(
            http=None,  # type: ignore[arg-type]
            processes=None,  # type: ignore[arg-type]
            products=lambda: self.view.registry,
            log=StructLog({}),
            emit_signals=self._emit,
            keep=None,  # type: ignore[arg-type]
            clock=self.clock,
            watched=self.cluster,
        )

    async def _emit(self, signals: Sequence[Signal]) -> None:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable
        self.signals += signals

    def listed(self, *things: Kept) -> None:
        for kind in {each.ref.kind for each in things}:
            self.cluster.keeping.listed(kind, "", [t for t in things if t.ref.kind == kind])

    async def see(self, *things: Kept, seconds: float = 0.0) -> None:
        for each in things:
            self.cluster.keeping.changed(each, True)
        await self.clock.pass_time(seconds)

    async def gone(self, thing: Kept) -> None:
        self.cluster.keeping.changed(thing, False)
        await self.clock.pass_time(0)

    def alerts(self) -> list[tuple[str, str]]:
        """Name and status of what was told, in order."""
        return [(s.name, s.status.value) for s in self.signals if isinstance(s, Alert)]

    def changes(self) -> list[Change]:
        return [s for s in self.signals if isinstance(s, Change)]


@asynccontextmanager
async def source(*listed: Kept, **params: object) -> AsyncIterator[Source]:
    """Runs, after a list found these."""
    async with _running(Source(params), listed) as made:
        yield made


@asynccontextmanager
async def starting(*listed: Kept) -> AsyncIterator[Source]:
    """Runs while other lists are under way."""
    made = Source({"strangers": True})
    made.cluster.missing = ("deployments: it was not listed yet",)
    async with _running(made, listed):
        yield made


@asynccontextmanager
async def _running(made: Source, listed: Sequence[Kept]) -> AsyncIterator[Source]:
    made.listed(*listed)
    running = asyncio.ensure_future(listen.run(made.kit, made.params))
    await made.clock.pass_time(0)
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


CRASHING = container(waiting="CrashLoopBackOff", restarts=3, ended=(40, 30, 1))
LOOP = "KubePodCrashLooping"


def shop() -> tuple[Kept, Kept]:
    web = deployment(revision=1, generation=1)
    return web, replica_set(web, 1)


async def test_an_alert_is_told_once_and_again_when_it_is_over() -> None:
    web, one = shop()
    async with source(web, one) as made:
        await made.see(pod(owner=one, containers=[CRASHING]))
        await made.see(pod(owner=one, containers=[CRASHING], version=2))
        assert made.alerts() == [(LOOP, "firing")]
        assert [a.labels["pod"] for a in await firing.firing(made.kit, made.params)] == ["web-1"]
        well = pod(owner=one, version=3)
        await made.see(well)
        await made.gone(well)
        assert made.alerts() == [(LOOP, "firing"), (LOOP, "resolved")]
        assert await firing.firing(made.kit, made.params) == []


async def test_time_alone_begins_and_ends_alerts() -> None:
    web, one = shop()
    unready = pod(owner=one, conditions=[condition("Ready", "False", since=890)])
    loop = container(running=590, restarts=3, ended=(620, 591, 1))
    async with source(web, one, unready, pod("web-2", owner=one, containers=[loop])) as made:
        assert made.alerts() == [(LOOP, "firing")]
        await made.clock.pass_time(12)
        assert sorted(made.alerts()[1:]) == [
            ("KubePodCrashLooping", "resolved"),
            ("KubePodNotReady", "firing"),
        ]


async def test_time_alone_changes_nothing_while_the_cluster_is_not_seen() -> None:
    web, one = shop()
    loop = container(running=590, restarts=3, ended=(620, 591, 1))
    async with source(web, one, pod(owner=one, containers=[loop])) as made:
        made.cluster.missing = ("the API server does not answer",)
        await made.clock.pass_time(60)
        assert made.alerts() == [(LOOP, "firing")]
        with pytest.raises(Temporary, match="does not answer"):
            await firing.firing(made.kit, made.params)
        made.cluster.missing = ()
        await made.clock.pass_time(2)
        assert made.alerts() == [(LOOP, "firing"), (LOOP, "resolved")]


async def test_what_belongs_to_nobody_is_told_only_to_who_wants_it() -> None:
    stranger = pod(containers=[CRASHING])
    sick = kept("node", "n", status={"conditions": [condition("Ready", "False", since=90)]})
    async with source(stranger, sick) as made:
        assert made.alerts() == [("KubeNodeNotReady", "firing")]
    async with source(stranger, strangers=True) as made:
        assert made.alerts() == [(LOOP, "firing")]


async def test_who_it_belongs_to_may_become_known_later() -> None:
    """Kinds are listed one after the other, and the catalog is read anew."""
    web, one = shop()
    async with source(pod(owner=one, containers=[CRASHING])) as made:
        assert made.alerts() == []
        await made.see(one, web)
        assert made.alerts() == [(LOOP, "firing")]
        made.view.registry = registry(shop="elsewhere")
        await made.clock.pass_time(2)
        assert made.alerts() == [(LOOP, "firing"), (LOOP, "resolved")]


async def test_alerts_that_another_source_tells_can_be_left_out() -> None:
    web, one = shop()
    async with source(
        web, one, pod(owner=one, containers=[CRASHING]), alerts=["KubeJobFailed"]
    ) as made:
        assert made.alerts() == []


async def test_a_later_run_that_makes_up_for_a_failed_one_ends_its_alert() -> None:
    cron = kept("cronjob", "web")
    failed = {"conditions": [condition("Failed", "True", since=60)]}
    run = kept("job", "web-28", owner=cron, status=failed)
    async with source(cron, run, strangers=True) as made:
        assert made.alerts() == [("KubeJobFailed", "firing")]
        await made.see(kept("cronjob", "web", status={"lastSuccessfulTime": ago(5)}, version=2))
        assert made.alerts()[1:] == [("KubeJobFailed", "resolved")]


async def test_signs_of_life_come_only_while_all_is_seen() -> None:
    async with source() as made:
        made.cluster.missing = ("something",)
        await made.clock.pass_time(95)
        signs = [s for s in made.signals if isinstance(s, Alive)]
        assert len(signs) == 1, "at the start"
        made.cluster.missing = ()
        await made.clock.pass_time(65)
        assert len([s for s in made.signals if isinstance(s, Alive)]) == 4


async def test_nothing_is_lost_and_nothing_changes_places_while_the_store_is_away() -> None:
    web, one = shop()
    async with source(web, one) as made:
        made.failures = 3
        await made.see(pod(owner=one, containers=[CRASHING]))
        await made.see(pod(owner=one, version=2))
        assert made.alerts() == []
        await made.clock.pass_time(30)
        assert made.alerts() == [(LOOP, "firing"), (LOOP, "resolved")]


async def test_a_rollout_is_told_by_its_phases_once_each() -> None:
    web, one = shop()
    async with source(web, one) as made:
        told = [(c.version, c.phase) for c in made.changes()]
        assert told == [], "it is two hours old"
        moving = deployment(
            image="shop:2", revision=2, generation=2, version=2, managedFields=[written("ci")]
        )
        two = replica_set(moving, 2, image="shop:2", age=0)
        await made.see(moving, two, moving)
        done = deployment(
            image="shop:2",
            revision=2,
            generation=1,
            version=3,
            managedFields=[written("ci")],
        )
        await made.see(done)
        begun, ended = made.changes()
        assert (begun.phase, begun.sent_at) == (ChangePhase.STARTED, START)
        assert (begun.entity, begun.kind, begun.by) == ("web", ChangeKind.RELEASE, "ci")
        assert (begun.version, begun.before, begun.is_manual) == ("shop:2", "shop:1", False)
        assert (ended.phase, ended.id) == (ChangePhase.DONE, begun.id)
        back = deployment(revision=3, generation=1, version=4)
        await made.see(back, replica_set(back, 3, before="1", name="web-1"), back)
        (bad, now) = made.changes()[2:]
        assert (bad.phase, bad.id, bad.version) == (ChangePhase.ROLLED_BACK, begun.id, "shop:2")
        assert (now.phase, now.version) == (ChangePhase.DONE, "shop:1")


async def test_what_a_list_finds_is_told_where_it_is_young() -> None:
    web = deployment(image="shop:2", revision=2, generation=1)
    made_ = [replica_set(web, 1), replica_set(web, 2, image="shop:2", age=600)]
    async with source(web, *made_) as made:
        (change,) = made.changes()
        assert (change.version, change.phase) == ("shop:2", ChangePhase.DONE)


async def test_a_person_at_work_is_told_and_a_machine_is_not() -> None:
    """F-K8-09."""
    web, one = shop()
    async with source(web, one) as made:
        for version, by in enumerate(["ci", "kube-controller-manager", "argocd-controller"], 2):
            await made.see(
                deployment(revision=1, generation=1, version=version, managedFields=[written(by)])
            )
        status = [written("kubectl-edit", part="status")]
        await made.see(deployment(revision=1, generation=1, version=8, managedFields=status))
        assert made.changes() == []
        await made.see(
            deployment(revision=1, generation=1, version=9, managedFields=[written("k9s")])
        )
        (change,) = made.changes()
        assert (change.entity, change.is_manual, change.by) == ("web", True, "k9s")
        assert (change.sent_at, change.kind) == (START, ChangeKind.OTHER)


async def test_what_a_person_scales_has_no_time_and_is_told_when_it_is_seen() -> None:
    web, one = shop()
    by_scale = [written("kubectl", seconds_ago=None, part="scale")]
    async with source(web, one) as made:
        await made.see(
            deployment(replicas=5, revision=1, generation=2, version=2, managedFields=by_scale)
        )
        await made.see(
            deployment(
                replicas=5,
                revision=1,
                generation=2,
                version=3,
                managedFields=by_scale,
                labels={"a": "b"},
            )
        )
        (change,) = made.changes()
        assert (change.kind, change.by) == (ChangeKind.SCALE, "kubectl")
        assert "from 3 to 5" in change.what


async def test_old_edits_are_no_news_and_a_young_one_counts_at_the_start() -> None:
    """F-K8-09."""
    written_by = [written("ana", seconds_ago=60), written("bob", seconds_ago=700)]
    web = deployment(revision=1, generation=1, managedFields=written_by)
    async with source(web, replica_set(web, 1)) as made:
        (change,) = made.changes()
        assert (change.by, change.sent_at) == ("ana", START - 60)
        made.listed(deployment(revision=1, generation=1, version=2, managedFields=written_by))
        await made.clock.pass_time(1)
        assert len(made.changes()) == 1, "listed again, it is known"


async def test_nothing_is_told_before_it_is_known_what_made_it() -> None:
    """Pods are listed before Deployments: the same trouble would be told under two names, and an
    open incident of before the start would get a twin."""
    web, one = shop()
    async with starting(pod(owner=one, containers=[CRASHING])) as made:
        assert made.alerts() == []
        made.listed(one)
        await made.clock.pass_time(2)
        made.listed(web)
        made.cluster.missing = ()
        await made.clock.pass_time(2)
        (told,) = (s for s in made.signals if isinstance(s, Alert))
        assert (told.labels["deployment"], told.labels["entity"]) == ("web", "web")


async def test_what_cannot_be_seen_whole_is_told_all_the_same_after_a_while() -> None:
    web, one = shop()
    async with starting(web, one, pod(owner=one, containers=[CRASHING])) as made:
        await made.clock.pass_time(20)
        assert made.alerts() == [(LOOP, "firing")]


async def test_what_went_while_it_was_too_slow_to_follow_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    web, one = shop()
    sick = pod(owner=one, containers=[CRASHING])
    async with source(web, one, sick) as made:
        monkeypatch.setattr(cluster_keeping, "MOST_PENDING", 1)
        made.cluster.keeping.changed(pod("web-2", owner=one), True)
        made.cluster.keeping.changed(sick, False)
        made.cluster.keeping.changed(web, False)
        await made.clock.pass_time(0)
        assert made.alerts() == [(LOOP, "firing")]
        await made.clock.pass_time(60)
        assert made.alerts() == [(LOOP, "firing"), (LOOP, "resolved")]
