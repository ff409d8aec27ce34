"""How far a rollout has come: what is wanted, what is there, and whether it still moves.

Counts are of the workload as a whole. `unchanged_for` is the time since any of them changed, which
tells a slow rollout from one that stands still.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Rollout(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )


class RolloutStatus(Result):
    wanted: int | None = Field(
        default=None,
        description="Replicas that are declared; for a daemon set, nodes it belongs on.",
    )
    ready: int | None = Field(default=None, description="Replicas that are ready.")
    updated: int | None = Field(default=None, description="Replicas of the newest revision.")
    available: int | None = Field(
        default=None, description="Replicas that have been ready for long enough."
    )
    misplaced: int | None = Field(
        default=None, description="For a daemon set: nodes it runs on and does not belong on."
    )
    complete: bool | None = Field(
        default=None, description="All replicas are of the newest revision and available."
    )
    observed: bool | None = Field(
        default=None, description="The controller has seen the newest declaration."
    )
    paused: bool | None = Field(default=None, description="Somebody paused the rollout.")
    progressing: bool | None = Field(
        default=None, description="Its own deadline for progress has not passed."
    )
    unchanged_for: Span | None = Field(
        default=None, description="Time since any of the counts changed."
    )
    reason: str | None = Field(
        default=None, description="Why it does not go on, in the words of the controller."
    )


@diagnostic(
    name="kubernetes.rollout_status",
    params=Rollout,
    result=RolloutStatus,
    summary="How far a rollout has come, and whether it still moves",
    needs="kubernetes",
)
async def rollout_status(kit: ReadKit, params: Rollout) -> RolloutStatus:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
