"""What a test gives, as the decision reads it: the alert, the registry around it, the object of the
inventory it is about, and the change window.

What the test leaves out is made so that nothing else gets in the way. The alert is about one
registered entity, whose declared labels make it so where no label names it; what `match.entity`
looks up is one object that belongs to this entity; and the change window is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote_plus

import msgspec

from agent.catalog.entity_kinds import OBJECT_KINDS, kind_in
from agent.catalog.runbook_test_document import Given, GivenObject
from agent.core.facts import resolve_params
from agent.core.identify import ENTITY_LABELS
from agent.core.inventory import REGISTERED
from agent.core.rails.alone import alone
from agent.model.alert import Alert, AlertStatus
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, InventoryObject, Product, Registry
from agent.model.runbook import Runbook

START = 1_750_000_000.0
"""When a test begins, in seconds since the epoch."""
PRODUCT = "test-product"
ENTITY = "test-entity"
BUILDER = "builder"


@dataclass(frozen=True)
class FixedWindow:
    """A change window that is open, or closed, for as long as the test lasts."""

    is_always_open: bool
    text: str = "as the test says"

    def is_open(self, at: float) -> bool:
        return self.is_always_open


def policy_of(runbook: Runbook, given: Given, policy: Policy) -> Policy:
    dwell = policy.rails.dwell_seconds if given.alert and given.alert.starts_ago is not None else 0
    rails = msgspec.structs.replace(alone(policy).rails, dwell_seconds=float(dwell))
    policy, name = msgspec.structs.replace(policy, rails=rails), runbook.guard.window
    if name is None:
        return policy
    said = given.window or "open"
    windows = {} if said == "undeclared" else {name: FixedWindow(said == "open")}
    return msgspec.structs.replace(policy, windows=windows)


def alert_of(runbook: Runbook, given: Given) -> Alert:
    told = given.alert
    fired = told.starts_ago if told is not None else None
    labels: dict[str, str] = dict(told.labels) if told else {}
    if "alertname" not in labels and len(runbook.match.alert) == 1:
        labels["alertname"] = runbook.match.alert[0]
    address = ""
    if told is not None and told.expression is not None:
        address = f"http://prometheus/graph?g0.expr={quote_plus(told.expression)}&g0.tab=1"
    return Alert(
        source="test",
        fingerprint="",
        status=AlertStatus.FIRING,
        labels=labels,
        annotations=told.annotations if told else {},
        starts_at=START - (fired if fired is not None else runbook.guard.dwell_seconds or 0.0),
        generator_url=address,
    )


def keys_of(runbook: Runbook, alert: Alert) -> Mapping[str, str] | None:
    """What `match.entity` looks for in this alert; None where it looks for nothing, or cannot."""
    query = runbook.match.entity
    if query is None:
        return None
    facts = {
        "alert": {
            "name": alert.name,
            "labels": alert.labels,
            "annotations": alert.annotations,
            "starts_at": alert.starts_at,
        }
    }
    try:
        return {key: str(value) for key, value in resolve_params(query.of, facts).items()}
    except LookupError:
        return None


def registry_of(
    runbook: Runbook, given: Given, labels: Mapping[str, str], keys: Mapping[str, str] | None
) -> Registry:
    product = runbook.match.product or labels.get("product") or PRODUCT
    products = {product: Product(name=product, builder=BUILDER, tier=runbook.tier)}
    label = next((name for name in ENTITY_LABELS if name in labels), None)
    query = runbook.match.entity
    named = keys.get("name") if keys and query and query.kind in REGISTERED else None
    name = given.entity.name or named or (labels[label] if label else None)
    if name is None and query is not None:
        name = ENTITY
    if name is None:
        return Registry(products=products)
    usual = "agent" if label == "agent" and given.entity.name is None else "service"
    if query is not None and query.kind in REGISTERED:
        usual = query.kind
    kind = EntityKind(given.entity.kind or usual)
    is_shared = kind is EntityKind.SUBSTRATE
    entity = Entity(
        name=name,
        kind=kind,
        product=None if is_shared else product,
        owner="platform" if is_shared else BUILDER,
        labels=_declared(name, labels, keys if query and query.kind in REGISTERED else None),
    )
    return Registry(products=products, entities={name: entity})


def _declared(
    name: str, labels: Mapping[str, str], keys: Mapping[str, str] | None
) -> Mapping[str, tuple[str, ...]]:
    """Labels that make the alert be about the entity, where none of them has its name."""
    found = {key: (value,) for key, value in (keys or {}).items() if key != "name"}
    if not any(labels.get(label) == name for label in ENTITY_LABELS):
        found |= {label: (value,) for label, value in labels.items() if label != "alertname"}
    return found


def thing_of(
    runbook: Runbook, given: Given, entity: Entity | None, keys: Mapping[str, str] | None
) -> InventoryObject | None:
    """The one object of the inventory: what `match.entity` finds, or what a diagnostic names."""
    query, told = runbook.match.entity, given.object
    if query is None and isinstance(told, GivenObject) and told.name:
        owner = entity.name if entity else None
        return InventoryObject(
            name=told.name, kind=kind_in(told.name), entity=owner, facts=told.facts
        )
    if query is None or query.kind in REGISTERED or told == "none" or keys is None:
        return None
    said = told if isinstance(told, GivenObject) else GivenObject()
    kind = OBJECT_KINDS.get(query.kind)
    declared = kind.facts if kind is not None else {}
    facts = {key: value for key, value in keys.items() if declared.get(key) == "string"}
    return InventoryObject(
        name=said.name or _named(query.kind, keys),
        kind=query.kind,
        entity=entity.name if entity else None,
        keys={key: (value,) for key, value in keys.items()},
        facts={**facts, **said.facts},
    )


def _named(kind: str, keys: Mapping[str, str]) -> str:
    """`prod-a/deployment/web`: by its own name where that is known, else by what it is found by."""
    own = next((keys[key] for key in ("name", kind) if key in keys), None)
    if own is None:
        others = [value for key, value in keys.items() if key != "namespace"]
        own = others[-1] if others else "one"
    return "/".join([*([keys["namespace"]] if "namespace" in keys else []), kind, own])
