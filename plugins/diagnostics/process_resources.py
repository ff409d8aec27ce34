"""How much of its limits a process takes: memory, open files, connections.

Limits are those the process was started with (`prlimit --rss=... --nofile=... program`), read from
the kernel; a process without one has none, and then the share is unknown, unless the runbook says
what the limit is. Of a process with workers it is the worker nearest to its limit that counts.

A connection is half closed where the other side has closed it and this one has not: a few come and
go, and many that stay are descriptors nobody gives back.
"""

from __future__ import annotations

from pydantic import Field

from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic

MIB = 1024 * 1024


class Resources(Params):
    target: str = Field(description="Name of the registered entity to look at.")
    memory_limit_mib: int | None = Field(
        default=None, ge=1, description="Limit of memory for a process that has none of its own."
    )


class ResourcesResult(Result):
    alive: bool
    memory_bytes: int | None = Field(default=None, description="Resident memory.")
    memory_limit_bytes: int | None = None
    memory_share: float | None = Field(default=None, description="Of its limit; 1 is all of it.")
    open_files: int | None = None
    open_files_limit: int | None = None
    open_files_share: float | None = Field(default=None, description="Of its limit.")
    sockets: int | None = None
    half_closed: int | None = Field(
        default=None, description="Connections the other side closed and this one did not."
    )
    processes: int | None = Field(default=None, description="It and what it forked.")


@diagnostic(
    name="process.resources",
    params=Resources,
    result=ResourcesResult,
    summary="How much memory and how many open files a process has, and of what limits",
)
async def resources(kit: ReadKit, params: Resources) -> ResourcesResult:
    seen = await kit.processes.use(params.target)
    if seen is None:
        return ResourcesResult(alive=False)
    given = None if params.memory_limit_mib is None else params.memory_limit_mib * MIB
    limit = given if seen.memory_limit_bytes is None else seen.memory_limit_bytes
    return ResourcesResult(
        alive=True,
        memory_bytes=seen.memory_bytes,
        memory_limit_bytes=limit,
        memory_share=_share(seen.memory_bytes, limit),
        open_files=seen.open_files,
        open_files_limit=seen.open_files_limit,
        open_files_share=_share(seen.open_files, seen.open_files_limit),
        sockets=seen.sockets,
        half_closed=seen.half_closed,
        processes=seen.processes,
    )


def _share(taken: int | None, limit: int | None) -> float | None:
    return round(taken / limit, 4) if taken is not None and limit else None
