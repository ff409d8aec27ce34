"""The path that made a blast radius: its nodes, what is known of each dependency on it, and what
else would make it wider."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from agent.core.blast_radius import node_of
from agent.core.graph import Graph, graph_of, numbers_in
from agent.core.signs import BURNING, said
from agent.core.view import View, signs
from agent.model.incident import Incident, Radius
from agent.model.product import Edge, EdgeKind, Registry

PART, GONE = "part", "gone"
"""Kinds of a hop besides those of edges: a product leads to what it is made of; and what the path
was made by stands in no catalog any more."""
MOST = 5
SHOWN_NAMES = 4


class Node(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: str
    """Kind of the entity, `product`, or `unknown` where it stands in no catalog."""
    product: str | None
    is_sick: bool
    is_suspect: bool


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One dependency on the path, from what depends to what it depends on."""

    start: str
    end: str
    kind: str
    confidence: float
    seen_at: float | None
    doubt: str
    """What is in doubt about it; empty where it is sure."""


def nodes_of(incident: Incident, view: View) -> list[Node]:
    """From the symptom to the suspect; where the cause is thought to lie in itself, that alone."""
    about = incident.entity or incident.product
    names = incident.radius_path or ((about,) if about is not None else ())
    return [_node(name, incident, view) for name in names]


def _node(name: str, incident: Incident, view: View) -> Node:
    entity = view.registry.entities.get(name)
    kind = entity.kind.value if entity is not None else "unknown"
    product = entity.product if entity is not None else None
    if entity is None and name in view.registry.products:
        kind, product = "product", name
    own = {incident.entity or incident.product, incident.suspect}
    told = name in said(incident, "sick") or bool(signs(view).ids(BURNING, name))
    is_sick = told or (incident.is_open and name in own)
    return Node(
        name=name,
        kind=kind,
        product=product,
        is_sick=is_sick,
        is_suspect=name == incident.suspect,
    )


def hops_of(incident: Incident, view: View, at: float) -> list[Hop]:
    """What is known now of each dependency on the path, which was found then."""
    graph = graph_of(view.registry)
    pairs = pairwise(incident.radius_path)
    return [_hop(start, end, graph, view, at) for start, end in pairs]


def _hop(start: str, end: str, graph: Graph, view: View, at: float) -> Hop:
    edge = _edge(start, end, view.registry)
    if edge is None:
        entity = view.registry.entities.get(end)
        is_part = entity is not None and entity.product == start
        doubt = "" if is_part else "it stands in no catalog any more"
        kind = PART if is_part else GONE
        return Hop(start=start, end=end, kind=kind, confidence=1.0, seen_at=None, doubt=doubt)
    doubt = ""
    if start in graph.number and end in graph.number:
        doubt = graph.doubt(graph.number[start], graph.number[end], view.policy, at)
    return Hop(
        start=start,
        end=end,
        kind=edge.kind.value,
        confidence=edge.confidence,
        seen_at=edge.seen_at,
        doubt=doubt,
    )


def _edge(start: str, end: str, registry: Registry) -> Edge | None:
    """The best that is known of it; one that somebody only wrote down is sure."""
    row = registry.entities.get(start) or registry.products.get(start)
    if row is None or end not in {*row.depends_on, *(e.to for e in row.edges)}:
        return None
    known = [edge for edge in row.edges if edge.to == end]
    if not known:
        return Edge(to=end, kind=EdgeKind.DECLARED)
    return max(known, key=lambda edge: (edge.seen_at is None, edge.confidence, edge.seen_at or 0.0))


# wider


def would_widen(incident: Incident, view: View) -> list[str]:
    """What else would have to burn for it to be systemic, one phrase each."""
    if incident.radius is Radius.SYSTEMIC:
        return []
    graph = graph_of(view.registry)
    node = node_of(incident, graph)
    if node is None:
        return []
    return list(_wider(incident, node, graph))[:MOST]


def _wider(incident: Incident, node: int, graph: Graph) -> Iterator[str]:
    own = graph.of_product.get(incident.product or "", 0) | 1 << node
    healthy = graph.set_of(list(said(incident, "healthy")))
    for number in numbers_in(graph.below[node] & graph.shared & ~own & ~healthy):
        name = graph.names[number]
        others = _products(graph, graph.all.above[number] & graph.owned & ~own)
        yield f"{name} sick" + (f"; {others} stand on it too" if others else ", which is shared")
        if others:
            yield f"{others} sick as well, while nobody vouches for {name}"
    for number in numbers_in(graph.below[node] & graph.owned & ~own):
        yield f"{graph.names[number]} sick, which belongs to another product"
    others = _products(graph, graph.all.above[node] & graph.owned & ~own)
    if others:
        yield f"{others} sick as well: they stand on {graph.names[node]}"


def _products(graph: Graph, nodes: int) -> str:
    names = sorted(name for name, own in graph.of_product.items() if own & nodes)
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")
