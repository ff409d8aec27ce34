"""The auditor of escalations: that every step of one really happened.

It reads only what is so, and trusts no decision that led there: an incident that waits for people
must have called somebody, and unless its ladder is at its end the next call must be due. What is
held must be held under something that speaks for it, or about to be let go; and what nobody was
told of must be on its way. What is amiss is set right by a timer that is due now. Run once a
minute, beside the decisions it checks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from agent.core.delivery import SECOND_WAY
from agent.core.escalation import TIMER
from agent.core.reaching import LAST_RESORT, calls_of, is_covered, is_delivered, is_waiting
from agent.core.signs import WAITING_STATES, is_as_severe
from agent.core.view import View
from agent.model.decision import Decision, JournalEntry, Timer
from agent.model.incident import Incident
from agent.model.reason import Reason

RELEASE, PAGE_HOLD = "release", "page_hold"
ON_ITS_WAY = (PAGE_HOLD, "wait", "look", "deadline")
"""Timers after which an incident that nobody was told of is healed, or told."""
GRACE_SECONDS = 60.0
"""So much later than it was due a call may be made, before it is taken for lost."""
RECEIPT_SECONDS = 300.0
"""A notifier says within this whether it delivered; what it does not say is taken for lost."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One incident whose people would not be told. `timer` sets it right."""

    subject: str
    why: str
    timer: str


def audit(view: View, timers: Mapping[tuple[str, str], float], at: float) -> tuple[Finding, ...]:
    """Every open incident whose people would not be told: it waits for them, and the next call
    would never be made; or nothing would ever lead to one."""
    found = (_look(case, view, timers, at) for case in view.incidents.values())
    return tuple(finding for finding in found if finding is not None)


def _look(
    case: Incident, view: View, timers: Mapping[tuple[str, str], float], at: float
) -> Finding | None:
    if is_waiting(case):
        return _amiss(case, timers, at)
    if case.held_by is not None:
        why = _unspoken_for(case, view)
        if why and (case.id, RELEASE) not in timers:
            return Finding(subject=case.id, why=why, timer=RELEASE)
    elif _is_forgotten(case, timers, at):
        return Finding(subject=case.id, why="nobody was told, and nothing is due", timer=PAGE_HOLD)
    return None


def _unspoken_for(case: Incident, view: View) -> str:
    """Why what it is held under does not speak for it; empty where it does."""
    root = view.incidents.get(case.held_by or "")
    if root is None or not root.is_open:
        return f"{case.held_by}, which it is held under, is over"
    if is_covered(root):
        return f"{root.id}, which it is held under, is silenced, inhibited or held itself"
    if not is_as_severe(root, case):
        return f"{root.id}, which it is held under, is {root.severity}; it is {case.severity}"
    return ""


def _is_forgotten(case: Incident, timers: Mapping[tuple[str, str], float], at: float) -> bool:
    """Whether it burns, nobody knows, and nothing is under way that could change that."""
    return (
        case.state in WAITING_STATES
        and case.is_firing
        and not case.pages
        and not case.waiting
        and not is_covered(case)
        and case.opened_at + GRACE_SECONDS <= at
        and not any((case.id, name) in timers for name in ON_ITS_WAY)
    )


def _amiss(case: Incident, timers: Mapping[tuple[str, str], float], at: float) -> Finding | None:
    climb, calls = case.climb, calls_of(case)
    if not calls:  # with the decision that somebody is needed they are called
        return Finding(subject=case.id, why="nobody was told", timer=TIMER)
    if climb is not None and climb.due is not None:
        if not any(p.wave == climb.wave for p in calls):
            return Finding(subject=case.id, why=f"rung {climb.at + 1} was not told", timer=TIMER)
        due = timers.get((case.id, TIMER))
        if due is None:
            return Finding(subject=case.id, why="its next call was not due", timer=TIMER)
        if due < at - GRACE_SECONDS:
            return Finding(subject=case.id, why="its next call was not made", timer=TIMER)
    newest = max(p.wave for p in calls)
    lost = any(
        p.delivered is None and not p.passed_on and p.at + RECEIPT_SECONDS < at
        for p in calls
        if p.wave == newest
    )
    if lost and not any(is_delivered(p) for p in calls if p.wave == newest):
        return Finding(subject=case.id, why="no receipt for its page", timer=SECOND_WAY)
    return None


def mended(findings: Sequence[Finding], at: float) -> Decision:
    """What sets them right, to be written as it is."""
    return Decision(
        timers=tuple(Timer(subject=f.subject, name=f.timer, due=at) for f in findings),
        journal=tuple(
            JournalEntry(
                at=at,
                subject=f.subject,
                kind="climb",
                reason=Reason.ESCALATION_MENDED,
                text=f.why,
            )
            for f in findings
        ),
    )


def is_unheard(case: Incident) -> bool:
    """Whether its latest call stands in the file of last resort and nowhere else, and nobody has
    taken it: the one thing a healthy agent must not be silent about."""
    if not is_waiting(case):
        return False
    written = [p.wave for p in calls_of(case) if p.channel == LAST_RESORT]
    if not written:
        return False
    return not any(is_delivered(p) for p in calls_of(case) if p.wave >= max(written))


def is_at_its_end(case: Incident) -> bool:
    """Whether everybody on its ladder was told and nobody acknowledged."""
    climb = case.climb
    return is_waiting(case) and climb is not None and climb.wave > 0 and climb.due is None
