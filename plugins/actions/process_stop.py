"""Stops a process of the embedded substrate and all it forked: SIGTERM, then SIGKILL.

Not a remedy by itself: it takes a service away. For one that hangs use `process.restart`.

Idempotent: the same key twice stops once; one that does not run is stopped already. A process that
somebody started again after a stop that was cut off is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.ports.kit import ActKit
from agent.ports.plugin import Params, action


class Stop(Params):
    target: str = Field(description="Name of the registered entity to stop.")
    grace_seconds: float | None = Field(
        default=None,
        ge=0,
        le=600,
        description="Seconds between SIGTERM and SIGKILL; by default what the process declares.",
    )


@action(
    name="process.stop",
    params=Stop,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.REMOVES,
    undone_by="process.start",
    summary="Stops a supervised process and all it forked",
)
async def stop(kit: ActKit, params: Stop) -> Mapping[str, Any]:
    entity = kit.entity(params.target)
    result = dict(
        await kit.processes.stop(entity.name, key=kit.key, grace_seconds=params.grace_seconds)
    )
    kit.log.info("process_stopped", target=entity.name, pid=result.get("pid"))
    if result.get("was_running"):
        result["undo"] = {"use": "process.start", "with": {"target": entity.name}}
    return result
