"""Tells what the watch of the cluster sees: what is wrong, what was rolled out, what people edit.

Alerts (agent/ports/cluster_troubles.py) fire and end as objects change, and as time passes. What
belongs to no registered product is left out, since nobody would own it; nodes belong to everybody.

A rollout is a change with the phases begun, done, failed and rolled back
(agent/ports/cluster_releases.py). What a person edits is a change by hand, told at once, so that
the agent keeps its hands off for a while; a rollout that a person began is therefore told twice, as
what it is and as what somebody did.

What a list at the start finds is old: only rollouts and edits that are young enough to matter are
told, with their own time. Nothing of all this is remembered across a start: the same objects give
the same changes, which are known by their ids.

Whatever could not be stored is told again, in order, before anything newer.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

import msgspec
from pydantic import Field

from agent.model.alert import Alert, AlertStatus, Alive, Change, Signal
from agent.model.cluster import Right
from agent.model.errors import StoreUnavailable
from agent.model.signals import ChangeKind, ChangePhase
from agent.ports.cluster import ClusterWatch, Seen
from agent.ports.cluster_objects import SHAPES, Cron, Kept, Workload, WrittenMeta
from agent.ports.cluster_releases import Past, Release, images_of, of_deployment, of_set
from agent.ports.cluster_source import ClusterAlerts
from agent.ports.cluster_troubles import TROUBLED, alert_of, look
from agent.ports.cluster_writers import Edit, edits_of
from agent.ports.kit import SourceKit
from agent.ports.pauses import wait_seconds
from agent.ports.plugin import stream_source
from agent.ports.span import Span

LOOK_SECONDS = 1.0
SIGN_SECONDS = 30.0
START_SECONDS = 15.0
"""So long it waits at the start until all is listed: what made a pod is a part of the names of its
troubles. Whoever cannot see everything is told of what there is all the same."""
MOST_AT_ONCE = 500
"""Signals in one commit."""
KEEPERS = ("deployment", "statefulset", "daemonset")
ENDED = (ChangePhase.DONE, ChangePhase.ROLLED_BACK)
WORDS = {
    ChangePhase.STARTED: "rolls out",
    ChangePhase.DONE: "rolled out",
    ChangePhase.FAILED: "could not roll out",
    ChangePhase.ROLLED_BACK: "rolled back",
}


class Watched(ClusterAlerts):
    edited: Span = Field(
        default=timedelta(minutes=10),
        description="an edit by a person that is older when the watch begins is no news",
    )


@stream_source(
    name="kubernetes.watch",
    params=Watched,
    summary="What goes wrong in a Kubernetes cluster, what is rolled out, and what people edit",
    rights=tuple(Right(kind=kind, verbs=("list", "watch")) for kind in SHAPES),
)
async def listen(kit: SourceKit, params: Watched) -> None:
    telling = Telling(kit, params)
    async with asyncio.TaskGroup() as group:
        group.create_task(telling.follow())
        group.create_task(telling.pass_time())


class Telling:
    """What was told, so that only what is new is."""

    def __init__(self, kit: SourceKit, params: Watched) -> None:
        self._kit, self._params, self._limits = kit, params, params.limits
        self._watch: ClusterWatch = kit.cluster
        self._firing: dict[str, dict[tuple[tuple[str, str], ...], Alert]] = {}
        """By name of the object, by labels."""
        self._due: list[tuple[float, str]] = []
        """When to look at what again; a heap."""
        self._due_of: dict[str, float] = {}
        self._phases: dict[str, dict[str, ChangePhase]] = {}
        """By UID of the workload, by id of the release."""
        self._past: dict[str, Past] = {}
        self._edited: dict[str, float] = {}
        """By UID, the time of the last edit of a person that was told."""
        self._registry: object = None
        self._began_at = kit.now()
        self._is_started = False
        self._waiting: list[Signal] = []
        self._emitting = asyncio.Lock()

    # the two things that drive it

    async def follow(self) -> None:
        async for batch in self._watch.follow():
            self._refresh()
            for seen in batch:
                self._take(seen)
            await self._emit()

    async def pass_time(self) -> None:
        signed_at: float | None = None
        while True:
            self._refresh()
            self._look_at_due()
            now = self._kit.now()
            is_time = signed_at is None or not 0.0 <= now - signed_at < SIGN_SECONDS
            if is_time and not self._watch.unsynced():
                signed_at = now
                self._forget_vanished()
                self._waiting.append(Alive(source=""))
            await self._emit()
            await self._kit.sleep(LOOK_SECONDS)

    async def _emit(self) -> None:
        """Returns once everything is stored."""
        async with self._emitting:
            failures = 0
            while self._waiting:
                batch = self._waiting[:MOST_AT_ONCE]
                try:
                    await self._kit.emit(batch)
                except StoreUnavailable as error:
                    self._kit.log.warning(
                        "cluster.not_stored", error=str(error), signals=len(batch)
                    )
                    failures += 1
                    await self._kit.sleep(wait_seconds("kubernetes", failures))
                else:
                    failures = 0
                    del self._waiting[: len(batch)]

    # what changed

    def _take(self, seen: Seen) -> None:
        kept = seen.now or seen.before
        assert kept is not None
        # Only of what is there now, as the watch knows it: a batch may hold several of one object.
        self._look_at(kept.name)
        if _changes_others(seen):
            for made in self._watch.made_by(kept.name):
                self._look_at(made.name)
        if seen.now is None:
            self._forget(kept)
            return
        self._tell_edits(seen, seen.now)
        if kept.ref.kind in (*KEEPERS, "replicaset"):
            for keeper in (kept, *self._watch.owners(kept)):
                if keeper.ref.kind in KEEPERS:
                    self._tell_releases(keeper, is_listed=seen.is_listed)

    def _forget(self, kept: Kept) -> None:
        uid = kept.thing.metadata.uid
        for memory in (self._phases, self._past, self._edited):
            memory.pop(uid, None)

    def _refresh(self) -> None:
        """After the catalog was read anew, everything may belong to somebody else."""
        registry = self._kit.registry
        if registry is self._registry or not self._starts():
            return
        self._registry = registry
        for kind in TROUBLED:
            for kept in self._watch.all_kept(kind):
                self._look_at(kept.name)

    def _starts(self) -> bool:
        waits = 0.0 <= self._kit.now() - self._began_at < START_SECONDS
        self._is_started = self._is_started or not (waits and self._watch.unsynced())
        return self._is_started

    def _forget_vanished(self) -> None:
        """Whoever is too slow to follow is told what there is, and not what went meanwhile."""
        for name in [name for name in self._firing if self._watch.kept(name) is None]:
            self._look_at(name)
        uids = {kept.thing.metadata.uid for kind in SHAPES for kept in self._watch.all_kept(kind)}
        for memory in (self._phases, self._past, self._edited):
            for uid in memory.keys() - uids:
                memory.pop(uid, None)

    # what is wrong

    def _look_at_due(self) -> None:
        now = self._kit.now()
        while self._due and self._due[0][0] <= now:
            at, name = heapq.heappop(self._due)
            if self._due_of.get(name) != at:
                continue  # it was looked at since
            kept = self._watch.kept(name)
            if kept is not None and not self._watch.is_in_sync(kept.ref):
                # What is known of it is old: time alone must not end or begin anything.
                self._look_again(name, now + LOOK_SECONDS)
                continue
            self._look_at(name)

    def _look_again(self, name: str, at: float | None) -> None:
        if at is None:
            self._due_of.pop(name, None)
        elif self._due_of.get(name) != at:
            self._due_of[name] = at
            heapq.heappush(self._due, (at, name))

    def _look_at(self, name: str) -> None:
        if not self._is_started:
            return
        kept = self._watch.kept(name)
        alerts: list[Alert] = []
        if kept is None:
            self._look_again(name, None)
        elif kept.ref.kind in TROUBLED:
            owners = self._watch.owners(kept) if kept.ref.kind == "job" else ()
            found = look(kept, at=self._kit.now(), limits=self._limits, owners=owners)
            self._look_again(name, found.again_at)
            if found.troubles and self._is_ours(kept):
                entity, owners = self._watch.entity_of(name), self._watch.owners(kept)
                alerts = [
                    alert_of(each, kept, entity=entity, owners=owners) for each in found.troubles
                ]
        if alerts or name in self._firing:
            self._say(name, alerts)

    def _say(self, name: str, alerts: Iterable[Alert]) -> None:
        now = {tuple(sorted(alert.labels.items())): alert for alert in alerts}
        before = self._firing.pop(name, {})
        for labels, alert in before.items():
            if labels not in now:
                # Its start is the one that is known of it; its end is when it is told.
                over = msgspec.structs.replace(alert, status=AlertStatus.RESOLVED, ends_at=0.0)
                self._waiting.append(over)
        self._waiting.extend(alert for labels, alert in now.items() if labels not in before)
        if now:
            self._firing[name] = now

    def _is_ours(self, kept: Kept) -> bool:
        if self._params.strangers or kept.ref.kind == "node":
            return True
        return self._watch.entity_of(kept.name) is not None

    # what was changed

    def _change(
        self, kept: Kept, *, what: str, by: str, at: float | None, id: str
    ) -> Change | None:
        """None: it is nobody's."""
        entity = self._watch.entity_of(kept.name)
        if entity is None and not self._params.strangers:
            return None
        name = entity or kept.name
        return Change(product="", entity=name, what=what, by=by, sent_at=at, id=id)

    def _tell_releases(self, kept: Kept, *, is_listed: bool) -> None:
        uid = kept.thing.metadata.uid
        is_first = uid not in self._phases
        phases = self._phases.setdefault(uid, {})
        if kept.ref.kind == "deployment":
            releases: Sequence[Release] = of_deployment(kept, self._watch.made_by(kept.name))
        else:
            releases, self._past[uid] = of_set(kept, self._past.get(uid, ()))
        if not releases and is_first:
            # It is not known yet what was there before: the next look is the first.
            del self._phases[uid]
        for release in releases:
            if not _is_news(release.phase, phases.get(release.id)):
                continue
            is_back = release.phase is ChangePhase.ROLLED_BACK
            phases[release.id] = release.phase
            if not is_listed or not is_first or self._is_young(kept, release):
                self._tell_release(kept, release)
            elif not is_back:
                phases[release.id] = ChangePhase.DONE  # whatever becomes of it is old

    def _is_young(self, kept: Kept, release: Release) -> bool:
        """Whether it began so short ago that what breaks now may be held against it."""
        entity = self._kit.registry.entities.get(self._watch.entity_of(kept.name) or "")
        longest = entity.watch_releases_seconds if entity is not None else 0.0
        return release.began_at is not None and self._kit.now() - release.began_at <= longest

    def _tell_release(self, kept: Kept, release: Release) -> None:
        writers = edits_of(kept)
        by = next((edit.by for edit in writers), "")
        if release.phase is ChangePhase.ROLLED_BACK:
            what = f"{WORDS[release.phase]} revision {release.revision} to {images_of(kept)}"
        else:
            what = f"{WORDS[release.phase]} revision {release.revision}: {release.version}"
        is_begun = release.phase is ChangePhase.STARTED
        at = release.began_at if is_begun else None
        change = self._change(kept, what=f"{kept.name}: {what}", by=by, at=at, id=release.id)
        if change is not None:
            told = msgspec.structs.replace(
                change,
                kind=ChangeKind.RELEASE,
                version=release.version,
                before=release.before,
                phase=release.phase,
                # Whose rollout was undone is not who undid it.
                by="" if release.phase is ChangePhase.ROLLED_BACK else by,
            )
            self._waiting.append(told)

    def _tell_edits(self, seen: Seen, kept: Kept) -> None:
        meta = kept.thing.metadata
        if not isinstance(meta, WrittenMeta) or kept.ref.kind == "replicaset":
            return
        now = self._kit.now()
        known = self._edited.get(meta.uid, 0.0)
        before = set(edits_of(seen.before)) if seen.before is not None else set()
        since = now - self._params.edited.total_seconds()
        for edit in (*reversed(edits_of(kept, since=since)), *_scaled(seen, now)):
            is_news = edit not in before and (seen.before is not None or edit.at > known)
            if is_news and self._watch.is_person(edit.by):
                self._edited[meta.uid] = max(known, edit.at)
                self._tell_edit(seen, kept, edit)

    def _tell_edit(self, seen: Seen, kept: Kept, edit: Edit) -> None:
        kind, what = _what_changed(seen)
        id = f"kubernetes:{kept.name}:{edit.by}:{edit.at:.0f}"
        text = f"{kept.name}: {what} by hand"
        change = self._change(kept, what=text, by=edit.by, at=edit.at, id=id)
        if change is not None:
            self._waiting.append(msgspec.structs.replace(change, is_manual=True, kind=kind))


