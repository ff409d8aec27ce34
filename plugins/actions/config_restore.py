"""Puts the last good configuration of a process back, atomically, and keeps what was there.

Not for a configuration that was changed on purpose and is right: it would be undone. Most processes
read their configuration only at start: with `restart` the process is started again afterwards, and
the way back starts it again too, so that what it runs with and what lies there never differ.

Probed, and not merely conditional: the condition (nobody else changed the file meanwhile) protects
the moment of writing, but a person may edit the file between a crash of the daemon and the second
try, and running again would undo their work. The probe compares hashes: the good one is there, the
replaced one is there, or somebody else's is, and then nobody can tell and a person is asked.

The way back is the same action with `to`: the hash of what was replaced, which is kept under the
state folder. A configuration that was missing altogether has no way back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Probed, Reversal
from agent.ports.kit import ActKit, ReadKit
from agent.ports.plugin import Params, action


class RestoreConfig(Params):
    target: str = Field(description="Name of the registered entity whose configuration it is.")
    to: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        description="Hash of one that was replaced before; by default the last good one.",
    )
    restart: bool = Field(
        default=False, description="Start the process again afterwards, so that it reads it."
    )


@action(
    name="config.restore",
    params=RestoreConfig,
    effect=Effect.PROBED,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.INTERRUPTS,
    summary="Puts the last good configuration of a supervised process back",
)
async def restore(kit: ActKit, params: RestoreConfig) -> Mapping[str, Any]:
    entity = kit.entity(params.target)
    result = dict(await kit.processes.restore_config(entity.name, key=kit.key, to=params.to))
    kit.log.info("config_restored", target=entity.name, changed=result.get("changed"))
    if params.restart:
        again = await kit.processes.restart(entity.name, key=_restart_key(kit.key))
        result["pid"] = again.get("pid")
    if result.get("changed") and result.get("replaced"):
        way_back = {"target": entity.name, "to": result["replaced"], "restart": params.restart}
        result["undo"] = {"use": "config.restore", "with": way_back}
    return result


@restore.probe
async def happened(kit: ReadKit, params: RestoreConfig, key: str) -> Probed:
    done = await kit.processes.done_with_key(params.target, key)
    if done and params.restart:
        done = await kit.processes.done_with_key(params.target, _restart_key(key))
    if done is None:
        return Probed.UNCLEAR
    return Probed.HAPPENED if done else Probed.NOT_HAPPENED


def _restart_key(key: str) -> str:
    return f"{key}/restart"
