"""How much of a scope is unhealthy, and how much of it is being acted on: what a budget limits.

A scope is the incident's product or the whole fleet. Its members are registered services, agents
and resources; substrate is nobody's to count. The incident's own entity is left out of both counts:
it is unhealthy, which is why something is about to be done.
"""

from __future__ import annotations

import msgspec

from agent.core.inventory import named, owner_of
from agent.core.view import View
from agent.model.effect import OutcomeStatus
from agent.model.incident import Incident, State
from agent.model.product import Entity, EntityKind
from agent.model.records import Act
from agent.model.runbook import BudgetScope


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The other members of a scope: how many there are, and which of them are not known to be
    well."""

    members: int
    unhealthy: tuple[str, ...]

    @property
    def share(self) -> float:
        """Healthy ones, from 0 to 1; of no members 1, which says nothing (core/rails/load.py)."""
        return (self.members - len(self.unhealthy)) / self.members if self.members else 1.0


def entity_of(target: str | None, view: View) -> Entity | None:
    """The registered entity a target is, or belongs to."""
    thing = named(target, view) if target else None
    return owner_of(thing, view.registry) if thing is not None else None


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
        # One whose source fell silent is no better known than that it was sick.
        if other.is_open and (other.is_firing or other.is_gone_silent) and other.id != incident.id
    }
    unhealthy = sorted(name for name in names if name in burning)
    return Health(members=len(names), unhealthy=tuple(unhealthy))


def _covers(scope: BudgetScope, incident: Incident, entity: Entity) -> bool:
    if scope is BudgetScope.FLEET:
        return True
    return incident.product is not None and entity.product == incident.product


def under_way(scope: BudgetScope, incident: Incident, view: View, *, target: str) -> list[str]:
    """Targets of the scope besides this one that something is being done to right now, whoever
    asked for it, or whose proof nobody has yet. The steps of one plan follow each other: what the
    incident did itself does not stand in its own way."""
    return sorted(
        name
        for name, acts in view.acts.items()
        if name != target
        and any(
            _is_under_way(act, view)
            and not (act.incident_id == incident.id and act.by == "agent")
            and (scope is BudgetScope.FLEET or act.product == incident.product)
            for act in acts
        )
    )


def _is_under_way(act: Act, view: View) -> bool:
    if act.status is None:
        return True
    other = view.incidents.get(act.incident_id)
    return (
        act.verdict is None
        and act.status is not OutcomeStatus.REFUSED
        and other is not None
        and other.state in (State.ACTING, State.VERIFYING)
        # Of the plan in hand: those before it have their verdict, their ways back never get one.
        and act.key.startswith(f"{other.id}/{other.attempt}/")
    )
