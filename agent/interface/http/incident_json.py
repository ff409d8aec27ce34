"""The incident as JSON, in the shape of CONTRACT.md. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.core.approval import fingerprint_of_asked, in_words
from agent.core.view import View
from agent.interface import why
from agent.interface.radius_path import Hop, hops_of
from agent.interface.rungs import climbed
from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.decision import JournalEntry
from agent.model.incident import AlertState, Approval, Asked, Incident, Page, PlanRun, StepRun


def alert_json(alert: AlertState) -> dict[str, Any]:
    return {
        "identity": alert.identity,
        "name": alert.name,
        "status": alert.status.value,
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "starts_at": rfc3339(alert.starts_at),
        "ends_at": rfc3339_or_none(alert.ends_at),
        "generator_url": alert.generator_url,
        "inferred": alert.inferred,
        "messages": alert.messages,
    }


def page_json(page: Page) -> dict[str, Any]:
    return {
        "to": page.to,
        "channel": page.channel,
        "at": rfc3339(page.at),
        "text": page.text,
        "delivered": page.delivered,
        "detail": page.detail,
    }


def step_json(step: StepRun) -> dict[str, Any]:
    return {
        "id": step.id,
        "use": step.use,
        "with": dict(step.params),
        "target": step.target,
        "by": step.by,
        "plan": step.plan,
        "status": step.status.value if step.status is not None else None,
        "detail": step.detail,
        "started_at": rfc3339(step.started_at),
        "ended_at": rfc3339_or_none(step.ended_at),
        "is_rollback": step.is_rollback,
    }


def approval_json(incident: Incident) -> dict[str, Any] | None:
    """What exactly people are asked to approve, and who has; None where nobody was ever asked."""
    asked = incident.asked
    if asked is None:
        return None
    given = (incident.approval, incident.second_approval)
    return {
        "asked_at": rfc3339(asked.at),
        "plan": asked.plan,
        "digest": asked.digest,
        "risk": asked.risk,
        "people_needed": asked.approvals,
        "good_for_seconds": asked.good_seconds,
        "steps": [
            {
                "id": step.id,
                "use": step.use,
                "target": step.target,
                "with": dict(step.params),
                "unknown": step.unknown or None,
            }
            for step in asked.steps
        ],
        "given": [_given_json(approval, asked) for approval in given if approval is not None],
        "in_words": in_words(asked),
        "fingerprint": fingerprint_of_asked(asked),
    }


def _given_json(approval: Approval, asked: Asked) -> dict[str, Any]:
    return {
        "by": approval.by,
        "at": rfc3339(approval.at),
        "until": rfc3339(approval.at + asked.good_seconds),
    }


def journal_json(entry: JournalEntry) -> dict[str, Any]:
    return {
        "at": rfc3339(entry.at),
        "kind": entry.kind,
        "reason": entry.reason.value,
        "text": entry.text or entry.reason.sentence,
        "who": entry.who,
    }


def plan_json(run: PlanRun) -> dict[str, Any]:
    return {
        "plan": run.plan,
        "verdict": run.verdict.value if run.verdict is not None else None,
        "rolled_back": run.rolled_back,
        "rollback_verdict": run.rollback_verdict.value if run.rollback_verdict else None,
        "reason": run.reason.value if run.reason is not None else None,
    }


def hop_json(hop: Hop) -> dict[str, Any]:
    return {
        "from": hop.start,
        "to": hop.end,
        "kind": hop.kind,
        "confidence": hop.confidence,
        "seen_at": rfc3339_or_none(hop.seen_at),
        "doubt": hop.doubt or None,
    }


def climb_json(
    incident: Incident, view: View | None, entries: Sequence[JournalEntry], at: float
) -> dict[str, Any] | None:
    """Its escalation: the ladder as it was frozen, and where it stands; None where nobody was
    called."""
    climb = incident.climb
    if climb is None:
        return None
    return {
        "team": climb.team,
        "at": climb.at + 1,
        "due": rfc3339_or_none(climb.due),
        "round": climb.round + 1,
        "rounds": climb.rounds,
        "rungs": [row.as_json() for row in climbed(incident, view, entries, at)],
    }


def incident_json(
    incident: Incident,
    journal: Sequence[tuple[int, JournalEntry]] | None = None,
    view: View | None = None,
    *,
    now: float | None = None,
    sees: why.Sees = lambda _product: True,
) -> dict[str, Any]:
    """The whole incident; without `journal` the timeline is left out, and with it why things went
    as they did. `view`: where it lives, for what is known of it only there; `sees`: whether whoever
    asks may know of what belongs to a product."""
    body: dict[str, Any] = {
        "id": incident.id,
        "title": incident.title,
        "state": incident.state.value,
        "layer": incident.layer.value,
        "product": incident.product,
        "entity": incident.entity,
        "target": incident.target,
        "severity": incident.severity,
        "radius": incident.radius.value if incident.radius is not None else None,
        "suspect": incident.suspect,
        "radius_path": list(incident.radius_path),
        "radius_doubt": list(incident.radius_doubt),
        "runbook": incident.runbook,
        "plan": incident.plan,
        "verdict": incident.verdict.value if incident.verdict is not None else None,
        "outcome": incident.outcome.value if incident.outcome is not None else None,
        "routed_to": incident.routed_to,
        "reason": incident.reason.value if incident.reason is not None else None,
        "reason_text": incident.reason_text
        or (incident.reason.sentence if incident.reason is not None else ""),
        "opened_at": rfc3339(incident.opened_at),
        "updated_at": rfc3339(incident.updated_at),
        "resolved_at": rfc3339_or_none(incident.resolved_at),
        "acknowledged_by": incident.acknowledged_by,
        "approved_by": incident.approved_by,
        "approval": approval_json(incident),
        "risk": incident.risk,
        "caused_by": incident.caused_by,
        "chain": incident.chain,
        "is_flapping": incident.is_flapping,
        "resolved_by": incident.resolved_by,
        "cause": incident.cause,
        "held_by": incident.held_by,
        "storm": incident.storm,
        "silenced_by": incident.silenced_by,
        "inhibited_by": incident.inhibited_by,
        "alerts": [alert_json(a) for a in incident.alerts.values()],
        "findings": {name: dict(found) for name, found in incident.findings.items()},
        "steps": [step_json(s) for s in incident.steps],
        "plans": [plan_json(run) for run in incident.plans],
        "pages": [page_json(p) for p in incident.pages],
    }
    body |= _lived(incident, journal, view, incident.updated_at if now is None else now, sees)
    return body


def _lived(
    incident: Incident,
    journal: Sequence[tuple[int, JournalEntry]] | None,
    view: View | None,
    at: float,
    sees: why.Sees,
) -> dict[str, Any]:
    """What is told of it by where it lives and by its journal."""
    entries = [entry for _, entry in journal or ()]
    told: dict[str, Any] = {
        "radius_edges": [hop_json(hop) for hop in hops_of(incident, view, at)] if view else [],
        "holds": why.holds(incident, view, sees) if view else [],
        "climb": climb_json(incident, view, entries, at),
    }
    if journal is not None:
        told["why"] = why.as_json(why.answers(incident, entries, view))
        told["timeline"] = [journal_json(entry) for entry in entries]
    return told
