"""Closes a node for new pods. Those that run on it stay where they are.

Not a remedy for what runs on the node. A node is shared: no runbook of one product may close it.
The way back opens it again, unless it was closed before. Closing a closed one changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Cordon(Params):
    target: str = Field(description="Node of the inventory.")


@action(
    name="kubernetes.cordon",
    params=Cordon,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.REMOVES,
    undone_by="kubernetes.uncordon",
    summary="Closes a node for new pods; those on it stay",
    needs="kubernetes",
)
async def cordon(kit: ActKit, params: Cordon) -> Mapping[str, Any]:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be done to one, and a "
        "connection comes with a later one"
    )
