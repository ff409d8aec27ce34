"""Tells sub-agents and proxies what to do: over HTTP where one declares a `control_url`, else by a
retained message on the topic `control/NAME`.
"""

from __future__ import annotations

from agent.model.errors import Permanent
from agent.model.signals import Mode
from agent.ports.kit import MemberControl, MemberReader, MemberTold


class NoMembers:
    """Where there is no way to tell members anything."""

    async def told(self, name: str) -> MemberTold:
        raise Permanent(f"there is no way to tell {name} anything")

    async def tell(
        self,
        name: str,
        *,
        key: str,
        mode: Mode | None = None,
        version: str | None = None,
        config_hash: str | None = None,
    ) -> MemberTold:
        raise Permanent(f"there is no way to tell {name} anything")


class ReadingMembers:
    """The reading side, and nothing else of it."""

    __slots__ = ("_all",)

    def __init__(self, members: MemberControl) -> None:
        self._all: MemberReader = members

    async def told(self, name: str) -> MemberTold:
        return await self._all.told(name)
