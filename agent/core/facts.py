"""The facts expressions may read, gathered from the incident and the view.

`alert` is the alert the runbook was chosen for (or the one being matched), `entity` what the
registry knows of it or, where the runbook asked for an object of the inventory, what is known of
that, `incident` a few of its own fields, and one name per diagnostic that came back. `before` holds
what the plan's observations showed before its first step. A diagnostic that failed contributes
nothing, so what depends on it is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from agent.core.alert_expression import expression_of, metrics_of
from agent.core.inventory import object_of, owner_of
from agent.core.turn import Turn
from agent.core.view import View
from agent.model.incident import AlertState, Incident
from agent.model.runbook import Expression, Facts

FAILED = "_failed"
"""Key in a finding that says the diagnostic gave none, with the reason."""
BACK = "back:"
"""Before the id of what only the proof of the way back observed before the first step."""


def first_alert(turn: Turn) -> AlertState:
    return first_alert_of(turn.case)


def first_alert_of(case: Incident) -> AlertState:
    """The alert the runbook was chosen for; before that, the one that started first. Nothing a
    later message says may change which one it is: what is decided, approved, done and taken back
    would each be about another target."""
    matched = case.alerts.get(case.matched or "")
    return matched if matched is not None else in_order(case)[0]


def in_order(case: Incident) -> list[AlertState]:
    """Its alerts by when they started, not by when they were last heard of."""
    return sorted(case.alerts.values(), key=lambda a: (a.starts_at, a.identity))


def alert_with(case: Incident, labels: Mapping[str, str]) -> AlertState:
    """Its alert with these labels; where it has none, how its first one would be with them."""
    found = (alert for alert in in_order(case) if alert.labels == labels)
    asked = msgspec.structs.replace(first_alert_of(case), labels=labels)
    return next(found, asked)


def facts_of(turn: Turn, *, alert: AlertState | None = None) -> dict[str, Any]:
    return facts_about(turn.case, turn.view, alert=alert)


def facts_about(case: Incident, view: View, *, alert: AlertState | None = None) -> dict[str, Any]:
    alert = alert if alert is not None else first_alert_of(case)
    facts: dict[str, Any] = {
        "alert": {
            "name": alert.name,
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "starts_at": alert.starts_at,
            **_rule_of(alert.generator_url),
        },
        "incident": {"id": case.id, "severity": case.severity, "product": case.product or ""},
    }
    entity = _entity(case, view)
    if entity is not None:
        facts["entity"] = entity
    facts.update(known(case.findings))
    if case.before:
        facts["before"] = _before(case)
    return facts


def _before(case: Incident) -> Mapping[str, Any]:
    before = known(case.before)
    if not case.is_taken_back:
        return before
    own = {name.removeprefix(BACK): f for name, f in before.items() if name.startswith(BACK)}
    return {**before, **own}


def known(findings: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What really came back, without the diagnostics that failed."""
    return {name: finding for name, finding in findings.items() if FAILED not in finding}


@lru_cache(maxsize=1024)
def _rule_of(generator_url: str) -> Mapping[str, Any]:
    """The rule behind the alert. Many alerts come from one rule, and reading PromQL is slow."""
    expression = expression_of(generator_url)
    if expression is None:
        return {}
    metrics = metrics_of(expression)
    return {"expression": expression, **({"metrics": list(metrics)} if metrics else {})}


def _entity(case: Incident, view: View) -> dict[str, Any] | None:
    if asks_for_object(case, view):
        thing = object_of(case, view)
        entity = owner_of(thing, view.registry) if thing is not None else None
        if thing is None or entity is None:
            return None
        name, kind, more = thing.name, thing.kind, thing.facts
    else:
        entity = view.registry.entities.get(case.entity or "")
        if entity is None:
            return None
        name, kind, more = entity.name, entity.kind.value, {}
    return {
        **more,
        "name": name,
        "kind": kind,
        "product": entity.product or "",
        "owner": entity.owner,
    }


def asks_for_object(case: Incident, view: View) -> bool:
    """Whether the incident's runbook is about an object of the inventory."""
    runbook = view.runbooks.by_digest(case.digest) if case.digest else None
    return runbook is not None and runbook.match.entity is not None


class Unresolved(LookupError):
    """A parameter could not be worked out. The message names it and its expression."""


def resolve_params(params: Mapping[str, Any], facts: Facts) -> dict[str, Any]:
    """Parameters with every expression in them evaluated, once: what comes of it is never looked at
    as an expression again. Raises `Unresolved` for a missing fact, and where one is empty or the
    target is no name: what was meant to be named is not. The plugin's own model checks the rest."""
    return {name: _resolve(value, facts, name) for name, value in params.items()}


def _resolve(value: Any, facts: Facts, where: str) -> Any:
    if isinstance(value, Mapping):
        return {k: _resolve(v, facts, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_resolve(v, facts, f"{where}[{n}]") for n, v in enumerate(value)]
    if getattr(value, "evaluate", None) is None:
        return value
    expression: Expression = value
    try:
        found = expression.evaluate(facts)
    except LookupError as missing:
        raise Unresolved(f"{where}: ={expression.text} is unknown: {missing}"[:300]) from None
    if found is None or (isinstance(found, str | list | tuple | Mapping) and not found):
        raise Unresolved(f"{where}: ={expression.text} is empty")
    if where == "target" and not isinstance(found, str):
        raise Unresolved(f"{where}: ={expression.text} is no name")
    return found
