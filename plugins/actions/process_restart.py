"""Stops a process of the embedded substrate, even one that hangs, and starts it again.

Not for a bad release (it comes back just as bad: `process.rollback_version`), and not for a process
that must not lose what it holds in memory. There is no way back: what it held is gone.

Probed: a restart is not the same when done twice, so after a crash it is looked at first. The
substrate can tell, because every process carries the number of its launch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Probed, Reversal
from agent.ports.kit import ActKit, ReadKit
from agent.ports.plugin import Params, action


class Restart(Params):
    target: str = Field(description="Name of the registered entity to restart.")
    grace_seconds: float | None = Field(
        default=None,
        ge=0,
        le=600,
        description="Seconds between SIGTERM and SIGKILL; by default what the process declares.",
    )


@action(
    name="process.restart",
    params=Restart,
    effect=Effect.PROBED,
    reversal=Reversal.NOTHING,
    availability=Availability.INTERRUPTS,
    summary="Stops a supervised process, even one that hangs, and starts it again",
)
async def restart(kit: ActKit, params: Restart) -> Mapping[str, Any]:
    entity = kit.entity(params.target)
    result = await kit.processes.restart(
        entity.name, key=kit.key, grace_seconds=params.grace_seconds
    )
    kit.log.info("process_restarted", target=entity.name, pid=result.get("pid"))
    return result


@restart.probe
async def happened(kit: ReadKit, params: Restart, key: str) -> Probed:
    done = await kit.processes.done_with_key(params.target, key)
    if done is None:
        return Probed.UNCLEAR
    return Probed.HAPPENED if done else Probed.NOT_HAPPENED
