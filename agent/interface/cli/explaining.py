"""What would happen to an alert, without anything happening: `homeostat explain`.

The same functions decide here that decide in the daemon; only the view is made from files, with
nothing open, nothing silenced and an empty inventory. The alert is taken in once with no runbook at
all, which tells what it is about and who would be told; on that incident every runbook is then
asked as it would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agent.core.advance import advance
from agent.core.identify import ENTITY_LABELS
from agent.core.matching import MatchIndex, aim, best, failing_clause, specificity
from agent.core.near_miss import near_misses
from agent.core.turn import Turn
from agent.core.view import View
from agent.interface.cli import (
    explained_diagnosis,
    explained_plans,
    explained_route,
    explained_summary,
)
from agent.model.alert import Alert, AlertStatus
from agent.model.incident import Incident, State
from agent.model.product import EntityKind
from agent.model.reason import Reason
from agent.model.runbook import Lifecycle, Match, Runbook
from agent.runtime.intake import event_of

MOST_NEAR_MISSES = 5
UNKNOWN_AND_OVER = "a resolved message of something unknown"

ALLOWS: Mapping[Lifecycle, str] = {
    Lifecycle.DRAFT: "a draft never runs",
    Lifecycle.SHADOW: "in shadow it decides and records, and does nothing",
    Lifecycle.ASSISTED: "it prepares everything, and a person starts it",
    Lifecycle.ACTIVE: "it runs by itself",
    Lifecycle.SUSPENDED: "it is suspended, because its proofs failed too often",
    Lifecycle.RETIRED: "it is retired and never runs",
}


def explain(alert: Alert, view: View, *, at: float) -> dict[str, Any]:
    """The whole path of one alert, as data. What is resolved opens nothing; what a firing one
    would do is then told under `if_firing`."""
    if alert.status is AlertStatus.RESOLVED:
        fires = msgspec.structs.replace(alert, status=AlertStatus.FIRING, ends_at=None)
        return {
            "alert": dict(alert.labels),
            "opens": False,
            "why": f"{UNKNOWN_AND_OVER}: {Reason.RESOLVED_BEFORE_SEEN.sentence}",
            "if_firing": explain(fires, view, at=at),
        }
    event = event_of(alert, at=at, view=view)
    alone = _without_runbooks(view)
    case = advance(None, event, alone).incident
    if case is None or not case.is_firing:
        why = Reason.RESOLVED_BEFORE_SEEN.sentence
        return {"alert": dict(alert.labels), "opens": False, "why": why}
    labels = next(iter(case.alerts.values())).labels
    turn = Turn(at=at, event=event, view=view, incident=_as_opened(case))
    name = labels.get("alertname", "")
    matched = [
        r for r in view.runbooks.candidates(labels) if failing_clause(turn, r, labels) is None
    ]
    chosen, tie = best(matched, name)
    near = near_misses(turn, labels, most=MOST_NEAR_MISSES)
    if chosen is not None:
        turn = aim(turn, chosen).change(runbook=chosen.name, digest=chosen.digest)
    told = {
        "alert": dict(labels),
        "opens": True,
        "layer": case.layer.value,
        "product": case.product,
        "entity": case.entity,
        "severity": case.severity,
        "object": _object(turn, chosen) if chosen is not None else None,
        "identified": _identified(labels, case, view),
        "matched": [r.name for r in matched],
        "demands": [_demands(r, name) for r in _most_specific_first(matched, name)],
        "chosen": chosen.name if chosen is not None else None,
        "why": _why(chosen, matched, name, tie=tie),
        "runbook": _runbook(chosen) if chosen is not None else None,
        "near_misses": [_miss(miss, labels) for miss in near],
        **explained_diagnosis.diagnosis(turn, chosen),
        "decide": explained_plans.decide(turn, chosen) if chosen is not None else [],
        "guard": explained_plans.guard(turn, chosen) if chosen is not None else [],
        "plans": [explained_plans.plan(turn, chosen, p) for p in chosen.plans] if chosen else [],
        "radius": explained_route.radius(case, view, at),
        "quiet": explained_route.quiet(turn.case, view, at),
        "route": explained_route.route(case, view, at),
    }
    return {"would": explained_summary.would(told), **told}


def _without_runbooks(view: View) -> View:
    """As if nothing kept it quiet either: that is told by itself."""
    policy = msgspec.structs.replace(
        view.policy, page_hold_seconds=0.0, default_diagnostics={}, maintenance=(), inhibit_rules=()
    )
    return msgspec.structs.replace(view, runbooks=MatchIndex(()), policy=policy, silences={})


def _as_opened(case: Incident) -> Incident:
    """The incident as it is when runbooks are asked: nobody was told yet, nothing was decided."""
    return Incident(
        id=case.id,
        key=case.key,
        state=State.OPEN,
        layer=case.layer,
        product=case.product,
        entity=case.entity,
        severity=case.severity,
        title=case.title,
        opened_at=case.opened_at,
        updated_at=case.updated_at,
        alerts=case.alerts,
    )


# what it is about


def _identified(labels: Mapping[str, str], case: Incident, view: View) -> dict[str, str]:
    """By which rule the alert is about what it is about."""
    entity = view.registry.entities.get(case.entity or "")
    if entity is None:
        tried = [f"{n}={labels[n]}" for n in ENTITY_LABELS if n in labels]
        said = f"none of {', '.join(tried)} is registered" if tried else "no label names one"
        by_entity = f"unknown: {said}"
    elif label := next((n for n in ENTITY_LABELS if labels.get(n) == entity.name), None):
        by_entity = f"label {label}"
    else:
        by_entity = "the labels it declares: " + ", ".join(sorted(entity.labels))
    if entity is not None:
        by_product = "the product of the entity" if case.product else "the entity is shared"
    elif case.product is not None:
        by_product = "label " + ("product" if labels.get("product") else "system")
    else:
        by_product = "unknown: neither entity nor label names a registered one"
    if labels.get("layer") == case.layer.value:
        by_layer = "label layer"
    elif entity is not None and entity.kind is EntityKind.AGENT:
        by_layer = "the entity is an agent"
    else:
        by_layer = "nothing says otherwise"
    return {"entity": by_entity, "product": by_product, "layer": by_layer}


def _object(turn: Turn, chosen: Runbook) -> str | None:
    """What the runbook's `match.entity` finds. Only a running daemon has an inventory; what is in
    the registry is found here too."""
    query = chosen.match.entity
    if query is None:
        return None
    if turn.case.target is not None:
        return turn.case.target
    given = explained_diagnosis.parameters(turn, query.of)
    keys = ", ".join(f"{name} {value}" for name, value in given.items())
    where = (
        "" if turn.view.inventory else "; a running daemon has an inventory, and files have none"
    )
    return f"unknown: the {query.kind} with {keys}{where}"


# which runbook


def _most_specific_first(matched: Sequence[Runbook], name: str) -> list[Runbook]:
    return sorted(matched, key=lambda r: specificity(r.match, name), reverse=True)


def _demands(runbook: Runbook, name: str) -> dict[str, Any]:
    return {
        "runbook": runbook.name,
        "lifecycle": runbook.lifecycle.value,
        "by": _matchers(runbook.match, name),
    }


def _matchers(match: Match, name: str) -> list[str]:
    """What it demands of an alert of this name: the more, the more specific."""
    found = []
    if match.alert:
        is_exact = specificity(match, name)[1]
        found.append("alert name" if is_exact else "alert glob")
    found += [f"label {label}" for label in match.labels]
    found += ["layer"] if match.layer is not None else []
    found += ["product"] if match.product is not None else []
    return found + (["when"] if match.when is not None else [])


def _why(chosen: Runbook | None, matched: Sequence[Runbook], name: str, *, tie: bool) -> str:
    if chosen is not None:
        demands = ", ".join(_matchers(chosen.match, name))
        if len(matched) == 1:
            return f"it alone matches, by {demands}"
        return f"the most specific of {len(matched)} that match, by {demands}"
    if tie:
        return Reason.AMBIGUOUS_RUNBOOKS.sentence
    if matched:
        states = ", ".join(f"{r.name} is {r.lifecycle.value}" for r in matched)
        return f"{Reason.RUNBOOK_NOT_RUNNABLE.sentence}: {states}"
    return Reason.NO_RUNBOOK.sentence


def _runbook(chosen: Runbook) -> dict[str, Any]:
    return {
        "name": chosen.name,
        "owner": chosen.owner,
        "tier": chosen.tier,
        "path": chosen.path,
        "lifecycle": chosen.lifecycle.value,
        "allows": ALLOWS[chosen.lifecycle],
        "meaning": chosen.meaning,
        "impact": chosen.impact,
        "not_for": chosen.not_for,
    }


def _miss(miss: Any, labels: Mapping[str, str]) -> dict[str, Any]:
    """The first clause that does not hold, with its truth and the values it read."""
    return {
        "runbook": miss.runbook,
        "clause": miss.clause,
        "truth": miss.truth.value,
        "read": explained_diagnosis.labels_read(miss.clause, labels),
        "closeness": miss.closeness,
    }
