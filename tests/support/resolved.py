"""Stories of incidents that people resolve, told with the small world of `cases`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from agent.model.alert import Alert
from agent.model.decision import Decision
from agent.model.event import ActionRequested, ResolvedByPerson
from agent.model.learning import Credit, Resolution
from tests.support.cases import World, alert, received, resolved


def rule(expression: str) -> str:
    """The address of a rule with this expression, as Prometheus sends it."""
    return f"http://prometheus:9090/graph?g0.expr={quote(expression)}&g0.tab=1"


def act(world: World, use: str = "process.restart", *, who: str = "bob", **params: Any) -> Decision:
    """Somebody runs an action through the agent, and it is done."""
    case = world.last
    decision = world.tell(
        ActionRequested(at=world.now, subject=case, who=who, use=use, params=params)
    )
    if decision.refused is None:
        world.act()
    return decision


def resolve(world: World, *, who: str = "bob", cause: str = "a leak", **told: Any) -> Decision:
    event = ResolvedByPerson(at=world.now, subject=world.last, who=who, cause=cause, **told)
    return world.tell(event)


def kept(world: World, incident: str | None = None) -> Resolution:
    """What is kept of an incident, the last one if none is named."""
    found = world.view.resolutions[incident or world.last]
    assert isinstance(found, Resolution)
    return found


def judged(world: World, *, after: float = 100_000.0) -> Resolution:
    """The same, once it is judged."""
    incident = world.last
    world.wait(after)
    found = kept(world, incident)
    assert found.credit is not Credit.PENDING
    return found


def told_over(world: World, what: Alert, *, ended_at: float | None = None) -> Decision:
    """The source says that it ended: now, or at that time."""
    over = resolved(what, world.now if ended_at is None else ended_at)
    return world.tell(received(over, world.now))


def fired(world: World, name: str = "Hung", entity: str = "shop-worker", **told: Any) -> Alert:
    """An alert that fires from now on."""
    labels: Mapping[str, str] = told.pop("labels", {})
    what = alert(name, entity, starts_at=world.now, labels=labels, **told)
    world.fire(what)
    return what


def cured(world: World, *, who: str = "bob", after: float = 120.0, **told: Any) -> Resolution:
    """One incident that a restart ended, as it is kept until it is judged."""
    what = fired(world, **told)
    world.wait(after)
    act(world, who=who)
    world.wait(60)
    told_over(world, what)
    resolve(world, who=who)
    return kept(world)
