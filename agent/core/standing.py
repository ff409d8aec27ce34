"""How runbooks stand: whose word changes it, and what time does to it.

The file of a runbook says the most it may do. Its standing, kept for each by name, can only take
away from that (core/trust.py); it is taken out by its runs (core/trials.py), by a person, by a
review that nobody did, and by what it relies on becoming something else (core/relying.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from agent.core.relying import changed_plugins, up_to_date
from agent.core.suspending import (
    DAY_SECONDS,
    KIND,
    by_person,
    ended_alerts,
    review_due,
    subject_of,
    suspend,
)
from agent.core.suspending import SUBJECT as SUBJECT
from agent.core.trials import settled as take_end
from agent.core.trust import RUNS, named, standing_of
from agent.core.trust import proof_of_trust as proof_of_trust
from agent.core.trust import state_of as state_of
from agent.core.view import View
from agent.model.decision import Decision, Record, Timer
from agent.model.event import Announced, RunbooksRead, StandingAsked
from agent.model.learning import Standing
from agent.model.reason import Reason
from agent.model.runbook import Runbook

TIMER = "review"
NOTICE_SECONDS = 14 * DAY_SECONDS
"""So long before its review is due its owner is told."""

__all__ = ["SUBJECT", "ask", "proof_of_trust", "review", "state_of", "take_end", "take_read"]


def take_read(event: RunbooksRead, view: View) -> Decision:
    """Runbooks or plugins were read anew: what each relies on is compared with what it was, and
    reviews get their timers. A suspended one whose file is gone needs nobody any more."""
    loaded = {r.name: r for r in view.runbooks.runbooks}
    running = {name for name, r in loaded.items() if r.lifecycle in RUNS}
    made = [_read(loaded[name], view, event.at) for name in sorted(running)]
    for name, standing in view.standings.items():
        if name in running:
            continue
        made.append(_kept(standing, without_review(standing)))
        if standing.is_suspended and name not in loaded:
            made.append(Decision(emits=ended_alerts(name, view, event.at)))
    return _together(made)


def _together(made: Sequence[Decision]) -> Decision:
    """All of them as one. Ten thousand are put together at a time."""
    return Decision(
        records=tuple(r for d in made for r in d.records),
        timers=tuple(t for d in made for t in d.timers),
        journal=tuple(e for d in made for e in d.journal),
        emits=tuple(e for d in made for e in d.emits),
    )


def _read(runbook: Runbook, view: View, at: float) -> Decision:
    before = standing_of(runbook.name, view)
    changed = "" if before.is_suspended else changed_plugins(before, runbook, view)
    if changed:
        why = f"{changed}, not as when this version was first seen"
        return suspend(before, runbook, view, at=at, reason=Reason.PLUGIN_CHANGED, why=why)
    return _reviewed(before, up_to_date(before, runbook, view), runbook, view, at)


def ask(event: StandingAsked, view: View) -> Decision:
    """A person suspends a runbook or lets it run again, and says why."""
    name = event.subject.removeprefix(f"{SUBJECT}:")
    promotion = view.promotions.get(name)
    if promotion is not None and not event.suspend and event.who in promotion.resolvers:
        text = f"{event.who} resolved one of its incidents; somebody else lets it run again"
        return Decision(refused=Reason.NOT_ALLOWED, refused_text=text)
    decision = by_person(
        name, view, at=event.at, who=event.who, why=event.why, is_suspend=event.suspend
    )
    runbook = named(name, view)
    if decision.refused is not None or event.suspend or runbook is None:
        return decision
    back = decision.records[0].body
    assert isinstance(back, Standing)
    anew = _reviewed(back, back, runbook, view, event.at)
    return decision.also(anew)


# reviews


def review(name: str, view: View, *, at: float) -> Decision:
    """The timer of a runbook's review date ran out: the date is near, or has passed."""
    runbook, standing = named(name, view), standing_of(name, view)
    if runbook is None or runbook.lifecycle not in RUNS:
        return Decision()
    # The timer is gone with this: whatever is next is set anew.
    return _reviewed(without_review(standing), standing, runbook, view, at)


def _reviewed(
    before: Standing, standing: Standing, runbook: Runbook, view: View, at: float
) -> Decision:
    """Told in time, once; taken out once the date has passed; else a timer for whatever is next."""
    due = review_due(runbook, standing, view.policy.learning)
    if due is None or standing.is_suspended:
        return _kept(before, without_review(standing))
    if at >= due:
        why = f"it was to be read again by {_day(due - DAY_SECONDS)}"
        reason = Reason.REVIEW_OVERDUE
        taken_out = suspend(without_review(standing), runbook, view, at=at, reason=reason, why=why)
        return taken_out.also(_timer(before, None))
    told = standing.told_review_at
    is_told = told is not None and told >= due - NOTICE_SECONDS
    notice = due - NOTICE_SECONDS
    if at < notice:
        return _kept(before, msgspec.structs.replace(standing, review_at=notice))
    now = msgspec.structs.replace(standing, review_at=due)
    if is_told:
        return _kept(before, now)
    now = msgspec.structs.replace(now, told_review_at=at)
    return _kept(before, now).also(Decision(emits=(_reminder(runbook, due, at),)))


def without_review(standing: Standing) -> Standing:
    return msgspec.structs.replace(standing, review_at=0.0)


def _kept(before: Standing, now: Standing) -> Decision:
    """Written only where something changed: ten thousand runbooks are read at a time."""
    if now == before:
        return Decision()
    record = Record(kind=KIND, key=now.runbook, body=now)
    decision = Decision(records=(record,))
    if now.review_at == before.review_at:
        return decision
    return decision.also(_timer(before, now.review_at or None))


def _timer(before: Standing, due: float | None) -> Decision:
    if due is None and not before.review_at:
        return Decision()
    timer = Timer(subject=subject_of(before.runbook), name=TIMER, due=due)
    return Decision(timers=(timer,))


def _reminder(runbook: Runbook, due: float, at: float) -> Announced:
    day = _day(due - DAY_SECONDS)
    return Announced(
        at=at,
        subject=subject_of(runbook.name),
        team=runbook.owner,
        title=f"runbook {runbook.name} has to be read again by {day}",
        text=f"After that day it is suspended. Read it ({runbook.path}) and give it a new "
        "`review_by`.",
    )


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")
