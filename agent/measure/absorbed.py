"""How much of what went wrong needed no person: by product and week, graded, with its trend.

    absorbed share = (healed + settled) / (healed + settled + diagnosed + routed)

*Healed*: the agent acted, and the proof held. *Settled*: it left it alone on purpose, and it was
over. *Diagnosed*: people were told, with findings. *Routed*: people were told, without any. What
went away before anything was done, and what a silence, another alert or another incident's page
spoke for, needed nothing and counts neither for nor against; what is still open counts when it has
ended or people are told. One number alone would be a lie: the grades stand beside it.

Incidents count in the week they opened, alerts (different messages of the ledger that say that
something fires) in the week they came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from enum import StrEnum

import msgspec

from agent.measure.families import FAMILY_WEEKS, Families, Family, calls_of
from agent.measure.weeks import Point, Trend, label_of, trend
from agent.model.decision import LedgerState
from agent.model.incident import Ending, Incident, State
from agent.model.past import WEEK_SECONDS, LedgerCount, week_of, week_start
from agent.model.reason import Reason

FORMULA = "absorbed share = (healed + settled) / (healed + settled + diagnosed + routed)"
STILL_HEALING = frozenset({State.AWAITING_APPROVAL, State.ACTING, State.VERIFYING})
"""People may have been told, and it can still end without them."""
Sees = Callable[[str | None], bool]
"""Whether whoever asks may know of what belongs to a product; None: to no product."""


class Grade(StrEnum):
    HEALED = "healed"
    SETTLED = "settled"
    DIAGNOSED = "diagnosed"
    ROUTED = "routed"
    CLEARED = "cleared"
    SUPPRESSED = "suppressed"
    OPEN = "open"


ABSORBED = (Grade.HEALED, Grade.SETTLED)
NEEDED = (*ABSORBED, Grade.DIAGNOSED, Grade.ROUTED)


def grade_of(incident: Incident) -> Grade:
    if incident.outcome is Ending.HEALED:
        return Grade.HEALED
    if incident.outcome is Ending.SETTLED:
        return Grade.SETTLED
    if incident.state in STILL_HEALING:
        return Grade.OPEN
    told = Grade.DIAGNOSED if incident.findings else Grade.ROUTED
    if calls_of(incident):
        return told
    if incident.held_by or incident.silenced_by or incident.inhibited_by:
        return Grade.SUPPRESSED
    if incident.routed_to is not None or incident.outcome is Ending.ROUTED:
        return told
    return Grade.CLEARED if incident.state is State.RESOLVED else Grade.OPEN


def grade_of_messages(count: LedgerCount, diagnosed: Set[str]) -> Grade | None:
    """Where messages of the ledger stand; None: they say nothing new, or only that a source lives.
    `diagnosed`: ids of incidents of which people were told with findings."""
    match count.state:
        case LedgerState.ABSORBED if count.reason is not Reason.WATCHDOG:
            return Grade.SETTLED if count.reason is Reason.SETTLED else Grade.HEALED
        case LedgerState.ROUTED:
            return Grade.DIAGNOSED if count.incident_id in diagnosed else Grade.ROUTED
        case LedgerState.CLEARED if count.reason is not Reason.OLDER_THAN_KNOWN:
            return Grade.CLEARED
        case LedgerState.SUPPRESSED:
            return Grade.SUPPRESSED
        case LedgerState.OPEN:
            return Grade.OPEN
        case _:
            return None


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """So many of each grade."""

    healed: int = 0
    settled: int = 0
    diagnosed: int = 0
    routed: int = 0
    cleared: int = 0
    suppressed: int = 0
    open: int = 0

    @property
    def absorbed(self) -> int:
        return self.healed + self.settled

    @property
    def needed(self) -> int:
        """Those that needed anything."""
        return self.absorbed + self.diagnosed + self.routed

    @property
    def share(self) -> float | None:
        """None where nothing needed anything."""
        return self.absorbed / self.needed if self.needed else None


class Week(msgspec.Struct, frozen=True, kw_only=True):
    week: str
    """As in `2026-W05`."""
    start: float
    is_partial: bool
    """It is not over, or the agent's memory begins within it."""
    incidents: Counts
    alerts: Counts
    pages: int


class ProductAbsorbed(msgspec.Struct, frozen=True, kw_only=True):
    product: str | None
    """None: what belongs to no product."""
    incidents: Counts
    weeks: tuple[Week, ...]
    """Those in which anything happened."""
    trend: Trend


