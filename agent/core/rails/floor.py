"""How much stays up, whatever is done, and how much one step may touch."""

from __future__ import annotations

import math

from agent.core.budget import entity_of
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.model.effect import Availability
from agent.model.product import Entity, Floor
from agent.model.reason import Reason

SHOWN = 3
TAKES_AWAY = (Availability.INTERRUPTS.value, Availability.REMOVES.value)


@rail(
    id="few_targets",
    reads=("policy",),
    reasons=(Reason.TOO_MANY_TARGETS,),
    holds_people=True,
    holds_rollbacks=True,
    default="1",
)
def few_targets(q: Question) -> Stop | None:
    """A step is about one thing, by its exact name. A list of more, and a word for all of them, is
    no target."""
    target = (q.params or {}).get("target")
    most = q.view.policy.rails.max_targets
    if not isinstance(target, list | tuple) or len(target) <= most:
        return None
    return Stop(reason=Reason.TOO_MANY_TARGETS, text=f"{len(target)}, at most {most}")


@rail(
    id="floor",
    reads=("incidents", "plugins", "registry", "inventory", "burning", "acting", "policy"),
    reasons=(Reason.BELOW_FLOOR,),
    holds_people=True,
    default="1, and 51 % of what is wanted",
)
def floor(q: Question) -> Stop | None:
    """Enough of what does one job stays up. What is sick does none: to heal the only one is no
    loss, to take away the last that works is."""
    entity = entity_of(q.target, q.view)
    if entity is None:
        return None
    return _too_few_wanted(q, entity) or _too_few_left(q, entity)


def floor_of(entity: Entity, q: Question) -> Floor:
    """The entity's, else its product's, else the policy's."""
    product = q.view.registry.products.get(entity.product or "")
    return entity.floor or (product.floor if product else None) or q.view.policy.rails.floor


def _least(limit: Floor, wanted: int) -> int:
    return max(limit.count, math.ceil(limit.share * wanted))


def _too_few_wanted(q: Question, entity: Entity) -> Stop | None:
    """A number of replicas below the floor, of what is wanted of it now."""
    replicas = (q.params or {}).get("replicas")
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        return None
    thing = q.view.inventory.get(q.target or "")
    wanted = thing.facts.get("replicas") if thing is not None else None
    least = _least(floor_of(entity, q), wanted if isinstance(wanted, int) else 0)
    if replicas >= least:
        return None
    return Stop(reason=Reason.BELOW_FLOOR, text=f"{replicas} replicas, at least {least}")


def _too_few_left(q: Question, entity: Entity) -> Stop | None:
    harm = q.view.plugins[q.use].availability
    if harm not in TAKES_AWAY or not _works(entity.name, q):
        return None
    group = _group(entity, q)
    if len(group) == 1 and q.by != "agent" and harm == Availability.INTERRUPTS.value:
        return None  # it comes back by itself, and a person who restarts it means it
    up = [name for name in group if name != entity.name and _works(name, q)]
    least = _least(floor_of(entity, q), len(group))
    if len(up) >= least:
        return None
    text = f"{len(up)} of {len(group)} would be up, at least {least}"
    return Stop(reason=Reason.BELOW_FLOOR, text=text)


def _group(entity: Entity, q: Question) -> list[str]:
    """Everything that does the same job, itself among it."""
    if entity.replica_of is None:
        return [entity.name]
    entities = q.view.registry.entities.values()
    return [e.name for e in entities if e.replica_of == entity.replica_of]


def _works(name: str, q: Question) -> bool:
    """Nobody says that it is sick, and nothing is being done to it."""
    if name == q.incident.entity or q.view.burning.get(name):
        return False
    # One that somebody silenced, or whose source fell silent, is told to nobody, and is not well.
    if any(
        i.entity == name and (i.is_firing or i.is_gone_silent) for i in q.view.incidents.values()
    ):
        return False
    return not any(a.entity == name and a.key != q.key for a in q.view.acting.values())
