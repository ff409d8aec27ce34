"""The revisions of a workload: what runs, since when, and what ran before.

The revision before this one may be named to `kubernetes.rollout_undo`. It counts as healthy where
it was seen wholly available; what nobody watched is unknown, and so is the health of a revision
that was never complete. A restart makes a revision without changing anything that runs: it is
passed over, so that `previous` is always something else than what runs now.
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
)
async def rollout_history(kit: ReadKit, params: Rollout) -> RolloutHistory:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
