"""Starts a process of the embedded substrate that does not run.

Not for one that hangs: that one runs, and the start is refused; use `process.restart`. Not for
machines or containers: it knows only entities with a `process` block.

Idempotent: the same key twice starts once and gives the same result. What a crash of the daemon
left half done is settled by the substrate before the second try.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Start(Params):
    target: str = Field(description="Name of the registered entity to start.")


@action(
    name="process.start",
    params=Start,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.KEEPS,
    undone_by="process.stop",
    summary="Starts a supervised process that does not run",
)
async def start(kit: ActKit, params: Start) -> Mapping[str, Any]:
    entity = kit.entity(params.target)
    result = await kit.processes.start(entity.name, key=kit.key)
    kit.log.info("process_started", target=entity.name, pid=result.get("pid"))
    return {**result, "undo": {"use": "process.stop", "with": {"target": entity.name}}}
