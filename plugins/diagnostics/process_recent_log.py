"""The last lines a process wrote, and how many of them tell of an error.

What counts as an error is a word at the border of words (`error`, `fatal`, `traceback`, ...), good
enough for a page to show the right line; it is no base for a decision where better evidence exists.
"""

from __future__ import annotations

from pydantic import Field

from agent.ports.kit import ReadKit
from agent.ports.log_lines import errors_among
from agent.ports.plugin import Params, Result, diagnostic


class RecentLog(Params):
    target: str = Field(description="Name of the registered entity whose log is read.")
    lines: int = Field(default=20, ge=1, le=200, description="How many lines, from the end.")


class RecentLogResult(Result):
    lines: list[str] = Field(description="Oldest first, without control characters.")
    errors: int = Field(description="How many of these lines tell of an error.")
    last_error: str = Field(default="", description="The last of them; empty: there is none.")


@diagnostic(
    name="process.recent_log",
    params=RecentLog,
    result=RecentLogResult,
    summary="The last lines a supervised process wrote, and the last error among them",
)
async def recent_log(kit: ReadKit, params: RecentLog) -> RecentLogResult:
    lines = await kit.processes.recent_log(params.target, lines=params.lines)
    errors = errors_among(lines)
    return RecentLogResult(
        lines=list(lines), errors=len(errors), last_error=errors[-1] if errors else ""
    )
