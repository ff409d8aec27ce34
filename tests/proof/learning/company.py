"""A company of eight products: what runs, who is on call, who may approve, which plugins it has."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from agent.catalog.policy import DEFAULT_DIAGNOSTICS
from agent.core.diagnosis import ALERT
from agent.core.matching import MatchIndex
from agent.core.view import Channel, View
from agent.model.effect import Effect, Reversal
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Product, Registry
from agent.ports.plugin import Params, Plugin, action
from agent.runtime.registry import PluginRegistry, plugin_facts, shipped_plugins_folder

PRODUCTS = ("checkout", "catalog", "payments", "search", "media", "ledger", "fleet", "insight")
REGULATED = "ledger"
ROLES = ("api", "web", "worker", "importer", "mailer", "exporter", "index", "gateway")
ON_SHARED = ("api", "importer", "index")
"""Parts that stand on what all products share."""
CACHES = 3
SHARED = "shared-store"
PLATFORM = "platform"

ON_CALL = (("anna", "boris", "cleo"), ("dana", "emil", "fay"))
"""Two rotas; every second product is with the second one."""
APPROVERS = ("paula", "quentin")
"""Of the platform: they may approve everything, and resolve nothing."""
LOOKED_AT: Mapping[EntityKind, tuple[str, ...]] = {
    EntityKind.SERVICE: ("process.launches", "process.resources"),
    EntityKind.RESOURCE: ("process.resources",),
}
"""What this company looks at besides what every site does."""


class Unlock(Params):
    target: str


@action(
    name="vendor.unlock",
    params=Unlock,
    effect=Effect.OPAQUE,
    reversal=Reversal.NOTHING,
    summary="Asks the vendor's console to let go of a licence",
)
async def unlock(_kit: Any, _params: Unlock) -> Mapping[str, Any]:
    raise NotImplementedError  # what it does is the made-up world's to say


@cache
def plugins() -> Mapping[str, Plugin]:
    """What is shipped, and one of the company's own."""
    shipped = PluginRegistry.load([shipped_plugins_folder()])
    return {**shipped.plugins, unlock.name: unlock}


def rota_of(product: str | None) -> tuple[str, ...]:
    return ON_CALL[PRODUCTS.index(product) % 2] if product in PRODUCTS else ON_CALL[0]


def registry() -> Registry:
    entities = [Entity(name=SHARED, kind=EntityKind.SUBSTRATE, product=None, owner=PLATFORM)]
    for product in PRODUCTS:
        entities += _parts(product)
    return Registry(
        products={
            name: Product(
                name=name, builder=f"team-{name}", tier="medium", regulated=name == REGULATED
            )
            for name in PRODUCTS
        },
        entities={entity.name: entity for entity in entities},
    )


def _parts(product: str) -> list[Entity]:
    owner = f"team-{product}"
    caches = tuple(f"{product}-cache-{number}" for number in range(1, CACHES + 1))
    parts = [
        Entity(
            name=name,
            kind=EntityKind.RESOURCE,
            product=product,
            owner=owner,
            replica_of=f"{product}-cache",
            failure_domain=f"zone-{number}",
        )
        for number, name in enumerate(caches)
    ]
    for number, role in enumerate(ROLES):
        needs = (SHARED,) if role in ON_SHARED else ()
        parts.append(
            Entity(
                name=f"{product}-{role}",
                kind=EntityKind.SERVICE,
                product=product,
                owner=owner,
                depends_on=(*needs, *caches) if role in ("api", "worker") else needs,
                failure_domain=f"zone-{number % 3}",
            )
        )
    scout = f"{product}-scout"
    parts.append(Entity(name=scout, kind=EntityKind.AGENT, product=product, owner=owner))
    return parts


def policy() -> Policy:
    """The defaults people get, with more looked at."""
    looks = {kind: uses for kind, uses in DEFAULT_DIAGNOSTICS.items() if kind != ALERT}
    for kind, uses in LOOKED_AT.items():
        looks[kind.value] = (*looks[kind.value], *uses)
    return Policy(default_diagnostics=looks)


def view() -> View:
    """What the decision sees on the first day: no runbook at all."""
    made = View(
        policy=policy(),
        registry=registry(),
        runbooks=MatchIndex(()),
        plugins={name: plugin_facts(plugin) for name, plugin in plugins().items()},
        channels={"default": (Channel(id="default/0", use="terminal"),)},
    )
    made.approvers = {product: frozenset(APPROVERS) for product in ("", *PRODUCTS)}
    return made
