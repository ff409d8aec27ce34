"""When something may be done, and when not.

A change window is for its own runbooks, and one that is closed is not waited for: its author said
when. A freeze is for everybody, people among them; only what its owner lists runs all the same, and
the way back of a plan that was begun, because to stop half-way is worse. They are asked again at
the act, so that a freeze that began since the decision holds; a step under way is not stopped.
"""

from __future__ import annotations

from agent.core.inventory import named, owner_of
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.core.silence import MAINTENANCE, quiet_of
from agent.model.policy import Freeze
from agent.model.reason import Reason


@rail(id="window_open", reads=("policy",), reasons=(Reason.WINDOW_CLOSED, Reason.WINDOW_UNKNOWN))
def window_open(q: Question) -> Stop | None:
    """A runbook keeps to its change window. One that nobody declared is closed: a misspelt name
    must not open it."""
    name = q.runbook.guard.window if q.runbook is not None else None
    if name is None:
        return None
    window = q.view.policy.windows.get(name)
    if window is None:
        return Stop(reason=Reason.WINDOW_UNKNOWN, text=name)
    if not window.is_open(q.at):
        return Stop(reason=Reason.WINDOW_CLOSED, text=f"{name}: {window.text}"[:200])
    return None


@rail(
    id="freeze",
    reads=("policy", "registry", "inventory"),
    reasons=(Reason.FREEZE,),
    holds_people=True,
)
def freeze(q: Question) -> Stop | None:
    """Nothing is changed while a freeze is in force, but by the runbooks it lists."""
    for one in q.view.policy.freezes:
        if _is_meant(one, q) and not _is_allowed(one, q) and one.period.is_open(q.at):
            text = f"{one.name}: {one.why or one.period.text}"
            return Stop(reason=Reason.FREEZE, text=text[:200], after_seconds=_left(one, q))
    return None


def _is_meant(one: Freeze, q: Question) -> bool:
    """What belongs to no product may be what a product stands on: every freeze is for it."""
    if not one.products:
        return True
    thing = named(q.target, q.view) if q.target else None
    entity = owner_of(thing, q.view.registry) if thing is not None else None
    touched = {q.incident.product, entity.product if entity is not None else None}
    return None in touched or not touched.isdisjoint(one.products)


def _is_allowed(one: Freeze, q: Question) -> bool:
    return q.by == "agent" and q.runbook is not None and q.runbook.name in one.allows


def _left(one: Freeze, q: Question) -> float | None:
    """How long it lasts, where that is worth waiting for."""
    until = one.period.until(q.at)
    if until is None or until - q.at > q.view.policy.rails.wait_seconds:
        return None
    return max(until - q.at, 1.0)


@rail(id="maintenance", reads=("policy", "silences"), reasons=(Reason.MAINTENANCE,))
def maintenance(q: Question) -> Stop | None:
    """Nothing is done about what falls into a planned maintenance."""
    quiet = quiet_of(q.incident, q.view, q.at)
    if quiet is None or not quiet.id.startswith(MAINTENANCE):
        return None
    return Stop(reason=Reason.MAINTENANCE, text=quiet.text[:200])
