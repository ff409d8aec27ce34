"""The blast radius against a naive one, and what must hold of it for every company and every fault.

More that burns never narrows it, doubt never narrows it, and it does not matter in which order the
alerts came.
"""

from __future__ import annotations

from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.core.blast_radius import Assessment, assess
from agent.core.matching import MatchIndex
from agent.core.view import View
from agent.model.alert import AlertStatus, Layer
from agent.model.decision import Decision
from agent.model.incident import AlertState, Incident, Radius, State
from agent.model.policy import Policy
from agent.model.product import Edge, EdgeKind, Entity, EntityKind, Registry
from agent.runtime.view_state import ViewState
from tests.support.cases import START
from tests.support.fleets import registry_of

NAMES = tuple("abcdefghij")
KINDS = (EntityKind.SERVICE, EntityKind.RESOURCE, EntityKind.SUBSTRATE, EntityKind.AGENT)
PRODUCTS = ("p", "q", "r")
DOUBTFUL = Edge(to="", kind=EdgeKind.OBSERVED, confidence=0.2, seen_at=START)


class Drawn(msgspec.Struct, frozen=True):
    """A company, and what burns in it, in the order it began to."""

    registry: Registry
    burning: tuple[str, ...]
    sick: tuple[str, ...]
    healthy: tuple[str, ...]


@st.composite
def companies(draw: st.DrawFn) -> Drawn:
    count = draw(st.integers(2, len(NAMES)))
    names = NAMES[:count]
    entities = []
    for name in names:
        kind = draw(st.sampled_from(KINDS))
        shared = kind is EntityKind.SUBSTRATE or draw(st.integers(0, 5)) == 0
        depends = draw(st.lists(st.sampled_from((*names, "ghost", "q")), max_size=3, unique=True))
        doubtful = draw(st.lists(st.sampled_from(depends), unique=True)) if depends else []
        entities.append(
            Entity(
                name=name,
                kind=kind,
                product=None if shared else draw(st.sampled_from(PRODUCTS)),
                owner="o",
                depends_on=tuple(to for to in depends if to != name),
                edges=tuple(msgspec.structs.replace(DOUBTFUL, to=to) for to in doubtful),
            )
        )
    some = st.lists(st.sampled_from(names), unique=True, max_size=4)
    return Drawn(
        registry_of(*entities, products=PRODUCTS),
        tuple(draw(st.lists(st.sampled_from(names), unique=True, min_size=1))),
        tuple(draw(some)),
        tuple(draw(some)),
    )


def incident(name: str, registry: Registry, **findings: object) -> Incident:
    state = AlertState(
        identity=name, name="Down", status=AlertStatus.FIRING, labels={}, starts_at=START
    )
    return Incident(
        id=f"i-{name}",
        key=name,
        title=name,
        state=State.OPEN,
        layer=Layer.PRODUCT,
        product=registry.entities[name].product,
        entity=name,
        severity="critical",
        opened_at=START,
        updated_at=START,
        alerts={name: state},
        findings={"look": findings} if findings else {},
    )


def assessed(drawn: Drawn, burning: tuple[str, ...]) -> Assessment:
    """Of the first of them, with what a diagnosis of it found."""
    view = View(policy=Policy(), registry=drawn.registry, runbooks=MatchIndex(()), plugins={})
    state = ViewState(view)
    for name in burning:
        state.apply(Decision(incident=incident(name, drawn.registry)))
    asked = incident(
        drawn.burning[0], drawn.registry, sick=list(drawn.sick), healthy=list(drawn.healthy)
    )
    return assess(asked, view)


# the same, naively


def edges_of(registry: Registry, *, doubtful: bool) -> set[tuple[str, str]]:
    found = set()
    for entity in registry.entities.values():
        unsure = {edge.to for edge in entity.edges}
        found |= {(entity.name, to) for to in entity.depends_on if doubtful or to not in unsure}
        found |= {(entity.name, to) for to in unsure if doubtful}
        if entity.product is not None and entity.kind is not EntityKind.AGENT:
            found.add((entity.product, entity.name))
    return found


def below(name: str, edges: set[tuple[str, str]]) -> set[str]:
    found = {name}
    while more := {b for a, b in edges if a in found} - found:
        found |= more
    return found


