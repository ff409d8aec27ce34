"""Products, the things they are made of, and who owns them. Read from catalog-info.yaml files."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class EntityKind(StrEnum):
    SERVICE = "service"
    AGENT = "agent"
    """A sub-agent or proxy: it heart-beats, and its owner is told when it falls silent."""
    SUBSTRATE = "substrate"
    """Shared by products; what hits it is systemic."""
    RESOURCE = "resource"
    """Belongs to one product."""


class LeadershipMetric(msgspec.Struct, frozen=True, kw_only=True):
    """The number that says the product does its job for its users (outcome layer)."""

    name: str
    flat_for_seconds: float
    """Standing still for so long while all is green below is an incident for the builder."""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: EntityKind
    product: str | None
    """None for substrate."""
    owner: str
    depends_on: tuple[str, ...] = ()
    health_url: str | None = None
    heartbeat_seconds: float | None = None
    """Expected beat of an agent; silent after `policy.missed_heartbeats` of them."""
    process: Mapping[str, Any] | None = None
    """How the embedded substrate runs it; read by runtime/processes.py."""
    labels: Mapping[str, tuple[str, ...]] = {}
    """Labels by which alerts speak of it without its name, as in {namespace: (prod-a,)}: an alert
    with one of the values for each of them is about this entity."""


class InventoryObject(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that runs, as the inventory knows it: a deployment, a pod, a node.

    `entity` is the registered entity it belongs to; what belongs to none is never acted on.
    """

    name: str
    """Unique, and the target of actions on it, as in `prod-a/deployment/web`."""
    kind: str
    entity: str | None
    keys: Mapping[str, tuple[str, ...]] = {}
    """What it is found by, as in {namespace: (prod-a,), pod: (web-1, web-2)}."""
    facts: Mapping[str, Any] = {}
    """What expressions may read of it as `entity`, declared by kind (catalog/entity_kinds.py)."""


class Product(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    builder: str
    tier: str
    description: str = ""
    depends_on: tuple[str, ...] = ()
    leadership_metric: LeadershipMetric | None = None
    regulated: bool = False
    path: str = ""


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """All products and entities by name. A name is unique across both kinds of row."""

    products: Mapping[str, Product] = {}
    entities: Mapping[str, Entity] = {}

    def entities_of(self, product: str) -> tuple[Entity, ...]:
        return tuple(e for e in self.entities.values() if e.product == product)
