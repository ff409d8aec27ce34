"""The release that what breaks now is held against: the one workload of a product that was rolled
out lately, within the time for which its entity says that releases are watched.

Where several were rolled out there is no telling which one it was: `count` says how many, and
everything else is left out, so that nothing is undone on a guess. Of workloads that only scaled or
started their pods anew, none was rolled out.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.cluster import Gone
from agent.ports.cluster_history import (
    READS_HISTORY,
    Earlier,
    History,
    history_of,
    is_watched,
    workloads_of,
)
from agent.ports.cluster_kinds import WORKLOADS, Ref, ref_of
from agent.ports.cluster_objects import WrittenMeta, seconds
from agent.ports.cluster_walking import span
from agent.ports.cluster_writers import is_person
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

MOST = 20
"""Workloads of one product that may have been rolled out lately; with more, nobody can tell."""


class Released(Params):
    target: str = Field(
        min_length=1,
        description="A registered product or entity, or a workload of the inventory.",
    )


class Before(Result):
    """What an undo of it would bring back."""

    revision: int | None = Field(
        default=None, description="Its number, for `kubernetes.rollout_undo`."
    )
    healthy: bool | None = Field(
        default=None, description="It was seen wholly available for ten minutes at a time."
    )
    image: str | None = Field(
        default=None, description="Images of its containers, with commas between them."
    )


class Release(Result):
    count: int | None = Field(
        default=None, description="How many of its workloads were rolled out lately."
    )
    target: str | None = Field(
        default=None, description="The workload, for `kubernetes.rollout_undo`."
    )
    entity: str | None = Field(default=None, description="The registered entity it belongs to.")
    revision: int | None = Field(default=None, description="Number of the revision that runs.")
    image: str | None = Field(
        default=None, description="Images of its containers, with commas between them."
    )
    previous: Before | None = Field(
        default=None, description="What ran before; left out where nothing is kept."
    )
    changed_ago: Span | None = Field(default=None, description="How long ago its rollout began.")
    changed_by: str | None = Field(
        default=None, description="Who wrote it last, as the API server recorded it."
    )
    by_person: bool | None = Field(
        default=None, description="That is a person, and no delivery or controller."
    )
    watched: bool | None = Field(
        default=None, description="It began within `watch_releases` of its entity."
    )


@diagnostic(
    name="kubernetes.release",
    params=Released,
    result=Release,
    summary="The one workload of a product that was rolled out lately, and what ran before",
    needs="kubernetes",
    rights=READS_HISTORY,
)
async def release(kit: ReadKit, params: Released) -> Release:
    found = []
    for ref in await _candidates(kit, params.target):
        try:
            seen = await history_of(kit, ref)
        except Gone:
            continue
        watched = is_watched(kit, seen)
        if watched is None:
            # Whether it was rolled out lately is not known, so neither is what was.
            return Release()
        if watched:
            found.append(seen)
    return _told(kit, found[0]) if len(found) == 1 else Release(count=len(found))


async def _candidates(kit: ReadKit, target: str) -> tuple[Ref, ...]:
    """Those that somebody wrote lately: whatever was rolled out was written."""
    is_whole = target in kit.registry.products or target in kit.registry.entities
    if ref_of(target) is not None or not is_whole:
        return (await kit.cluster.find(target, kinds=WORKLOADS),)
    known = workloads_of(kit, target)
    if not known:
        # Nothing is kept yet, or it has none: one that it names is asked for by name.
        return (await kit.cluster.find(target, kinds=WORKLOADS),)
    found = tuple(ref for ref in known if _was_written_lately(kit, ref))
    if len(found) > MOST:
        raise Permanent(f"{len(found)} workloads of {target} were written lately: too many to tell")
    return found


def _was_written_lately(kit: ReadKit, ref: Ref) -> bool:
    kept = kit.cluster.kept(ref.text)
    entity = kit.registry.entities.get(kit.cluster.entity_of(ref.text) or "")
    if kept is None or entity is None:
        return False
    meta = kept.thing.metadata
    writers = meta.managed_fields if isinstance(meta, WrittenMeta) else ()
    times = [seconds(w.time) for w in writers if w.subresource != "status"]
    oldest = kit.cluster.now() - entity.watch_releases_seconds
    return any(at is None or at >= oldest for at in times)


def _told(kit: ReadKit, seen: History) -> Release:
    by = seen.changed_by
    return Release(
        count=1,
        target=seen.ref.text,
        entity=seen.entity,
        revision=seen.revision,
        image=seen.image,
        previous=_before(seen.previous) if seen.previous is not None else None,
        changed_ago=span(seen.changed_ago) if seen.changed_ago is not None else None,
        changed_by=by,
        by_person=is_person(by, kit.cluster.machines()) if by is not None else None,
        watched=is_watched(kit, seen),
    )


def _before(earlier: Earlier) -> Before:
    return Before(revision=earlier.revision, healthy=earlier.healthy, image=earlier.image)
