"""What is known of a process of the embedded substrate: does it live, hang, answer, what runs.

A field that is not known is left out, and an expression over it is unknown, never false. An entity
that this substrate does not run cannot be looked at: that is an error, and no finding.
"""

from __future__ import annotations

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic


class Status(Params):
    target: str = Field(description="Name of the registered entity to look at.")
    recent_seconds: float = Field(
        default=1800.0,
        gt=0,
        description="A version that was changed less than so many seconds ago is a recent one.",
    )


class StatusResult(Result):
    alive: bool = Field(description="The process exists and is no zombie.")
    hung: bool = Field(description="It lives, but is stopped or gives no answer at all.")
    answers: bool | None = Field(
        default=None, description="Its health address answers 2xx; unknown where it has none."
    )
    restarts: int = Field(description="How often it was started again.")
    exit_code: int | None = Field(
        default=None, description="How it ended; negative for a signal; unknown while it lives."
    )
    pid: int | None = None
    uptime_seconds: float | None = None
    memory_bytes: int | None = Field(default=None, description="Resident memory.")
    version: str = ""
    previous_version: str = Field(
        default="", description="The version that a rollback would run; empty: there is none."
    )
    version_changed_seconds_ago: float | None = None
    changed_recently: bool = Field(
        default=False, description="Its version was changed within `recent_seconds`."
    )
    detail: str = ""


@diagnostic(
    name="process.status",
    params=Status,
    result=StatusResult,
    summary="Whether a supervised process lives, hangs and answers, and what version it runs",
)
async def status(kit: ReadKit, params: Status) -> StatusResult:
    seen = await kit.processes.status(params.target)
    if not seen.known:
        raise Permanent(seen.detail or f"{params.target} is not run by this substrate")
    ago = seen.version_changed_seconds_ago
    return StatusResult(
        alive=seen.alive,
        hung=seen.hung,
        answers=False if not seen.alive else seen.answers,
        restarts=seen.restarts,
        exit_code=seen.exit_code,
        pid=seen.pid,
        uptime_seconds=seen.uptime_seconds,
        memory_bytes=seen.memory_bytes,
        version=seen.version,
        previous_version=seen.previous_version or "",
        version_changed_seconds_ago=ago,
        changed_recently=ago is not None and ago < params.recent_seconds,
        detail=seen.detail,
    )
