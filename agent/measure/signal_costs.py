"""What each alert of each product cost: incidents, pages, people's minutes and the agent's.

People's minutes are what they said. Where they said nothing, it is not known what it cost: an alert
that somebody was called for took time, and 0 would be a lie. Nobody was called: then it cost nobody
anything. Minutes of the agent are from its first step to the verdict of the plan, so they are what
it was busy with, and not what a processor did.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from agent.measure.families import calls_of, name_of
from agent.model.effect import OutcomeStatus
from agent.model.incident import Ending, Incident
from agent.model.learning import CauseKind, Resolution

MINUTE = 60.0
MONTH_SECONDS = 30 * 86_400.0
LONGEST_SECONDS = 24 * 3600.0
"""A plan that took longer stood and waited."""
DAYS_WORK_MINUTES = 8 * 60.0
MOST_ROWS = 200
MOST_LATEST = 3
NEEDED_NOTHING = frozenset({CauseKind.EXPECTED, CauseKind.FALSE_ALERT})


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What one incident took."""

    id: str
    name: str
    product: str | None
    at: float
    """When it opened."""
    pages: int
    minutes: float | None
    """Of people; None: not known."""
    agent_minutes: float
    by_people: bool
    """Somebody did something about it, or said that they had to."""
    by_agent: bool
    settled: bool
    """A runbook says that nothing has to be done."""
    is_over: bool
    is_ours: bool = False
    """The agent raised it itself."""
    cause: CauseKind = CauseKind.UNKNOWN
    runbook: str | None = None

    @property
    def acted(self) -> bool:
        return self.by_people or self.by_agent or self.settled


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of one product, over the time looked at."""

    name: str
    product: str | None
    incidents: int
    pages: int
    minutes: float | None
    """Of people, as far as they said; None: of none of those they were called for is it known."""
    unknown: int
    """Incidents that people were called for, and that nobody said anything of."""
    agent_minutes: float
    acted: float
    """Share of those that are over in which somebody or the agent did something."""
    over: int
    by_people: int
    by_agent: int
    causes: Mapping[CauseKind, int] = {}
    runbook: str | None = None
    """What handled the newest of them."""
    last_at: float
    latest: tuple[str, ...]
    is_ours: bool = False
    per_month: float | None
    """People's minutes in 30 days at this rate; None: not known."""


