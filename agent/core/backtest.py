"""A candidate against history: where it would have been chosen, what it would have done there, and
how that compares with what people did.

People's actions count where they ran through the agent: those can be compared. What they did
outside is told in words, and no machine says whether words and an action are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from statistics import median

import msgspec

from agent.core.history import Kind, Was, Would
from agent.model.decision import JournalEntry
from agent.model.effect import OutcomeStatus
from agent.model.incident import Ending, Incident

RESOLUTION = "resolution"
"""Kind of the journal entry in which a person says what was done (core/people.py)."""

BY_AGENT = (Ending.HEALED, Ending.SETTLED)


class Agreement(StrEnum):
    YES = "yes"
    PARTLY = "partly"
    NO = "no"
    IN_WORDS = "in_words"
    """They acted outside of the agent: nobody can compare that."""
    NOBODY = "nobody"
    """Nobody did anything, so there is nothing to agree with."""


class People(msgspec.Struct, frozen=True, kw_only=True):
    """What people did in one incident. `minutes` from its start to its end, where it has ended,
    whoever ended it."""

    actions: tuple[str, ...] = ()
    """As in `process.restart on web`, in order; only what was done."""
    outside: tuple[str, ...] = ()
    who: str | None = None
    cause: str = ""
    minutes: float | None = None
    ended_by_agent: bool = False
    """Healed or settled, with nothing done by people: how long it took says nothing of them."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One incident in which the candidate would have been chosen."""

    incident: str
    title: str
    at: float
    then: Was
    would: Would
    people: People
    agreement: Agreement
    is_conflict: bool
    """Another runbook handled it then."""


def people_of(past: Incident, timeline: Iterable[JournalEntry]) -> People:
    outside: list[str] = []
    for entry in timeline:
        told = entry.data.get("outside") if entry.kind == RESOLUTION else None
        outside += [str(each) for each in told] if isinstance(told, list | tuple) else []
    ended = past.resolved_at
    actions = tuple(
        _act(step.use, step.target)
        for step in past.steps
        if step.by != "agent" and step.status is OutcomeStatus.DONE
    )
    return People(
        actions=actions,
        outside=tuple(outside),
        who=past.resolved_by,
        cause=past.cause,
        minutes=None if ended is None else (ended - past.opened_at) / 60,
        ended_by_agent=past.outcome in BY_AGENT and not actions and not outside,
    )


def _act(use: str, target: str | None) -> str:
    return f"{use} on {target}" if target else use


def tried(
    candidate: str, past: Incident, timeline: Iterable[JournalEntry], then: Was, would: Would
) -> Tried:
    people = people_of(past, timeline)
    return Tried(
        incident=past.id,
        title=past.title,
        at=past.opened_at,
        then=then,
        would=would,
        people=people,
        agreement=_agreement(would, people),
        is_conflict=then.runbook not in (None, candidate),
    )


def _agreement(would: Would, people: People) -> Agreement:
    if would.kind is Kind.SETTLES:
        # Waiting is what people agree with by doing nothing.
        acted = bool(people.actions or people.outside)
        return Agreement.NO if acted else Agreement.YES
    if not people.actions:
        return Agreement.IN_WORDS if people.outside else Agreement.NOBODY
    planned = tuple(_act(step.use, step.target) for step in would.steps)
    if planned == people.actions:
        return Agreement.PARTLY if people.outside else Agreement.YES
    return Agreement.PARTLY if set(planned) & set(people.actions) else Agreement.NO


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of a back-test. What is counted by a word is in the order of the counts."""

    matched: int
    acts: int
    asks: int
    settles: int
    routes: int
    unknown: int
    plans: dict[str, int]
    stopped_by: dict[str, int]
    lacks: dict[str, int]
    agreement: dict[str, int]
    """Of those incidents in which it would act, ask or settle."""
    conflicts: dict[str, int]
    actions_of_people: dict[str, int]
    causes: dict[str, int]
    ended_by_agent: int
    """Incidents that count in none of the minutes."""
    minutes_median: float | None
    minutes_most: float | None


def counted(rows: Sequence[Tried]) -> Counted:
    by_kind = count(row.would.kind.value for row in rows)
    chose = [r for r in rows if r.would.kind in (Kind.ACTS, Kind.ASKS, Kind.SETTLES)]
    stopped = [r for r in rows if r.would.kind is Kind.ROUTES]
    people = [r.people for r in rows if not r.people.ended_by_agent]
    minutes = [each.minutes for each in people if each.minutes is not None]
    return Counted(
        matched=len(rows),
        acts=by_kind.get(Kind.ACTS.value, 0),
        asks=by_kind.get(Kind.ASKS.value, 0),
        settles=by_kind.get(Kind.SETTLES.value, 0),
        routes=by_kind.get(Kind.ROUTES.value, 0),
        unknown=by_kind.get(Kind.UNKNOWN.value, 0),
        plans=count(r.would.plan for r in chose if r.would.plan),
        stopped_by=count(r.would.reason.value for r in stopped if r.would.reason is not None),
        lacks=count(name for r in rows for name in r.would.lacks),
        agreement=count(r.agreement.value for r in chose),
        conflicts=count(r.then.runbook for r in rows if r.is_conflict and r.then.runbook),
        actions_of_people=count(act.partition(" on ")[0] for r in rows for act in r.people.actions),
        causes=count(r.people.cause for r in rows if r.people.cause),
        ended_by_agent=sum(r.people.ended_by_agent for r in rows),
        minutes_median=median(minutes) if minutes else None,
        minutes_most=max(minutes, default=None),
    )


def count(words: Iterable[str]) -> dict[str, int]:
    """How often each word comes, the most frequent first."""
    found: dict[str, int] = {}
    for word in words:
        found[word] = found.get(word, 0) + 1
    return dict(sorted(found.items(), key=lambda each: (-each[1], each[0])))
