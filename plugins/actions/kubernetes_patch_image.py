"""Sets the image of one container of a workload, as when only one of several was released badly.

Not where the whole revision is to blame: `kubernetes.rollout_undo` brings all of it back. An object
that Argo CD or Flux keeps in step is refused. The image has to name a tag or digest: what `latest`
is, nobody knows.

Conditional on the version of the object that was read. The way back is the image there was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationError

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.cluster import How, Json
from agent.ports.cluster_acting import (
    ROLLED_OUT,
    as_decided,
    judged,
    note_of,
    replaced,
    replaces_pods,
    rights_of,
)
from agent.ports.cluster_walking import items, text
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action

SET_BY = "homeostat/image-set-by"
SET_FROM = "homeostat/image-set-from"


def _named(image: str) -> str:
    path, _, digest = image.partition("@")
    tag = path.rpartition("/")[2].partition(":")[2]
    if not digest and tag in ("", "latest"):
        raise ValueError("name a tag or a digest: what `latest` is, nobody knows")
    return image


class Patch(Params):
    target: str = Field(
        description=(
            "Workload of the inventory, as in `prod-a/deployment/web`, or a registered entity "
            "that is one workload."
        ),
    )
    container: str = Field(
        pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", description="Name of the container."
    )
    image: Annotated[str, AfterValidator(_named)] = Field(
        pattern=r"^[a-z0-9][\w.:/-]*(@sha256:[0-9a-f]{64})?$",
        max_length=500,
        description="Image with its tag or digest.",
    )


@action(
    name="kubernetes.patch_image",
    params=Patch,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.KEEPS,
    summary="Sets the image of one container of a workload",
    needs="kubernetes",
    rights=rights_of(ROLLED_OUT, "get", "patch"),
    declares=True,
)
async def patch_image(kit: ActKit, params: Patch) -> Mapping[str, Any]:
    ref = await kit.cluster.find(params.target, kinds=ROLLED_OUT)

    async def act(found: Json) -> Mapping[str, Any]:
        path, before = _container(found, params.container)
        if note_of(found, SET_BY) == kit.key:
            return _result(params, note_of(found, SET_FROM))
        if before == params.image:
            return {"changed": False, "image": before}
        as_decided(kit.cluster, found, ref)
        replaces_pods(found, ref)
        try:
            Patch.model_validate(_way_back(params, before))
        except ValidationError as wrong:
            text = f"{before} runs now, which cannot be named again: there would be no way back"
            raise Permanent(text) from wrong
        change = {"op": "replace", "path": f"{path}/image", "value": params.image}
        notes = {SET_BY: kit.key, SET_FROM: before}
        await kit.cluster.patch(ref, replaced(found, change, notes=notes), how=How.JSON)
        return _result(params, before)

    result = await judged(kit.cluster, ref, act, declares=True)
    kit.log.info("image_set", target=ref.text, image=params.image)
    return result


def _way_back(params: Patch, before: str) -> Mapping[str, Any]:
    return {"target": params.target, "container": params.container, "image": before}


def _result(params: Patch, before: str) -> Mapping[str, Any]:
    return {
        "changed": True,
        "image": params.image,
        "replaced": before,
        "undo": {"use": "kubernetes.patch_image", "with": _way_back(params, before)},
    }


def _container(thing: Json, name: str) -> tuple[str, str]:
    """Where it stands in the workload, and its image. Raises Permanent, with those there are."""
    seen = []
    for kind in ("containers", "initContainers"):
        for number, container in enumerate(items(thing, "spec", "template", "spec", kind)):
            seen.append(text(container, "name"))
            if container.get("name") == name:
                path = f"/spec/template/spec/{kind}/{number}"
                return path, text(container, "image", most=500)
    raise Permanent(f"there is no container {name}; there are: {', '.join(seen)}"[:300])
