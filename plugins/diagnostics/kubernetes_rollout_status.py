"""How far a rollout has come: what is wanted, what is there, and whether it still moves.

Counts are of the workload as a whole. `unchanged_for` tells a slow rollout from one that stands
still: of a Deployment it is the time since it came forward, as its own deadline counts it, or since
it became available or ceased to be; of the rest the time since its controller wrote any of them.
"""

from __future__ import annotations

from pydantic import Field

from agent.ports.cluster_kinds import WORKLOADS
from agent.ports.cluster_rollouts import rollout_of
from agent.ports.cluster_walking import span
from agent.ports.cluster_workloads import GETS_WORKLOADS, got
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
        default=None, description="Its own deadline for progress has not passed; sets have none."
    )
    unchanged_for: Span | None = Field(
        default=None, description="Time since the counts changed; see above."
    )
    reason: str | None = Field(
        default=None,
        description="Why it does not go on, as the controller says; empty: it says nothing.",
    )


@diagnostic(
    name="kubernetes.rollout_status",
    params=Rollout,
    result=RolloutStatus,
    summary="How far a rollout has come, and whether it still moves",
    needs="kubernetes",
    rights=GETS_WORKLOADS,
)
async def rollout_status(kit: ReadKit, params: Rollout) -> RolloutStatus:
    ref = await kit.cluster.find(params.target, kinds=WORKLOADS)
    seen = rollout_of(await got(kit.cluster, ref), ref.kind, kit.cluster.now())
    return RolloutStatus(
        wanted=seen.wanted,
        ready=seen.ready,
        updated=seen.updated,
        available=seen.available,
        misplaced=seen.misplaced,
        complete=seen.is_complete,
        observed=seen.is_observed,
        paused=seen.is_paused,
        progressing=seen.is_progressing,
        unchanged_for=span(seen.unchanged_for) if seen.unchanged_for is not None else None,
        reason=seen.reason,
    )
