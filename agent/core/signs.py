"""What burns, and who speaks for it: the open incidents, found by what they say.

A storm has 100,000 open incidents, and each further alert asks what else burns. So they are kept by
family and key (all incidents on one entity, all that are held under one root), and the families
whose keys are nodes of the graph also as sets with one bit per node. `Signs` is changed with every
incident and taken back by the opposite change; a view without one is read in full.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from agent.core.graph import Graph
from agent.core.identify import SEVERITIES
from agent.core.own_alert import burns_nothing
from agent.model.alert import Layer
from agent.model.incident import Incident, Radius, State

MINUTE = 60.0
FLEET = "the fleet"
"""Scope of what is about all products."""

BURNING = "burning"
"""By entity, or product for what names no entity: symptoms. Open, firing, and needing somebody."""
PRODUCT = "product"
"""The same by product."""
OWN = "own"
"""Symptoms by entity that no other incident speaks for."""
ACCUSED = "accused"
"""By suspect: open systemic incidents that say it is what is sick."""
ABOUT = "about"
"""By what they are about and by what they suspect: incidents whose page speaks for others too."""
TOLD = "told"
"""The same by scope: the product whose people were told, or the fleet."""
UNTOLD = "untold"
"""By node: those whose people were not told yet, and need not be if a root shows."""
HELD = "held"
"""By root: incidents that its page covers."""
IN_STORM = "in_storm"
"""By scope of the storm: incidents that are held as part of it."""

WAITING_STATES = (State.OPEN, State.DIAGNOSING)
ROUTED_STATES = (State.ESCALATED, State.ACKNOWLEDGED)

Sign = tuple[str, str]


RANK = {name: number for number, name in enumerate(SEVERITIES)}


def is_as_severe(root: Incident, case: Incident) -> bool:
    """Whether what people were told of the root can speak for this one: a page that wakes nobody
    does not cover what somebody must get up for."""
    return RANK.get(root.severity, len(RANK)) <= RANK.get(case.severity, 0)


def began(product: str, at: float) -> str:
    """Family of the symptoms of a product that opened within this minute and that nobody has
    acknowledged, by node: what is new, for whoever asks whether things begin."""
    return f"began {product} {int(at // MINUTE)}"


def beginning(at: float) -> str:
    """Family of the same by product."""
    return f"began {int(at // MINUTE)}"


def products_since(found: Signs, *, since: float, at: float) -> set[str]:
    """Products in which something began since then, to the minute, and nobody has it yet."""
    minutes = range(int(at // MINUTE) - int(since // MINUTE) + 1)
    return {name for ago in minutes for name in found.keys(beginning(at - ago * MINUTE))}


def began_since(
    found: Signs, product: str, *, since: float, at: float
) -> Iterator[tuple[str, Collection[str]]]:
    """Nodes of this product on which something began since then, to the minute, and which
    incidents; the latest first. A node may come more than once."""
    for ago in range(int(at // MINUTE) - int(since // MINUTE) + 1):
        family = began(product, at - ago * MINUTE)
        for node in found.keys(family):
            yield node, found.ids(family, node)


def loose(layer: Layer) -> str:
    """Family of the symptoms of one layer that no remedy holds, by node."""
    return f"loose {layer.value}"


def vouched(name: str) -> str:
    """Family of the symptoms whose diagnosis found `name` healthy, by node."""
    return f"vouched {name}"


def said(incident: Incident, word: str) -> set[str]:
    """Names some diagnostic listed under `sick` or `healthy`."""
    names: set[str] = set()
    for finding in incident.findings.values():
        listed = finding.get(word)
        if isinstance(listed, list | tuple):
            names.update(str(name) for name in listed)
    return names


def is_symptom(incident: Incident) -> bool:
    """Whether it shows that something is sick: nobody said that it needs nobody."""
    return (
        incident.is_open
        and incident.silenced_by is None
        and incident.inhibited_by is None
        and incident.is_firing
    )


def _is_heard(incident: Incident) -> bool:
    """Open, and its own page is the one that counts for it."""
    return (
        incident.is_open
        and incident.silenced_by is None
        and incident.inhibited_by is None
        and incident.held_by is None
    )


def signs_of(incident: Incident) -> Iterator[Sign]:
    """Where this incident is found."""
    node = incident.entity or incident.product
    if incident.held_by is not None and incident.is_open:
        yield HELD, incident.held_by
        if incident.storm is not None:
            yield IN_STORM, incident.storm
    if burns_nothing(incident):
        return
    if is_symptom(incident):
        yield from _symptoms(incident, node)
    if _is_heard(incident):
        yield from _words(incident, node)


def _symptoms(incident: Incident, node: str | None) -> Iterator[Sign]:
    if incident.product is not None:
        yield PRODUCT, incident.product
        if incident.state is not State.ACKNOWLEDGED:
            yield began(incident.product, incident.opened_at), node or incident.product
            yield beginning(incident.opened_at), incident.product
    if incident.held_by is None:
        if incident.entity is not None:
            yield OWN, incident.entity
        if incident.suspect is not None and incident.radius is Radius.SYSTEMIC:
            yield ACCUSED, incident.suspect
    if node is not None:
        yield BURNING, node
        if incident.radius is not Radius.ROUTINE:
            yield loose(incident.layer), node
        for name in said(incident, "healthy"):
            yield vouched(name), node


def _words(incident: Incident, node: str | None) -> Iterator[Sign]:
    if not incident.pages:
        if node is not None and incident.state in WAITING_STATES:
            yield UNTOLD, node
        return
    for name in {incident.entity, incident.suspect} - {None}:
        yield ABOUT, str(name)
    if incident.state in ROUTED_STATES:
        scope = FLEET if incident.radius is Radius.SYSTEMIC else incident.product
        if scope is not None:
            yield TOLD, scope


class Signs:
    """Ids of open incidents by family and key."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, dict[str, None]]] = {}
        self._graph: Graph | None = None
        self._sets: dict[str, int] = {}

    def change(self, before: Incident | None, after: Incident | None) -> None:
        """One incident is otherwise now, or there, or gone."""
        old = set(signs_of(before)) if before is not None else set()
        new = set(signs_of(after)) if after is not None else set()
        known = after or before
        if known is None:
            return
        name = known.id
        for family, key in old - new:
            self._drop(family, key, name)
        for family, key in new - old:
            self._add(family, key, name)

    def ids(self, family: str, key: str | None) -> Collection[str]:
        return self._ids.get(family, {}).get(key or "", ())

    def keys(self, family: str) -> Collection[str]:
        """Those that have incidents."""
        return self._ids.get(family, ())

    def family(self, family: str) -> Mapping[str, Collection[str]]:
        """All of one family, as it is at any time: it is not a copy."""
        return self._ids.setdefault(family, {})

    def nodes(self, family: str, graph: Graph) -> int:
        """The keys as a set of nodes of the graph."""
        if graph is not self._graph:
            self._graph, self._sets = graph, {}
        if family not in self._sets:
            self._sets[family] = graph.set_of(list(self._ids.get(family, ())))
        return self._sets[family]

    def _add(self, family: str, key: str, name: str) -> None:
        keys = self._ids.setdefault(family, {})
        if key not in keys:
            keys[key] = {}
            if family in self._sets and self._graph is not None:
                self._sets[family] |= self._graph.bit(key)
        keys[key][name] = None

    def _drop(self, family: str, key: str, name: str) -> None:
        keys = self._ids.get(family, {})
        held = keys.get(key, {})
        held.pop(name, None)
        if held or keys.pop(key, None) is None:
            return
        if family in self._sets and self._graph is not None:
            self._sets[family] &= ~self._graph.bit(key)
        if not keys and family != BURNING:  # what diagnostics call healthy may be any name
            del self._ids[family]
            self._sets.pop(family, None)
