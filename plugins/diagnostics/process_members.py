"""Which members of a group run. A group is an entity, its members are what it depends on.

Only direct dependencies that this substrate runs are members; what cannot be looked at is unknown,
and is never counted as gone. `first_gone` is the one to start, as a value a step can take for its
target: no more than one at a time, so that a wrong picture of the group costs one start.
"""

from __future__ import annotations

import asyncio

from pydantic import Field

from agent.model.errors import Permanent
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic

MEMBERS_MOST = 50


class Members(Params):
    target: str = Field(
        description="Name of the registered entity whose dependencies are looked at."
    )


class MembersResult(Result):
    running: list[str] = Field(description="Members that live and do not hang.")
    gone: list[str] = Field(description="Members that do not run.")
    hung: list[str] = Field(description="Members that live and do not answer at all.")
    unknown: list[str] = Field(description="Dependencies that this substrate does not run.")
    first_gone: str | None = Field(
        default=None, description="The one to start; unknown where none is gone."
    )


@diagnostic(
    name="process.members",
    params=Members,
    result=MembersResult,
    summary="Which members of a group run, hang, or are gone",
)
async def members(kit: ReadKit, params: Members) -> MembersResult:
    group = kit.registry.entities.get(params.target)
    if group is None:
        raise Permanent(f"no entity {params.target!r} is registered")
    names = sorted(group.depends_on)[:MEMBERS_MOST]
    looks = await asyncio.gather(*(kit.processes.status(name) for name in names))
    gone = [seen.name for seen in looks if seen.known and not seen.alive]
    return MembersResult(
        running=[seen.name for seen in looks if seen.known and seen.alive and not seen.hung],
        gone=gone,
        hung=[seen.name for seen in looks if seen.known and seen.alive and seen.hung],
        unknown=[seen.name for seen in looks if not seen.known],
        first_gone=gone[0] if gone else None,
    )
