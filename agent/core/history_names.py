"""Who an alert of the past is about: by the registry of today, or where that is empty by the names
the history itself has."""

from __future__ import annotations

from agent.core.identify import Identity, identify
from agent.model.alert import Alert, AlertStatus, Layer
from agent.model.incident import AlertState, Incident, Radius
from agent.model.product import Entity, EntityKind, Product, Registry


class NamesThen:
    """`registry` is the one given. Where nothing is registered in it, it fills as the history is
    gone through."""

    def __init__(self, registry: Registry) -> None:
        self._products: dict[str, Product] = {}
        self._entities: dict[str, Entity] = {}
        self.is_from_history = not registry.products and not registry.entities
        self.registry = (
            Registry(products=self._products, entities=self._entities)
            if self.is_from_history
            else registry
        )

    def identity(self, past: Incident, first: AlertState) -> Identity:
        """`first` is the alert that opened it."""
        if not self.is_from_history:
            alert = Alert(
                source="",
                fingerprint="",
                status=AlertStatus.FIRING,
                labels=first.labels,
                starts_at=first.starts_at,
            )
            return identify(alert, self.registry)
        self._learn(past)
        return Identity(
            entity=past.entity, product=past.product, layer=past.layer, severity=past.severity
        )

    def _learn(self, past: Incident) -> None:
        name = past.product
        told = past.routed_to if past.radius is Radius.PRODUCT else None
        if name is not None and (name not in self._products or told is not None):
            builder = told or name
            self._products[name] = Product(name=name, builder=builder, tier="low")
        if past.entity is not None and past.entity not in self._entities:
            self._entities[past.entity] = Entity(
                name=past.entity,
                kind=_kind_of(past),
                product=name,
                owner=past.routed_to or name or past.entity,
            )


def _kind_of(past: Incident) -> EntityKind:
    if past.layer is Layer.MACHINERY:
        return EntityKind.AGENT
    return EntityKind.SERVICE if past.product is not None else EntityKind.SUBSTRATE
