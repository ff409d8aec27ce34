"""What an incident is about, where that is an object of the inventory: found by a runbook's query,
never by a label alone.

A query has to find exactly one object, and that object has to belong to a registered entity of the
incident's own product. So a label may narrow a search within what the product owns, and can never
steer an action to anything else. What is not found, or not just once, is nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.core.inventory_index import Inventory as Inventory
from agent.core.inventory_index import has, indexed
from agent.core.view import View
from agent.model.incident import Incident
from agent.model.product import Entity, EntityKind, InventoryObject, Registry

REGISTERED = frozenset(kind.value for kind in EntityKind)
"""Kinds that are looked up in the registry itself: their objects are its entities."""
SHOWN = 3


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The object, or None and in `why` the reason for people."""

    thing: InventoryObject | None = None
    why: str = ""


def belongs(entity: Entity, incident: Incident) -> bool:
    """Whether it is of the incident's product. What belongs to no product may only be acted on for
    its own sake."""
    if incident.product is None:
        return entity.name == incident.entity
    return entity.product == incident.product


def find_one(kind: str, keys: Mapping[str, object], incident: Incident, view: View) -> Found:
    """The one object of this kind with these values of its keys, if it may be acted on for this
    incident."""
    asked = {key: value for key, value in keys.items() if isinstance(value, str) and value}
    told = f"{kind} with " + ", ".join(f"{k} {str(v)[:80]!r}" for k, v in keys.items())
    if not keys or len(asked) < len(keys):
        return Found(why=f"{told}: a key without a value finds nothing")
    found = search(kind, asked, view)
    if not found:
        return Found(why=f"no {told} in the inventory")
    if len(found) > 1:
        names = ", ".join(sorted(thing.name for thing in found)[:SHOWN])
        return Found(why=f"{len(found)} times {told} in the inventory: {names}")
    entity = owner_of(found[0], view.registry)
    if entity is None:
        return Found(why=f"{found[0].name} belongs to no registered entity")
    if not belongs(entity, incident):
        mine = incident.product or incident.entity or "nothing that is registered"
        theirs = entity.product or "no product"
        return Found(why=f"{found[0].name} belongs to {theirs}, the alert is about {mine}")
    return Found(thing=found[0])


def search(kind: str, keys: Mapping[str, str], view: View) -> list[InventoryObject]:
    """Everything of this kind with these values of its keys, whoever it belongs to."""
    if kind in REGISTERED:
        things = (as_object(e) for e in view.registry.entities.values() if e.kind.value == kind)
        return [thing for thing in things if has(thing, keys)]
    return indexed(view.inventory).find(kind, keys)


def as_object(entity: Entity) -> InventoryObject:
    """A registered entity as the object it is itself."""
    keys = {**entity.labels, "name": (entity.name,)}
    return InventoryObject(name=entity.name, kind=entity.kind.value, entity=entity.name, keys=keys)


def owner_of(thing: InventoryObject, registry: Registry) -> Entity | None:
    """The registered entity it belongs to."""
    return registry.entities.get(thing.entity or "")


def named(name: str, view: View) -> InventoryObject | None:
    """The entity or object of this name, as it is now."""
    entity = view.registry.entities.get(name)
    return as_object(entity) if entity is not None else view.inventory.get(name)


def object_of(incident: Incident, view: View) -> InventoryObject | None:
    """What the incident's runbook asked for and found, if it is still there and still its own."""
    thing = named(incident.target, view) if incident.target else None
    entity = owner_of(thing, view.registry) if thing is not None else None
    return thing if entity is not None and belongs(entity, incident) else None
