"""Runs a Kubernetes Job again that failed, or the one of a CronJob now, from the same template.

Not for one whose owners do not declare that running it twice does no harm (the annotation
`homeostat/may-rerun`); it is refused. The one that failed stays as evidence and is marked to be
cleaned up by the cluster after `keep_failed`, which ends the alert about it.

Idempotent: the name of the new one is made of the key of the step, so that it exists once however
often this is done. There is nothing to take back: what a run does is its own.
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


class Rerun(Params):
    target: str = Field(
        description="Job or CronJob of the inventory, or a registered entity that is one."
    )
    keep_failed: Span = Field(
        default=timedelta(hours=1), description="How long the failed one is kept after this."
    )


@action(
    name="kubernetes.rerun_job",
    params=Rerun,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.NOTHING,
    availability=Availability.KEEPS,
    summary="Runs a failed Kubernetes Job again, or that of a CronJob now",
    needs="kubernetes",
)
async def rerun(kit: ActKit, params: Rerun) -> Mapping[str, Any]:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be done to one, and a "
        "connection comes with a later one"
    )
