"""A Kubernetes Job, or the last one of a CronJob: how it goes, and whether it may be run again.

Only the people who wrote it know whether running it twice does harm. They say so with the
annotation `homeostat/may-rerun: "true"`; without it `may_rerun` is false. `again` is what
`kubernetes.rerun_job` made of it.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Batch(Params):
    target: str = Field(
        description="Job or CronJob of the inventory, or a registered entity that is one."
    )


class Again(Result):
    """The newest repetition of it."""

    active: int | None = Field(default=None, description="Pods of it that run.")
    succeeded: bool | None = Field(default=None, description="It came to its end.")
    failed: bool | None = Field(default=None, description="It was given up.")


class BatchStatus(Result):
    active: int | None = Field(default=None, description="Pods that run.")
    succeeded: bool | None = Field(default=None, description="It came to its end.")
    failed: bool | None = Field(default=None, description="It was given up.")
    reason: str | None = Field(
        default=None,
        description="Why: `BackoffLimitExceeded`, `DeadlineExceeded`, `PodFailurePolicy`.",
    )
    node_lost: bool | None = Field(
        default=None, description="Its pods ended because a node went away or evicted them."
    )
    may_rerun: bool | None = Field(
        default=None, description="Its owners declare that running it again does no harm."
    )
    suspended: bool | None = Field(default=None, description="Somebody suspended it.")
    running_for: Span | None = Field(
        default=None, description="How long it has been running; left out where it is not."
    )
    usual: Span | None = Field(
        default=None,
        description="How long its runs took, 95 of 100; left out with fewer than five runs.",
    )
    last_success_ago: Span | None = Field(
        default=None, description="How long ago a run of the same CronJob came to its end."
    )
    later_succeeded: bool | None = Field(
        default=None, description="A later run of the same CronJob came to its end."
    )
    again: Again | None = Field(
        default=None, description="Its repetition; left out where there is none."
    )


@diagnostic(
    name="kubernetes.job_status",
    params=Batch,
    result=BatchStatus,
    summary="A Kubernetes Job: active, failed, why, and whether it may be run again",
    needs="kubernetes",
)
async def batch_status(kit: ReadKit, params: Batch) -> BatchStatus:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
