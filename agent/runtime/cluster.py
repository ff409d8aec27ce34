"""The cluster: one connection, a watch for each kind and namespace, and what they brought."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import structlog

from agent.catalog.cluster_document import EVERY_NAMESPACE, ClusterSettings
from agent.core.view import ClusterSight, View
from agent.ports.clock import Clock
from agent.ports.cluster import Seen
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_objects import SHAPES, Kept
from agent.ports.cluster_writers import is_person
from agent.runtime.cluster_connection import ClusterConnection
from agent.runtime.cluster_keeping import Keeping
from agent.runtime.cluster_watch import Watch

log = structlog.get_logger("cluster")

LOOK_SECONDS = 0.25
TELL_SECONDS = 60.0
NOTHING_DECLARED = "no product says in which namespace it runs"
OPTIONAL = frozenset({"persistentvolumeclaim", "horizontalpodautoscaler", "cronjob"})
"""Kinds whose absence among the rights leaves the others as good as they are."""


def is_needed(watch: Watch) -> bool:
    """Whether the cluster counts as not seen without it."""
    return not (watch.is_forbidden and watch.kind in OPTIONAL)


class Cluster:
    """Runs for as long as the daemon does; `view.inventory` is its own from the start."""

    def __init__(self, settings: ClusterSettings, *, clock: Clock, view: View) -> None:
        self.settings, self.clock, self._view = settings, clock, view
        self.connection = ClusterConnection(settings, clock)
        self.keeping = Keeping(lambda: view.registry)
        view.inventory = self.keeping.inventory
        self.watches: dict[tuple[str, str], Watch] = {}
        self._has_begun = False
        self._is_in_sync = False
        self._told_at = clock.monotonic() - TELL_SECONDS * 0.8  # a start may take a while

    async def run(self) -> None:
        """Watches what products declare; a namespace that is declared later is watched then."""
        running: dict[tuple[str, str], asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                self.keeping.refresh()
                wanted = self._wanted()
                for key in [key for key in running if key not in wanted]:
                    running.pop(key).cancel()
                    self.watches.pop(key)
                    self.keeping.listed(*key, [])
                for key in wanted:
                    if key not in running:
                        self.watches[key] = watch = self._watch(*key)
                        running[key] = group.create_task(watch.run())
                self._has_begun = True
                self.keeping.settle()
                self._look()
                await self.clock.sleep(LOOK_SECONDS)

    def _wanted(self) -> tuple[tuple[str, str], ...]:
        named = self.settings.namespaces or self.keeping.places.namespaces
        spaces = ("",) if EVERY_NAMESPACE in named else named
        kinds = [kind for kind in SHAPES if kind != "node"]
        nodes = (("node", ""),) if self.settings.nodes else ()
        return (*((kind, space) for kind in kinds for space in spaces), *nodes)

    def _watch(self, kind: str, namespace: str) -> Watch:
        return Watch(
            kind,
            namespace,
            connection=self.connection,
            settings=self.settings,
            clock=self.clock,
            listed=self.keeping.listed,
            changed=self.keeping.changed,
        )

    def _look(self) -> None:
        """What guards are told of how well the cluster is seen."""
        self._forget_unseen()
        counted = self._counted()
        spaces: dict[str, list[Watch]] = {}
        for watch in counted:
            spaces.setdefault(watch.namespace, []).append(watch)
        whole = self._sight(counted)
        trouble = whole.trouble or ("" if self.watches else NOTHING_DECLARED)
        self._view.cluster = ClusterSight(
            seen_at=None if trouble else whole.seen_at,
            trouble=trouble,
            spaces={space: self._sight(watches) for space, watches in spaces.items()},
        )
        self._tell(trouble)

    def _counted(self) -> tuple[Watch, ...]:
        return tuple(watch for watch in self.watches.values() if is_needed(watch))

    def _sight(self, watches: Sequence[Watch]) -> ClusterSight:
        trouble = next((watch.trouble for watch in watches if watch.trouble), "")
        heard = [watch.heard_at for watch in watches if watch.heard_at is not None]
        if trouble or not heard:
            return ClusterSight(seen_at=None, trouble=trouble)
        age = self.clock.monotonic() - min(heard)
        return ClusterSight(seen_at=self.clock.now() - age)

    def _forget_unseen(self) -> None:
        """What may not be seen any more is not known, where others are judged without it."""
        for watch in self.watches.values():
            kind, space = watch.kind, watch.namespace
            if not is_needed(watch) and self.keeping.all_kept(kind, namespace=space):
                self.keeping.listed(kind, space, [])

    def _tell(self, trouble: str) -> None:
        """A line in the log when it changes, and now and then while it lasts."""
        is_news, now = bool(trouble) is self._is_in_sync, self.clock.monotonic()
        if trouble and (is_news or now - self._told_at >= TELL_SECONDS):
            log.warning("cluster_not_seen_whole", why=trouble, watches=len(self.watches))
        elif is_news:
            objects = len(self._view.inventory)
            log.info("cluster_in_sync", objects=objects, watches=len(self.watches))
        else:
            return
        self._is_in_sync, self._told_at = not trouble, now

    def unsynced(self) -> tuple[str, ...]:
        """Why what is kept is not all there is. Where nothing is declared nothing is missed."""
        if not self._has_begun:
            return ("the watch has not begun",)
        return tuple(watch.trouble for watch in self._counted() if watch.trouble)

    def unlisted(self) -> tuple[str, ...]:
        """The same without what may not be seen at all: that would be missed for ever, and must
        not keep everything else from being told."""
        if not self._has_begun:
            return self.unsynced()
        watches = self.watches.values()
        return tuple(w.trouble for w in watches if w.trouble and not w.is_forbidden)

    def is_in_sync(self, ref: Ref) -> bool:
        """Whether what is kept of objects like this one is what there is now."""
        watches = (self.watches.get((ref.kind, space)) for space in (ref.namespace, ""))
        return any(watch is not None and not watch.trouble for watch in watches)

    def is_named(self, entity: str, ref: Ref) -> bool:
        """Whether the catalog says itself that the entity runs as this object."""
        places = self.keeping.places.of(entity)
        return any(
            (p.kind, p.name, p.namespace) == (ref.kind, ref.name, ref.namespace) for p in places
        )

    def objects_of(self, entity: str, kinds: Sequence[str]) -> tuple[Ref, ...]:
        """Objects of these kinds that belong to an entity, in order of their names. One that it
        names is there also where it was not seen."""
        found = {
            Ref(place.kind, place.name, place.namespace)
            for place in self.keeping.places.of(entity)
            if place.name and place.kind in kinds
        }
        for kind in kinds:
            for kept in self.keeping.all_kept(kind):
                if self.keeping.entity_of(kept) == entity:
                    found.add(kept.ref)
        return tuple(sorted(found, key=lambda ref: ref.text))


class WatchedCluster:
    """Implements ports.cluster.ClusterWatch for sources."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def follow(self) -> AsyncIterator[Sequence[Seen]]:
        return self._cluster.keeping.follow()

    def kept(self, name: str) -> Kept | None:
        return self._cluster.keeping.kept(name)

    def all_kept(self, kind: str, *, namespace: str = "") -> tuple[Kept, ...]:
        return self._cluster.keeping.all_kept(kind, namespace=namespace)

    def made_by(self, name: str) -> tuple[Kept, ...]:
        return self._cluster.keeping.made_by(name)

    def owners(self, kept: Kept) -> tuple[Kept, ...]:
        return tuple(self._cluster.keeping.owners(kept))

    def entity_of(self, name: str) -> str | None:
        return self._cluster.keeping.entity_named(name)

    def is_person(self, manager: str) -> bool:
        return is_person(manager, self._cluster.settings.machines)

    def is_in_sync(self, ref: Ref) -> bool:
        return self._cluster.is_in_sync(ref)

    def unsynced(self) -> tuple[str, ...]:
        return self._cluster.unlisted()


def cluster_of(settings: ClusterSettings | None, *, clock: Clock, view: View) -> Cluster | None:
    return Cluster(settings, clock=clock, view=view) if settings is not None else None
