"""The incident as JSON, in the shape of CONTRACT.md. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.interface.times import rfc3339, rfc3339_or_none
from agent.model.decision import JournalEntry
from agent.model.incident import AlertState, Incident, Page, StepRun


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


def journal_json(entry: JournalEntry) -> dict[str, Any]:
    return {
        "at": rfc3339(entry.at),
        "kind": entry.kind,
        "reason": entry.reason.value,
        "text": entry.text or entry.reason.sentence,
        "who": entry.who,
    }


def incident_json(
    incident: Incident, journal: Sequence[tuple[int, JournalEntry]] | None = None
) -> dict[str, Any]:
    """The whole incident; without `journal` the timeline is left out."""
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
        "resolved_by": incident.resolved_by,
        "cause": incident.cause,
        "held_by": incident.held_by,
        "silenced_by": incident.silenced_by,
        "alerts": [alert_json(a) for a in incident.alerts.values()],
        "findings": {name: dict(found) for name, found in incident.findings.items()},
        "steps": [step_json(s) for s in incident.steps],
        "plans": [
            {
                "plan": run.plan,
                "verdict": run.verdict.value if run.verdict is not None else None,
                "rolled_back": run.rolled_back,
                "rollback_verdict": run.rollback_verdict.value if run.rollback_verdict else None,
                "reason": run.reason.value if run.reason is not None else None,
            }
            for run in incident.plans
        ],
        "pages": [page_json(p) for p in incident.pages],
    }
    if journal is not None:
        body["timeline"] = [journal_json(entry) for _, entry in journal]
    return body
