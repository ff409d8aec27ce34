"""What people are told of a cluster, put together from what the watch keeps and what was decided.

Whoever looks first makes it, and for a moment everybody else gets the same: with many workloads it
takes some milliseconds of the loop that also decides.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from agent.core.view import View
from agent.model.alert import AlertStatus
from agent.model.cluster_state import (
    AbsentState,
    AlertInCluster,
    ClusterState,
    Edited,
    PodState,
    PodWord,
    ReleaseState,
    Sight,
    WatchState,
    WorkloadState,
)
from agent.model.errors import HomeostatError
from agent.model.records import ChangeRecord
from agent.model.signals import ChangeKind, ChangePhase
from agent.ports.clock import Clock
from agent.ports.cluster_facts import facts_of
from agent.ports.cluster_kinds import KINDS, Ref
from agent.ports.cluster_objects import Kept, Pod, Workload, condition
from agent.ports.cluster_releases import DAEMONS, REVISION, images_of, phase_of
from agent.ports.cluster_troubles import GROUP, PULLS, STUCK
from agent.ports.cluster_walking import text
from agent.ports.cluster_writers import edits_of, gitops_owner, is_ignored
from agent.runtime.cluster import Cluster, is_needed
from agent.runtime.cluster_watch import Watch

KEPT_SECONDS = 2.0
DAY_SECONDS = 86_400.0
VERSION_SECONDS = 600.0
"""How often the API server is asked what it is: it is upgraded under us."""
ASK_SECONDS = 2.0
"""A page does not wait for longer."""
WITH_PODS = ("deployment", "statefulset", "daemonset")
SAY_LITTLE = frozenset({"persistentvolumeclaim", "horizontalpodautoscaler", "node"})
NOT_SERVED = "the API server knows no"
STARTLESS = PULLS | STUCK | {"CrashLoopBackOff"}
Key = tuple[str, str]


class ClusterTelling:
    def __init__(self, cluster: Cluster | None, *, view: View, clock: Clock) -> None:
        self._cluster, self._view, self._clock = cluster, view, clock
        self._heard: dict[Key, float] = {}
        self._state: ClusterState | None = None
        self._version, self._asked_at = "", -VERSION_SECONDS

    async def __call__(self) -> ClusterState | None:
        """None: no cluster is connected."""
        if self._cluster is None:
            return None
        now = self._clock.now()
        if self._state is None or not 0.0 <= now - self._state.at < KEPT_SECONDS:
            await self._ask_version(self._cluster)
            self._state = self._made(self._cluster, at=now)
        return self._state

    @property
    def silent_seconds(self) -> float:
        """Since the watch that was silent longest spoke. 0: no cluster is connected, or nothing is
        declared to be in it."""
        if self._cluster is None:
            return 0.0
        silences = self._silences(self._cluster)
        needed = [silences[k] for k, watch in self._cluster.watches.items() if is_needed(watch)]
        return max(needed, default=0.0)

    def _silences(self, cluster: Cluster) -> dict[Key, float]:
        """A watch that failed says no more when it was heard last: that is remembered here, or that
        it failed when it was first looked at."""
        now = self._clock.monotonic()
        for key, watch in cluster.watches.items():
            if watch.heard_at is not None:
                self._heard[key] = watch.heard_at
            else:
                self._heard.setdefault(key, now)
        self._heard = {k: heard for k, heard in self._heard.items() if k in cluster.watches}
        return {key: max(0.0, now - heard) for key, heard in self._heard.items()}

    async def _ask_version(self, cluster: Cluster) -> None:
        now = self._clock.monotonic()
        sees_none = all(watch.trouble for watch in cluster.watches.values())
        is_blind = bool(cluster.unsynced()) and sees_none
        if is_blind or now - self._asked_at < VERSION_SECONDS:
            return
        self._asked_at = now
        try:
            reply = await cluster.connection.ask("GET", "/version", timeout_seconds=ASK_SECONDS)
            if reply.is_fine:
                self._version = text(reply.json(), "gitVersion", most=60)
        except HomeostatError:
            self._version = ""

    def _made(self, cluster: Cluster, *, at: float) -> ClusterState:
        view = self._view
        cluster.keeping.refresh()
        silences, sight = self._silences(cluster), view.cluster
        entities = view.registry.entities
        products: dict[str, set[str]] = defaultdict(set)
        for entity in entities.values():
            for place in entity.places:
                if place.namespace and entity.product is not None:
                    products[place.namespace].add(entity.product)
        owners = (entities.get(thing.entity or "") for thing in view.inventory.values())
        objects = Counter((owner.product or "") if owner else "" for owner in owners)
        return ClusterState(
            at=at,
            version=self._version,
            seen_at=sight.seen_at if sight is not None else None,
            trouble=sight.trouble if sight is not None else "it was not looked at yet",
            has_begun=sight is not None,
            watches=tuple(
                watch_state(watch, silent=silences[key])
                for key, watch in sorted(cluster.watches.items(), key=lambda each: each[0][::-1])
            ),
            workloads=tuple(workloads(cluster, view, at=at)),
            objects=objects,
            nobodys=tuple(sorted(_nobodys(cluster, view))),
            absent=tuple(_absent(cluster, view)),
            products={space: frozenset(names) for space, names in products.items()},
        )


def _absent(cluster: Cluster, view: View) -> Iterator[AbsentState]:
    """Where a kind is not seen as it is, nothing is known to be missing of it."""
    for name, entity in sorted(view.registry.entities.items()):
        for place in entity.places:
            ref = Ref(place.kind, place.name, place.namespace)
            if place.name and cluster.is_in_sync(ref) and cluster.keeping.kept(ref.text) is None:
                yield AbsentState(name=ref.text, entity=name, product=entity.product)


def _nobodys(cluster: Cluster, view: View) -> Iterator[str]:
    """What something else made, or what hangs on something else, says nothing by itself."""
    for name, thing in view.inventory.items():
        if thing.entity is not None or thing.kind in SAY_LITTLE:
            continue
        kept = cluster.keeping.kept(name)
        if kept is not None and kept.controller is None:
            yield name


def watch_state(watch: Watch, *, silent: float) -> WatchState:
    sight = Sight.WATCHED
    if watch.is_forbidden:
        sight = Sight.NOT_SERVED if NOT_SERVED in watch.trouble else Sight.FORBIDDEN
    elif watch.trouble:
        sight = Sight.BROKEN
    return WatchState(
        kind=KINDS[watch.kind].resource,
        namespace=watch.namespace,
        sight=sight,
        said=watch.trouble,
        silent_seconds=silent,
        lists=watch.lists,
        is_needed=is_needed(watch),
    )


def workloads(cluster: Cluster, view: View, *, at: float) -> Iterator[WorkloadState]:
    """Those that belong to a registered entity, by name."""
    keeping = cluster.keeping
    alerts, changes = alerts_by_object(view), changes_by_object(view.changes.values())
    every = [kept for kind in WITH_PODS for kept in keeping.all_kept(kind)]
    for kept in sorted(every, key=lambda each: each.name):
        thing = view.inventory.get(kept.name)
        if thing is not None and thing.entity in view.registry.entities:
            yield workload_state(
                kept,
                keeping.made_by(kept.name),
                view=view,
                at=at,
                machines=cluster.settings.machines,
                alerts=alerts.get(kept.name, ()),
                changes=changes.get(kept.name, ()),
            )


def workload_state(
    kept: Kept,
    made: Iterable[Kept],
    *,
    view: View,
    at: float,
    machines: Sequence[str] = (),
    alerts: Sequence[AlertInCluster] = (),
    changes: Sequence[ChangeRecord] = (),
) -> WorkloadState:
    """`changes`: what the watch told of it, oldest first."""
    thing = kept.thing
    assert isinstance(thing, Workload)
    entity = view.registry.entities[view.inventory[kept.name].entity or ""]
    facts, keeper = facts_of(kept), gitops_owner(kept)
    told = [_release(c) for c in changes if c.kind is ChangeKind.RELEASE and not c.is_manual]
    last = told[-1] if told else None
    until = last.began_at + entity.watch_releases_seconds if last is not None else at
    is_undone = last is not None and last.phase is ChangePhase.ROLLED_BACK
    return WorkloadState(
        name=kept.name,
        product=entity.product,
        entity=entity.name,
        wanted=facts["replicas"],
        ready=facts["replicas_ready"],
        updated=facts["replicas_updated"],
        available=facts["replicas_available"],
        revision=revision_of(kept),
        images=images_of(kept),
        phase=phase_of(thing),
        is_paused=facts["paused"],
        is_ignored=is_ignored(kept.labels, kept.annotations),
        kept_by=f"{keeper.by} {keeper.kind} {keeper.name}".strip() if keeper is not None else "",
        pods=pods_of(made),
        releases=tuple(one for one in told if at - max(one.at, one.began_at) <= DAY_SECONDS),
        rollout=last,
        watched_until=until if until > at and not is_undone else None,
        alerts=tuple(alerts),
        edited=_edited(kept, changes, machines, at=at, hold=view.policy.rails.human_change_seconds),
    )


def _edited(
    kept: Kept,
    changes: Sequence[ChangeRecord],
    machines: Sequence[str],
    *,
    at: float,
    hold: float,
) -> Edited | None:
    """By its own fields; and by what was seen to happen, since `scale` leaves no time in them."""
    since = at - max(DAY_SECONDS, hold)
    known = edits_of(kept, machines, since=since)
    found = [(edit.at, edit.by) for edit in known if edit.is_person]
    found += [(c.at, c.by) for c in changes if c.is_manual and c.at >= since]
    if not found:
        return None
    last, by = max(found)
    return Edited(by=by, at=last, held_until=last + hold)


def revision_of(kept: Kept) -> str:
    thing = kept.thing
    assert isinstance(thing, Workload)
    if kept.ref.kind == "deployment":
        return kept.annotations.get(REVISION, "")[:20]
    if kept.ref.kind == "daemonset":
        return kept.annotations.get(DAEMONS, "")[:20]
    return thing.status.update_revision.removeprefix(f"{kept.ref.name}-")[:20]


def pods_of(made: Iterable[Kept]) -> tuple[PodState, ...]:
    """The worst first."""
    order = list(PodWord)
    found = [
        PodState(
            name=kept.ref.name,
            word=pod_word(kept.thing),
            restarts=sum(c.restart_count for c in kept.thing.status.container_statuses),
        )
        for kept in made
        if isinstance(kept.thing, Pod)
    ]
    return tuple(sorted(found, key=lambda pod: (order.index(pod.word), pod.name)))


def pod_word(pod: Pod) -> PodWord:
    status = pod.status
    if pod.metadata.deletion_timestamp is not None:
        return PodWord.ENDING
    if status.phase in ("Succeeded", "Failed"):
        return PodWord.DONE if status.phase == "Succeeded" else PodWord.FAILING
    for container in (*status.init_container_statuses, *status.container_statuses):
        waiting, ended = container.state.waiting, container.state.terminated
        if waiting is not None and waiting.reason in STARTLESS:
            return PodWord.FAILING
        if ended is not None and ended.exit_code != 0:
            return PodWord.FAILING
    ready = condition(status.conditions, "Ready")
    return PodWord.READY if ready is not None and ready.status == "True" else PodWord.STARTING


def _release(change: ChangeRecord) -> ReleaseState:
    return ReleaseState(
        revision=change.id.rpartition(":")[2],
        version=change.version,
        phase=change.phase,
        by=change.by,
        began_at=change.at if change.began_at is None else change.began_at,
        at=change.at,
        undone_for=change.undone_for,
    )


def changes_by_object(
    changes: Iterable[Sequence[ChangeRecord]],
) -> Mapping[str, list[ChangeRecord]]:
    """What the watch of the cluster told of, by name of the object, oldest first."""
    found: dict[str, list[ChangeRecord]] = defaultdict(list)
    for several in changes:
        for change in several:
            parts = change.id.split(":")
            if len(parts) == 4 and parts[0] == GROUP:
                found[parts[1]].append(change)
    for mine in found.values():
        mine.sort(key=lambda c: c.at if c.began_at is None else c.began_at)
    return found


def alerts_by_object(view: View) -> Mapping[str, list[AlertInCluster]]:
    """What the cluster's own source says is wrong now, by name of the workload."""
    found: dict[str, list[AlertInCluster]] = defaultdict(list)
    for incident in view.incidents.values():
        for alert in incident.alerts.values():
            labels = alert.labels
            is_ours = alert.identity.startswith(f"{GROUP}/")
            if not is_ours or alert.status is not AlertStatus.FIRING:
                continue
            told = AlertInCluster(
                name=alert.name,
                summary=alert.annotations.get("summary", "")[:300],
                since=alert.starts_at,
                incident=incident.id,
                product=incident.product,
            )
            for kind in WITH_PODS:
                if kind in labels:
                    name = Ref(kind, labels[kind], labels.get("namespace", "")).text
                    found[name].append(told)
    return found
