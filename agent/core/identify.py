"""Alert to entity, product, layer and severity: by the registry, never by a label alone.

A label only proposes a name. It counts where the registry knows that name, and where the registry
knows the entity its product comes from there, whatever the `product` label says. An alert that
names nothing known is about the one entity whose declared labels it carries, where there is just
one; else about the one entity whose objects of the inventory it names, as `namespace` and `pod`.
What the registry does not know belongs to nobody: it is routed to the platform team and never
acted on.

The inventory is asked as it is when the alert arrives: an incident keeps whom it was about then.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import msgspec

from agent.core.clause_index import ClauseIndex
from agent.core.inventory_index import indexed
from agent.core.same_registry import SameRegistry
from agent.model.alert import Alert, Layer
from agent.model.product import Entity, EntityKind, InventoryObject, Registry

ENTITY_LABELS = ("entity", "service", "process", "agent", "job", "component", "resource")
OBJECT_LABELS = {
    "pod": "pod",
    "deployment": "deployment",
    "statefulset": "statefulset",
    "daemonset": "daemonset",
    "job_name": "job",
    "cronjob": "cronjob",
    "persistentvolumeclaim": "persistentvolumeclaim",
    "horizontalpodautoscaler": "horizontalpodautoscaler",
}
"""Labels that name an object of a namespace, with its kind, as kube-state-metrics writes them."""
SCRAPED_FROM = "exported_"
"""Where Prometheus keeps a label of what was scraped, because the target itself has one of that
name: `pod` is then the exporter's."""
SEVERITIES = ("critical", "error", "warning", "info", "none")


_NOTHING: Mapping[str, InventoryObject] = MappingProxyType({})


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    entity: str | None
    product: str | None
    layer: Layer
    severity: str


def identify(
    alert: Alert, registry: Registry, inventory: Mapping[str, InventoryObject] = _NOTHING
) -> Identity:
    """Who and what an alert is about. Unknown names stay None."""
    distrusted = {flag.partition(":")[2] for flag in alert.flags}
    labels = {n: v for n, v in alert.labels.items() if n not in distrusted}
    entity = next(
        (labels[n] for n in ENTITY_LABELS if n in labels and labels[n] in registry.entities), None
    )
    if entity is None:
        entity = _by_labels(labels, registry)
    if entity is None and inventory:
        entity = _by_objects(labels, registry, inventory)
    product: str | None
    if entity is not None:
        product = registry.entities[entity].product
    else:
        named = labels.get("product") or labels.get("system")
        product = named if named in registry.products else None
    return Identity(
        entity=entity,
        product=product,
        layer=_layer(labels, entity, registry),
        severity=severity_of(labels),
    )


def _by_labels(labels: Mapping[str, str], registry: Registry) -> str | None:
    """The entity that declares these labels. The one that declares most of them wins; where two
    declare as many it is nobody's: half a guess must not choose whose product is touched."""
    found = _declared(SameRegistry(registry)).find(labels)
    most = max((len(e.labels) for e in found), default=0)
    named = [e.name for e in found if len(e.labels) == most]
    return named[0] if len(named) == 1 else None


def _by_objects(
    labels: Mapping[str, str], registry: Registry, inventory: Mapping[str, InventoryObject]
) -> str | None:
    """The entity that everything the labels name in the inventory belongs to. What is not there
    says nothing; what is nobody's, or somebody else's, makes it nobody's."""
    is_scraped = any(f"{SCRAPED_FROM}{label}" in labels for label in ("namespace", "pod"))
    space = labels.get(f"{SCRAPED_FROM}namespace") or labels.get("namespace")
    if not space:
        return None
    known = indexed(inventory)
    found: set[str | None] = set()
    for label, kind in OBJECT_LABELS.items():
        name = labels.get(f"{SCRAPED_FROM}{label}")
        if name is None and not (is_scraped and label == "pod"):
            name = labels.get(label)
        if name:
            keys = {"namespace": space, "name": name}
            found |= {thing.entity for thing in known.find(kind, keys)}
    entity = found.pop() if len(found) == 1 else None
    return entity if entity in registry.entities else None


@lru_cache(maxsize=2)
def _declared(same: SameRegistry) -> ClauseIndex[Entity]:
    return ClauseIndex((e, e.labels) for e in same.registry.entities.values() if e.labels)


def _layer(labels: Mapping[str, str], entity: str | None, registry: Registry) -> Layer:
    named = labels.get("layer")
    if named in Layer.__members__.values():
        return Layer(str(named))
    if entity is not None and registry.entities[entity].kind is EntityKind.AGENT:
        return Layer.MACHINERY
    return Layer.PRODUCT


def severity_of(labels: Mapping[str, str]) -> str:
    """One of `SEVERITIES`, worst first; a warning where it is not said."""
    named = labels.get("severity", "").lower()
    return {"page": "critical", "ticket": "warning"}.get(
        named, named if named in SEVERITIES else "warning"
    )
