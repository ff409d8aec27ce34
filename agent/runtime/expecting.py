"""What has to be heard of: members and leadership metrics are missed from the start on. And what is
not expected of members and products any more, once the registry was read anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent.core import deregistered, heartbeat, leadership, objectives, telemetry
from agent.core.view import View
from agent.model.decision import Decision, Timer
from agent.model.event import Event


def as_read(
    view: View, standing: Mapping[tuple[str, str], float], *, at: float
) -> list[Decision | Event]:
    """What follows from the registry as it was read: timers that do not stand yet, or that ran out
    while nobody listened, begin anew; what is over ends."""
    missing = tuple(
        t for t in expected(view, at=at) if standing.get((t.subject, t.name), 0.0) <= at
    )
    over = deregistered.settled(view, at=at)
    if view.registry.products:  # where none could be read, that is a fault of its own
        over = over.also(leadership.settled(view, at=at)).also(objectives.settled(view, at=at))
    told: list[Decision | Event] = [Decision(timers=missing)] if missing else []
    return [*told, over, *over.emits] if over != Decision() else told


def expected(view: View, *, at: float) -> tuple[Timer, ...]:
    """The timers of what was never heard of, as they begin now."""
    return tuple(_all(view, at))


def _all(view: View, at: float) -> Iterator[Timer]:
    wanted = [heartbeat.watch(name, view, at=at) for name in view.registry.entities]
    wanted += [telemetry.watch(name, view, at=at) for name in view.registry.entities]
    wanted += [leadership.watch(name, view, at=at) for name in view.registry.products]
    for timer in wanted:
        if timer is not None:
            yield timer
