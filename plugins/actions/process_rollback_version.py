"""Runs the version before this one (or the one named by `to`) of a process.

Not for a fault that is older than the release: see `process.status`, `changed_recently`. Not where
the release changed data that the version before cannot read.

Probed: without `to`, a second rollback would go two versions back, so after a crash it is looked at
first. The way back is the version that was replaced, by its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Probed, Reversal
from agent.ports.kit import ActKit, ReadKit
from agent.ports.plugin import Params, action


class RollbackVersion(Params):
    target: str = Field(description="Name of the registered entity to roll back.")
    to: str | None = Field(
        default=None, description="Version to run; by default the one before the present one."
    )


@action(
    name="process.rollback_version",
    params=RollbackVersion,
    effect=Effect.PROBED,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.INTERRUPTS,
    summary="Runs the version of a supervised process that ran before",
)
async def rollback_version(kit: ActKit, params: RollbackVersion) -> Mapping[str, Any]:
    entity = kit.entity(params.target)
    result = dict(await kit.processes.set_version(entity.name, version=params.to, key=kit.key))
    replaced = result.get("replaced")
    kit.log.info(
        "version_set", target=entity.name, version=result.get("version"), replaced=replaced
    )
    if result.get("changed") and replaced:
        way_back = {"target": entity.name, "to": replaced}
        result["undo"] = {"use": "process.rollback_version", "with": way_back}
    return result


@rollback_version.probe
async def happened(kit: ReadKit, params: RollbackVersion, key: str) -> Probed:
    done = await kit.processes.done_with_key(params.target, key)
    if done is None:
        return Probed.UNCLEAR
    return Probed.HAPPENED if done else Probed.NOT_HAPPENED