def naive(drawn: Drawn) -> tuple[Radius, set[str]]:
    """The class, and of which nodes the suspect must be one where something is sick for sure."""
    registry, node = drawn.registry, drawn.burning[0]
    edges = edges_of(registry, doubtful=True)
    sick = {*drawn.burning, *drawn.sick}
    suspects = below(node, edges) & sick

    def product(name: str) -> str | None:
        entity = registry.entities.get(name)
        return entity.product if entity is not None else name if name in PRODUCTS else None

    def is_shared(name: str) -> bool:
        entity = registry.entities.get(name)
        if entity is None:
            return name not in registry.products
        shared = (EntityKind.SUBSTRATE, EntityKind.RESOURCE)
        return entity.product is None and entity.kind in shared

    def hit(suspect: str) -> set[str | None]:
        return {product(n) for n in sick if suspect in below(n, edges)} - {None}

    wide = {s for s in suspects if is_shared(s) or len(hit(s)) > 1}
    if wide:
        return Radius.SYSTEMIC, wide
    others = {n for n in drawn.burning if product(n) not in (None, product(node))}
    unvouched = {n for n in below(node, edges) if is_shared(n)} - set(drawn.healthy)
    if any(below(other, edges) & unvouched for other in others):
        return Radius.SYSTEMIC, unvouched
    return Radius.PRODUCT, suspects


def weight(name: str, drawn: Drawn) -> float:
    sick = {*drawn.burning, *drawn.sick}
    surely, perhaps = (edges_of(drawn.registry, doubtful=d) for d in (False, True))
    return sum(1.0 if name in below(n, surely) else 0.5 for n in sick if name in below(n, perhaps))


@settings(deadline=None)
@given(companies())
def test_it_is_what_a_naive_one_says(drawn: Drawn) -> None:
    found = assessed(drawn, drawn.burning)
    radius, suspects = naive(drawn)
    suspect = found.suspect or drawn.burning[0]
    assert (found.radius, suspect in suspects) == (radius, True), found
    if suspects <= {*drawn.burning, *drawn.sick}:
        assert weight(suspect, drawn) == max(weight(name, drawn) for name in suspects)


@settings(deadline=None)
@given(companies())
def test_more_symptoms_never_narrow_it(drawn: Drawn) -> None:
    classes = [
        assessed(drawn, drawn.burning[:count]).radius is Radius.SYSTEMIC
        for count in range(1, len(drawn.burning) + 1)
    ]
    assert all(before <= after for before, after in pairwise(classes))


@settings(deadline=None)
@given(companies(), st.randoms(use_true_random=False))
def test_the_order_of_alerts_does_not_matter(drawn: Drawn, chance: object) -> None:
    shuffled = list(drawn.burning)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert assessed(drawn, tuple(shuffled)) == assessed(drawn, drawn.burning)


@settings(deadline=None)
@given(companies())
def test_doubt_never_narrows_it(drawn: Drawn) -> None:
    """It reaches as far as without the doubtful edges, and as far as if they were sure."""
    changed = []
    for entity in drawn.registry.entities.values():
        unsure = {edge.to for edge in entity.edges}
        without = tuple(to for to in entity.depends_on if to not in unsure)
        changed.append((entity, without, (*without, *unsure)))
    radius = assessed(drawn, drawn.burning).radius is Radius.SYSTEMIC
    for which in (1, 2):
        entities = {
            row[0].name: msgspec.structs.replace(row[0], depends_on=row[which], edges=())
            for row in changed
        }
        registry = msgspec.structs.replace(drawn.registry, entities=entities)
        other = msgspec.structs.replace(drawn, registry=registry)
        assert radius >= (assessed(other, other.burning).radius is Radius.SYSTEMIC)


@settings(deadline=None)
@given(companies())
def test_the_path_leads_from_the_symptom_to_the_suspect(drawn: Drawn) -> None:
    found = assessed(drawn, drawn.burning)
    if found.suspect is None:
        return
    assert (found.path[0], found.path[-1]) == (drawn.burning[0], found.suspect)
    surely, perhaps = (edges_of(drawn.registry, doubtful=d) for d in (False, True))
    assert set(pairwise(found.path)) <= perhaps
    if set(pairwise(found.path)) - surely:
        assert found.doubt
