"""How much is under way at a time: on one target, in one failure domain, in a product, in all."""

from __future__ import annotations

from agent.core.budget import entity_of, health, under_way
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.model.effect import Reversal
from agent.model.product import Entity
from agent.model.reason import Reason
from agent.model.records import Act
from agent.model.runbook import BudgetScope

LONGEST = 200
SHOWN = 3


@rail(
    id="target_free",
    reads=("acts",),
    reasons=(Reason.TARGET_BUSY,),
    lets_go=True,
    holds_people=True,
    holds_rollbacks=True,
    default="1",
)
def target_free(q: Question) -> Stop | None:
    """One action per target at a time, whoever asked for it."""
    for act in q.view.acts.get(q.target or "", ()):
        # The incident's own steps follow each other, and the one before was closed in this turn.
        own = act.incident_id == q.incident.id and act.by == q.by == "agent"
        if act.status is None and act.key != q.key and not own:
            return Stop(reason=Reason.TARGET_BUSY, text=f"{act.use} for {act.incident_id}")
    return None


@rail(
    id="enough_healthy",
    reads=("registry", "incidents", "plugins"),
    reasons=(Reason.BUDGET_MIN_HEALTHY,),
)
def enough_healthy(q: Question) -> Stop | None:
    """What else of the scope is unhealthy already must leave enough of it standing."""
    budget = q.runbook.guard.budget if q.runbook is not None else None
    if budget is None or budget.min_healthy is None:
        return None
    found = health(budget.scope, q.incident, q.view)
    if not found.members:
        return _nothing_to_count(q, budget.scope)
    if found.share >= budget.min_healthy:
        return None
    names = ", ".join(found.unhealthy[:SHOWN])
    text = f"{found.share:.0%} of {budget.scope.value}, at least {budget.min_healthy:.0%}: {names}"
    return Stop(reason=Reason.BUDGET_MIN_HEALTHY, text=text[:LONGEST])


def _nothing_to_count(q: Question, scope: BudgetScope) -> Stop | None:
    """A floor over nobody says nothing. That is no permission to destroy something, nor to touch
    what belongs to no product."""
    is_final = q.view.plugins[q.use].reversal == Reversal.NONE.value
    if not is_final and q.incident.product is not None:
        return None
    text = f"besides {q.incident.entity} there is nothing else of the {scope.value} to count"
    return Stop(reason=Reason.BUDGET_MIN_HEALTHY, text=text[:LONGEST])


@rail(
    id="few_under_way",
    reads=("acts", "incidents"),
    reasons=(Reason.BUDGET_CONCURRENT,),
    lets_go=True,
)
def few_under_way(q: Question) -> Stop | None:
    """No more targets of the scope are acted on at a time than the runbook allows."""
    budget = q.runbook.guard.budget if q.runbook is not None else None
    if budget is None or budget.concurrent is None:
        return None
    busy = under_way(budget.scope, q.incident, q.view, target=q.target or "")
    if len(busy) < budget.concurrent:
        return None
    text = f"{', '.join(busy[:SHOWN])}; at most {budget.concurrent} at a time"
    return Stop(reason=Reason.BUDGET_CONCURRENT, text=text[:LONGEST])


@rail(
    id="domain_free",
    reads=("acting", "registry", "inventory", "policy"),
    reasons=(Reason.DOMAIN_BUSY,),
    lets_go=True,
    default="1 per failure domain and action",
)
def domain_free(q: Question) -> Stop | None:
    """What fails together is not touched together: acts of one kind in one failure domain follow
    each other."""
    entity = entity_of(q.target, q.view)
    like = [a for a in _others(q) if a.use == q.use and _is_together(a, entity, q)]
    if len(like) < q.view.policy.rails.per_domain:
        return None
    where = like[0].domain or f"{like[0].product}, whose failure domains are not all known"
    return Stop(reason=Reason.DOMAIN_BUSY, text=f"{q.use} on {like[0].target} in {where}"[:LONGEST])


def _is_together(act: Act, entity: Entity | None, q: Question) -> bool:
    """Where one of both is not known, they are in one domain if they are in one product."""
    domain = entity.failure_domain if entity is not None else None
    if domain and act.domain:
        return act.domain == domain
    return act.product == q.incident.product


def _others(q: Question) -> list[Act]:
    """Acts under way besides this one, and besides the incident's own: its steps follow each
    other."""
    return [
        act
        for act in q.view.acting.values()
        if act.key != q.key and not (act.incident_id == q.incident.id and act.by == "agent")
    ]


@rail(
    id="product_concurrency",
    reads=("acting", "policy"),
    reasons=(Reason.PRODUCT_CONCURRENCY,),
    lets_go=True,
    default="2",
)
def product_concurrency(q: Question) -> Stop | None:
    """Few acts are under way in one product at a time."""
    most = q.view.policy.rails.per_product
    busy = [a.target for a in _others(q) if a.product == q.incident.product]
    if len(busy) < most:
        return None
    text = f"{', '.join(busy[:SHOWN])}; at most {most} at a time"
    return Stop(reason=Reason.PRODUCT_CONCURRENCY, text=text[:LONGEST])


@rail(
    id="fleet_concurrency",
    reads=("acting", "policy"),
    reasons=(Reason.FLEET_CONCURRENCY,),
    lets_go=True,
    default="5",
)
def fleet_concurrency(q: Question) -> Stop | None:
    """Few acts are under way in all at a time."""
    most = q.view.policy.rails.per_fleet
    busy = len(_others(q))
    if busy < most:
        return None
    text = f"{busy} are under way, at most {most} at a time"
    return Stop(reason=Reason.FLEET_CONCURRENCY, text=text)


@rail(
    id="wip_product",
    reads=("in_hand", "policy"),
    reasons=(Reason.WIP_PRODUCT,),
    lets_go=True,
    default="4",
)
def wip_product(q: Question) -> Stop | None:
    """Few plans are in hand in one product: what was done is proven before more is begun."""
    most, product = q.view.policy.rails.wip_per_product, q.incident.product or ""
    hands = [i for i, p in q.view.in_hand.items() if p == product and i != q.incident.id]
    if len(hands) < most or q.incident.id in q.view.in_hand:
        return None
    text = f"{', '.join(hands[:SHOWN])}; at most {most}"
    return Stop(reason=Reason.WIP_PRODUCT, text=text[:LONGEST])


@rail(
    id="wip_fleet",
    reads=("in_hand", "policy"),
    reasons=(Reason.WIP_FLEET,),
    lets_go=True,
    default="10",
)
def wip_fleet(q: Question) -> Stop | None:
    """Few plans are in hand in all."""
    most, hands = q.view.policy.rails.wip_per_fleet, q.view.in_hand
    if q.incident.id in hands or len(hands) < most:
        return None
    return Stop(reason=Reason.WIP_FLEET, text=f"{len(hands)} are in hand, at most {most}")
