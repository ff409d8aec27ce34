"""Whether a queue grows or drains, and whether its consumer takes anything: watched for a while.

A queue is either a folder of files (one file an entry, as many systems keep them), or numbers that
the health address of its consumer tells as JSON: how many wait, and how many were taken so far. A
long queue that drains needs patience; one from which nothing is taken needs its consumer back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from pydantic import Field, model_validator

from agent.model.errors import Permanent, Temporary
from agent.ports.folder_question import Folder, Names
from agent.ports.kit import ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class Flow(Params):
    target: str = Field(description="Name of the registered entity that takes from the queue.")
    folder: Folder | None = Field(
        default=None, description="Folder of entries, relative to its working directory."
    )
    pattern: Names = Field(default="*", description="Names of entries in the folder.")
    waiting: str | None = Field(
        default=None,
        min_length=1,
        description="Dotted path to the number that waits, in the answer of its health address.",
    )
    taken: str | None = Field(
        default=None,
        min_length=1,
        description="Dotted path to the number taken so far, in the same answer.",
    )
    over: Span = Field(
        default=timedelta(seconds=2),
        ge=timedelta(milliseconds=100),
        le=timedelta(seconds=30),
        description="How long the queue is watched.",
    )

    @model_validator(mode="after")
    def one_queue(self) -> Self:
        if (self.folder is None) == (self.waiting is None):
            raise ValueError("give either `folder`, or `waiting`")
        return self


class FlowResult(Result):
    waiting: int | None = Field(default=None, description="Entries that wait now.")
    waiting_before: int | None = Field(default=None, description="At the first look.")
    taken: int | None = Field(
        default=None, description="Entries taken between the two looks; unknown without a count."
    )
    growing: bool | None = None
    draining: bool | None = None
    stuck: bool | None = Field(
        default=None, description="Something waits, and nothing at all was taken."
    )
    oldest_age: Span | None = Field(
        default=None, description="How long the oldest waits; known of folders only."
    )


@dataclass(frozen=True)
class Look:
    """One look at the queue; `waiting` None: it could not be told."""

    waiting: int | None
    taken: int | None = None
    names: frozenset[str] = frozenset()
    oldest_age: timedelta | None = None


@diagnostic(
    name="queue.flow",
    params=Flow,
    result=FlowResult,
    summary="Whether a queue grows, drains, or nothing is taken from it",
)
async def flow(kit: ReadKit, params: Flow) -> FlowResult:
    look = _in_folder if params.folder is not None else _by_health
    before = await look(kit, params)
    await asyncio.sleep(min(params.over.total_seconds(), kit.deadline_seconds * 0.6))
    now = await look(kit, params)
    if before.waiting is None or now.waiting is None:
        return FlowResult(waiting=now.waiting, waiting_before=before.waiting)
    taken = _taken(before, now) if params.folder is None else len(before.names - now.names)
    return FlowResult(
        waiting=now.waiting,
        waiting_before=before.waiting,
        taken=taken,
        growing=now.waiting > before.waiting,
        draining=now.waiting < before.waiting,
        stuck=None if taken is None else taken == 0 and before.waiting > 0,
        oldest_age=now.oldest_age,
    )


def _taken(before: Look, now: Look) -> int | None:
    if before.taken is None or now.taken is None or now.taken < before.taken:
        return None  # a count that went back began anew: it says nothing
    return now.taken - before.taken


async def _in_folder(kit: ReadKit, params: Flow) -> Look:
    seen = await kit.processes.folder(params.target, params.folder or "", pattern=params.pattern)
    if seen.is_cut:
        raise Permanent(f"{seen.path} holds more entries than can be watched")
    oldest = timedelta(seconds=seen.files[0].modified_seconds_ago) if seen.files else None
    return Look(
        waiting=len(seen.files),
        names=frozenset(file.name for file in seen.files),
        oldest_age=oldest,
    )


async def _by_health(kit: ReadKit, params: Flow) -> Look:
    entity = kit.registry.entities.get(params.target)
    url = entity.health_url if entity is not None else None
    if url is None:
        raise Permanent(f"{params.target!r} has no health_url in the catalog")
    try:
        reply = await kit.http.get(url, timeout_seconds=min(2.0, kit.deadline_seconds * 0.15))
        told = reply.json()
    except (Temporary, Permanent):
        return Look(waiting=None)  # it does not tell: unknown, and not empty
    return Look(waiting=_number(told, params.waiting), taken=_number(told, params.taken))


def _number(found: Any, path: str | None) -> int | None:
    if path is None:
        return None
    for word in path.split("."):
        found = found.get(word) if isinstance(found, dict) else None
    is_count = isinstance(found, int) and not isinstance(found, bool)
    return found if is_count and abs(found) < 2**63 else None
