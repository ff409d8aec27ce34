"""Deletes the pods of a workload that have ended as failed or evicted and only take up room.

Not for pods that run or wait. Their logs go with them and do not come back, so it destroys
evidence: gather it first. Pods younger than `older_than` are left. Idempotent: what is gone is
gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action
from agent.ports.span import Span


class DeleteFailed(Params):
    target: str = Field(
        description=(
            "Workload of the inventory, as in `prod-a/deployment/web`, or a registered entity "
            "that is one workload."
        ),
    )
    older_than: Span = Field(
        default=timedelta(hours=1), description="Only those that ended longer ago than this."
    )


@action(
    name="kubernetes.delete_failed_pods",
    params=DeleteFailed,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NONE,
    availability=Availability.KEEPS,
    summary="Deletes pods that have ended as failed, with their logs",
    needs="kubernetes",
)
async def delete_failed_pods(kit: ActKit, params: DeleteFailed) -> Mapping[str, Any]:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be done to one, and a "
        "connection comes with a later one"
    )
