"""Silences: a person's word that matching alerts need nobody. Hands off, and no page.

A maintenance of the policy is a silence that was planned. The incident is kept open with
`silenced_by`, so that what still burns when the silence ends is looked at then and not forgotten.
Matchers are Alertmanager's; their regular expressions are anchored and bounded. One that cannot be
used, or not on a text of this length, agrees with nothing, also where it stands with `!~`: telling
people fails open.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agent.core.bounded_regex import bounded
from agent.core.lifecycle import Move
from agent.core.own_alert import OURSELVES
from agent.core.release import let_go_of_all
from agent.core.turn import Todo, Turn
from agent.core.view import View
from agent.model.alert import AlertStatus
from agent.model.decision import LedgerMove, LedgerState
from agent.model.incident import Incident
from agent.model.policy import Maintenance
from agent.model.reason import Reason
from agent.model.records import Silence, SilenceMatcher

MAINTENANCE = "maintenance:"
"""What `silenced_by` begins with where no person did it."""
LOOK_AGAIN_SECONDS = 300.0
DOUBTFUL = (ValueError, LookupError, ArithmeticError, TypeError, AttributeError, OSError)
"""What a calendar that cannot say may raise."""


def is_usable(matcher: SilenceMatcher) -> bool:
    """Whether a matcher can be evaluated in bounded time. A silence with one that cannot is refused
    at the door (faults study, M18)."""
    return not matcher.is_regex or bounded(matcher.value) is not None


def agrees(matcher: SilenceMatcher, labels: Mapping[str, str]) -> bool:
    value = labels.get(matcher.name, "")
    if matcher.is_regex:
        pattern = bounded(matcher.value)
        found = pattern.is_all_of(value) if pattern is not None else None
        return found is not None and found is matcher.is_equal
    return (value == matcher.value) is matcher.is_equal


def covers(silence: Silence, labels: Mapping[str, str], at: float) -> bool:
    """Whether the silence is in force and all of its matchers agree."""
    return (
        silence.starts_at <= at < silence.ends_at
        and bool(silence.matchers)
        and all(agrees(m, labels) for m in silence.matchers)
    )


def silencing(
    labels: Mapping[str, str], view: View, at: float, *, product: str | None = None
) -> Silence | None:
    """The silence that covers an alert with these labels, of those that do the longest. One that
    was set here may name the product the registry found, whether or not the alert has that label;
    one that was set in an Alertmanager means what it means there."""
    if not view.silences:
        return None
    named = labels if product is None or "product" in labels else {**labels, "product": product}
    found = [
        s
        for s in view.silences.values()
        if covers(s, named if s.source == OURSELVES else labels, at)
    ]
    return max(found, key=lambda s: s.ends_at) if found else None


def maintained(
    labels: Mapping[str, str], product: str | None, view: View, at: float
) -> Maintenance | None:
    """The planned maintenance an alert of this product falls into now."""
    for planned in view.policy.maintenance:
        if planned.products and product not in planned.products:
            continue
        if all(agrees(m, labels) for m in planned.matchers) and _is_on(planned, at):
            return planned
    return None


def _is_on(planned: Maintenance, at: float) -> bool:
    try:
        return planned.period.is_open(at)
    except DOUBTFUL:
        return False  # telling people fails open


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """What says that somebody needs nobody now: a silence, or a maintenance."""

    id: str
    reason: Reason
    ends_at: float | None
    """None: it is not known."""
    text: str


def quiet_of(case: Incident, view: View, at: float) -> Quiet | None:
    """What covers every alert of the incident that fires: of several, what lasts longest."""
    firing = [a for a in case.alerts.values() if a.status is AlertStatus.FIRING]
    found = [_quiet(a.labels, case.product, view, at) for a in firing]
    covered = [q for q in found if q is not None]
    if not covered or len(covered) < len(found):
        return None
    return max(covered, key=lambda q: at if q.ends_at is None else q.ends_at)


def _quiet(labels: Mapping[str, str], product: str | None, view: View, at: float) -> Quiet | None:
    told = silencing(labels, view, at, product=product)
    if told is not None:
        text = f"{told.created_by}: {told.comment}"
        return Quiet(id=told.id, reason=Reason.SILENCED, ends_at=told.ends_at, text=text)
    planned = maintained(labels, product, view, at)
    if planned is None:
        return None
    return Quiet(
        id=f"{MAINTENANCE}{planned.name}",
        reason=Reason.MAINTENANCE,
        ends_at=_end_of(planned, at),
        text=planned.why or f"{planned.name}: {planned.period.text}",
    )


def _end_of(planned: Maintenance, at: float) -> float | None:
    try:
        return planned.period.until(at)
    except DOUBTFUL:
        return None


def is_quiet(labels: Mapping[str, str], product: str | None, view: View, at: float) -> bool:
    """Whether a silence or a maintenance covers an alert with these labels."""
    return _quiet(labels, product, view, at) is not None


def silence(turn: Turn) -> Turn:
    """The stage: a silenced incident waits for the end of its silence."""
    if turn.todo is not Todo.MATCH:
        return turn
    quiet = quiet_of(turn.case, turn.view, turn.at)
    if quiet is None:
        return turn
    turn = _kept_quiet(turn, quiet)
    return turn.ledger(
        LedgerMove(
            incident_id=turn.case.id,
            state=LedgerState.SUPPRESSED,
            reason=quiet.reason,
            at=turn.at,
        )
    )


def _kept_quiet(turn: Turn, quiet: Quiet) -> Turn:
    """Until the end of it. A maintenance is looked at in between, because a change of the policy
    may have ended it."""
    if turn.case.silenced_by != quiet.id:
        turn = turn.change(silenced_by=quiet.id, reason=quiet.reason, waiting=())
        turn = let_go_of_all(turn.note("silenced", quiet.reason, quiet.text[:300]))
    ends_at = quiet.ends_at
    if quiet.reason is Reason.MAINTENANCE:
        again = turn.at + LOOK_AGAIN_SECONDS
        ends_at = again if ends_at is None else min(ends_at, again)
    return turn.timer("silence_end", ends_at).then(Todo.REST)


def unsilence(turn: Turn) -> Turn:
    """The silence ended (or does not cover all of it) and it still fires: it is looked at now."""
    case = turn.case
    if case.silenced_by is None or not turn.can(Move.RELEASE):
        return turn.then(Todo.REST)
    still = quiet_of(case, turn.view, turn.at)
    if still is not None:
        return _kept_quiet(turn, still)
    turn = turn.start_over(silenced_by=None).timer("silence_end", None)
    turn = turn.unsuppressed(Reason.NEW_ALERT)
    return turn.note("silence_ended", Reason.NEW_ALERT).then(Todo.MATCH)
