"""Sets the number of replicas of a workload, as an absolute number of one or more.

Not for a workload that an autoscaler scales: it is refused, because the autoscaler would set its
own number again. Never to nothing: taking a service away is no remedy.

Conditional on the version of the object that was read. The way back is the number there was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Scale(Params):
    target: str = Field(
        description=(
            "Workload of the inventory, as in `prod-a/deployment/web`, or a registered entity "
            "that is one workload."
        ),
    )
    replicas: int = Field(
        ge=1, le=1000, description="The number there shall be, not the difference."
    )


@action(
    name="kubernetes.scale",
    params=Scale,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.KEEPS,
    summary="Sets the number of replicas of a workload",
    needs="kubernetes",
)
async def scale(kit: ActKit, params: Scale) -> Mapping[str, Any]:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be done to one, and a "
        "connection comes with a later one"
    )
