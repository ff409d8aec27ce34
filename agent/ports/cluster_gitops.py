"""What an Application of Argo CD, or a Kustomization or HelmRelease of Flux, tells of an object it
keeps. What it does not tell is unknown."""

from __future__ import annotations

from typing import NamedTuple

from agent.ports.cluster import Json
from agent.ports.cluster_kinds import KINDS, Ref
from agent.ports.cluster_walking import holds, items, mapping, text, walk


class Kept(NamedTuple):
    in_sync: bool | None
    """It is as declared now."""
    syncs_itself: bool | None
    """A difference is taken back without a person."""


def state_of(kind: str, keeper: Json, ref: Ref) -> Kept:
    """`kind`: of the keeper, as `application`."""
    if kind == "application":
        return Kept(_is_synced(keeper, ref), _heals_itself(keeper))
    is_running = walk(keeper, "spec", "suspend") is not True
    if kind == "helmrelease":
        mode = text(keeper, "spec", "driftDetection", "mode")
        return Kept(holds(keeper, "Ready"), is_running and mode == "enabled")
    return Kept(holds(keeper, "Ready"), is_running)


def _is_synced(application: Json, ref: Ref) -> bool | None:
    """Of the object itself where the Application lists it, else of all it keeps together."""
    known = KINDS[ref.kind]
    wanted = (known.group, known.title, ref.namespace, ref.name)
    told = text(application, "status", "sync", "status")
    for each in items(application, "status", "resources"):
        named = tuple(text(each, field) for field in ("group", "kind", "namespace", "name"))
        if named == wanted:
            told = text(each, "status")
    return {"Synced": True, "OutOfSync": False}.get(told)


def _heals_itself(application: Json) -> bool:
    automated = walk(application, "spec", "syncPolicy", "automated")
    if not mapping(application, "spec", "syncPolicy", "automated"):
        return False
    is_on = walk(automated, "enabled") is not False
    return is_on and walk(automated, "selfHeal") is True
