"""To whom an object of a cluster belongs: what the registry says runs where.

An object that a product names, by kind and name, is its own. Else it belongs to whoever declares
the most of its labels; where two declare as many it is nobody's: half a guess must not choose whose
product is touched. What a workload made belongs to whom the workload does (whoever asks follows the
owners). Labels of an object only count in the namespace that the registry says.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.model.cluster import ClusterPlace
from agent.model.product import Entity, Registry


class Places:
    """The registry, by where things run."""

    def __init__(self, registry: Registry) -> None:
        self._named: dict[tuple[str, str, str], list[str]] = {}
        self._labelled: dict[str, list[tuple[ClusterPlace, str]]] = {}
        self._of: dict[str, tuple[ClusterPlace, ...]] = {}
        for entity in registry.entities.values():
            self._take(entity)

    def _take(self, entity: Entity) -> None:
        self._of[entity.name] = entity.places
        for place in entity.places:
            if place.name:
                key = (place.namespace, place.kind, place.name)
                self._named.setdefault(key, []).append(entity.name)
            else:
                self._labelled.setdefault(place.namespace, []).append((place, entity.name))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """All that products declare, in order of their names."""
        named = {namespace for namespace, _, _ in self._named} | set(self._labelled)
        return tuple(sorted(named - {""}))

    def of(self, entity: str) -> tuple[ClusterPlace, ...]:
        return self._of.get(entity, ())

    def owner(self, kind: str, namespace: str, name: str, labels: Mapping[str, str]) -> str | None:
        """The entity this object belongs to by itself; None: nobody's, or nobody's for certain."""
        named = self._named.get((namespace, kind, name))
        if named is not None:
            return named[0] if len(set(named)) == 1 else None
        fits = [
            (len(place.labels), entity)
            for place, entity in self._labelled.get(namespace, ())
            if place.kind in ("", kind)
            and all(labels.get(key) == value for key, value in place.labels.items())
        ]
        most = max((count for count, _ in fits), default=0)
        found = {entity for count, entity in fits if count == most}
        return found.pop() if len(found) == 1 else None
