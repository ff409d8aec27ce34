"""What all changes of a cluster have in common: what is not touched, and how it is written.

An object is read anew, judged, and written against the version that was read. Where it is another
one by then (409), all of it happens again, at most three times; nothing is ever forced.

An object is left alone where its owners say so (`homeostat/ignore`). Where what is declared would
change it is left alone too while Argo CD or Flux keep it: they would undo the change, and what has
to change stands in their repository. Both hold for people as well, who have `kubectl` if they mean
it. An object that a person edited minutes ago is left to people; whoever runs an action through the
agent is one of them, and for them only the version that was read counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from agent.model.cluster import Asked, Right
from agent.model.errors import Permanent
from agent.ports.cluster import ClusterControl, Conflict, Gone, Json
from agent.ports.cluster_edits import templates_since
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_objects import Writer
from agent.ports.cluster_walking import items, mapping, text, walk
from agent.ports.cluster_writers import edits, gitops_of, is_ignored

T = TypeVar("T")

TRIES = 3
PAUSES = (0.25, 1.0)
"""Between them, in seconds: as a rollout begins, controllers write its status again and again."""
RESTARTED_BY = "homeostat/restarted-by"
UNDONE_BY = "homeostat/undone-by"
UNDONE_FROM = "homeostat/undone-from"
CORDONED_BY = "homeostat/cordoned-by"
RENEWED_BY = "homeostat/renewed-by"
RERUN_BY = "homeostat/rerun-by"
RERUN_OF = "homeostat/rerun-of"
MAY_RERUN = "homeostat/may-rerun"
"""Annotation of a Job or CronJob: its owners say that running it twice does no harm."""
ROLLED_OUT = ("deployment", "statefulset", "daemonset")
"""Workloads of Kubernetes itself that replace their pods when their template changes."""
NAME_CHARACTERS = 63
HASH_CHARACTERS = 10

TARGET = (
    "Workload of the inventory, as in `prod-a/deployment/web`, or a registered entity that is one "
    "workload."
)


def rights_of(kinds: Sequence[str], *verbs: str) -> tuple[Right, ...]:
    return tuple(Right(kind=kind, verbs=verbs) for kind in kinds)


# may it be touched


def why_not(
    thing: Json, ref: Ref, *, asked: Asked, now: float, machines: Sequence[str], declares: bool
) -> str:
    """Why it is left alone; empty where it may be changed."""
    labels, notes = words(thing, "labels"), words(thing, "annotations")
    if is_ignored(labels, notes):
        return f"{ref.text} is marked homeostat/ignore: its owners want it left alone"
    writers = _writers(thing)
    if writers is None:
        return f"{ref.text}: who wrote it last cannot be read"
    if declares and (keeper := gitops_of(labels, notes, (w.manager for w in writers))):
        name = f"{keeper.namespace}/{keeper.name}".strip("/")
        who = f"{'Argo CD' if keeper.by == 'argocd' else 'Flux'} ({keeper.kind} {name or '?'})"
        return (
            f"{ref.text} is kept by {who}, which would undo it: change it in the repository of "
            f"that {keeper.kind}"
        )
    if asked.keep_off_seconds <= 0:
        return ""
    by_people = [e for e in edits(writers, machines) if e.is_person]
    if by_people and now - by_people[0].at < asked.keep_off_seconds:
        age = max(0.0, now - by_people[0].at)
        return f"{ref.text} was edited with {by_people[0].by} {age:.0f} s ago: people are at it"
    return ""


def _writers(thing: Json) -> tuple[Writer, ...] | None:
    try:
        return msgspec.convert(walk(thing, "metadata", "managedFields") or (), tuple[Writer, ...])
    except msgspec.ValidationError:
        return None


async def to_change(cluster: ClusterControl, ref: Ref, *, declares: bool = False) -> Json:
    """The object as it is now, where it may be changed. Raises Gone, and Permanent with the reason
    where it may not."""
    found = await cluster.get(ref)
    if found is None:
        raise Gone(f"{ref.text} is not there")
    touchable(cluster, found, ref, declares=declares)
    return found


def touchable(cluster: ClusterControl, thing: Json, ref: Ref, *, declares: bool = False) -> None:
    why = why_not(
        thing,
        ref,
        asked=cluster.asked,
        now=cluster.now(),
        machines=cluster.machines(),
        declares=declares,
    )
    if why:
        raise Permanent(why)


async def judged(
    cluster: ClusterControl,
    ref: Ref,
    act: Callable[[Json], Awaitable[T]],
    *,
    declares: bool = False,
) -> T:
    """Reads the object, and acts on it by what was read; both again where it changed meanwhile."""
    for left in range(TRIES - 1, -1, -1):
        if left < TRIES - 1:
            await cluster.pause(PAUSES[TRIES - 2 - left])
        found = await to_change(cluster, ref, declares=declares)
        try:
            return await act(found)
        except Conflict as conflict:
            if not left:
                text = f"{ref.text} changed each of the {TRIES} times it was read: {conflict}"
                raise Conflict(text[:400]) from conflict
    raise AssertionError("the last try returns or raises")


# reading


def words(thing: Json, field: str) -> Mapping[str, str]:
    """Labels or annotations, as far as they are text."""
    found = mapping(thing, "metadata", field)
    return {k: v for k, v in found.items() if isinstance(k, str) and isinstance(v, str)}


def note_of(thing: Json, name: str) -> str:
    """One annotation; empty: it has none of that name."""
    return words(thing, "annotations").get(name, "")


def version_of(thing: Json) -> str:
    found = text(thing, "metadata", "resourceVersion", most=100)
    if not found:
        raise Permanent("the API server did not say which version of the object this is")
    return found


def uid_of(thing: Json) -> str:
    found = text(thing, "metadata", "uid", most=100)
    if not found:
        raise Permanent("the API server did not say which object this is (no UID)")
    return found


def controller_of(thing: Json) -> Json | None:
    """What made it and would make it again."""
    owners = items(thing, "metadata", "ownerReferences")
    return next((owner for owner in owners if owner.get("controller") is True), None)


def replaces_pods(thing: Json, ref: Ref) -> None:
    """Raises Permanent where a new template would not reach its pods by itself."""
    if walk(thing, "spec", "paused") is True:
        raise Permanent(f"{ref.text} is paused: somebody wants no rollout of it now")
    for strategy in ("strategy", "updateStrategy"):
        if text(thing, "spec", strategy, "type") == "OnDelete":
            raise Permanent(f"{ref.text} replaces pods only when somebody deletes them (OnDelete)")


def as_decided(cluster: ClusterControl, thing: Json, ref: Ref) -> None:
    """Raises Permanent where somebody delivered another template since it was decided to change it:
    that was decided about the one before, and what came may be the very remedy."""
    decided_at = cluster.asked.decided_at
    if decided_at is None:
        return
    for by, at in templates_since(thing, decided_at):
        when = f" {at - decided_at:.0f} s" if at is not None else ""
        raise Permanent(
            f"{ref.text}: {by or 'somebody'} wrote its template{when} since this was decided: look "
            "at what runs now"
        )


# writing


def merged(thing: Json, change: Json) -> dict[str, Any]:
    """A merge patch that is refused (409) where the object is another version by now."""
    meta = {**mapping(change, "metadata"), "resourceVersion": version_of(thing)}
    return {**change, "metadata": meta}


def replaced(thing: Json, *operations: Json, notes: Mapping[str, str] | None = None) -> list[Json]:
    """A JSON patch of the same kind: to set the version says which one is meant. A `test` of it
    would be answered 422, like anything else that is wrong with a patch."""
    body: list[Json] = [
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version_of(thing)},
        *operations,
    ]
    if notes:
        kept = {**mapping(thing, "metadata", "annotations"), **notes}
        body.append({"op": "add", "path": "/metadata/annotations", "value": kept})
    return body


def hashed_name(name: str, key: str) -> str:
    """The same for each attempt of a step, and short enough to be a label of pods."""
    digest = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()[:HASH_CHARACTERS]
    start = name[: NAME_CHARACTERS - HASH_CHARACTERS - 1].rstrip("-.")
    return f"{start}-{digest}"
