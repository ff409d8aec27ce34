"""Puts the last good content of the configuration of a workload back.

Not for a configuration that was changed on purpose and is right: it would be undone. An object that
Argo CD or Flux keeps in step is refused. Pods read most configuration only at their start, so a
`kubernetes.rollout_restart` belongs after it.

Conditional on the version of the object that was read. The way back is the content there was, kept
by the inventory.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


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
        description="The ConfigMap or Secret, from `kubernetes.config_state`.",
    )


@action(
    name="kubernetes.config_restore",
    params=Restore,
    effect=Effect.CONDITIONAL,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.KEEPS,
    summary="Puts the last good content of a ConfigMap or Secret back",
    needs="kubernetes",
)
async def restore(kit: ActKit, params: Restore) -> Mapping[str, Any]:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be done to one, and a "
        "connection comes with a later one"
    )
