"""Companies of any size, for storms: products with their services, on something shared or not."""

from __future__ import annotations

import random
from collections.abc import Iterable

from agent.model.product import Entity, EntityKind, Product, Registry


def registry_of(*entities: Entity, products: Iterable[str] = ()) -> Registry:
    names = {*products, *(e.product for e in entities if e.product is not None)}
    return Registry(
        products={
            name: Product(name=name, builder=f"team-{name}", tier="high") for name in sorted(names)
        },
        entities={entity.name: entity for entity in entities},
    )


def service(name: str, product: str | None, *depends_on: str, **fields: object) -> Entity:
    told: dict[str, object] = {
        "name": name,
        "kind": EntityKind.SERVICE,
        "product": product,
        "owner": f"team-{product}" if product else "platform",
        "depends_on": depends_on,
        **fields,
    }
    return Entity(**told)  # type: ignore[arg-type]


def substrate(name: str, *depends_on: str) -> Entity:
    return service(name, None, *depends_on, kind=EntityKind.SUBSTRATE)


def fleet(products: int, services: int, *shared: str) -> Registry:
    """Products p0, p1, ... with services p0-s0, p0-s1, ... that all stand on what is shared."""
    made = [
        service(f"p{p}-s{s}", f"p{p}", *shared) for p in range(products) for s in range(services)
    ]
    return registry_of(*(substrate(name) for name in shared), *made)


def layered(nodes: int, edges: int, *, seed: int = 7) -> Registry:
    """A company of this size: one node in a hundred is shared, fifty services make a product, and
    each depends on services of its own product, on what is shared, and now and then on others'."""
    chance = random.Random(seed)
    bottom = max(1, nodes // 100)
    per_product = 50
    services = nodes - bottom
    names = [f"s{n}" for n in range(services)]
    depends: list[set[str]] = [set() for _ in names]
    wanted = edges - services  # each is a part of its product
    while wanted > 0:
        number = chance.randrange(services)
        mine = number // per_product * per_product
        kind = chance.random()
        if kind < 0.6 and number > mine:
            to = names[chance.randrange(mine, number)]
        elif kind < 0.95 or number == 0:
            to = f"base{chance.randrange(bottom)}"
        else:
            to = names[chance.randrange(number)]
        if to not in depends[number]:
            depends[number].add(to)
            wanted -= 1
    made = [
        service(name, f"p{n // per_product}", *sorted(depends[n])) for n, name in enumerate(names)
    ]
    return registry_of(*(substrate(f"base{n}") for n in range(bottom)), *made)