class Absorbed(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    incidents: Counts
    alerts: Counts
    weeks: tuple[Week, ...]
    trend: Trend
    products: tuple[ProductAbsorbed, ...]
    families: tuple[Family, ...]


class Tally:
    """Fed with the past page by page, first incidents and then messages; what it keeps in the end
    is numbers by week and product."""

    def __init__(self, *, weeks: int, at: float) -> None:
        """`at`: the week of this moment is the last of so many."""
        self.at = at
        self.last = week_of(at)
        self.first = self.last - weeks + 1
        self.begins_at = week_start(self.first)
        self.families = Families(since=week_start(self.last - FAMILY_WEEKS + 1), at=at)
        self._incidents: dict[tuple[int, str | None], dict[Grade, int]] = {}
        self._alerts: dict[tuple[int, str | None], dict[Grade, int]] = {}
        self._pages: dict[tuple[int, str | None], int] = {}
        self._diagnosed: set[str] = set()
        self._products: dict[str, str | None] = {}
        self._remembers_from = 0.0

    @property
    def reads_from(self) -> float:
        """From where on incidents are needed: alerts of the first week may belong to one that
        opened before it, and families are always told over their own weeks."""
        return min(self.begins_at - WEEK_SECONDS, self.families.since)

    def take(self, incident: Incident, *, kind: str = "", minutes: float | None = None) -> None:
        """`kind` of its entity; `minutes` of people's time, where somebody said so."""
        grade = grade_of(incident)
        self._products[incident.id] = incident.product
        if grade is Grade.DIAGNOSED:
            self._diagnosed.add(incident.id)
        if incident.opened_at >= self.families.since and calls_of(incident):
            self.families.take(incident, kind=kind, minutes=minutes)
        place = week_of(incident.opened_at), incident.product
        _count(self._incidents, place, grade, 1)
        self._pages[place] = self._pages.get(place, 0) + len({c.wave for c in calls_of(incident)})

    def count(self, counts: Iterable[LedgerCount]) -> None:
        """After all incidents."""
        for count in counts:
            grade = grade_of_messages(count, self._diagnosed)
            if grade is None:
                continue
            product = self._products.get(count.incident_id or "", count.product)
            _count(self._alerts, (count.week, product), grade, count.messages)

    def finish(self, *, remembers_from: float) -> None:
        """That was all. The first message ever was received then: of before nothing is known."""
        self._remembers_from = remembers_from
        self._diagnosed.clear()
        self._products.clear()

    def told(self, sees: Sees, *, weeks: int | None = None, product: str = "") -> Absorbed:
        """What it comes to, of what one person may see; of fewer weeks, or of one product only."""
        first = self.first if weeks is None else max(self.first, self.last - weeks + 1)
        found: dict[str | None, set[int]] = {}
        for week, name in (*self._incidents, *self._alerts):
            if sees(name) and product in ("", name):
                found.setdefault(name, set()).add(week)
        all_weeks = [self._week(n, found.keys()) for n in range(first, self.last + 1)]
        products = [
            self._product(name, [self._week(n, {name}) for n in sorted(found[name]) if n >= first])
            for name in sorted(found, key=lambda p: (p is None, p or ""))
        ]
        return Absorbed(
            at=self.at,
            incidents=total([w.incidents for w in all_weeks]),
            alerts=total([w.alerts for w in all_weeks]),
            weeks=tuple(all_weeks),
            trend=trend(_points(all_weeks)),
            products=tuple(p for p in products if p.weeks),
            families=self.families.told(found.keys()),
        )

    def _product(self, name: str | None, weeks: list[Week]) -> ProductAbsorbed:
        return ProductAbsorbed(
            product=name,
            incidents=total([w.incidents for w in weeks]),
            weeks=tuple(weeks),
            trend=trend(_points(weeks)),
        )

    def _week(self, number: int, products: Set[str | None]) -> Week:
        start = week_start(number)
        is_over = start + WEEK_SECONDS <= self.at
        return Week(
            week=label_of(number),
            start=start,
            is_partial=not is_over or start < self._remembers_from,
            incidents=_counts(self._incidents, number, products),
            alerts=_counts(self._alerts, number, products),
            pages=sum(self._pages.get((number, p), 0) for p in products),
        )


def _count(
    counts: dict[tuple[int, str | None], dict[Grade, int]],
    place: tuple[int, str | None],
    grade: Grade,
    number: int,
) -> None:
    found = counts.setdefault(place, {})
    found[grade] = found.get(grade, 0) + number


def _counts(
    counts: Mapping[tuple[int, str | None], Mapping[Grade, int]],
    week: int,
    products: Set[str | None],
) -> Counts:
    found = dict.fromkeys((g.value for g in Grade), 0)
    for product in products:
        for grade, number in counts.get((week, product), {}).items():
            found[grade.value] += number
    return Counts(**found)


def total(parts: Iterable[Counts]) -> Counts:
    found = dict.fromkeys(Counts.__struct_fields__, 0)
    for part in parts:
        for name in found:
            found[name] += getattr(part, name)
    return Counts(**found)


def _points(weeks: Iterable[Week]) -> list[Point]:
    """Of whole weeks only: one that has just begun would pull the line to nowhere."""
    return [
        Point(week=week_of(w.start), good=w.incidents.absorbed, cases=w.incidents.needed)
        for w in weeks
        if not w.is_partial
    ]
