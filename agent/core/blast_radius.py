"""Blast radius: how far it reaches, computed from the dependency graph and the live symptoms.

The suspect is what is sick and explains most of what burns, searched along the dependencies of what
the incident is about (itself included). What depends on the suspect and burns is what it hits:

- systemic, where the suspect is shared by products, where what it hits belongs to two of them,
  where an open systemic incident already says so, or where several products burn that share
  something nobody vouches for;
- systemic also where nobody knows what it is about;
- else contained in its product.

Whatever is unknown or in doubt widens and never narrows: doubtful dependencies count wherever they
make it wider, and only half where suspects are compared. The path from symptom to suspect is kept
with what is in doubt about it: the page shows both.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import msgspec

from agent.core.graph import Graph, Reach, graph_of, numbers_in, shortest
from agent.core.own_alert import burns_nothing
from agent.core.signs import ACCUSED, BURNING, loose, said, vouched
from agent.core.view import View, signs
from agent.model.incident import Incident, Radius
from agent.model.product import Registry
from agent.model.reason import Reason

MOST_DOUBTS = 5


class Assessment(msgspec.Struct, frozen=True, kw_only=True):
    radius: Radius
    suspect: str | None
    path: tuple[str, ...]
    """Names from the incident's node to the suspect."""
    reason: Reason
    doubt: tuple[str, ...] = ()
    """What the class hangs on and is not sure, one sentence each."""


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What one assessment looks at, as sets of nodes."""

    view: View
    graph: Graph
    sure: Reach
    at: float
    incident: Incident
    node: int
    sick: int
    """What burns, what a diagnostic found sick, and what an open systemic incident accuses."""

    def weight(self, suspect: int) -> int:
        """How much it explains, in halves: what burns and depends on it by doubtful edges alone
        counts half."""
        surely = (self.sure.above[suspect] & self.sick).bit_count()
        return surely + (self.graph.all.above[suspect] & self.sick).bit_count()

    def best(self, suspects: Iterable[int]) -> int:
        """What explains most; of equals the deepest, then by name."""
        graph = self.graph
        return min(suspects, key=lambda n: (-self.weight(n), graph.height[n], graph.names[n]))

    def deepest(self, nodes: int) -> list[int]:
        """Those of a set below which there is no other one of it: what depends on one of them
        surely explains less than that one does."""
        found: list[int] = []
        while nodes:
            number = (nodes & -nodes).bit_length() - 1
            found.append(number)
            nodes &= ~(self.sure.above[number] | 1 << number)
        return found

    def hits(self, suspect: int) -> int:
        """What burns of the products, and depends on it."""
        return self.graph.all.above[suspect] & self.sick & self.graph.owned

    def crosses(self, hit: int) -> bool:
        """Whether a set of nodes belongs to two products or more."""
        return bool(hit & ~self.product_of(hit))

    def product_of(self, hit: int) -> int:
        """All that belongs to the product of the first of them."""
        if not hit:
            return 0
        name = self.graph.names[(hit & -hit).bit_length() - 1]
        entity = self.view.registry.entities.get(name)
        product = entity.product if entity is not None else name
        return self.graph.of_product.get(product or "", 0)


def node_of(incident: Incident, graph: Graph) -> int | None:
    """Number of what the incident is about: its entity, or its product where it names none."""
    number = graph.number.get(incident.entity or "")
    return number if number is not None else graph.number.get(incident.product or "")


def shared(registry: Registry, incident: Incident) -> frozenset[str]:
    """Names of what this incident's entity (or product) stands on and other products may share."""
    graph = graph_of(registry)
    node = node_of(incident, graph)
    if node is None:
        return frozenset()
    below = graph.below[node] & graph.shared & ~(1 << node)
    return frozenset(graph.names[number] for number in numbers_in(below))


def stands_on_something_unvouched(incident: Incident, registry: Registry) -> bool:
    """Whether a common cause could still show."""
    return bool(shared(registry, incident) - said(incident, "healthy"))


def assess(incident: Incident, view: View, at: float | None = None) -> Assessment:
    """The class of this incident as far as it is known at this time (by default: when it last
    changed)."""
    if burns_nothing(incident):
        radius = Radius.SYSTEMIC if incident.product is None else Radius.PRODUCT
        return Assessment(radius=radius, suspect=None, path=(), reason=Reason.RADIUS_PRODUCT)
    graph = graph_of(view.registry)
    node = node_of(incident, graph)
    if node is None:
        return Assessment(
            radius=Radius.SYSTEMIC, suspect=None, path=(), reason=Reason.PRODUCT_UNKNOWN
        )
    at = incident.updated_at if at is None else at
    found = signs(view)
    accused = _accused(incident, view, graph)
    told_sick = graph.set_of(list(said(incident, "sick")))
    search = Search(
        view=view,
        graph=graph,
        sure=graph.sure(view.policy, at),
        at=at,
        incident=incident,
        node=node,
        sick=found.nodes(BURNING, graph) | accused | told_sick | 1 << node,
    )
    return _systemic(search, accused) or _unexplained(search) or _contained(search)


