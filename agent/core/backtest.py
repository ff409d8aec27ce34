"""A candidate against history: where it would have been chosen, what it would have done there, and
how that compares with what people did.

People's actions count where they ran through the agent, or were told as the call of an action:
those can be compared. What they did outside is else told in words, and no machine says whether
words and an action are the same.

An act is a harm where people deliberately did something else, or nothing: the incident ended well
without it. It is none where somebody else's act ended it (the agent's, or people's in the incident
it was part of), where nobody can compare, where it still goes on, and where it was over before the
agent would have begun.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from statistics import median

import msgspec

from agent.core.history import Kind, Was, Would
from agent.model.decision import JournalEntry
from agent.model.effect import OutcomeStatus
from agent.model.incident import Ending, Incident
from agent.model.learning import Backtested, Harm, Resolution

RESOLUTION = "resolution"
"""Kind of the journal entry in which a person says what was done (core/people.py)."""

BY_AGENT = (Ending.HEALED, Ending.SETTLED)
WOULD_ACT = (Kind.ACTS, Kind.ASKS)
MOST_HARM = 20
"""Harms that are listed; all are counted."""


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


class Judging:
    """The back-test of a proposal, gathered row by row: its figures and its harm list.
    `resolutions` say what people did where that is known better than from the steps of the
    incident. What was over within `dwell_seconds` would not have been acted on."""

    def __init__(self, resolutions: Mapping[str, Resolution], *, dwell_seconds: float) -> None:
        self._resolutions, self._dwell_seconds = resolutions, dwell_seconds
        self._agreement: dict[str, int] = {}
        self._harm: list[Harm] = []
        self._matched = self._acts = self._unknown = self._harms = 0

    def take(self, row: Tried, past: Incident) -> None:
        self._matched += 1
        self._unknown += row.would.kind is Kind.UNKNOWN
        if row.would.kind not in WOULD_ACT:
            return
        self._acts += 1
        did = _deeds_of(row, self._resolutions.get(past.id))
        agreed = _agreed(row, did)
        self._agreement[agreed.value] = self._agreement.get(agreed.value, 0) + 1
        instead = _instead(past, agreed, did, self._dwell_seconds)
        if instead:
            self._harms += 1
            would = "; ".join(_planned(row))
            self._harm.append(
                Harm(incident=past.id, at=past.opened_at, would=would, people=instead)
            )
            del self._harm[:-MOST_HARM]  # they come oldest first, and the latest say most

    def figures(self, *, at: float, incidents: int) -> Backtested:
        """`incidents` is how many were gone through."""
        return Backtested(
            at=at,
            incidents=incidents,
            matched=self._matched,
            would_act=self._acts,
            agreed=self._agreement.get(Agreement.YES.value, 0),
            agreement=dict(sorted(self._agreement.items(), key=lambda each: (-each[1], each[0]))),
            harm=tuple(reversed(self._harm)),
            harm_count=self._harms,
            unknown=self._unknown,
        )


def _planned(row: Tried) -> tuple[str, ...]:
    return tuple(_act(step.use, step.target) for step in row.would.steps)


def _deeds_of(row: Tried, resolution: Resolution | None) -> tuple[str, ...]:
    """What people say mattered, told or seen; where nobody said, everything that was done."""
    if resolution is not None and resolution.deeds:
        return tuple(_act(deed.use, deed.target) for deed in resolution.deeds)
    return row.people.actions


def _agreed(row: Tried, did: tuple[str, ...]) -> Agreement:
    if not did:
        return Agreement.IN_WORDS if row.people.outside else Agreement.NOBODY
    planned = _planned(row)
    if planned == did:
        return Agreement.YES
    return Agreement.PARTLY if set(planned) & set(did) else Agreement.NO


def _instead(past: Incident, agreed: Agreement, did: tuple[str, ...], dwell_seconds: float) -> str:
    """What people did instead, in words; empty where the act would have been no harm."""
    if agreed is Agreement.NO:
        return "; ".join(did)
    if agreed is not Agreement.NOBODY or past.resolved_at is None:
        return ""
    is_of_another = past.held_by is not None or past.storm is not None
    if past.outcome is Ending.HEALED or is_of_another or past.inhibited_by is not None:
        return ""
    lasted = _cleared_at(past) - min(
        (alert.starts_at for alert in past.alerts.values()), default=past.opened_at
    )
    if lasted <= dwell_seconds:
        return ""
    minutes = f"{lasted / 60:.0f} min"
    return f"nothing was done, and it was over after {minutes}"


def _cleared_at(past: Incident) -> float:
    """When the last of its alerts ended, by its source; else when somebody closed it."""
    closed = past.resolved_at or past.updated_at
    ends = [alert.ends_at for alert in past.alerts.values()]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else closed
