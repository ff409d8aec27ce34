"""Opens a node for new pods again.

Not for a node that a person closed: whoever closed it has a reason. Opening an open one changes
nothing. The way back closes it again, unless it was open before.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Uncordon(Params):
    target: str = Field(description="Node of the inventory.")


@action(
    name="kubernetes.uncordon",
    params=Uncordon,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.KEEPS,
    undone_by="kubernetes.cordon",
    summary="Opens a node for new pods again",
    needs="kubernetes",
)
async def uncordon(kit: ActKit, params: Uncordon) -> Mapping[str, Any]:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be done to one, and a "
        "connection comes with a later one"
    )
