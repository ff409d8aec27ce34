"""Tells a sub-agent or proxy which version and configuration to run: those of the catalog, or given
ones.

For one that runs something else than is declared. Not where the catalog is what is wrong: it would
be told to go back to what was left on purpose. It is a word the member has to follow, by loading
that version itself; whether it did is said by its next heartbeats. One that runs as a supervised
process without such a way is rolled back with `process.rollback_version`.

Told twice it is as told once. The way back tells it what it was told before, unless
somebody has told it what to run since.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from agent.model.effect import Availability, Effect, Reversal
from agent.model.errors import Permanent
from agent.model.product import Entity
from agent.ports.kit import ActKit
from agent.ports.member_question import MemberWord
from agent.ports.plugin import action


class Repin(MemberWord):
    version: str | None = Field(
        default=None,
        max_length=200,
        description="Version to run; by default what the catalog declares. Empty: any.",
    )
    config_hash: str | None = Field(
        default=None,
        max_length=200,
        description="Hash of the configuration to run; by default what the catalog declares.",
    )


@action(
    name="agent.repin",
    params=Repin,
    effect=Effect.IDEMPOTENT,
    reversal=Reversal.SNAPSHOT,
    availability=Availability.INTERRUPTS,
    summary="Tells a sub-agent or proxy which version and configuration to run",
)
async def repin(kit: ActKit, params: Repin) -> Mapping[str, Any]:
    entity = kit.entity(params.target)
    version, config_hash = _wanted(entity, params)
    before = await kit.members.tell(
        entity.name,
        key=kit.key,
        version=version,
        config_hash=config_hash,
        instead_of=params.instead_of,
    )
    kit.log.info("member_repinned", target=entity.name, version=version, config_hash=config_hash)
    told = {"version": version, "config_hash": config_hash}
    was = {"version": before.version, "config_hash": before.config_hash}
    result: dict[str, Any] = {**told, "before": was}
    if was != told:
        back = {"target": entity.name, "instead_of": kit.key}
        result["undo"] = {"use": "agent.repin", "with": {**back, **was}}
    return result


def _wanted(entity: Entity, params: Repin) -> tuple[str, str]:
    if params.version is None and params.config_hash is None:
        member = entity.member
        if member is None or not (member.version or member.config_hash):
            raise Permanent(
                f"nothing says what {entity.name} should run: declare its `version` or"
                " `config_hash` in the catalog, or give one"
            )
        return member.version, member.config_hash
    return params.version or "", params.config_hash or ""
