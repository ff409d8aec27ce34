"""What came after a resolution, where it was done and next to it: the same again, or other trouble.

Asked when it is judged, so that all of it is known: what is open comes from the view, what is over
from the resolutions of it, and what a runbook healed from its acts. Nothing is searched but what is
about the same things. What cannot be told apart counts as having come: a resolution that is not
credited costs a repeat, one that is credited wrongly may become a runbook.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from agent.core.budget import entity_of
from agent.core.cause import is_next_to
from agent.core.graph import graph_of
from agent.core.likeness import signature_of
from agent.core.reaching import calls_of
from agent.core.signs import ABOUT, BURNING
from agent.core.view import View, signs
from agent.model.effect import OutcomeStatus
from agent.model.incident import Incident
from agent.model.learning import Resolution


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """Another incident, as far as it is asked about here."""

    id: str
    about: str | None
    signature: str
    opened_at: float
    is_open: bool = False
    is_told: bool
    """Whether people heard of it: they were called, or resolved it."""


def again(resolution: Resolution, view: View, *, since: float, until: float) -> str | None:
    """What says that the same fired again between these times; None where nothing does."""
    flap = view.flaps.get(resolution.key)
    if flap is not None and any(max(resolution.at, since) < t <= until for t in flap.turns):
        return "it came and went again"
    same = view.incidents.get(view.by_key.get(resolution.key, ""))
    if same is not None and same.id != resolution.incident_id and same.opened_at <= until:
        return same.id
    about = about_of(resolution)
    alike = view.likes.get(resolution.signature, ())
    over = _over(resolution, view, list(alike), since)
    still = _open(resolution, view, about) if about is not None else iter(())
    for other in (*still, *over):
        # One that was there before the act went away with it, unless it is still there.
        came_after = other.is_open or other.opened_at > since
        is_same = other.signature == resolution.signature and other.about == about
        if is_same and came_after and other.opened_at <= until:
            return other.id
    return _healed(resolution, view, since=since, until=until)


def harm(resolution: Resolution, view: View, *, since: float, until: float) -> str | None:
    """Id of another incident that people were told of, opened between these times on what was
    acted on, or next to it; None where there is none."""
    named = (entity_of(deed.target, view) for deed in resolution.deeds)
    places = {entity.name for entity in named if entity is not None}
    about = about_of(resolution)
    places |= {about} if about is not None else set()
    found: list[Other] = []
    for place in sorted({name for one in places for name in _next_to(one, view)}):
        found += _open(resolution, view, place)
        found += _over(resolution, view, list(view.ended_on.get(place, ())), since)
    after = [
        other
        for other in found
        if other.is_told
        and other.signature != resolution.signature
        and since < other.opened_at <= until
    ]
    return min(after, key=lambda other: (other.opened_at, other.id)).id if after else None


def about_of(what: Resolution | Incident) -> str | None:
    return what.entity or what.product


def _next_to(name: str, view: View) -> set[str]:
    """Everything it depends on or that depends on it in one step, itself included."""
    graph = graph_of(view.registry)
    number = graph.number.get(name)
    if number is None:
        return {name}
    steps = (*graph.all.down[number], *graph.all.up[number])
    around = {graph.names[n] for n in steps}
    return {other for other in around if is_next_to(view.registry, name, other)} | {name}


def _over(resolution: Resolution, view: View, names: list[str], since: float) -> Iterator[Other]:
    """Those of them that did not end before then; the latest first."""
    for name in reversed(names):
        over = view.resolutions.get(name)
        if over is None or name == resolution.incident_id:
            continue
        if over.at < since:
            return
        yield Other(
            id=name,
            about=about_of(over),
            signature=over.signature,
            opened_at=over.opened_at,
            is_told=over.pages > 0 or bool(over.who),
        )


def _open(resolution: Resolution, view: View, place: str) -> Iterator[Other]:
    found = signs(view)
    names = {*found.ids(BURNING, place), *found.ids(ABOUT, place)}
    for name in sorted(names - {resolution.incident_id}):
        case = view.incidents[name]
        if about_of(case) != place:
            continue  # it only suspects this one
        entity = view.registry.entities.get(case.entity or "")
        yield Other(
            id=name,
            about=place,
            signature=signature_of(
                alertnames=[a.name for a in case.alerts.values()],
                kind=entity.kind.value if entity is not None else "",
                layer=case.layer.value,
            ),
            opened_at=case.opened_at,
            is_open=True,
            is_told=bool(calls_of(case)),
        )


def _healed(resolution: Resolution, view: View, *, since: float, until: float) -> str | None:
    """Id of an incident on the same entity in which the agent acted: of what a runbook healed there
    is no resolution, and what its alerts were called is not known here any more."""
    if resolution.entity is None:
        return None
    acts = [
        act
        for act in view.lately.values()
        if act.entity == resolution.entity
        and act.by == "agent"
        and act.status is not OutcomeStatus.REFUSED
        and act.incident_id != resolution.incident_id
        and since < act.at <= until
    ]
    return min(acts, key=lambda act: (act.at, act.key)).incident_id if acts else None
