"""Who depends on whom: products, what they are made of, and what they stand on.

A graph is built once per registry. Nodes are numbered so that dependencies come first, and sets of
nodes are kept as whole numbers with one bit each: "which of those that burn depend on this" is one
operation then, however many burn.

What is doubtful (an edge of little confidence, or one that was not seen for long) counts as an edge
wherever it makes a failure wider. `Sure` is the same graph without it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import msgspec

from agent.core.same_registry import SameRegistry
from agent.model.policy import Policy
from agent.model.product import Edge, Entity, EntityKind, Product, Registry

SHARED = (EntityKind.SUBSTRATE, EntityKind.RESOURCE)
"""What belongs to no product and is of one of these kinds is everybody's."""
STEPS_OF_AGEING = 100.0
"""Edges age in steps of this part of the time after which they are stale (7 hours of 30 days), so
that the graph of what is sure is not made anew whenever one of 50,000 edges becomes too old."""

Neighbours = Sequence[tuple[int, ...]]


class Reach(msgspec.Struct, frozen=True, eq=False):
    """One graph: direct dependencies, direct dependents, and everything that depends on a node,
    itself included."""

    down: Neighbours
    up: Neighbours
    above: Sequence[int]
    circles: Sequence[Sequence[int]]
    """Nodes that depend on each other stand together; dependencies come first."""


class Graph:
    """The dependencies of one registry. Nothing of it changes but a cache of what is sure."""

    def __init__(self, registry: Registry) -> None:
        edges = _edges(registry)
        names = sorted(edges)
        first = {name: n for n, name in enumerate(names)}
        circles = _circles([tuple(sorted(first[to] for to in edges[name])) for name in names])
        self.names = tuple(names[n] for circle in circles for n in sorted(circle))
        """By number. Of a circle, those whose name comes first come first."""
        self.number = {name: n for n, name in enumerate(self.names)}
        self._known = {
            (self.number[name], self.number[to]): known
            for name, targets in edges.items()
            for to, known in targets.items()
            if known
        }
        """What is known of an edge besides that it is declared."""
        self.all = _reach(
            [tuple(sorted(self.number[to] for to in edges[name])) for name in self.names]
        )
        self.below = _below(self.all)
        """Everything a node depends on, itself included."""
        self.height = _heights(self.all)
        """Of each node: how many there are below it, one under the other."""
        self._mark(registry)
        self._sure: tuple[tuple[float, float, float], Reach] | None = None

    def _mark(self, registry: Registry) -> None:
        self.unknown = self.shared = self.owned = 0
        of_product: dict[str, int] = {}
        targets: dict[str, int] = {}
        for name, number in self.number.items():
            bit = 1 << number
            entity = registry.entities.get(name)
            if entity is None and name not in registry.products:
                self.unknown |= bit
                self.shared |= bit  # whose it is nobody knows: perhaps everybody's
            elif entity is not None and entity.product is None:
                self.shared |= bit if entity.kind in SHARED else 0
            else:
                product = entity.product if entity is not None else name
                self.owned |= bit
                of_product[product or ""] = of_product.get(product or "", 0) | bit
                if entity is not None:
                    targets[product or ""] = targets.get(product or "", 0) | bit
        self.of_product: Mapping[str, int] = of_product
        """The product itself and all it is made of."""
        self.targets: Mapping[str, int] = targets
        """What a product is made of: its services, agents and resources."""

    def bit(self, name: str | None) -> int:
        """The set of this one node; empty where the graph does not know it."""
        number = self.number.get(name or "")
        return 0 if number is None else 1 << number

    def set_of(self, names: Iterator[str] | Sequence[str]) -> int:
        found = 0
        for name in names:
            found |= self.bit(name)
        return found

    def doubt(self, start: int, end: int, policy: Policy, at: float) -> str:
        """What is doubtful about this edge, for people; empty where it is sure."""
        at = _aged(policy, at)
        known = self._known.get((start, end), ())
        if not known or any(_is_sure(edge, policy, at) for edge in known):
            return ""
        best = max(known, key=lambda edge: (edge.seen_at or 0.0, edge.confidence))
        what = f"that {self.names[start]} depends on {self.names[end]}"
        if best.confidence < policy.edge_confidence:
            return f"{what} is sure to {best.confidence:.0%} only"
        return f"{what} was last seen {(at - (best.seen_at or at)) / 86_400:.0f} days ago"

    def sure(self, policy: Policy, at: float) -> Reach:
        """The graph without what is doubtful at this time."""
        if not self._known:
            return self.all
        asked = (policy.edge_confidence, policy.edge_stale_seconds, _aged(policy, at))
        if self._sure is None or self._sure[0] != asked:
            self._sure = (asked, self._without_doubt(policy, at))
        return self._sure[1]

    def _without_doubt(self, policy: Policy, at: float) -> Reach:
        doubtful = {edge for edge in self._known if self.doubt(*edge, policy, at)}
        if not doubtful:
            return self.all
        return _reach(
            [
                tuple(to for to in targets if (number, to) not in doubtful)
                for number, targets in enumerate(self.all.down)
            ]
        )


