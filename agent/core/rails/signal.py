"""Whether what is seen is worth acting on: old enough, fresh enough, and nobody else at work."""

from __future__ import annotations

from agent.core.budget import entity_of
from agent.core.facts import first_alert_of
from agent.core.rails.question import Question, Stop
from agent.core.rails.rail import rail
from agent.core.signs import FLEET
from agent.core.storm import storm_of
from agent.model.alert import AlertStatus
from agent.model.effect import OutcomeStatus
from agent.model.incident import AlertState
from agent.model.reason import Reason


@rail(
    id="dwell",
    reads=("policy",),
    reasons=(Reason.DWELL,),
    default="60 s, and one more evaluation of its rule",
)
def dwell(q: Question) -> Stop | None:
    """What has only just begun to fire may be over in a moment."""
    alert = _firing(q)
    if alert is None or q.incident.step > 0:
        return None
    policy = q.view.policy
    own = q.runbook.guard.dwell_seconds if q.runbook is not None else None
    wanted = max(policy.rails.dwell_seconds, own or 0.0)
    if policy.rails.dwell_seconds > 0:
        wanted = max(wanted, policy.evaluation_interval_seconds)
    left = wanted - (q.at - alert.starts_at)
    if left <= 0:
        return None
    text = f"{left:.0f} s of {wanted:.0f} s left"
    if q.at - q.incident.opened_at > wanted + policy.rails.wait_seconds:
        # Its sender says when it began: in a year, or anew with each message. People are told.
        return Stop(reason=Reason.DWELL, text=text)
    return Stop(reason=Reason.DWELL, text=text, after_seconds=min(left, wanted))


def _firing(q: Question) -> AlertState | None:
    """The alert the step is for, while it fires; else another one of the incident that does."""
    first = first_alert_of(q.incident) if q.incident.alerts else None
    if first is None or first.status is AlertStatus.FIRING:
        return first
    firing = (a for a in q.incident.alerts.values() if a.status is AlertStatus.FIRING)
    return min(firing, key=lambda a: (a.starts_at, a.identity), default=None)


@rail(
    id="fresh_signal",
    reads=("levels", "policy"),
    reasons=(Reason.SIGNAL_STALE,),
    lets_go=True,
    default="30 s, where its source can be asked",
)
def fresh_signal(q: Question) -> Stop | None:
    """Whoever can be asked has just said that it still fires. What was heard from them before the
    agent was started says nothing any more."""
    alert = _firing(q)
    if alert is None:
        return None
    reading = q.view.levels.get(alert.identity.rpartition("/")[0])
    if reading is None:
        return None
    longest = q.view.policy.rails.signal_age_seconds
    age = q.at - alert.seen_at
    if alert.identity in reading.identities:
        age = min(age, q.at - reading.at)
    if age <= longest:
        return None
    text = f"last heard {age:.0f} s ago, at most {longest:.0f} s"
    return Stop(reason=Reason.SIGNAL_STALE, text=text)


@rail(
    id="human_change",
    reads=("acts", "changes", "registry", "inventory", "policy"),
    reasons=(Reason.HUMAN_CHANGE,),
    lets_go=True,
    default="10 min",
)
def human_change(q: Question) -> Stop | None:
    """After somebody changed it by hand, it is left to them for a while."""
    hold = q.view.policy.rails.human_change_seconds
    entity = entity_of(q.target, q.view)
    done = [
        (act.ended_at or act.at, f"{act.by}: {act.use}")
        for act in q.view.acts.get(q.target or "", ())
        # One that is under way keeps the target busy, and is asked about there.
        if act.by != "agent" and act.status not in (None, OutcomeStatus.REFUSED)
    ]
    for name in {q.target or "", entity.name if entity is not None else ""}:
        changes = q.view.changes.get(name, ())
        by_hand = (c for c in changes if c.is_manual and c.by != "agent")
        done.extend((c.at, f"{c.by}: {c.what}") for c in by_hand)
    at, what = max(done, default=(q.at - hold, ""))
    left = at + hold - q.at
    if left <= 0:
        return None
    text = f"{what[:100]}, {q.at - at:.0f} s ago"
    return Stop(reason=Reason.HUMAN_CHANGE, text=text, after_seconds=left)


@rail(
    id="storm_product",
    reads=("storms", "policy"),
    reasons=(Reason.STORM_PRODUCT,),
    default="1/3 of its targets, at least 3",
)
def storm_product(q: Question) -> Stop | None:
    """While much of a product is sick at once, nothing of it is healed one by one."""
    storm = storm_of(q.view, q.incident.product, q.at)
    if storm is None or storm.scope == FLEET:
        return None
    return Stop(reason=Reason.STORM_PRODUCT, text=storm.why[:200])


@rail(
    id="storm_fleet",
    reads=("storms", "policy"),
    reasons=(Reason.STORM_FLEET,),
    default="20 % of products, at least 3, or 100 new incidents a minute",
)
def storm_fleet(q: Question) -> Stop | None:
    """While much is sick everywhere, the eye may be sick: nothing is done at all."""
    storm = storm_of(q.view, q.incident.product, q.at)
    if storm is None or storm.scope != FLEET:
        return None
    return Stop(reason=Reason.STORM_FLEET, text=storm.why[:200])


@rail(
    id="plan_age",
    reads=("policy",),
    reasons=(Reason.TIMED_OUT,),
    holds_rollbacks=True,
    default="5 min",
)
def plan_age(q: Question) -> Stop | None:
    """A step that was decided long ago was decided about another world."""
    if q.decided_at is None or q.at - q.decided_at <= q.view.policy.plan_age_seconds:
        return None
    return Stop(reason=Reason.TIMED_OUT, text="the decision is too old to act on")
