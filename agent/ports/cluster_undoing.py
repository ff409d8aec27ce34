"""Revisions of a workload: which one runs, and the template an earlier one had.

A revision that is brought back gets a new number, the one after the newest; the one it replaces
keeps its own. So the way back from an undo is named by the number that ran before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from agent.model.errors import Permanent, Temporary
from agent.ports.cluster import How, Json
from agent.ports.cluster_acting import (
    UNDONE_BY,
    UNDONE_FROM,
    as_decided,
    judged,
    note_of,
    replaced,
    replaces_pods,
)
from agent.ports.cluster_kinds import Ref
from agent.ports.cluster_selectors import asked_as
from agent.ports.cluster_walking import items, mapping, name_of, text, walk, whole
from agent.ports.kit import ActKit

ADDED_LABELS = ("pod-template-hash", "rollouts-pod-template-hash")
"""Controllers put them into the templates of replica sets."""
NUMBERED = {
    "deployment": "deployment.kubernetes.io/revision",
    "rollout": "rollout.argoproj.io/revision",
}
HISTORIES = {"deployment": "replicaset", "rollout": "replicaset"}
AGAIN_SECONDS = 2.0


class Revision(NamedTuple):
    number: int
    name: str
    template: Mapping[str, Any]


def history_kind(kind: str) -> str:
    """What keeps the revisions of such a workload."""
    return HISTORIES.get(kind, "controllerrevision")


def revisions_of(thing: Json, kind: str, listed: Iterable[Json]) -> tuple[Revision, ...]:
    """Its own among them, oldest first. What cannot be read is none of them."""
    uid = text(thing, "metadata", "uid")
    found = []
    for each in listed:
        owners = items(each, "metadata", "ownerReferences")
        if not uid or not any(o.get("uid") == uid and o.get("controller") is True for o in owners):
            continue
        number = _number(each, kind)
        template = _template(each, kind)
        if number is not None and template:
            found.append(Revision(number, name_of(each), template))
    return tuple(sorted(found, key=lambda revision: revision.number))


def _number(each: Json, kind: str) -> int | None:
    if kind not in NUMBERED:
        return whole(each, "revision")
    told = note_of(each, NUMBERED[kind])
    return int(told) if told.isdecimal() and len(told) < 10 else None


def _template(each: Json, kind: str) -> dict[str, Any]:
    where = ("spec", "template") if kind in NUMBERED else ("data", "spec", "template")
    template = {k: v for k, v in mapping(each, *where).items() if k != "$patch"}
    meta = mapping(template, "metadata")
    labels = {k: v for k, v in mapping(meta, "labels").items() if k not in ADDED_LABELS}
    return {**template, "metadata": {**meta, "labels": labels}} if template else {}


def present(thing: Json, ref: Ref, revisions: Iterable[Revision]) -> Revision:
    """The one that is declared now. Raises Temporary while its controller has not seen it yet: the
    newest number would be that of another one."""
    seen = whole(thing, "status", "observedGeneration")
    if seen is None:  # an Argo Rollout writes it as text
        told = text(thing, "status", "observedGeneration")
        seen = int(told) if told.isdecimal() else 0
    behind = seen < (whole(thing, "metadata", "generation") or 0)
    known = {revision.number: revision for revision in revisions}
    newest = known[max(known)] if known else None
    if newest is None or behind or not _is_told(thing, ref.kind, newest):
        raise Temporary(
            f"{ref.text}: its newest change has no revision yet", after_seconds=AGAIN_SECONDS
        )
    return newest


def _is_told(thing: Json, kind: str, newest: Revision) -> bool:
    """Whether the workload names the same one; a DaemonSet names none."""
    if kind in NUMBERED:
        return note_of(thing, NUMBERED[kind]) == str(newest.number)
    if kind == "statefulset":
        return text(thing, "status", "updateRevision") == newest.name
    return True


def numbered(revisions: Iterable[Revision], number: int, ref: Ref) -> Revision:
    known = {revision.number: revision for revision in revisions}
    if number not in known:
        there = ", ".join(str(each) for each in sorted(known)[-8:]) or "none"
        raise Permanent(f"{ref.text} has no revision {number} any more; there are: {there}")
    return known[number]


async def undone(kit: ActKit, ref: Ref, *, target: str, to: int, use: str) -> Mapping[str, Any]:
    """Brings the template of a revision back. `use`: the action that is its own way back."""
    kind = history_kind(ref.kind)

    async def act(found: Json) -> Mapping[str, Any]:
        if note_of(found, UNDONE_BY) == kit.key:
            return _result(target, to, note_of(found, UNDONE_FROM), use)
        replaces_pods(found, ref)
        if mapping(found, "spec", "workloadRef"):
            raise Permanent(f"{ref.text} takes its template from another workload: undo that one")
        asked = asked_as(walk(found, "spec", "selector")) or ""
        listed = await kit.cluster.list(kind, namespace=ref.namespace, labels=asked)
        revisions = revisions_of(found, ref.kind, listed)
        now, wanted = present(found, ref, revisions), numbered(revisions, to, ref)
        if now.number == wanted.number:
            return {"changed": False, "revision": to}
        as_decided(kit.cluster, found, ref)
        template = {"op": "replace", "path": "/spec/template", "value": wanted.template}
        notes = {UNDONE_BY: kit.key, UNDONE_FROM: str(now.number)}
        await kit.cluster.patch(ref, replaced(found, template, notes=notes), how=How.JSON)
        return _result(target, to, str(now.number), use)

    return await judged(kit.cluster, ref, act, declares=True)


def _result(target: str, to: int, was: str, use: str) -> Mapping[str, Any]:
    result: dict[str, Any] = {"changed": True, "revision": to}
    if was.isdecimal():
        way_back = {"target": target, "to": int(was)}
        result |= {"replaced": int(was), "undo": {"use": use, "with": way_back}}
    return result
