"""What the cluster itself told of an object: warnings, their reasons, and the last of them.

Events are kept for an hour and dropped under load, so that none is no proof of health.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Events(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )
    since: Span = Field(default=timedelta(hours=1), description="How far back they count.")


class Told(Result):
    warnings: int | None = Field(default=None, description="How many warnings, repeats counted.")
    reasons: list[str] | None = Field(
        default=None,
        description="Their reasons, most frequent first: `FailedMount`, `BackOff`, ...",
    )
    last: str | None = Field(
        default=None, description="Reason and text of the last warning, bounded and cleaned."
    )
    last_ago: Span | None = Field(default=None, description="How long ago that was.")


@diagnostic(
    name="kubernetes.events",
    params=Events,
    result=Told,
    summary="Warnings of the cluster about an object, and the last of them",
    needs="kubernetes",
)
async def events(kit: ReadKit, params: Events) -> Told:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
