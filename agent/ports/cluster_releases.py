"""Rollouts of workloads as changes: begun, done, failed, and rolled back.

A Deployment keeps its past as replica sets, so everything is read from the objects as they are, and
a start in the middle of a rollout misses nothing. Bringing an earlier template back, by whatever
tool, gives its replica set a new revision number, and it remembers the old ones: the revision that
stood before that is the one that was rolled back. Sets keep their past elsewhere: of those, only
what was seen to change is known (`Past`).

Pods that are started anew by an annotation make no release.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agent.model.signals import ChangePhase
from agent.ports.change_words import short
from agent.ports.cluster_objects import Condition, Kept, Workload, condition, seconds

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DAEMONS = "deprecated.daemonset.template.generation"
MOST_IMAGES = 8
MOST_PAST = 10


class Release(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of one workload, and how it goes."""

    id: str
    revision: str
    version: str
    """Its images."""
    before: str
    """Those it replaced; empty: not known."""
    phase: ChangePhase
    began_at: float | None
    """None: it was there before, and came back."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A template that a set was seen to have."""

    revision: str
    template: str
    images: str


Past = tuple[Step, ...]
"""Oldest first; the last one is what it has now."""


def images_of(kept: Kept) -> str:
    """`shop:2, proxy:1.4`: without registries, with digests as short as people write them."""
    assert isinstance(kept.thing, Workload)
    images = [c.image.rpartition("/")[2] for c in kept.thing.spec.template.spec.containers]
    return ", ".join(short(image) for image in images[:MOST_IMAGES])[:200]


def number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def release_id(kept: Kept, revision: str) -> str:
    return f"kubernetes:{kept.name}:{kept.thing.metadata.uid}:{revision}"


class _Revisions:
    """The replica sets of a Deployment by every number they have and had."""

    def __init__(self, deployment: Kept, made: Sequence[Kept]) -> None:
        uid = deployment.thing.metadata.uid
        self.known: dict[int, Kept] = {}
        for one in made:
            owner = one.controller
            now = number(one.annotations.get(REVISION, ""))
            if one.ref.kind != "replicaset" or now is None or owner is None or owner.uid != uid:
                continue
            self.known[now] = one
            for text in one.annotations.get(HISTORY, "").split(","):
                old = number(text.strip())
                if old is not None and old < now:
                    self.known.setdefault(old, one)

    def before(self, revision: int) -> tuple[int, Kept] | None:
        """What stood there before a revision came, whatever number it has now."""
        last = max((n for n in self.known if n < revision), default=None)
        return (last, self.known[last]) if last is not None else None

    def origin(self, revision: int) -> int:
        """The revision that brought its template: those after it only started its pods anew."""
        template = self.known[revision].template
        while (older := self.before(revision)) is not None and older[1].template == template:
            revision = older[0]
        return revision

    def rolled_back(self, revision: int) -> int | None:
        """The revision that a template which had been there before took the place of."""
        replaced = self.before(revision)
        if replaced is None:
            return None
        bad, template = self.origin(replaced[0]), self.known[revision].template
        was_there = any(n < bad and one.template == template for n, one in self.known.items())
        return bad if was_there else None


def of_deployment(kept: Kept, made: Sequence[Kept]) -> tuple[Release, ...]:
    """Its newest release, after the one that was rolled back by it. Empty: its controller has not
    come to what is declared yet. `made`: what it controls."""
    thing = kept.thing
    newest = number(kept.annotations.get(REVISION, ""))
    if not isinstance(thing, Workload) or newest is None:
        return ()
    revisions = _Revisions(kept, made)
    if newest not in revisions.known or revisions.known[newest].template != kept.template:
        return ()
    revision = revisions.origin(newest)
    found = [_release(kept, revisions, revision, phase=phase_of(thing))]
    bad = revisions.rolled_back(revision)
    if bad is not None:
        found.insert(0, _release(kept, revisions, bad, phase=ChangePhase.ROLLED_BACK))
    return tuple(found)


def _release(
    deployment: Kept, revisions: _Revisions, revision: int, *, phase: ChangePhase
) -> Release:
    one, replaced = revisions.known[revision], revisions.before(revision)
    before = images_of(replaced[1]) if replaced is not None else ""
    # A replica set that came back was made when its template came first.
    is_first = not any(n < revision and o is one for n, o in revisions.known.items())
    return Release(
        id=release_id(deployment, str(revision)),
        revision=str(revision),
        version=_version(images_of(one), before, str(revision)),
        before=before,
        phase=phase,
        began_at=seconds(one.thing.metadata.creation_timestamp) if is_first else None,
    )


def _version(images: str, before: str, revision: str) -> str:
    """With the same images as before only the revision tells them apart."""
    return images if images != before else f"{images} (revision {revision})"


def of_set(kept: Kept, past: Past) -> tuple[tuple[Release, ...], Past]:
    """The same of a StatefulSet or DaemonSet, and what is known of it from then on. What was rolled
    back is told once, at that moment."""
    thing = kept.thing
    revision = _set_revision(kept)
    if not isinstance(thing, Workload) or not revision or not kept.template:
        return (), past
    found: list[Release] = []
    if not past or past[-1].template != kept.template:
        if any(step.template == kept.template for step in past):
            found.append(_of_step(kept, past, ChangePhase.ROLLED_BACK))
            revision = f"{revision}.{thing.metadata.generation}"  # it has been there under its own
        step = Step(revision=revision, template=kept.template, images=images_of(kept))
        past = (*past, step)[-MOST_PAST:]
    return (*found, _of_step(kept, past, phase_of(thing))), past


def _of_step(kept: Kept, past: Past, phase: ChangePhase) -> Release:
    step, before = past[-1], past[-2].images if len(past) > 1 else ""
    return Release(
        id=release_id(kept, step.revision),
        revision=step.revision,
        version=_version(step.images, before, step.revision),
        before=before,
        phase=phase,
        began_at=None,
    )


def _set_revision(kept: Kept) -> str:
    """Empty: its controller has not seen what is declared yet."""
    thing = kept.thing
    assert isinstance(thing, Workload)
    if thing.status.observed_generation < thing.metadata.generation:
        return ""
    if kept.ref.kind == "daemonset":
        return kept.annotations.get(DAEMONS, "")[:20]
    return thing.status.update_revision.removeprefix(f"{kept.ref.name}-")[:20]


def phase_of(workload: Workload) -> ChangePhase:
    """How the rollout of what is declared goes, as `kubectl rollout status` tells it."""
    status, wanted = workload.status, workload.spec.replicas
    if status.observed_generation < workload.metadata.generation:
        return ChangePhase.STARTED
    moves: Condition | None = condition(status.conditions, "Progressing")
    if moves is not None and moves.status == "False":
        return ChangePhase.FAILED
    if status.desired_number_scheduled is not None:
        least = min(status.updated_number_scheduled, status.number_available)
        is_done = least >= status.desired_number_scheduled
    else:
        wanted = 1 if wanted is None else wanted
        is_done = (
            status.updated_replicas >= wanted
            and status.replicas <= status.updated_replicas
            and status.available_replicas >= wanted
        )
        if status.update_revision:  # of a StatefulSet, which counts old pods as available too
            is_done = is_done and status.ready_replicas >= wanted
    return ChangePhase.DONE if is_done else ChangePhase.STARTED
