"""How much of a scope is unhealthy, and how much of it is being acted on: what a budget limits.

A scope is the incident's product or the whole fleet. Its members are registered services, agents
and resources; substrate is nobody's to count. The incident's own entity is left out of both counts:
it is unhealthy, which is why something is about to be done.
"""

from __future__ import annotations

import msgspec

from agent.core.view import View
from agent.model.incident import Incident
from agent.model.product import Entity, EntityKind
from agent.model.runbook import BudgetScope


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The other members of a scope: how many there are, and which of them an alert fires about."""

    members: int
    unhealthy: tuple[str, ...]

    @property
    def share(self) -> float:
        """Healthy ones, from 0 to 1. Where there are no others nothing else can be harmed."""
        return (self.members - len(self.unhealthy)) / self.members if self.members else 1.0


def health(scope: BudgetScope, incident: Incident, view: View) -> Health:
    names = {
        e.name
        for e in view.registry.entities.values()
        if e.kind is not EntityKind.SUBSTRATE
        and e.name != incident.entity
        and _covers(scope, incident, e)
    }
    burning = {
        other.entity
        for other in view.incidents.values()
        if other.is_open and other.is_firing and other.id != incident.id
    }
    unhealthy = sorted(name for name in names if name in burning)
    return Health(members=len(names), unhealthy=tuple(unhealthy))


def _covers(scope: BudgetScope, incident: Incident, entity: Entity) -> bool:
    if scope is BudgetScope.FLEET:
        return True
    return incident.product is not None and entity.product == incident.product


def under_way(scope: BudgetScope, incident: Incident, view: View, *, target: str) -> list[str]:
    """Targets of the scope besides this one that something is being done to right now, whoever
    asked for it."""
    return sorted(
        name
        for name, acts in view.acts.items()
        if name != target
        and any(
            act.status is None and (scope is BudgetScope.FLEET or act.product == incident.product)
            for act in acts
        )
    )
