"""A registry as a key of what is made of it once.

By identity: a registry never changes, and comparing 10,000 entities for each alert would be slow.
"""

from __future__ import annotations

from agent.model.product import Registry


class SameRegistry:
    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    def __hash__(self) -> int:
        return id(self.registry)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SameRegistry) and other.registry is self.registry
