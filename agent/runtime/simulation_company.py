"""The made-up company a storm is played over, and the one remedy it has.

Products of equal size, half of their services on one shared thing. Every second alert is of a kind
for which there is a runbook; nobody has written one for the others. So a simulation shows what the
limits of a policy do, and nothing of how good anybody's runbooks are.
"""

from __future__ import annotations

from collections.abc import Mapping

from agent.catalog.runbooks import load_text
from agent.core.matching import MatchIndex
from agent.core.view import Channel, View
from agent.model.policy import Policy
from agent.model.product import Entity, EntityKind, Product, Registry
from agent.ports.plugin import Plugin
from agent.runtime.registry import plugin_facts

KNOWN, NOVEL = "StormKnown", "StormNovel"
SHARED = "shared-store"
SERVICES = 20
"""Services of each product."""

REMEDY = f"""\
apiVersion: homeostat/v1
kind: Runbook
metadata: {{name: storm-restart, owner: platform, layer: product, tier: low}}
about: {{meaning: a service of the storm is down, impact: none, not_for: anything real}}
match: {{alert: [{KNOWN}]}}
plans:
  restart:
    steps:
      - {{id: restart, use: process.restart, with: {{target: =entity.name}}}}
    verify: {{success: alert_cleared, within: 5m, decay: 30s}}
lifecycle: {{state: active}}
"""


def registry_of(products: int) -> Registry:
    """A company of so many products."""
    names = [f"product-{number:02}" for number in range(1, products + 1)]
    entities = [Entity(name=SHARED, kind=EntityKind.SUBSTRATE, product=None, owner="platform")]
    for name in names:
        for number in range(1, SERVICES + 1):
            stands_on = (SHARED,) if number % 2 else ()
            entities.append(
                Entity(
                    name=f"{name}-service-{number:02}",
                    kind=EntityKind.SERVICE,
                    product=name,
                    owner=f"team-{name}",
                    depends_on=stands_on,
                )
            )
    return Registry(
        products={
            name: Product(name=name, builder=f"team-{name}", tier="medium") for name in names
        },
        entities={entity.name: entity for entity in entities},
    )


def view_of(registry: Registry, policy: Policy, plugins: Mapping[str, Plugin]) -> View:
    """What the decision sees at the beginning: the company, the remedy, one channel for all."""
    remedy = load_text(REMEDY, path="simulation", plugins=plugins)
    return View(
        policy=policy,
        registry=registry,
        runbooks=MatchIndex((remedy,)),
        plugins={name: plugin_facts(plugin) for name, plugin in plugins.items()},
        channels={"default": (Channel(id="default/0", use="terminal"),)},
    )