def _aged(policy: Policy, at: float) -> float:
    """The end of the step of ageing that this moment is in."""
    step = policy.edge_stale_seconds / STEPS_OF_AGEING
    return (at // step + 1) * step if step > 0 else at


def _is_sure(edge: Edge, policy: Policy, at: float) -> bool:
    fresh = edge.seen_at is None or at - edge.seen_at < policy.edge_stale_seconds
    return fresh and edge.confidence >= policy.edge_confidence


def _edges(registry: Registry) -> dict[str, dict[str, tuple[Edge, ...]]]:
    """All edges by both ends; those that are only declared have nothing more to them. What is
    depended on and stands in no catalog is a node too."""
    found: dict[str, dict[str, tuple[Edge, ...]]] = {}
    rows: list[Entity | Product] = [*registry.entities.values(), *registry.products.values()]
    for row in rows:
        mine = found.setdefault(row.name, {})
        for edge in row.edges:
            mine[edge.to] = (*mine.get(edge.to, ()), edge)
        for to in row.depends_on:
            mine.setdefault(to, ())
    for entity in registry.entities.values():
        if entity.product is not None and entity.kind is not EntityKind.AGENT:
            found.setdefault(entity.product, {})[entity.name] = ()
    for name in {to for mine in found.values() for to in mine} - set(found):
        found[name] = {}
    return found


def _circles(down: Neighbours) -> list[list[int]]:
    """Strongly connected components, dependencies first (Tarjan 1972, without recursion)."""
    order: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    done: set[int] = set()
    found: list[list[int]] = []
    for root in range(len(down)):
        if root in order:
            continue
        order[root] = low[root] = len(order)
        stack.append(root)
        way = [(root, iter(down[root]))]
        while way:
            node, rest = way[-1]
            for to in rest:
                if to not in order:
                    order[to] = low[to] = len(order)
                    stack.append(to)
                    way.append((to, iter(down[to])))
                    break
                if to not in done:
                    low[node] = min(low[node], order[to])
            else:
                way.pop()
                if way:
                    low[way[-1][0]] = min(low[way[-1][0]], low[node])
                if low[node] == order[node]:
                    found.append(_taken(stack, node))
                    done.update(found[-1])
    return found


def _taken(stack: list[int], node: int) -> list[int]:
    at = len(stack) - 1 - stack[::-1].index(node)
    circle = stack[at:]
    del stack[at:]
    return circle


def _reach(down: Neighbours) -> Reach:
    up: list[list[int]] = [[] for _ in down]
    for number, targets in enumerate(down):
        for to in targets:
            up[to].append(number)
    circles = _circles(down)
    dependents = [tuple(numbers) for numbers in up]
    above = _closure(reversed(circles), dependents)
    return Reach(down=down, up=dependents, above=above, circles=circles)


def _below(reach: Reach) -> list[int]:
    return _closure(iter(reach.circles), reach.down)


def _closure(circles: Iterator[Sequence[int]], neighbours: Neighbours) -> list[int]:
    """Everything that can be reached, itself included. Circles come after all they lead to."""
    found = [0] * len(neighbours)
    for circle in circles:
        mask = 0
        for number in circle:
            mask |= 1 << number
            for to in neighbours[number]:
                mask |= found[to]
        for number in circle:
            found[number] = mask
    return found


def _heights(reach: Reach) -> list[int]:
    found = [0] * len(reach.down)
    for circle in reach.circles:
        inside = set(circle)
        below = [found[to] + 1 for n in circle for to in reach.down[n] if to not in inside]
        height = max(below, default=0)
        for number in circle:
            found[number] = height
    return found


def numbers_in(nodes: int) -> Iterator[int]:
    """The numbers of the nodes in a set, lowest (deepest) first."""
    while nodes:
        low = nodes & -nodes
        yield low.bit_length() - 1
        nodes ^= low


def shortest(reach: Reach, start: int, end: int) -> tuple[int, ...]:
    """The shortest way down from one node to another; empty where there is none. It is searched
    from both ends at once, each time from the narrower side: what everybody stands on has thousands
    of direct dependents."""
    if start == end:
        return (start,)
    came: dict[int, int] = {start: start}
    leads: dict[int, int] = {end: end}
    front, back = [start], [end]
    while front and back:
        if len(front) <= len(back):
            front, met = _step(front, reach.down, came, leads)
        else:
            back, met = _step(back, reach.up, leads, came)
        if met is not None:
            return (*_walk(came, met)[::-1], *_walk(leads, met)[1:])
    return ()


def _step(
    front: Sequence[int], neighbours: Neighbours, seen: dict[int, int], others: Mapping[int, int]
) -> tuple[list[int], int | None]:
    following: list[int] = []
    for number in front:
        for to in neighbours[number]:
            if to not in seen:
                seen[to] = number
                if to in others:
                    return following, to
                following.append(to)
    return following, None


def _walk(seen: Mapping[int, int], number: int) -> list[int]:
    walked = [number]
    while seen[number] != number:
        number = seen[number]
        walked.append(number)
    return walked


@lru_cache(maxsize=2)
def _graph(same: SameRegistry) -> Graph:
    return Graph(same.registry)


def graph_of(registry: Registry) -> Graph:
    return _graph(SameRegistry(registry))
