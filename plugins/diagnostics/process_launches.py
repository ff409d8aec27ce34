"""How often a process was launched lately, and how often since its version was changed.

A process that has to be launched again and again crashes in a loop; whether the release is to blame
shows in how many of those launches came after it. The substrate launches nothing by itself: what is
counted are the launches by runbooks and people, the last 50 of them.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span

SAME_MOMENT_SECONDS = 0.001


class Launches(Params):
    target: str = Field(description="Name of the registered entity to look at.")
    within: Span = Field(
        default=timedelta(minutes=10), description="Launches longer ago than this are not lately."
    )


class LaunchesResult(Result):
    lately: int | None = Field(
        default=None, description="Launches within the time; unknown where none is remembered."
    )
    lately_since_change: int | None = Field(
        default=None,
        description="Those of them after the launch that changed its version; unknown where it "
        "never was changed.",
    )
    alive: bool
    exit_code: int | None = Field(
        default=None, description="How the last one ended; unknown where nobody saw it."
    )
    version: str = ""
    previous_version: str = Field(
        default="", description="The version that a rollback would run; empty: there is none."
    )
    version_age: Span | None = Field(
        default=None, description="Since its version was changed; unknown where it never was."
    )


@diagnostic(
    name="process.launches",
    params=Launches,
    result=LaunchesResult,
    summary="How often a process was launched lately, and how often since its version was changed",
)
async def launches(kit: ReadKit, params: Launches) -> LaunchesResult:
    seen = await kit.processes.status(params.target)
    if not seen.known:
        raise Permanent(seen.detail or f"{params.target} is not run by this substrate")
    within = params.within.total_seconds()
    ages = [age for age in seen.launched_seconds_ago if age < within]
    changed = seen.version_changed_seconds_ago
    after = None
    if changed is not None and seen.launched_seconds_ago:
        after = sum(age < changed - SAME_MOMENT_SECONDS for age in ages)
    return LaunchesResult(
        lately=len(ages) if seen.launched_seconds_ago else None,
        lately_since_change=after,
        alive=seen.alive,
        exit_code=seen.exit_code,
        version=seen.version,
        previous_version=seen.previous_version or "",
        version_age=None if changed is None else timedelta(seconds=changed),
    )
