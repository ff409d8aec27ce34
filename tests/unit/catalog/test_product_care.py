"""What the registry says about how careful to be: floors, domains, and how sure a dependency is."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.products import load_registry
from agent.model.product import Edge, EdgeKind, Floor, Registry, Slo

SHOP = """\
kind: System
metadata: {name: shop}
spec:
  owner: team-shop
  lifecycle: production
  homeostat:
    runbooks: [runbooks/shop]
    min_available: 2
    slos:
      - {name: checkout, journey: "a customer pays", objective: 99.9%, window: 7d}
      - {name: search, objective: 95%}
---
kind: Component
metadata: {name: web-1}
spec:
  type: service
  owner: team-shop
  system: shop
  dependsOn: [cache]
  homeostat:
    failure_domain: zone-a
    replica_of: web
    min_available: {count: 1, share: 60%}
    dependencies:
      - {on: resource:queue, kind: observed, confidence: 80%, seen: 2026-11-01}
      - {on: cache, kind: learned, confidence: 10%}
---
kind: Resource
metadata: {name: cache}
spec: {owner: platform, homeostat: {min_available: 75%}}
---
kind: Resource
metadata: {name: queue}
spec: {owner: platform}
"""


def load(folder: Path, text: str) -> Registry:
    (folder / "catalog-info.yaml").write_text(text)
    (folder / "runbooks" / "shop").mkdir(parents=True, exist_ok=True)
    registry, _ = load_registry([folder])
    return registry


def said_by(folder: Path, spec: str) -> list[str]:
    (folder / "catalog-info.yaml").write_text(
        f"kind: System\nmetadata: {{name: shop}}\nspec: {{owner: t, homeostat: {spec}}}\n"
    )
    with pytest.raises(FaultsError) as caught:
        load_registry([folder])
    return [str(fault).replace(f"{folder}/", "") for fault in caught.value.faults]


def test_a_product_says_its_lifecycle_owner_objectives_floor_and_runbooks(tmp_path: Path) -> None:
    shop = load(tmp_path, SHOP).products["shop"]
    assert (shop.owner, shop.builder, shop.lifecycle) == ("team-shop", "team-shop", "production")
    assert shop.floor == Floor(count=2)
    assert shop.runbooks == (f"{tmp_path}/runbooks/shop",)
    path = f"{tmp_path}/catalog-info.yaml"
    assert shop.slos == (
        Slo(
            name="checkout",
            journey="a customer pays",
            objective=0.999,
            window_seconds=7 * 86400.0,
            path=path,
        ),
        Slo(name="search", objective=0.95, path=path),
    )


def test_a_service_says_where_it_stands_and_what_else_does_its_work(tmp_path: Path) -> None:
    entities = load(tmp_path, SHOP).entities
    web = entities["web-1"]
    assert (web.failure_domain, web.replica_of) == ("zone-a", "web")
    assert web.floor == Floor(count=1, share=0.6)
    assert entities["cache"].floor == Floor(share=0.75)
    assert entities["queue"].floor is None


def test_what_was_seen_is_a_dependency_with_its_doubt(tmp_path: Path) -> None:
    """What is declared stays declared, however doubtful somebody else's sight of it is."""
    web = load(tmp_path, SHOP).entities["web-1"]
    assert web.depends_on == ("cache", "queue")
    seen = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
    assert web.edges == (Edge(to="queue", kind=EdgeKind.OBSERVED, confidence=0.8, seen_at=seen),)


def test_what_a_product_says_wrong_is_told_with_its_place(tmp_path: Path) -> None:
    assert said_by(tmp_path, "{runbooks: [nowhere]}") == [
        'catalog-info.yaml:3:41: HS308 spec.homeostat.runbooks[0]: there is no folder "nowhere"'
        " (make it, or mend the path: it is relative to this file)"
    ]
    assert said_by(tmp_path, "{dependencies: [{on: cash}]}") == [
        'catalog-info.yaml:3:50: HS303 spec.homeostat.dependencies[0].on: entity "cash" is not'
        " declared in any file (declared: shop)"
    ]
    assert said_by(tmp_path, "{dependencies: [{on: shop, seen: yesterday}]}") == [
        "catalog-info.yaml:3:62: HS301 spec.homeostat.dependencies[0].seen: a date is expected here"
        " (write it like 2026-11-01)"
    ]
    assert said_by(tmp_path, "{min_available: most}") == [
        "catalog-info.yaml:3:45: HS301 spec.homeostat.min_available: a percentage from 0% to 100%"
        " is expected here (write it like 80%)"
    ]
