"""Whether anything may be done at all, and whether what is done is seen."""

from __future__ import annotations

from agent.core.blindness import silent_sources
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.core.silence import silencing
from agent.model.alert import AlertStatus
from agent.model.reason import Reason


@rail(
    id="halted",
    reads=("halt",),
    reasons=(Reason.HALTED, Reason.HALT_UNREADABLE),
    holds_people=True,
    holds_rollbacks=True,
    default="off; what cannot be read counts as on",
)
def halted(q: Question) -> Stop | None:
    """The kill switch: nothing new is done."""
    halt = q.view.halt
    if halt is None:
        return None
    reason = Reason.HALT_UNREADABLE if halt.is_unreadable else Reason.HALTED
    return Stop(reason=reason, text=f"{halt.who}: {halt.why}")


@rail(
    id="silenced",
    reads=("silences",),
    reasons=(Reason.SILENCED,),
    default="a silence covers every alert of the incident that fires",
)
def silenced(q: Question) -> Stop | None:
    """A person silenced it, here or in an Alertmanager: hands off."""
    firing = [a for a in q.incident.alerts.values() if a.status is AlertStatus.FIRING]
    found = [silencing(a.labels, q.view, q.at, product=q.incident.product) for a in firing]
    by = [f"{s.created_by}: {s.comment}" for s in found if s is not None]
    if not firing or len(by) < len(firing):
        return None
    return Stop(reason=Reason.SILENCED, text=by[0][:200])


@rail(
    id="blind",
    reads=("sources",),
    reasons=(Reason.BLIND,),
    default="5 min without a sign of life",
)
def blind(q: Question) -> Stop | None:
    """The source of its alerts fell silent: what it said last may not be so any more."""
    silent = sorted(silent_sources(q.incident, q.view))
    return Stop(reason=Reason.BLIND, text=", ".join(silent)[:200]) if silent else None
