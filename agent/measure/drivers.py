"""What people are called for, and what takes their time: families of incidents and causes, ranked.

A family is the name of the alert that opened an incident with the kind of its entity, whatever the
product (measure/families.py). Counted are incidents that somebody was called for, by when they
opened; a page with all its fallbacks is one. Minutes are what people said, else from the first call
to the end: so they are an upper bound where nobody says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from math import sqrt

import msgspec

from agent.measure.families import calls_of, name_of
from agent.model.effect import Verdict
from agent.model.incident import Incident
from agent.model.learning import CauseKind

MOST_ROWS = 50
MOST_LATEST = 3
LEAST_PAGES = 5
"""In both periods together: of fewer nothing is said of a trend."""
SURE = 2.0
"""So many standard deviations apart two counts have to be: `|a - b| >= SURE * sqrt(a + b)`. Counts
of things that come by chance differ so much once in twenty times."""
MINUTE = 60.0


class Change(StrEnum):
    MORE = "more"
    LESS = "less"
    SAME = "about the same"
    NEW = "new"
    UNSAID = "too little to say"


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One incident that people were called for."""

    id: str
    at: float
    """When it opened (seconds since the epoch)."""
    alertname: str
    kind: str
    cause: CauseKind
    product: str | None
    pages: int
    minutes: float
    runbook: str | None = None
    verdict: Verdict | None = None


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """One family, or one cause. `alertname` is empty for a cause, `cause` for a family."""

    alertname: str = ""
    kind: str = ""
    cause: str = ""
    incidents: int
    pages: int
    minutes: float
    share_of_pages: float
    share_of_minutes: float
    pages_before: int
    minutes_before: float
    change: Change
    products: tuple[str, ...]
    last_at: float
    latest: tuple[str, ...]
    """Ids of the newest incidents, the newest first."""
    runbook: str | None = None
    """What handled the newest of them; None: nothing did."""
    verdict: Verdict | None = None


class Drivers(msgspec.Struct, frozen=True, kw_only=True):
    since: float
    until: float
    incidents: int
    pages: int
    minutes: float
    pages_before: int
    minutes_before: float
    has_before: bool
    """Whether the history reaches back over the whole period before: only then is it compared."""
    change: Change
    families: tuple[Driver, ...]
    """By pages, then by minutes."""
    causes: tuple[Driver, ...]


def case_of(
    incident: Incident,
    *,
    kind: str,
    cause: CauseKind = CauseKind.UNKNOWN,
    minutes: float | None = None,
    at: float,
) -> Case | None:
    """None where nobody was called. `minutes`: what people said; `at`: now."""
    calls = calls_of(incident)
    if not calls:
        return None
    if minutes is None:
        ended = at if incident.resolved_at is None else incident.resolved_at
        minutes = max(0.0, ended - min(call.at for call in calls)) / MINUTE
    return Case(
        id=incident.id,
        at=incident.opened_at,
        alertname=name_of(incident),
        kind=kind,
        cause=cause,
        product=incident.product,
        pages=len({call.wave for call in calls}),
        minutes=minutes,
        runbook=incident.runbook,
        verdict=incident.plans[-1].verdict if incident.plans else None,
    )


def drivers(
    cases: Iterable[Case], *, since: float, until: float, known_from: float | None
) -> Drivers:
    """Ranked over `since <= at < until`, beside the period as long before it. `known_from`: when
    the first incident that is kept at all opened; None: there is none."""
    before_from = since - (until - since)
    found = list(cases)
    now = [case for case in found if since <= case.at < until]
    before = [case for case in found if before_from <= case.at < since]
    has_before = known_from is not None and known_from < before_from
    whole = _Whole(pages=_pages(now), minutes=_minutes(now), has_before=has_before)
    return Drivers(
        since=since,
        until=until,
        incidents=len(now),
        pages=whole.pages,
        minutes=whole.minutes,
        pages_before=_pages(before),
        minutes_before=_minutes(before),
        has_before=has_before,
        change=change(whole.pages, _pages(before), has_before=has_before),
        families=_ranked(now, before, whole, lambda case: (case.alertname, case.kind, "")),
        causes=_ranked(now, before, whole, lambda case: ("", "", case.cause.value)),
    )


def change(now: int, before: int, *, has_before: bool) -> Change:
    """Whether there are more pages than before, beyond what chance does."""
    if not has_before or now + before < LEAST_PAGES:
        return Change.UNSAID
    if before == 0:
        return Change.NEW
    if abs(now - before) < SURE * sqrt(now + before):
        return Change.SAME
    return Change.MORE if now > before else Change.LESS


class _Whole(msgspec.Struct, frozen=True):
    pages: int
    minutes: float
    has_before: bool


Key = tuple[str, str, str]
"""Alert name and kind of a family, or a cause."""


def _ranked(
    now: Sequence[Case], before: Sequence[Case], whole: _Whole, key: Callable[[Case], Key]
) -> tuple[Driver, ...]:
    groups: dict[Key, list[Case]] = {}
    for case in now:
        groups.setdefault(key(case), []).append(case)
    earlier: dict[Key, list[Case]] = {}
    for case in before:
        earlier.setdefault(key(case), []).append(case)
    rows = [_driver(name, group, earlier.get(name, []), whole) for name, group in groups.items()]
    rows.sort(key=lambda d: (-d.pages, -d.minutes, d.alertname, d.kind, d.cause))
    return tuple(rows[:MOST_ROWS])


def _driver(name: Key, group: Sequence[Case], before: Sequence[Case], whole: _Whole) -> Driver:
    newest = sorted(group, key=lambda case: (case.at, case.id), reverse=True)
    pages, minutes = _pages(group), _minutes(group)
    return Driver(
        alertname=name[0],
        kind=name[1],
        cause=name[2],
        incidents=len(group),
        pages=pages,
        minutes=minutes,
        share_of_pages=pages / whole.pages if whole.pages else 0.0,
        share_of_minutes=minutes / whole.minutes if whole.minutes else 0.0,
        pages_before=_pages(before),
        minutes_before=_minutes(before),
        change=change(pages, _pages(before), has_before=whole.has_before),
        products=tuple(sorted({case.product for case in group if case.product is not None})),
        last_at=newest[0].at,
        latest=tuple(case.id for case in newest[:MOST_LATEST]),
        runbook=newest[0].runbook,
        verdict=newest[0].verdict,
    )


def _pages(cases: Iterable[Case]) -> int:
    return sum(case.pages for case in cases)


def _minutes(cases: Iterable[Case]) -> float:
    return sum((case.minutes for case in cases), 0.0)
