"""Who: a proven person or sender, never a name somebody typed."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Role(StrEnum):
    SENDER = "sender"
    VIEWER = "viewer"
    RESPONDER = "responder"
    APPROVER = "approver"
    PLATFORM = "platform"
    ADMIN = "admin"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """`products` empty means all products."""

    name: str
    roles: frozenset[Role]
    products: frozenset[str] = frozenset()

    def may(self, role: Role, *, product: str | None = None) -> bool:
        """Whether this principal holds the role, for this product where one is given."""
        if Role.ADMIN not in self.roles and role not in self.roles:
            return False
        return product is None or not self.products or product in self.products


LOCAL = Principal(name="local", roles=frozenset({Role.SENDER, Role.VIEWER, Role.RESPONDER}))
"""Whoever reaches loopback where no token file is configured: may do all but approve."""
