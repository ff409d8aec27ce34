"""Taking a runbook out of service, and letting it back.

Its owner hears of it as of any trouble: by an alert, `RunbookSuspended`, which fires until somebody
lets the runbook run again. Where that alert is another team's by its product, the owner is told
besides. Only a person lets it back, and says why.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec

from agent.core import exact
from agent.core.own_alert import OURSELVES, RUNBOOK_SUSPENDED, own_alert
from agent.core.relying import as_now
from agent.core.trust import RUNS, failing_allowed, is_bad, named, runs_of, standing_of
from agent.core.turn import Turn
from agent.core.view import View
from agent.model.alert import AlertStatus, Layer
from agent.model.decision import Decision, JournalEntry, Record
from agent.model.event import Announced, Event
from agent.model.learning import Standing
from agent.model.policy import Learning
from agent.model.reason import Reason
from agent.model.runbook import Runbook

SUBJECT = "runbook"
KIND = "standing"
UNLIKELY = exact.as_written(0.05)
"""A runbook is taken out where so many bad runs would come with less than this if it failed as
often as its tier allows."""
LONGEST = 300
DAY_SECONDS = 86_400.0

BRINGS_BACK = {
    Reason.RUNS_FAIL: "find out why its runs fail, mend the runbook or what it acts on",
    Reason.REVIEW_OVERDUE: "read it again, give it a new `review_by`",
    Reason.PLUGIN_CHANGED: "read what the plugin promises now, and whether the runbook still fits",
    Reason.METRIC_CHANGED: "see whether the alert still means what the runbook was written for",
    Reason.RIGHTS_MISSING: "grant what it needs (homeostat rbac, homeostat doctor --rbac)",
    Reason.SUSPENDED_BY_PERSON: "settle what it was suspended for",
}


def subject_of(name: str) -> str:
    return f"{SUBJECT}:{name}"


# why


def failing(standing: Standing, runbook: Runbook, learning: Learning) -> str:
    """In words with their numbers, why its runs are too bad; empty where they are not."""
    runs = runs_of(standing, runbook.digest, most=learning.window)
    bad, of = sum(1 for run in runs if is_bad(run)), len(runs)
    if bad == 0:
        return ""
    allowed = exact.as_written(failing_allowed(runbook.tier, learning))
    chance = exact.at_least(bad, of, allowed)
    if chance >= UNLIKELY:
        return ""
    return (
        f"{bad} of its latest {of} runs failed, were inconclusive or relapsed; tier {runbook.tier} "
        f"allows {float(allowed):.0%}, and so many would come with {float(chance):.2%} then "
        f"(below {float(UNLIKELY):.0%})"
    )


def review_due(runbook: Runbook, standing: Standing, learning: Learning) -> float | None:
    """When somebody has to have read it again: the day after `review_by` begins, UTC. Whoever let
    it run again after that has read it. None: there is no date, or none that can be read."""
    if runbook.review_by is None:
        return None
    try:
        day = date.fromisoformat(runbook.review_by) + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    due = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    if standing.resumed_at is not None and standing.resumed_at >= due:
        return standing.resumed_at + learning.review_days * DAY_SECONDS
    return due


# out of service


def suspend(
    standing: Standing,
    runbook: Runbook,
    view: View,
    *,
    at: float,
    reason: Reason,
    why: str,
    who: str = "agent",
) -> Decision:
    """It does nothing any more, and its owner is told why and what brings it back."""
    why = why[:LONGEST]
    back = f"{BRINGS_BACK[reason]}, then: homeostat runbooks resume {runbook.name} --why ..."
    taken_out = msgspec.structs.replace(
        standing, suspended_at=at, reason=reason, why=why, brings_back=back
    )
    line = f"{reason.sentence}: {why}"
    said = {"summary": f"{runbook.name}: {line}", "description": f"What brings it back: {back}"}
    labels = _labels(runbook)
    told: list[Event] = [own_alert(labels, at=at, since=at, ended=False, annotations=said)]
    if _team(labels, view) != runbook.owner:
        told.append(_announced(runbook, at, f"{line}\n{said['description']}"))
    entry = JournalEntry(
        at=at,
        subject=subject_of(runbook.name),
        kind=KIND,
        reason=Reason.RUNBOOK_SUSPENDED,
        text=line[:LONGEST],
        who=who,
        data={"why": reason.value, "digest": runbook.digest},
    )
    record = Record(kind=KIND, key=runbook.name, body=taken_out)
    return Decision(records=(record,), journal=(entry,), emits=tuple(told))


def _labels(runbook: Runbook) -> dict[str, str]:
    labels = {
        "alertname": RUNBOOK_SUSPENDED,
        "runbook": runbook.name,
        "owner": runbook.owner,
        "layer": Layer.MACHINERY.value,
        "severity": "warning",
    }
    if runbook.match.product is not None:
        labels["product"] = runbook.match.product
    return labels


def _team(labels: dict[str, str], view: View) -> str:
    """Who is told of the alert by the ordinary route (core/routing.py)."""
    product = view.registry.products.get(labels.get("product", ""))
    return product.builder if product is not None else view.policy.platform


def _announced(runbook: Runbook, at: float, text: str) -> Announced:
    day = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")
    title = f"runbook {runbook.name} is suspended since {day} UTC"
    subject = subject_of(runbook.name)
    return Announced(at=at, subject=subject, team=runbook.owner, title=title, text=text)


def apply(turn: Turn, decision: Decision) -> Turn:
    """What was decided of runbooks becomes part of the turn, and the rest of the turn sees it: a
    runbook that was just taken out does not run."""
    told = {
        r.key: r.body for r in decision.records if r.kind == KIND and isinstance(r.body, Standing)
    }
    kept = tuple(r for r in turn.decision.records if r.kind != KIND or r.key not in told)
    before = msgspec.structs.replace(turn.decision, records=kept)
    view = msgspec.structs.replace(turn.view, standings={**turn.view.standings, **told})
    return msgspec.structs.replace(turn, decision=before.also(decision), view=view)


# and back


def by_person(
    name: str, view: View, *, at: float, who: str, why: str, is_suspend: bool
) -> Decision:
    """A person suspends it or lets it run again. Who may is the interface's to check; a machine may
    not, and nobody without saying why."""
    runbook = named(name, view)
    refused = _why_not(name, runbook, view, who, why, is_suspend=is_suspend)
    if refused is not None:
        return refused
    assert runbook is not None
    standing = standing_of(name, view)
    if is_suspend:
        return suspend(
            standing,
            runbook,
            view,
            at=at,
            reason=Reason.SUSPENDED_BY_PERSON,
            why=f"{who}: {why}",
            who=who,
        )
    back = msgspec.structs.replace(
        standing,
        suspended_at=None,
        reason=None,
        why="",
        brings_back="",
        resumed_at=at,
        resumed_by=who,
        counts_from=at,
        told_review_at=None,
    )
    entry = JournalEntry(
        at=at,
        subject=subject_of(name),
        kind=KIND,
        reason=Reason.RUNBOOK_RESUMED,
        text=why[:LONGEST],
        who=who,
        data={"was": standing.reason.value if standing.reason is not None else ""},
    )
    record = Record(kind=KIND, key=name, body=as_now(back, runbook, view))
    return Decision(records=(record,), journal=(entry,), emits=ended_alerts(name, view, at))


def _why_not(
    name: str, runbook: Runbook | None, view: View, who: str, why: str, *, is_suspend: bool
) -> Decision | None:
    if runbook is None:
        return Decision(refused=Reason.MOVE_REFUSED, refused_text=f"there is no runbook {name}")
    if who in ("", "agent"):
        return Decision(refused=Reason.NOT_ALLOWED, refused_text="that proves no person")
    if not why.strip():
        return Decision(refused=Reason.MOVE_REFUSED, refused_text="say why; it is kept")
    is_suspended = standing_of(name, view).is_suspended
    if is_suspend and runbook.lifecycle not in RUNS:
        text = f"{name} is {runbook.lifecycle.value} by its file: it does nothing"
        return Decision(refused=Reason.MOVE_REFUSED, refused_text=text)
    if is_suspend == is_suspended:
        text = f"{name} is {'suspended already' if is_suspended else 'not suspended'}"
        return Decision(refused=Reason.MOVE_REFUSED, refused_text=text)
    return None


def ended_alerts(name: str, view: View, at: float) -> tuple[Event, ...]:
    """The alert that says it is suspended is over, with the labels it was raised with: the file may
    name another owner by now."""
    return tuple(
        own_alert(state.labels, at=at, since=state.starts_at, ended=True)
        for case in view.incidents.values()
        if case.title.startswith(RUNBOOK_SUSPENDED)
        for state in case.alerts.values()
        if state.identity.startswith(f"{OURSELVES}/")
        and state.status is AlertStatus.FIRING
        and state.labels.get("runbook") == name
    )
