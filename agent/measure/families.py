"""What people are still called for, by family: the next thing to absorb, and why it is not yet.

A family is the name of the alert that opened an incident, with the kind of entity it is about. The
product is no part of it: what is learned of one product's may hold for all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set

import msgspec

from agent.model.effect import Verdict
from agent.model.incident import Incident, Page
from agent.model.learning import Promotion, PromotionState, Standing
from agent.model.on_call import Telling
from agent.model.runbook import Lifecycle

FAMILY_WEEKS = 8
MOST_FAMILIES = 20
MINUTE = 60.0

NO_RUNBOOK = "no runbook matches it"
WHILE = {
    Lifecycle.DRAFT: "is a draft and does nothing yet",
    Lifecycle.SHADOW: "only looks on (shadow)",
    Lifecycle.ASSISTED: "asks a person before each run (assisted)",
    Lifecycle.SUSPENDED: "is suspended",
    Lifecycle.RETIRED: "is retired",
}


class Family(msgspec.Struct, frozen=True, kw_only=True):
    alertname: str
    kind: str
    """Kind of the entity; empty where it is about none that is registered."""
    products: tuple[str, ...]
    incidents: int
    pages: int
    minutes: float
    """Of people's time: what they said, else from the first call to the end."""
    runbook: str | None
    """What handled the latest of them; None: nothing did."""
    verdict: Verdict | None = None
    """How its plan ended there; None: none was run."""
    why: str = ""
    """Why it is not absorbed."""


class _Part(msgspec.Struct):
    """One family within one product."""

    incidents: int = 0
    pages: int = 0
    minutes: float = 0.0
    latest: float = 0.0
    runbook: str | None = None
    verdict: Verdict | None = None


class Families:
    def __init__(self, *, since: float, at: float) -> None:
        self.since = since
        self._at = at
        self._parts: dict[tuple[str, str], dict[str | None, _Part]] = {}

    def take(self, incident: Incident, *, kind: str, minutes: float | None) -> None:
        """One that people were called for."""
        key = name_of(incident), kind
        part = self._parts.setdefault(key, {}).setdefault(incident.product, _Part())
        calls = calls_of(incident)
        if minutes is None:
            ended = self._at if incident.resolved_at is None else incident.resolved_at
            minutes = max(0.0, ended - min(c.at for c in calls)) / MINUTE
        part.incidents += 1
        part.pages += len({c.wave for c in calls})
        part.minutes += minutes
        if incident.opened_at >= part.latest:
            part.latest, part.runbook = incident.opened_at, incident.runbook
            part.verdict = incident.plans[-1].verdict if incident.plans else None

    def told(self, products: Set[str | None]) -> tuple[Family, ...]:
        """Those of these products, the dearest first: by minutes, then by pages."""
        found = []
        for (name, kind), parts in self._parts.items():
            seen = {product: part for product, part in parts.items() if product in products}
            if not seen:
                continue
            latest = max(seen.values(), key=lambda part: part.latest)
            found.append(
                Family(
                    alertname=name,
                    kind=kind,
                    products=tuple(sorted(p for p in seen if p is not None)),
                    incidents=sum(p.incidents for p in seen.values()),
                    pages=sum(p.pages for p in seen.values()),
                    minutes=sum(p.minutes for p in seen.values()),
                    runbook=latest.runbook,
                    verdict=latest.verdict,
                )
            )
        found.sort(key=lambda f: (-f.minutes, -f.pages, f.alertname, f.kind))
        return tuple(found[:MOST_FAMILIES])


def calls_of(incident: Incident) -> tuple[Page, ...]:
    """Messages that called for somebody, and were not said for the record."""
    return tuple(p for p in incident.pages if p.telling is Telling.PAGE)


def name_of(incident: Incident) -> str:
    """The alert that opened it."""
    first = min(incident.alerts.values(), key=lambda a: (a.starts_at, a.name), default=None)
    return first.name if first is not None else ""


def explained(
    families: Iterable[Family],
    *,
    promotions: Iterable[Promotion],
    standings: Mapping[str, Standing],
    lifecycles: Mapping[str, Lifecycle],
) -> tuple[Family, ...]:
    """With why each is not absorbed, as things stand now. `lifecycles`: of the loaded runbooks, by
    name; `promotions`: those that whoever asks may see."""
    proposals: dict[str, list[Promotion]] = {}
    for promotion in promotions:
        proposals.setdefault(promotion.alertname, []).append(promotion)
    return tuple(
        msgspec.structs.replace(
            family,
            why=_proposed(proposals.get(family.alertname, ()), (PromotionState.PROPOSED,))
            or _proposed(proposals.get(family.alertname, ()), (PromotionState.TRYING,))
            or _handled(family, standings, lifecycles)
            or _proposed(
                proposals.get(family.alertname, ()),
                (PromotionState.REFUSED, PromotionState.REJECTED),
            )
            or NO_RUNBOOK,
        )
        for family in families
    )


def _proposed(promotions: Iterable[Promotion], states: tuple[PromotionState, ...]) -> str:
    """What the latest proposal in one of these states waits for, or came to."""
    found = [p for p in promotions if p.state in states]
    if not found:
        return ""
    latest = max(found, key=lambda p: (p.decided_at or p.proposed_at, p.name))
    match latest.state:
        case PromotionState.TRYING:
            return f"a proposal is being tried against the past: {latest.name}"
        case PromotionState.PROPOSED:
            asks = len(latest.unanswered)
            missing = f"; {asks} of its questions are not answered" if asks else ""
            return f"a proposal waits for {latest.decider or 'approval'}: {latest.name}{missing}"
        case PromotionState.REFUSED:
            why = latest.reason_text or (latest.reason.sentence if latest.reason else "")
            return f"nothing could be proposed: {why}"
        case _:
            by = f" by {latest.decided_by}" if latest.decided_by else ""
            return (
                f"the proposal {latest.name} was rejected{by}: {latest.why or 'nothing was said'}"
            )


def _handled(
    family: Family, standings: Mapping[str, Standing], lifecycles: Mapping[str, Lifecycle]
) -> str:
    name = family.runbook
    if name is None:
        return ""
    standing, lifecycle = standings.get(name), lifecycles.get(name)
    if standing is not None and standing.is_suspended:
        return f"the runbook {name} is suspended: {standing.why}"
    if lifecycle is None:
        return f"the runbook {name} is not loaded any more"
    if lifecycle in WHILE:
        return f"the runbook {name} {WHILE[lifecycle]}"
    if family.verdict in (Verdict.FAILED, Verdict.INCONCLUSIVE):
        return f"the runbook {name} ran, and its proof was {family.verdict.value}"
    return f"the runbook {name} left it to people, or a rail held it"
