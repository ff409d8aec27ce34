"""Lets a workload use the content of its configuration again that it had before.

Not for a configuration that was changed on purpose and is right: it would be undone. An object that
Argo CD or Flux keeps in step is refused. Kubernetes keeps no earlier content, so this works where
each content has a name of its own (`web-5f7c9`, as kustomize writes them): the template of the
workload names the ConfigMap that the revision before named, and its pods are replaced with it. A
ConfigMap that was changed in place is refused, because nobody knows what stood in it, and so is a
Secret, because none is ever read.

Conditional on the version of the object that was read. The way back is the name there was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.cluster import Right
from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.cluster import How, Json
from agent.ports.cluster_acting import (
    as_decided,
    judged,
    note_of,
    replaced,
    replaces_pods,
    rights_of,
    uid_of,
)
from agent.ports.cluster_configs import earlier, paired, used_by
from agent.ports.cluster_kinds import Ref, ref_of
from agent.ports.cluster_selectors import asked_as
from agent.ports.cluster_walking import mapping, walk
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action

RESTORED_BY = "homeostat/restored-by"
RESTORED_TO = "homeostat/restored-to"
NAMED_BY = ("configMap", "configMapRef", "configMapKeyRef")
"""Keys of a template under which the name of a ConfigMap stands."""


class Restore(Params):
    target: str = Field(
        description=(
            "Workload of the inventory, as in `prod-a/deployment/web`, or a registered entity "
            "that is one workload."
        ),
    )
    source: str = Field(
        min_length=3,
        max_length=600,
        description="The ConfigMap it uses now, from `kubernetes.config_state`.",
    )
    to: str | None = Field(
        default=None,
        min_length=3,
        max_length=600,
        description="The ConfigMap to use instead; by default the one of the revision before.",
    )


@action(
    name="kubernetes.config_restore",
    params=Restore,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.KEEPS,
    summary="Lets a workload use the ConfigMap again that it used before",
    needs="kubernetes",
    rights=(
        *rights_of(("deployment",), "get", "patch"),
        Right(kind="replicaset", verbs=("list",)),
        Right(kind="configmap", verbs=("get",)),
    ),
    declares=True,
)
async def restore(kit: ActKit, params: Restore) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=("deployment",))
    source = _config_map(params.source, ref)
    named = _config_map(params.to, ref) if params.to is not None else None

    async def act(found: Json) -> Mapping[str, Any]:
        if note_of(found, RESTORED_BY) == kit.key:
            before = Ref("configmap", note_of(found, RESTORED_TO), ref.namespace)
            return _result(params.target, source, before)
        as_decided(kit.cluster, found, ref)
        replaces_pods(found, ref)
        if source.name not in used_by(mapping(found, "spec", "template")).config_maps:
            raise Permanent(f"{ref.text} does not use {source.text}")
        before = named or await _one_before(kit, ref, found, source)
        if await kit.cluster.get(before) is None:
            raise Permanent(f"{before.text} is not there any more")
        template = _renamed(mapping(found, "spec", "template"), source.name, before.name)
        change = {"op": "replace", "path": "/spec/template", "value": template}
        notes = {RESTORED_BY: kit.key, RESTORED_TO: before.name}
        await kit.cluster.patch(ref, replaced(found, change, notes=notes), how=How.JSON)
        return _result(params.target, source, before)

    result = await judged(kit.cluster, ref, act, declares=True)
    kit.log.info("config_restored", target=ref.text, source=source.text, to=result["to"])
    return result


def _config_map(text: str, workload: Ref) -> Ref:
    ref = ref_of(text)
    if ref is None or ref.kind not in ("configmap", "secret"):
        raise Permanent(f"{text[:100]} names no ConfigMap, as in `prod-a/configmap/web-5f7c9`")
    if ref.kind == "secret":
        raise Permanent(f"{text} is a Secret: none is ever read, so nobody knows its content")
    if ref.namespace != workload.namespace:
        raise Permanent(f"{text} is in another namespace than {workload.text}")
    return ref


async def _one_before(kit: ActKit, ref: Ref, found: Json, source: Ref) -> Ref:
    """The ConfigMap that the last revision with other ones named in its place."""
    asked = asked_as(walk(found, "spec", "selector")) or ""
    sets = await kit.cluster.list("replicaset", namespace=ref.namespace, labels=asked)
    now = used_by(mapping(found, "spec", "template"))
    past = earlier(sets, uid_of(found), now)
    pairs = paired(past.used.config_maps, now.config_maps) if past is not None else None
    before = {new: old for old, new in pairs or ()}.get(source.name, "")
    if before in ("", source.name):
        raise Permanent(
            f"nobody knows what {source.text} was before: only ConfigMaps whose names change with "
            "their content leave it in place"
        )
    return Ref("configmap", before, ref.namespace)


def _renamed(thing: Any, old: str, new: str) -> Any:
    """The template with another ConfigMap, wherever it is named."""
    if isinstance(thing, list):
        return [_renamed(part, old, new) for part in thing]
    if not isinstance(thing, Mapping):
        return thing
    made = {key: _renamed(value, old, new) for key, value in thing.items()}
    for key in NAMED_BY:
        named = made.get(key)
        if isinstance(named, dict) and named.get("name") == old:
            made[key] = {**named, "name": new}
    return made


def _result(target: str, source: Ref, before: Ref) -> Mapping[str, Any]:
    way_back = {"target": target, "source": before.text, "to": source.text}
    return {
        "changed": True,
        "to": before.text,
        "replaced": source.text,
        "undo": {"use": "kubernetes.config_restore", "with": way_back},
    }
