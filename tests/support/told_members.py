"""Members of the machinery for tests: a registry of them, and a control that keeps words in
memory, by the rules of the real one."""

from __future__ import annotations

from typing import Any

import msgspec

from agent.model.product import Entity, EntityKind, Registry
from agent.model.signals import Member, MemberSeen, Mode
from agent.ports.kit import MemberTold
from agent.runtime.members import NoMembers


def member(name: str = "indexer", *, is_process: bool = False, **fields: Any) -> Entity:
    return Entity(
        name=name,
        kind=EntityKind.AGENT,
        product="shop",
        owner="team-shop",
        heartbeat_seconds=10.0,
        member=Member(**fields) if fields else None,
        process={"command": ["true"]} if is_process else None,
    )


def registry(*entities: Entity) -> Registry:
    return Registry(entities={e.name: e for e in entities or (member(),)})


class ToldMembers(NoMembers):
    """`words`: what each was told; `failing`: raised instead."""

    def __init__(self) -> None:
        self.words: dict[str, MemberTold] = {}
        self.failing: Exception | None = None

    async def told(self, name: str) -> MemberTold:
        if self.failing is not None:
            raise self.failing
        return self.words.get(name, MemberTold())

    async def tell(
        self,
        name: str,
        *,
        key: str,
        mode: Mode | None = None,
        version: str | None = None,
        config_hash: str | None = None,
        instead_of: str = "",
    ) -> MemberTold:
        before = await self.told(name)
        given = {"mode": mode, "version": version, "config_hash": config_hash}
        changed = {k: v for k, v in given.items() if v is not None}
        self.words[name] = msgspec.structs.replace(before, key=key, **changed)
        return before


class SeenMembers:
    """What is known of members, as the test says."""

    def __init__(self, *seen: MemberSeen) -> None:
        self._seen = {one.name: one for one in seen}

    def member(self, name: str) -> MemberSeen:
        return self._seen.get(name, MemberSeen(name=name, is_known=False))

    def changes(self, **_: Any) -> tuple[()]:
        return ()
