"""Evicts one pod, so that its controller makes a new one, on another node where need be.

Never a deletion: an eviction asks the disruption budget, and where that says no, the answer is no.
A pod without a controller is refused, because nothing would make it again. Not for pods that fail
on every node alike; a new one would fail as well.

The target is the pod or its workload. With a workload, guards count what is done to the workload,
whose name stays while those of pods come and go; `pod` has to be one of its pods.

Conditional on the UID of the pod: one replaced meanwhile under the same name is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Evict(Params):
    target: str = Field(description="Pod of the inventory, or the workload it belongs to.")
    pod: str | None = Field(
        default=None,
        min_length=1,
        max_length=600,
        description="The pod, where the target is a workload, as in `prod-a/pod/web-1`.",
    )


@action(
    name="kubernetes.evict_pod",
    params=Evict,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.NOTHING,
    availability=Availability.REMOVES,
    summary="Asks the cluster to move one pod away, its disruption budget respected",
    needs="kubernetes",
)
async def evict(kit: ActKit, params: Evict) -> Mapping[str, Any]:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be done to one, and a "
        "connection comes with a later one"
    )