class Unacted(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that nobody acted on, of one product."""

    name: str
    product: str | None
    incidents: int
    pages: int


def spent_on(incident: Incident, said: Resolution | None) -> Spent:
    """`said`: what is known of how it ended, if anything is."""
    calls = calls_of(incident)
    done = [s for s in incident.steps if s.status is OutcomeStatus.DONE and not s.is_rollback]
    is_first = incident.alerts and all(i.startswith("homeostat/") for i in incident.alerts)
    return Spent(
        id=incident.id,
        name=name_of(incident),
        product=incident.product,
        at=incident.opened_at,
        pages=len({call.wave for call in calls}),
        minutes=_minutes(incident, said) if calls else 0.0,
        agent_minutes=_agent_minutes(incident),
        by_people=any(s.by != "agent" for s in done) or _people_did(incident, said),
        by_agent=any(s.by == "agent" for s in done),
        settled=incident.outcome is Ending.SETTLED,
        is_over=not incident.is_open,
        is_ours=bool(is_first),
        cause=said.cause_kind if said is not None else CauseKind.UNKNOWN,
        runbook=incident.runbook,
    )


def costs(spent: Iterable[Spent], *, since: float, until: float) -> tuple[Cost, ...]:
    """Over `since <= at < until`, the dearest first: by minutes of people, then by pages. Of what
    is not known there may be anything, so it comes before what cost nothing."""
    rows: dict[tuple[str, str | None], list[Spent]] = {}
    for one in spent:
        if since <= one.at < until:
            rows.setdefault((one.name, one.product), []).append(one)
    found = [_cost(group, since=since, until=until) for group in rows.values()]
    found.sort(key=lambda c: (-(c.minutes or 0.0), -c.unknown, -c.pages, -c.incidents, c.name))
    return tuple(found[:MOST_ROWS])


class NobodyActed:
    """Alerts about which nobody ever did anything, counted as incidents are read: the list of all
    of them may be long."""

    def __init__(self) -> None:
        self._over: dict[tuple[str, str | None], list[int]] = {}
        self._acted: set[tuple[str, str | None]] = set()

    def take(self, one: Spent) -> None:
        key = (one.name, one.product)
        if one.is_ours or key in self._acted:
            return
        if one.acted:
            self._acted.add(key)
            self._over.pop(key, None)
        elif one.is_over:
            row = self._over.setdefault(key, [0, 0])
            row[0] += 1
            row[1] += one.pages

    def told(self, *, least: int) -> tuple[Unacted, ...]:
        """Those that came at least so often and are over, by name."""
        return tuple(
            Unacted(name=name, product=product, incidents=over, pages=pages)
            for (name, product), (over, pages) in sorted(
                self._over.items(), key=lambda row: (row[0][0], row[0][1] or "")
            )
            if over >= least
        )


def _minutes(incident: Incident, said: Resolution | None) -> float | None:
    """What the person who ended it said. Where that is only the time from the first call to the
    end, nobody worked on it for longer than a day's work."""
    if said is None or said.minutes is None or not said.who:
        return None
    ended = said.at if incident.resolved_at is None else incident.resolved_at
    whole = (ended - min(call.at for call in calls_of(incident))) / MINUTE
    is_computed = abs(said.minutes - whole) < 0.1
    return max(0.0, min(said.minutes, DAYS_WORK_MINUTES) if is_computed else said.minutes)


def _people_did(incident: Incident, said: Resolution | None) -> bool:
    """Where nothing is known any more of an incident that a person ended, they may have acted."""
    if said is None:
        return incident.resolved_by not in (None, "", "agent")
    if said.deeds or said.outside or said.page_useful:
        return True
    has_cause = said.cause_kind is not CauseKind.UNKNOWN
    return bool(said.who) and has_cause and said.cause_kind not in NEEDED_NOTHING


def _agent_minutes(incident: Incident) -> float:
    seconds = 0.0
    judged = {run.plan: run.at for run in incident.plans if run.at > 0.0}
    began: dict[str, float] = {}
    for step in incident.steps:
        if step.by != "agent" or step.started_at <= 0.0:
            continue
        if step.plan in judged:
            began[step.plan] = min(step.started_at, began.get(step.plan, step.started_at))
        elif step.ended_at is not None:
            seconds += min(LONGEST_SECONDS, max(0.0, step.ended_at - step.started_at))
    for plan, at in began.items():
        seconds += min(LONGEST_SECONDS, max(0.0, judged[plan] - at))
    return seconds / MINUTE


def _cost(group: list[Spent], *, since: float, until: float) -> Cost:
    newest = sorted(group, key=lambda one: (one.at, one.id), reverse=True)
    known = [one.minutes for one in group if one.minutes is not None]
    over = [one for one in group if one.is_over]
    causes: dict[CauseKind, int] = {}
    for one in group:
        if one.cause is not CauseKind.UNKNOWN:
            causes[one.cause] = causes.get(one.cause, 0) + 1
    called = [one for one in group if one.pages]
    unknown = sum(one.minutes is None for one in group)
    minutes = None if called and unknown == len(called) else sum(known, 0.0)
    months = max(1.0, until - since) / MONTH_SECONDS
    return Cost(
        name=newest[0].name,
        product=newest[0].product,
        incidents=len(group),
        pages=sum(one.pages for one in group),
        minutes=minutes,
        unknown=unknown,
        agent_minutes=sum((one.agent_minutes for one in group), 0.0),
        acted=sum(one.acted for one in over) / len(over) if over else 0.0,
        over=len(over),
        by_people=sum(one.by_people for one in group),
        by_agent=sum(one.by_agent for one in group),
        causes=causes,
        runbook=newest[0].runbook,
        last_at=newest[0].at,
        latest=tuple(one.id for one in newest[:MOST_LATEST]),
        is_ours=newest[0].is_ours,
        per_month=None if minutes is None else minutes / months,
    )
