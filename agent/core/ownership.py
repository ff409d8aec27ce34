"""Whose runbooks may run for what: a builder's for what that builder builds.

The platform's are for everybody, and so are those of teams that build no product. Whoever builds
some products speaks for these, and for parts they own inside of others.
"""

from __future__ import annotations

from agent.model.product import Entity, Registry


def speaks_for(
    team: str,
    product: str | None,
    *,
    registry: Registry,
    platform: str,
    entity: Entity | None = None,
) -> bool:
    """Whether runbooks of this team are for this product. `entity` is what in it is sick; without
    one, any part of the product that the team owns is enough."""
    declared = registry.products.get(product or "")
    if declared is None or team == platform or team in (declared.builder, declared.owner):
        return True
    if not any(team in (p.builder, p.owner) for p in registry.products.values()):
        return True
    if entity is not None:
        return entity.owner == team
    return any(part.owner == team for part in registry.entities_of(declared.name))
