"""The revisions of a workload: what runs, since when, and what ran before.

The revision before this one may be named to `kubernetes.rollout_undo`. It counts as healthy where
it is proven that it was wholly available for ten minutes before this one began: its pods still
stand ready beside those of this one, or no other revision had any pods while the workload was
available, or Homeostat saw its rollout come to its end. What nothing proves is unknown. One that
ran for less than ten minutes, failed or was rolled back was never healthy.

A restart makes a revision without changing anything that runs: it is passed over, so that
`previous` is always something else than what runs now, and `changed_ago` goes back to its rollout.
"""

from __future__ import annotations

from pydantic import Field

from agent.ports.cluster_history import READS_HISTORY, Earlier, history_of, is_watched
from agent.ports.cluster_kinds import WORKLOADS
from agent.ports.cluster_walking import span
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


class Before(Result):
    """The newest revision that is something else than what runs."""

    revision: int | None = Field(
        default=None, description="Its number, for `kubernetes.rollout_undo`."
    )
    healthy: bool | None = Field(
        default=None, description="It was seen wholly available for ten minutes at a time."
    )
    ran_for: Span | None = Field(default=None, description="How long it ran.")
    image: str | None = Field(
        default=None, description="Images of its containers, with commas between them."
    )


class RolloutHistory(Result):
    revision: int | None = Field(
        default=None, description="Number of the revision that runs, or is being rolled out."
    )
    changed_ago: Span | None = Field(default=None, description="How long ago its rollout began.")
    changed_by: str | None = Field(
        default=None, description="Who wrote it last, as the API server recorded it."
    )
    watched: bool | None = Field(
        default=None,
        description=(
            "Its rollout began so short ago that what breaks is held against it: within "
            "`watch_releases` of its entity."
        ),
    )
    image_changed: bool | None = Field(
        default=None, description="An image differs from the revision before."
    )
    image: str | None = Field(
        default=None, description="Images of its containers, with commas between them."
    )
    previous: Before | None = Field(
        default=None, description="What an undo would bring back; left out where nothing is kept."
    )
    diff: list[str] | None = Field(
        default=None, description="From the previous one to this: at most 20 lines, secrets masked."
    )


@diagnostic(
    name="kubernetes.rollout_history",
    params=Rollout,
    result=RolloutHistory,
    summary="The revisions of a workload: what changed, when, by whom, and what ran before",
    needs="kubernetes",
    rights=READS_HISTORY,
)
async def rollout_history(kit: ReadKit, params: Rollout) -> RolloutHistory:
    ref = await kit.cluster.find(params.target, kinds=WORKLOADS)
    seen = await history_of(kit, ref)
    before = seen.previous
    return RolloutHistory(
        revision=seen.revision,
        changed_ago=span(seen.changed_ago) if seen.changed_ago is not None else None,
        changed_by=seen.changed_by,
        watched=is_watched(kit, seen),
        image_changed=None if before is None else before.image != seen.image,
        image=seen.image,
        previous=None if before is None else _before(before),
        diff=None if before is None else list(seen.difference),
    )


def _before(earlier: Earlier) -> Before:
    return Before(
        revision=earlier.revision,
        healthy=earlier.healthy,
        ran_for=span(earlier.ran_for) if earlier.ran_for is not None else None,
        image=earlier.image,
    )
