"""What a change is about: delivery tools have names of their own for what is registered here.

A name of the registry is that entity. Else it is whoever declares the name in an annotation
(`github.com/project-slug: acme/checkout`). Else, of `acme/checkout`, it is `checkout`, unless that
one declares another name: what somebody wrote down is not guessed over. What nobody knows keeps its
name, and is kept under it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import msgspec

from agent.core.inventory import owner_of
from agent.core.same_registry import SameRegistry
from agent.core.view import View
from agent.model.alert import Change
from agent.model.product import Entity, Registry

MOST_AT_ONCE = 20
"""One change by hand of a repository is about so many entities at most."""


def entities_named(name: str, registry: Registry) -> tuple[Entity, ...]:
    """The registered entities that are meant; several where one repository has several."""
    known = registry.entities.get(name)
    if known is not None:
        return (known,)
    declared = _by_slug(SameRegistry(registry)).get(name.casefold())
    if declared:
        return declared
    scope, _, short = name.rpartition("/")
    known = registry.entities.get(short) if scope and "/" not in scope else None
    return (known,) if known is not None and not known.slugs else ()


@lru_cache(maxsize=2)
def _by_slug(same: SameRegistry) -> Mapping[str, tuple[Entity, ...]]:
    found: dict[str, tuple[Entity, ...]] = {}
    for entity in same.registry.entities.values():
        for slug in entity.slugs:
            found[slug.casefold()] = (*found.get(slug.casefold(), ()), entity)
    return found


def about(change: Change, view: View) -> tuple[Change, ...]:
    """The change with the names of the registry: one for each thing it is about, at least one. What
    is about several things of one product is about that product; but what somebody does by hand is
    held against each of them, since the agent keeps its hands off it for a while."""
    if not change.entity:
        return (_of(change, change.product, change.product),)
    named = entities_named(change.entity, view.registry)
    if len(named) == 1:
        return (_of(change, named[0].name, named[0].product or ""),)
    if not named:
        return (_of(change, change.entity, change.product or _product_of(change.entity, view)),)
    if change.is_manual:
        return tuple(_of(change, e.name, e.product or "") for e in named[:MOST_AT_ONCE])
    places = dict.fromkeys((e.product or e.name, e.product or "") for e in named)
    return tuple(_of(change, name, product) for name, product in [*places][:MOST_AT_ONCE])


def _product_of(name: str, view: View) -> str:
    if name in view.registry.products:
        return name
    thing = view.inventory.get(name)
    owner = owner_of(thing, view.registry) if thing is not None else None
    return (owner.product or "") if owner is not None else ""


def _of(change: Change, entity: str, product: str) -> Change:
    return msgspec.structs.replace(change, entity=entity, product=product)