def _is_news(phase: ChangePhase, known: ChangePhase | None) -> bool:
    if known is None or phase is ChangePhase.ROLLED_BACK:
        return known is not phase
    return known not in (*ENDED, phase) and phase is not ChangePhase.STARTED


def _scaled(seen: Seen, at: float) -> Iterator[Edit]:
    """Who scaled it just now: the API server writes no time beside what comes by `scale`, so it is
    only known of what is seen to happen."""
    if seen.before is None or seen.now is None:
        return
    old, new = seen.before.thing, seen.now.thing
    if not isinstance(old, Workload) or not isinstance(new, Workload):
        return
    if old.spec.replicas == new.spec.replicas:
        return
    for writer in new.metadata.managed_fields:
        if writer.subresource == "scale" and writer.time is None:
            yield Edit(by=writer.manager, at=at, is_person=True, part=writer.subresource)


def _what_changed(seen: Seen) -> tuple[ChangeKind, str]:
    before, now = seen.before, seen.now
    if before is None or now is None:
        return ChangeKind.OTHER, "edited"
    old, new = before.thing, now.thing
    if isinstance(old, Workload) and isinstance(new, Workload):
        if old.spec.replicas != new.spec.replicas and before.template == now.template:
            return ChangeKind.SCALE, f"scaled from {old.spec.replicas} to {new.spec.replicas}"
        if before.template != now.template:
            return ChangeKind.CONFIGURATION, "its template was changed"
    if old.metadata.generation != new.metadata.generation:
        return ChangeKind.CONFIGURATION, "changed"
    return ChangeKind.OTHER, "edited"


def _changes_others(seen: Seen) -> bool:
    """Whether what it made may belong to somebody else by that, or be over."""
    before, now = seen.before, seen.now
    if before is None or now is None:
        return True
    if isinstance(before.thing, Cron) and isinstance(now.thing, Cron):
        was, is_ = before.thing.status, now.thing.status
        return was.last_successful_time != is_.last_successful_time
    return before.labels != now.labels or before.controller != now.controller
