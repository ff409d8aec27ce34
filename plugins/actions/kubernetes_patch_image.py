"""Sets the image of one container of a workload, as when only one of several was released badly.

Not where the whole revision is to blame: `kubernetes.rollout_undo` brings all of it back. An object
that Argo CD or Flux keeps in step is refused. The image has to name a tag or digest: what `latest`
is, nobody knows.

Conditional on the version of the object that was read. The way back is the image there was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


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
)
async def patch_image(kit: ActKit, params: Patch) -> Mapping[str, Any]:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be done to one, and a "
        "connection comes with a later one"
    )
