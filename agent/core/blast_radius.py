"""Blast radius: how far it reaches, computed from the dependency graph and the live symptoms.

The suspect is searched against the dependency direction: from the symptom along `depends_on`. It is
systemic where the symptom is in the substrate, where a shared dependency is known to be sick, or
where several products burn that share one whose health nobody vouches for. An unknown product
widens, never narrows. The path from symptom to suspect is kept: the page shows it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.core.view import View
from agent.model.incident import Incident, Radius
from agent.model.product import EntityKind, Registry
from agent.model.reason import Reason


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    radius: Radius
    suspect: str | None
    path: tuple[str, ...]
    reason: Reason


def closure(registry: Registry, start: str) -> Mapping[str, tuple[str, ...]]:
    """Everything `start` depends on, directly or not, each with the path that leads there."""
    paths: dict[str, tuple[str, ...]] = {}
    queue: list[tuple[str, tuple[str, ...]]] = [(start, (start,))]
    while queue:
        name, path = queue.pop(0)
        for to in _depends_on(registry, name):
            if to not in paths and to != start:
                paths[to] = (*path, to)
                queue.append((to, paths[to]))
    return paths


def _depends_on(registry: Registry, name: str) -> tuple[str, ...]:
    if name in registry.entities:
        return registry.entities[name].depends_on
    if name in registry.products:
        product = registry.products[name]
        parts = tuple(e.name for e in registry.entities_of(name) if e.kind is not EntityKind.AGENT)
        return (*product.depends_on, *parts)
    return ()


def is_substrate(registry: Registry, name: str) -> bool:
    entity = registry.entities.get(name)
    return entity is not None and entity.kind is EntityKind.SUBSTRATE


def shared(registry: Registry, incident: Incident) -> Mapping[str, tuple[str, ...]]:
    """The substrate this incident's entity (or product) stands on, each with its path."""
    start = incident.entity or incident.product
    if start is None:
        return {}
    paths = closure(registry, start)
    return {name: path for name, path in paths.items() if is_substrate(registry, name)}


def assess(incident: Incident, view: View) -> Assessment:
    """The class of this incident as far as it is known now."""
    registry = view.registry
    entity = registry.entities.get(incident.entity or "")
    if entity is not None and entity.kind is EntityKind.SUBSTRATE:
        return _systemic(entity.name, (entity.name,))
    if entity is None and incident.product is None:
        return Assessment(
            radius=Radius.SYSTEMIC, suspect=None, path=(), reason=Reason.PRODUCT_UNKNOWN
        )
    below = shared(registry, incident)
    for name, path in below.items():
        if name in _said(incident, "sick") or _has_own_incident(name, incident, view):
            return _systemic(name, path)
    for name, path in below.items():
        if name not in _said(incident, "healthy") and _other_products_burn(name, incident, view):
            return _systemic(name, path)
    return Assessment(radius=Radius.PRODUCT, suspect=None, path=(), reason=Reason.RADIUS_PRODUCT)


def _systemic(suspect: str, path: tuple[str, ...]) -> Assessment:
    return Assessment(
        radius=Radius.SYSTEMIC, suspect=suspect, path=path, reason=Reason.RADIUS_SYSTEMIC
    )


def _said(incident: Incident, word: str) -> set[str]:
    """Names some diagnostic listed under `sick` or `healthy`."""
    names: set[str] = set()
    for finding in incident.findings.values():
        listed = finding.get(word)
        if isinstance(listed, list | tuple):
            names.update(str(name) for name in listed)
    return names


def _has_own_incident(name: str, incident: Incident, view: View) -> bool:
    return any(
        other.id != incident.id
        and other.is_firing
        and other.silenced_by is None
        and (other.entity == name or (other.suspect == name and other.held_by is None))
        for other in view.incidents.values()
    )


def _other_products_burn(name: str, incident: Incident, view: View) -> bool:
    """Another product that stands on the same substrate burns, and nobody knows why."""
    return any(
        other.id != incident.id
        and other.product is not None
        and other.product != incident.product
        and other.is_firing
        and other.silenced_by is None
        and other.layer is incident.layer
        and other.radius is not Radius.ROUTINE
        and name in shared(view.registry, other)
        and name not in _said(other, "healthy")
        for other in view.incidents.values()
    )