def _accused(incident: Incident, view: View, graph: Graph) -> int:
    """What other open systemic incidents say is sick. Its own word does not prove it right."""
    found = signs(view)
    accused = found.nodes(ACCUSED, graph)
    known = view.incidents.get(incident.id)
    suspect = known.suspect if known is not None else None
    if suspect is not None and set(found.ids(ACCUSED, suspect)) == {incident.id}:
        accused &= ~graph.bit(suspect)
    return accused


def _systemic(search: Search, accused: int) -> Assessment | None:
    """What is sick below and hits more than one product."""
    graph = search.graph
    suspects = graph.below[search.node] & search.sick
    crossing = [n for n in search.deepest(suspects) if search.crosses(search.hits(n))]
    widest = [*crossing, *search.deepest(suspects & (graph.shared | accused))]
    if not widest:
        return None
    suspect = search.best(widest)
    is_shared = graph.shared >> suspect & 1
    reason = Reason.RADIUS_SYSTEMIC if is_shared else Reason.RADIUS_CROSSES
    doubt = _doubtful_hit(search, suspect) if suspect in crossing and not is_shared else ()
    return _told(search, suspect, Radius.SYSTEMIC, reason, doubt)


def _unexplained(search: Search) -> Assessment | None:
    """Another product that stands on the same thing burns, and nobody knows why."""
    graph, found = search.graph, signs(search.view)
    mine = _mine(search)
    burns = found.nodes(loose(search.incident.layer), graph) & graph.owned & ~mine
    below = graph.below[search.node] & graph.shared
    below &= ~graph.set_of(list(said(search.incident, "healthy")))
    if not burns or not below:
        return None
    suspects = [
        number
        for number in numbers_in(below)
        if graph.all.above[number] & burns & ~found.nodes(vouched(graph.names[number]), graph)
    ]
    if not suspects:
        return None
    suspect = search.best(suspects)
    hit = graph.all.above[suspect] & burns
    doubt: tuple[str, ...] = ()
    if not hit & search.sure.above[suspect]:
        # Only a doubtful dependency of another product makes it common: that is said as well.
        doubt = tuple(_way(search, (hit & -hit).bit_length() - 1, suspect)[1])
    return _told(search, suspect, Radius.SYSTEMIC, Reason.RADIUS_SYSTEMIC, doubt)


def _mine(search: Search) -> int:
    product = search.incident.product
    return search.graph.of_product.get(product or "", 0) | 1 << search.node


def _contained(search: Search) -> Assessment:
    suspects = search.deepest(search.graph.below[search.node] & search.sick)
    return _told(search, search.best(suspects), Radius.PRODUCT, Reason.RADIUS_PRODUCT, ())


def _told(
    search: Search, suspect: int, radius: Radius, reason: Reason, doubt: tuple[str, ...]
) -> Assessment:
    graph = search.graph
    path, doubts = _way(search, search.node, suspect)
    is_itself = suspect == search.node and radius is Radius.PRODUCT
    return Assessment(
        radius=radius,
        suspect=None if is_itself else graph.names[suspect],
        path=() if is_itself else tuple(graph.names[n] for n in path),
        reason=reason,
        doubt=tuple(dict.fromkeys((*doubts, *doubt)))[:MOST_DOUBTS],
    )


def _way(search: Search, start: int, suspect: int) -> tuple[tuple[int, ...], list[str]]:
    """The shortest way down that is sure, else the shortest with what is in doubt about it."""
    graph = search.graph
    is_sure = search.sure.above[suspect] >> start & 1
    path = shortest(search.sure if is_sure else graph.all, start, suspect)
    doubts: list[str] = []
    if not is_sure:
        edges = pairwise(path)
        told = (graph.doubt(a, b, search.view.policy, search.at) for a, b in edges)
        doubts = [doubt for doubt in told if doubt]
    unknown = [graph.names[n] for n in path if graph.unknown >> n & 1]
    return path, [*doubts, *(f"{name} stands in no catalog" for name in unknown)]


def _doubtful_hit(search: Search, suspect: int) -> tuple[str, ...]:
    """Where only doubtful dependencies make it cross products: those of one that shows it."""
    surely = search.hits(suspect) & search.sure.above[suspect]
    if search.crosses(surely):
        return ()
    other = search.hits(suspect) & ~search.product_of(surely or search.hits(suspect))
    if not other:
        return ()
    return tuple(_way(search, (other & -other).bit_length() - 1, suspect)[1])
