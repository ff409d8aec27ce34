"""The past of a workload: what runs, since when, and whether what ran before was healthy.

A revision that only starts pods anew runs the same as the one before and counts with it. The API
server keeps no record of what was available when; so that what ran before was healthy is told only
where one of three things proves it, and otherwise it is unknown:

- its pods still run, beside those of the newest revision and no others: all of them are ready, and
  one of them has been since ten minutes before the newest began;
- nothing of it is left, no other revision had any pods from ten minutes before the newest began,
  and the workload has been available since then without a break;
- Homeostat itself saw its rollout come to its end ten minutes before the newest began.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from agent.model.signals import ChangeKind, ChangePhase, ChangeSeen
from agent.ports.cluster import Json
from agent.ports.cluster_acting import controller_of, note_of
from agent.ports.cluster_edits import RESTART_NOTES, template_writer
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_pods import PodSeen
from agent.ports.cluster_undoing import Revision
from agent.ports.cluster_walking import condition_of, items, mapping, moment, text, whole
from agent.ports.cluster_workloads import container_images, made_at, uid_of

HEALTHY_SECONDS = 600.0
HISTORY_NOTE = "deployment.kubernetes.io/revision-history"
DAEMON_GENERATION = "deprecated.daemonset.template.generation"
KEPT_REVISIONS = 10
"""Of a Deployment that does not say how many."""
ENOUGH_REVISIONS = 3
"""That none of so many had pods leaves no room for an older one that had."""
REVISION_LABELS = ("controller-revision-hash", "controller.kubernetes.io/hash")


class Workload(NamedTuple):
    """What was read of one, at one time."""

    ref: Ref
    thing: Json
    revisions: tuple[Revision, ...]
    """Oldest first."""
    kept: Mapping[str, Json]
    """By name: the replica sets or controller revisions behind them."""
    pods: tuple[Json, ...]
    now: float


class Spell(NamedTuple):
    """Revisions of equal templates, one after the other."""

    revisions: tuple[Revision, ...]
    """Oldest first."""

    @property
    def newest(self) -> Revision:
        return self.revisions[-1]

    @property
    def origin(self) -> Revision:
        """It brought the template; the others only started its pods anew."""
        return self.revisions[0]


def essence(template: Mapping[str, Any]) -> dict[str, Any]:
    """What the pods of it are made of, without what only starts them anew."""
    meta = mapping(template, "metadata")
    notes = {
        k: v
        for k, v in mapping(meta, "annotations").items()
        if not str(k).startswith(RESTART_NOTES)
    }
    told = {"labels": dict(mapping(meta, "labels")), "annotations": notes}
    return {"metadata": told, "spec": mapping(template, "spec")}


def spells(revisions: Sequence[Revision]) -> tuple[Spell, ...]:
    """Oldest first."""
    found: list[list[Revision]] = []
    for each in revisions:
        if found and essence(found[-1][-1].template) == essence(each.template):
            found[-1].append(each)
        else:
            found.append([each])
    return tuple(Spell(tuple(group)) for group in found)


def began_at(workload: Workload, spell: Spell) -> float | None:
    """When its rollout began. Of a template that came back the replica set is old: then it is the
    last write of the template, or the oldest of its pods if that was made before."""
    first = workload.kept[spell.origin.name]
    made = moment(first, "metadata", "creationTimestamp")
    if made is None:
        return None
    older = [r for r in workload.revisions if r.number < spell.origin.number]
    came_back = note_of(first, HISTORY_NOTE) or any(
        made_at(workload.kept[r.name]) > made for r in older
    )
    if not came_back:
        return made
    if spell.newest.number != workload.revisions[-1].number:
        return None  # nobody keeps when that was
    writer = template_writer(workload.thing)
    times = [made_at(pod) for pod in pods_of(workload, spell)]
    times += [writer.at] if writer is not None and writer.at is not None else []
    return min((t for t in times if t > 0), default=None)


def pods_of(workload: Workload, spell: Spell) -> tuple[Json, ...]:
    """Its pods that are there to stay."""
    mine = [workload.kept[revision.name] for revision in spell.revisions]
    return tuple(
        pod
        for pod in workload.pods
        if not _is_over(pod) and any(_is_of(pod, each) for each in mine)
    )


def _is_over(pod: Json) -> bool:
    seen = PodSeen(pod, 0.0)
    return seen.is_leaving or seen.has_ended


def _is_of(pod: Json, keeper: Json) -> bool:
    """A replica set controls its pods; those of sets have the name or hash of their revision."""
    uid = uid_of(keeper)
    if uid and text(controller_of(pod), "uid", most=100) == uid:
        return True
    labels = mapping(keeper, "metadata", "labels")
    names = {text(labels, label) for label in REVISION_LABELS}
    names.add(text(keeper, "metadata", "name"))
    return text(pod, "metadata", "labels", REVISION_LABELS[0]) in names - {""}


def images_of(template: Json) -> str:
    return ", ".join(container_images(template))[:500]


def was_healthy(
    workload: Workload, spell: Spell, until: float | None, changes: Iterable[ChangeSeen]
) -> bool | None:
    """Whether it was wholly available for ten minutes before `until`, when the next one began.
    None: nothing proves that it was, or was not."""
    if until is None:
        return None
    by = until - HEALTHY_SECONDS
    told = _newest_change(workload, spell, changes)
    if told is not None and told.phase in (ChangePhase.FAILED, ChangePhase.ROLLED_BACK):
        return False
    is_done = told is not None and told.phase is ChangePhase.DONE
    if told is not None and is_done and workload.now - told.seconds_ago <= by:
        return True
    mine = pods_of(workload, spell)
    # Where pods of it are still there, they tell more than the workload does.
    if _prove(workload, mine, by) if mine else _is_proven_by_absence(workload, spell, by):
        return True
    since = began_at(workload, spell)
    return False if since is not None and since > by else None


def _newest_change(
    workload: Workload, spell: Spell, changes: Iterable[ChangeSeen]
) -> ChangeSeen | None:
    ids = {
        f"kubernetes:{workload.ref.text}:{uid_of(workload.thing)}:{word}"
        for revision in spell.revisions
        for word in _words(workload, revision)
    }
    fits = [c for c in changes if c.kind is ChangeKind.RELEASE and c.id in ids]
    return min(fits, key=lambda change: change.seconds_ago, default=None)


def _words(workload: Workload, revision: Revision) -> tuple[str, ...]:
    """How a revision is called in the id of its change (ports/cluster_releases.py)."""
    match workload.ref.kind:
        case "statefulset":
            return (revision.name.removeprefix(f"{workload.ref.name}-")[:20],)
        case "daemonset":
            return (note_of(workload.kept[revision.name], DAEMON_GENERATION) or "-",)
    return (str(revision.number),)


def _available_since(thing: Json) -> float | None:
    """None: it is not available, or does not tell."""
    found = condition_of(thing, "Available")
    return moment(found, "lastTransitionTime") if text(found, "status") == "True" else None


def _prove(workload: Workload, mine: tuple[Json, ...], by: float) -> bool:
    """Whether the pods of it that are left do."""
    since = _available_since(workload.thing)
    if condition_of(workload.thing, "Available") is not None and (since is None or since > by):
        return False
    known = (*mine, *pods_of(workload, _newest(workload)))
    if any(pod not in known for pod in workload.pods if not _is_over(pod)):
        return False
    seen = [PodSeen(pod, workload.now) for pod in mine]
    times = [pod.ready_since for pod in seen]
    return all(pod.ready for pod in seen) and any(t is not None and t <= by for t in times)


def _is_proven_by_absence(workload: Workload, spell: Spell, by: float) -> bool:
    since, made = _available_since(workload.thing), made_at(workload.kept[spell.origin.name])
    if since is None or since > by or not 0 < made <= by:
        return False
    known = {r.number for r in (*spell.revisions, *_newest(workload).revisions)}
    others = [r for r in workload.revisions if r.number not in known]
    # Old replica sets are deleted, the oldest first: one that had pods may be among those.
    limit = whole(workload.thing, "spec", "revisionHistoryLimit")
    is_all = len(workload.revisions) - 1 < (KEPT_REVISIONS if limit is None else limit)
    if not is_all and len(others) < ENOUGH_REVISIONS:
        return False
    return all(_is_empty_since(workload.kept[other.name], by) for other in others)


def _newest(workload: Workload) -> Spell:
    return spells(workload.revisions)[-1]


def _is_empty_since(replica_set: Json, by: float) -> bool:
    """Whether it had no pods from then on: it has none, and its status was not written since."""
    counts = (whole(replica_set, "spec", "replicas"), whole(replica_set, "status", "replicas"))
    written = [
        moment(entry, "time")
        for entry in items(replica_set, "metadata", "managedFields")
        if text(entry, "subresource") == "status"
    ]
    return counts == (0, 0) and bool(written) and all(t is not None and t <= by for t in written)
