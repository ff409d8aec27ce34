"""The record of one incident for whoever was not there: what it hit, how it was noticed, what was
found, done and tried in vain, what it was, what nobody knows, and what is left to do.

Drafted from what is kept: the incident, its journal, how it ended, its follow-ups and near misses.
Nothing is guessed; what is not known is said to be so. An open incident has a preliminary record.
Here it is data; record_words.py says it in sentences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import inf
from typing import Any

from agent.core import follow_ups
from agent.core.facts import FAILED
from agent.core.graph import graph_of, numbers_in
from agent.core.paging import brief
from agent.core.reaching import calls_of, is_delivered
from agent.core.view import View
from agent.interface import why
from agent.interface.record_timeline import timeline
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.decision import JournalEntry
from agent.model.effect import OutcomeStatus, Verdict
from agent.model.incident import Ending, Incident, StepRun
from agent.model.learning import (
    CauseKind,
    Credit,
    Deed,
    FollowUp,
    Mark,
    NearMissKind,
    NearMissRecord,
    Resolution,
)

MOST_NAMES = 30
MOST_ROWS = 100
PEOPLE_SAID = {
    "acknowledged": "took it",
    "approved": "approved what the agent asked for",
    "rejected": "rejected what the agent asked for",
    "resolution": "recorded how it was resolved",
}
IN_VAIN = (Verdict.FAILED, Verdict.INCONCLUSIVE)
NOT_THE_CURE = (
    Credit.BEFORE,
    Credit.TOO_LATE,
    Credit.NOT_CLEARED,
    Credit.RELAPSED,
    Credit.HARMED,
)


def record_json(
    incident: Incident,
    journal: Sequence[JournalEntry],
    view: View,
    *,
    now: float,
    sees: why.Sees = lambda _product: True,
) -> dict[str, Any]:
    """`now`: seconds since the epoch; `sees`: whether whoever asks may know of a product."""
    ending = view.resolutions.get(incident.id)
    return {
        "incident": incident.id,
        "title": incident.title,
        "state": incident.state.value,
        "outcome": incident.outcome.value if incident.outcome is not None else None,
        "preliminary": incident.is_open,
        "made_at": rfc3339(now),
        "impact": _impact(incident, view, now, sees),
        "detection": _detection(incident, journal),
        "found": [_finding(name, found) for name, found in incident.findings.items()][:MOST_ROWS],
        "agent": _agent(incident, journal, view),
        "people": _people(incident, journal, ending),
        "in_vain": list(_in_vain(incident, ending))[:MOST_ROWS],
        "cause": _cause(incident, ending),
        "unknown": list(_unknown(incident, ending))[:MOST_ROWS],
        "follow_ups": [
            follow_up_json(one, view, now=now) for one in follow_ups.of_incident(incident.id, view)
        ],
        "near_misses": [
            near_miss_json(one) for one in view.near_misses.values() if one.incident == incident.id
        ],
        "timeline": [
            {"at": rfc3339(line.at), "text": line.text} for line in timeline(incident, journal)
        ],
    }


def follow_up_json(one: FollowUp, view: View, *, now: float) -> dict[str, Any]:
    return {
        "id": one.id,
        "incident": one.incident,
        "product": one.product,
        "what": one.what,
        "owner": one.owner,
        "owner_is_known": follow_ups.is_known(one.owner, view),
        "tells": follow_ups.teller(one, view),
        "due_at": rfc3339(one.due_at),
        "is_overdue": follow_ups.is_overdue(one, now),
        "is_done": one.done_at is not None,
        "made_by": one.made_by,
        "made_at": rfc3339(one.made_at),
        "done_by": one.done_by,
        "done_at": rfc3339_or_none(one.done_at),
        "told_at": rfc3339_or_none(one.told_at),
    }


def near_miss_json(one: NearMissRecord) -> dict[str, Any]:
    stopped = one.stopped_by
    return {
        "incident": one.incident,
        "product": one.product,
        "at": rfc3339(one.at),
        "kind": one.kind.value,
        "runbook": one.runbook,
        "would": one.would,
        "stopped_by": stopped.value if stopped is not None else None,
        "instead": one.instead,
        "text": near_miss_sentence(one),
    }


def near_miss_sentence(one: NearMissRecord) -> str:
    if one.kind is NearMissKind.GUARD_STOPPED:
        guard = f" ({one.stopped_by.sentence})" if one.stopped_by is not None else ""
        return (
            f"A guard{guard} kept the runbook {one.runbook} from doing {one.would}, and it was "
            f"not needed: {one.instead or 'nothing was done'}."
        )
    return (
        f"The runbook {one.runbook} only looked on. Had it been in force, it would have done "
        f"{one.would}, which nobody did: {one.instead or 'nothing was done'}."
    )


# what it hit, and how it was noticed


def _began(incident: Incident) -> float:
    return min((a.starts_at for a in incident.alerts.values()), default=incident.opened_at)


def _ended(incident: Incident) -> float | None:
    """When its alerts ended, where their source said so; else when it was closed."""
    ends = [a.ends_at for a in incident.alerts.values()]
    said = [at for at in ends if at is not None]
    if not incident.is_firing and said and len(said) == len(ends):
        return max(said)
    return incident.resolved_at


def _impact(incident: Incident, view: View, now: float, sees: why.Sees) -> dict[str, Any]:
    began, ended = _began(incident), _ended(incident)
    calls = calls_of(incident)
    products, parts = _affected(incident, view, sees)
    return {
        "severity": incident.severity,
        "layer": incident.layer.value,
        "radius": incident.radius.value if incident.radius is not None else None,
        "product": incident.product,
        "entity": incident.entity,
        "suspect": incident.suspect,
        "began_at": rfc3339(began),
        "ended_at": rfc3339_or_none(ended),
        "seconds": max(0.0, (now if ended is None else ended) - began),
        "products_affected": products[:MOST_NAMES],
        "parts_affected": parts[:MOST_NAMES],
        "affected_count": len(products) + len(parts),
        "pages": len({page.wave for page in calls}),
        "people_told": list(dict.fromkeys(page.to for page in calls)),
    }


def _affected(incident: Incident, view: View, sees: why.Sees) -> tuple[list[str], list[str]]:
    """Products and parts of them that stand on what is broken, as the catalog has it."""
    registry, graph = view.registry, graph_of(view.registry)
    broken = incident.suspect or incident.entity or incident.product
    number = graph.number.get(broken or "")
    own = {incident.product} if incident.product is not None else set()
    if number is None:
        return sorted(own), []
    nodes = graph.all.above[number]
    above = [graph.names[n] for n in numbers_in(nodes)]
    hit = {p for p, made_of in graph.of_product.items() if p and made_of & nodes} | own
    parts = [
        name
        for name in above
        if name != broken
        and name in registry.entities
        and name not in registry.products
        and sees(registry.entities[name].product)
    ]
    return sorted(p for p in hit if sees(p)), sorted(parts)


def _detection(incident: Incident, journal: Sequence[JournalEntry]) -> dict[str, Any]:
    began = _began(incident)
    first = min(incident.alerts.values(), key=lambda a: (a.starts_at, a.identity), default=None)
    calls = calls_of(incident)
    paged = min((page.at for page in calls), default=None)
    taken = next((e for e in journal if e.kind == "acknowledged"), None)
    return {
        "alert": first.name if first is not None else None,
        "source": first.identity.rpartition("/")[0] if first is not None else None,
        "layer": incident.layer.value,
        "alert_began_at": rfc3339(began),
        "incident_opened_at": rfc3339(incident.opened_at),
        "first_page_at": rfc3339_or_none(paged),
        "acknowledged_at": rfc3339_or_none(taken.at if taken is not None else None),
        "acknowledged_by": taken.who if taken is not None else None,
        "seconds_to_incident": max(0.0, incident.opened_at - began),
        "seconds_to_page": None if paged is None else max(0.0, paged - incident.opened_at),
        "seconds_to_acknowledgement": None
        if taken is None
        else max(0.0, taken.at - (incident.opened_at if paged is None else paged)),
    }


# what was found and done


def _finding(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": name, "text": brief(found)[:500], "failed": FAILED in found}


def _agent(incident: Incident, journal: Sequence[JournalEntry], view: View) -> dict[str, Any]:
    stops = why.answers(incident, journal, view)[why.Question.NOT]
    return {
        "runbook": incident.runbook,
        "plans": [
            {
                "plan": run.plan,
                "verdict": run.verdict.value if run.verdict is not None else None,
                "why": run.reason.sentence if run.reason is not None else None,
                "rolled_back": run.rolled_back,
            }
            for run in incident.plans
        ],
        "steps": [_step(step) for step in incident.steps if step.by == "agent"][:MOST_ROWS],
        "stopped_by": [stop.as_json() for stop in stops][-MOST_ROWS:],
    }


def _step(step: StepRun) -> dict[str, Any]:
    return {
        "at": rfc3339(step.started_at),
        "use": step.use,
        "target": step.target,
        "by": step.by,
        "plan": step.plan or None,
        "result": step.status.value if step.status is not None else None,
        "detail": step.detail,
        "is_rollback": step.is_rollback,
    }


def _people(
    incident: Incident, journal: Sequence[JournalEntry], ending: Resolution | None
) -> list[dict[str, Any]]:
    """In order of time; what nobody said a time for comes last."""
    rows: list[tuple[float, dict[str, Any]]] = []
    for entry in journal:
        if entry.who != "agent" and entry.kind in PEOPLE_SAID:
            said = {"at": rfc3339(entry.at), "who": entry.who, "mark": Mark.SEEN.value}
            rows.append((entry.at, {**said, "what": PEOPLE_SAID[entry.kind], "result": None}))
            outside = entry.data.get("outside", ()) if entry.kind == "resolution" else ()
            for words in outside if isinstance(outside, list | tuple) else ():
                told = {**said, "mark": Mark.TOLD.value, "what": str(words)[:500], "result": None}
                rows.append((entry.at, told))
    rows += [(s.started_at, _done(s)) for s in incident.steps if s.by != "agent"]
    rows += [(inf if d.began_at is None else d.began_at, _told(d)) for d in _told_of(ending)]
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])][:MOST_ROWS]


def _told_of(ending: Resolution | None) -> list[Deed]:
    """What people say that they did elsewhere."""
    deeds = ending.deeds if ending is not None else ()
    return [deed for deed in deeds if deed.mark is Mark.TOLD]


def _done(step: StepRun) -> dict[str, Any]:
    return {
        "at": rfc3339(step.started_at),
        "who": step.by,
        "mark": Mark.SEEN.value,
        "what": _on(step.use, step.target),
        "result": step.status.value if step.status is not None else "under way",
    }


def _told(deed: Deed) -> dict[str, Any]:
    return {
        "at": rfc3339_or_none(deed.began_at),
        "who": deed.by,
        "mark": deed.mark.value,
        "what": _on(deed.use, deed.target),
        "result": None,
    }


def _on(use: str, target: str | None) -> str:
    return f"{use} on {target}" if target else use


def _in_vain(incident: Incident, ending: Resolution | None) -> Iterator[str]:
    for run in incident.plans:
        if run.verdict in IN_VAIN:
            because = f": {run.reason.sentence}" if run.reason is not None else ""
            back = ", and it was taken back" if run.rolled_back else ""
            proof = "failed" if run.verdict is Verdict.FAILED else "was inconclusive"
            yield f"The plan {run.plan} was run, and its proof {proof}{because}{back}."
    for step in incident.steps:
        if step.status in (OutcomeStatus.FAILED, OutcomeStatus.REFUSED):
            detail = f" ({step.detail})" if step.detail else ""
            yield f"{_on(step.use, step.target)} by {step.by} {step.status.value}{detail}."
    if ending is not None and ending.credit in NOT_THE_CURE and ending.deeds:
        did = "; ".join(_on(deed.use, deed.target) for deed in ending.deeds)
        because = f": {ending.credit_why.rstrip('.')}" if ending.credit_why else ""
        yield f"What people did ({did}) is not what made it go away{because}."


# what it was, and what nobody knows


def _cause(incident: Incident, ending: Resolution | None) -> dict[str, Any]:
    return {
        "kind": _kind(ending).value,
        "words": incident.cause,
        "said_by": incident.resolved_by,
        "credit": ending.credit.value if ending is not None else None,
        "credit_why": ending.credit_why if ending is not None else "",
        "minutes": ending.minutes if ending is not None else None,
        "page_useful": ending.page_useful if ending is not None else None,
    }


def _unknown(incident: Incident, ending: Resolution | None) -> Iterator[str]:
    is_theirs = incident.outcome in (None, Ending.ROUTED)
    if is_theirs and not incident.cause and _kind(ending) is CauseKind.UNKNOWN:
        yield "Nobody has said what the cause was."
    if incident.product is None and incident.entity is None:
        yield "What it was about is not in the catalog."
    yield from (f"In doubt: {doubt}." for doubt in incident.radius_doubt)
    for name, found in incident.findings.items():
        if FAILED in found:
            yield f"{name} could not be looked at: {str(found[FAILED])[:200]}."
    for alert in incident.alerts.values():
        if alert.expired:
            yield f"Nobody said that the alert {alert.name} ended: it only fell silent."
    yield from _unknown_acts(incident, ending)
    calls = calls_of(incident)
    if calls and not any(is_delivered(page) for page in calls):
        yield "Whether any page got through to somebody."
    if ending is not None and ending.credit is Credit.PENDING:
        yield "Whether it stays away: it is too early to say."


def _unknown_acts(incident: Incident, ending: Resolution | None) -> Iterator[str]:
    for step in incident.steps:
        if step.status is OutcomeStatus.UNKNOWN:
            yield f"Whether {_on(step.use, step.target)} by {step.by} happened."
    for deed in _told_of(ending):
        if deed.began_at is None:
            yield f"When {_on(deed.use, deed.target)} was done: nobody said."


def _kind(ending: Resolution | None) -> CauseKind:
    return ending.cause_kind if ending is not None else CauseKind.UNKNOWN
