"""The history of a workload as diagnostics read it: what runs, who wrote it, and what an undo would
bring back."""

from __future__ import annotations

from typing import NamedTuple

from agent.model.cluster import Right
from agent.model.signals import ChangeSeen
from agent.ports.cluster import ClusterReader, Json
from agent.ports.cluster_difference import changed_paths, difference
from agent.ports.cluster_edits import template_writer
from agent.ports.cluster_kinds import WORKLOADS, Ref
from agent.ports.cluster_revisions import (
    Spell,
    Workload,
    began_at,
    essence,
    images_of,
    spells,
    was_healthy,
)
from agent.ports.cluster_undoing import history_kind, present, revisions_of
from agent.ports.cluster_walking import name_of
from agent.ports.cluster_workloads import (
    GETS_WORKLOADS,
    controlled,
    got,
    made_by,
    pods_of,
    selected_as,
    uid_of,
)
from agent.ports.kit import ReadKit

READS_HISTORY = (
    *GETS_WORKLOADS,
    Right(kind="replicaset", verbs=("list",)),
    Right(kind="controllerrevision", verbs=("list",)),
    Right(kind="pod", verbs=("list",)),
)
REMEMBERED_SECONDS = 30 * 86_400.0


class Earlier(NamedTuple):
    """The newest revision that is something else than what runs."""

    revision: int
    healthy: bool | None
    ran_for: float | None
    image: str


class History(NamedTuple):
    ref: Ref
    entity: str | None
    revision: int
    began_at: float | None
    changed_by: str | None
    image: str
    previous: Earlier | None
    difference: tuple[str, ...]
    now: float

    @property
    def changed_ago(self) -> float | None:
        return None if self.began_at is None else max(0.0, self.now - self.began_at)


async def history_of(kit: ReadKit, ref: Ref) -> History:
    """Raises Gone where it is not there, and Temporary while its controller has not seen the newest
    declaration yet."""
    workload = await read_workload(kit.cluster, ref)
    entity = kit.cluster.entity_of(ref.text)
    named = entity if entity is not None else ref.text
    changes = kit.signals.changes(entity=named, since_seconds=REMEMBERED_SECONDS)
    return told(workload, changes, entity=entity)


async def read_workload(cluster: ClusterReader, ref: Ref) -> Workload:
    thing = await got(cluster, ref)
    kind = history_kind(ref.kind)
    listed = await made_by(cluster, kind, ref, thing)
    revisions = revisions_of(thing, ref.kind, listed)
    present(thing, ref, revisions)
    if kind == "replicaset":
        # The replica sets are known: pods are theirs, and need no second question for them.
        found = await cluster.list(
            "pod", namespace=ref.namespace, labels=selected_as(thing, ref), most=5000
        )
        pods: tuple[Json, ...] = controlled(found, {uid_of(each) for each in listed})
    else:
        pods = await pods_of(cluster, ref, thing)
    return Workload(
        ref=ref,
        thing=thing,
        revisions=revisions,
        kept={name_of(each): each for each in listed},
        pods=pods,
        now=cluster.now(),
    )


def told(
    workload: Workload, changes: tuple[ChangeSeen, ...], *, entity: str | None = None
) -> History:
    found = spells(workload.revisions)
    newest = found[-1]
    began = began_at(workload, newest)
    before = found[-2] if len(found) > 1 else None
    template = essence(newest.newest.template)
    earlier = essence(before.newest.template) if before is not None else {}
    changed = changed_paths(earlier, template) if before is not None else ()
    writer = template_writer(workload.thing, changed)
    return History(
        ref=workload.ref,
        entity=entity,
        revision=newest.newest.number,
        began_at=began,
        changed_by=writer.by if writer is not None and writer.by else None,
        image=images_of(template),
        previous=None if before is None else _earlier(workload, before, began, changes),
        difference=difference(earlier, template) if before is not None else (),
        now=workload.now,
    )


def _earlier(
    workload: Workload, spell: Spell, until: float | None, changes: tuple[ChangeSeen, ...]
) -> Earlier:
    since = began_at(workload, spell)
    ran_for = until - since if until is not None and since is not None else None
    return Earlier(
        revision=spell.newest.number,
        healthy=was_healthy(workload, spell, until, changes),
        ran_for=ran_for if ran_for is None or ran_for >= 0 else None,
        image=images_of(spell.newest.template),
    )


def is_watched(kit: ReadKit, history: History) -> bool | None:
    """Whether its rollout began so short ago that what breaks is held against it."""
    entity = kit.registry.entities.get(history.entity or "")
    ago = history.changed_ago
    if entity is None or ago is None:
        return None
    return ago <= entity.watch_releases_seconds


def workloads_of(kit: ReadKit, target: str) -> tuple[Ref, ...]:
    """Of an entity, or of all entities of a product, as the watch knows them."""
    entities = {e.name for e in kit.registry.entities_of(target)}
    if not entities:
        entities = {target}
    found = [
        kept.ref
        for kind in WORKLOADS
        for kept in kit.cluster.all_kept(kind)
        if kit.cluster.entity_of(kept.name) in entities
    ]
    return tuple(sorted(found, key=lambda ref: ref.text))
