"""Puts the last good configuration of a process back, atomically.

Not for a configuration that was changed on purpose and is right: it would be undone. Most processes
read their configuration only at start, so a `process.restart` belongs after it.

Probed, and not merely conditional: the condition (nobody else changed the file meanwhile) protects
the moment of writing, but a person may edit the file between a crash of the daemon and the second
try, and running again would undo their work. The probe compares hashes: the good one is there, the
replaced one is there, or somebody else's is, and then nobody can tell and a person is asked.

No way back by machine: what was replaced is kept under the state folder (`kept`) for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Effect, Probed
from agent.ports.kit import ActKit, ReadKit
from agent.ports.plugin import Params, action


class RestoreConfig(Params):
    target: str = Field(description="Name of the registered entity whose configuration it is.")


@action(
    name="config.restore",
    params=RestoreConfig,
    effect=Effect.PROBED,
    summary="Puts the last good configuration of a supervised process back",
)
async def restore(kit: ActKit, params: RestoreConfig) -> Mapping[str, Any]:
    entity = kit.entity(params.target)
    result = await kit.processes.restore_config(entity.name, key=kit.key)
    kit.log.info("config_restored", target=entity.name, changed=result.get("changed"))
    return result


@restore.probe
async def happened(kit: ReadKit, params: RestoreConfig, key: str) -> Probed:
    done = await kit.processes.done_with_key(params.target, key)
    if done is None:
        return Probed.UNCLEAR
    return Probed.HAPPENED if done else Probed.NOT_HAPPENED
