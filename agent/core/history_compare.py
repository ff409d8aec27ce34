"""Then and now, or one set of rules and another: what differs, in the words people compare by."""

from __future__ import annotations

from agent.core.history import Kind, Was, Would

NOTHING_TO_COMPARE = frozenset({Kind.UNKNOWN, Kind.SILENCED})


def since_then(then: Was, now: Would) -> tuple[str, ...]:
    """What would be different from what was decided then: any of runbook, decision, plan, actions,
    route. Empty where it is not known, and where it was over before anybody was told and people
    would not be spared anything by it today either."""
    if now.kind in NOTHING_TO_COMPARE or then.kind is Kind.UNKNOWN:
        return ()
    if then.kind is Kind.CLEARED and now.kind is Kind.ROUTES:
        return ()
    found = []
    if then.kind is not now.kind:
        found.append("decision")
    if then.runbook != now.runbook:
        found.append("runbook")
    if then.kind is now.kind is Kind.ACTS:
        if then.plan != now.plan:
            found.append("plan")
        if not _begins(tuple(step.use for step in now.steps), then.uses):
            found.append("actions")
    if then.kind is now.kind is Kind.ROUTES and then.routed_to != now.routed_to:
        found.append("route")
    return tuple(found)


def _begins(planned: tuple[str, ...], done: tuple[str, ...]) -> bool:
    """Whether what was done is the plan, as far as it came: a step that failed ended it."""
    return planned[: len(done)] == done


def between(old: Would, new: Would) -> tuple[str, ...]:
    """What two sets of rules decide differently about one incident. Where the decision itself is
    another, what follows from it is not listed as well."""
    if old.kind is not new.kind:
        return ("decision", "runbook") if old.runbook != new.runbook else ("decision",)
    pairs = {
        "runbook": (old.runbook, new.runbook),
        "plan": (old.plan, new.plan),
        "actions": (old.steps, new.steps),
        "reason": (old.reason, new.reason),
        "route": (old.routed_to, new.routed_to),
    }
    return tuple(name for name, (one, other) in pairs.items() if one != other)
