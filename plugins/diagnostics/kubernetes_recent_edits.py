"""Whether a person changed an object just now, by what the API server records of its fields.

A person's edit a moment ago means that somebody is at work: a remedy would work against them.
Controllers, autoscalers and deployment tools are told apart from people by their user names.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Edits(Params):
    target: str = Field(
        description=(
            "Object of the inventory, as in `prod-a/deployment/web`, or a registered entity that "
            "is one workload."
        ),
    )
    since: Span = Field(default=timedelta(minutes=10), description="How far back edits count.")


class RecentEdits(Result):
    edits: int | None = Field(default=None, description="Edits within `since`, by whomever.")
    by_people: int | None = Field(default=None, description="Edits by people.")
    last_by: str | None = Field(default=None, description="Who made the last one.")
    last_ago: Span | None = Field(default=None, description="How long ago that was.")
    fields: list[str] | None = Field(
        default=None, description="What the last one changed, as paths."
    )


@diagnostic(
    name="kubernetes.recent_edits",
    params=Edits,
    result=RecentEdits,
    summary="Who changed an object lately, people apart from machines",
    needs="kubernetes",
)
async def recent_edits(kit: ReadKit, params: Edits) -> RecentEdits:
    raise Permanent(
        "no Kubernetes is connected: this version only declares what can be asked of one, and a "
        "connection comes with a later one"
    )
