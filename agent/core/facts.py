"""The facts expressions may read, gathered from the incident and the view.

`alert` is the alert that opened the incident (or the one being matched), `entity` what the registry
knows of it, `incident` a few of its own fields, and one name per diagnostic that came back. A
diagnostic that failed contributes nothing, so what depends on it is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agent.core.turn import Turn
from agent.core.view import View
from agent.model.incident import AlertState, Incident
from agent.model.runbook import Expression, Facts

FAILED = "_failed"
"""Key in a finding that says the diagnostic gave none, with the reason."""


def first_alert(turn: Turn) -> AlertState:
    return _first_alert(turn.case)


def _first_alert(case: Incident) -> AlertState:
    return min(case.alerts.values(), key=lambda a: (a.seen_at, a.identity))


def facts_of(turn: Turn, *, labels: Mapping[str, str] | None = None) -> dict[str, Any]:
    return facts_about(turn.case, turn.view, labels=labels)


def facts_about(
    case: Incident, view: View, *, labels: Mapping[str, str] | None = None
) -> dict[str, Any]:
    alert = _first_alert(case)
    entity = view.registry.entities.get(case.entity or "")
    facts: dict[str, Any] = {
        "alert": {
            "name": alert.name,
            "labels": dict(labels if labels is not None else alert.labels),
            "annotations": dict(alert.annotations),
            "starts_at": alert.starts_at,
        },
        "incident": {"id": case.id, "severity": case.severity, "product": case.product or ""},
    }
    if entity is not None:
        facts["entity"] = {
            "name": entity.name,
            "kind": entity.kind.value,
            "product": entity.product or "",
            "owner": entity.owner,
        }
    facts.update({name: f for name, f in case.findings.items() if FAILED not in f})
    return facts


def resolve_params(params: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """Parameters with every expression in them evaluated. Raises LookupError for a missing fact."""
    return {name: _resolve(value, facts) for name, value in params.items()}


def _resolve(value: Any, facts: Facts) -> Any:
    if isinstance(value, Mapping):
        return {k: _resolve(v, facts) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_resolve(v, facts) for v in value]
    evaluate = getattr(value, "evaluate", None)
    if evaluate is None:
        return value
    expression: Expression = value
    return expression.evaluate(facts)
