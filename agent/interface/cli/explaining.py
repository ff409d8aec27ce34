"""What would happen to an alert, without anything happening: `homeostat explain`.

The same functions decide here that decide in the daemon; only the view is made from files, with
nothing open and nothing silenced. The route is found by deciding once more with no runbook at all.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agent.core import guard
from agent.core.advance import advance
from agent.core.facts import facts_of, resolve_params
from agent.core.matching import MatchIndex, best, failing_clause
from agent.core.turn import Turn
from agent.core.view import View
from agent.model.alert import Alert
from agent.model.errors import Unparseable
from agent.model.incident import Incident
from agent.model.reason import Reason
from agent.model.runbook import Runbook
from agent.ports.plugin import PushSource
from agent.runtime.intake import event_of

MOST_NEAR_MISSES = 10
LIKE_ENOUGH = 0.75


def read_alerts(body: bytes, sources: Sequence[PushSource]) -> list[Alert]:
    """The alerts in any form a source reads, or one object with `labels`. Raises Unparseable."""
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unparseable(str(error)) from None
    bodies = [body]
    if isinstance(data, Mapping) and "labels" in data and "alerts" not in data:
        bodies.insert(0, msgspec.json.encode([data]))
    why = ""
    for source in sources:
        for each in bodies:
            try:
                found = [s for s in source.decode(each) if isinstance(s, Alert)]
            except Unparseable as error:
                why = why or f"{source.name}: {error}"
                continue
            if found:
                return found
    raise Unparseable(why or "no alert in it")


def explain(alert: Alert, view: View, *, at: float) -> dict[str, Any]:
    event = event_of(alert, at=at, view=view)
    decision = advance(None, event, view)
    case = decision.incident
    if case is None:
        reason = decision.entries[0].reason if decision.entries else Reason.NEW_ALERT
        return {"alert": dict(alert.labels), "opens": False, "why": reason.sentence}
    turn = Turn(at=at, event=event, view=view, incident=case)
    labels = next(iter(case.alerts.values())).labels
    matched, near = _matches(turn, labels)
    chosen, tie = best(matched)
    return {
        "alert": dict(labels),
        "opens": True,
        "layer": case.layer.value,
        "product": case.product,
        "entity": case.entity,
        "severity": case.severity,
        "matched": [r.name for r in matched],
        "chosen": chosen.name if chosen is not None else None,
        "why": _why(chosen, matched, tie=tie),
        "near_misses": near,
        "plans": [_plan(turn, chosen, plan.name) for plan in chosen.plans] if chosen else [],
        "route": _route(alert, view, at=at),
    }


def _why(chosen: Runbook | None, matched: Sequence[Runbook], *, tie: bool) -> str:
    if chosen is not None:
        return f"{Reason.MATCHED.sentence}; it is {chosen.lifecycle.value}"
    if tie:
        return Reason.AMBIGUOUS_RUNBOOKS.sentence
    if matched:
        states = ", ".join(f"{r.name} is {r.lifecycle.value}" for r in matched)
        return f"{Reason.RUNBOOK_NOT_RUNNABLE.sentence}: {states}"
    return Reason.NO_RUNBOOK.sentence


def _matches(turn: Turn, labels: Mapping[str, str]) -> tuple[list[Runbook], list[dict[str, str]]]:
    """Those that match, and those that nearly do, each with the first clause that failed."""
    index = turn.view.runbooks
    matched: list[Runbook] = []
    near: list[dict[str, str]] = []
    name = labels.get("alertname", "")
    for runbook in index.runbooks if isinstance(index, MatchIndex) else ():
        names = runbook.match.alert
        if names and name not in names:
            if difflib.get_close_matches(name, names, n=1, cutoff=LIKE_ENOUGH):
                clause = f"alert: {name!r} is not in {list(names)}"
                near.append({"runbook": runbook.name, "clause": clause, "truth": "false"})
            continue
        miss = failing_clause(turn, runbook, labels)
        if miss is None:
            matched.append(runbook)
        else:
            near.append({"runbook": runbook.name, "clause": miss.clause, "truth": miss.truth.value})
    return matched, near[:MOST_NEAR_MISSES]


def _plan(turn: Turn, runbook: Runbook, name: str) -> dict[str, Any]:
    """The steps of one plan, and the guard that would stop the first of them."""
    plan = runbook.plan(name)
    facts = facts_of(turn)
    steps = []
    for step in plan.steps:
        try:
            params = resolve_params(step.params, facts)
        except LookupError as error:
            said = f"{Reason.PARAMETER_UNKNOWN.sentence}: {error} (known after diagnosis)"
            steps.append({"use": step.use, "target": None, "stopped_by": None, "text": said})
            continue
        target = params.get("target")
        stop = guard.ask(
            guard.Question(
                at=turn.at,
                incident=turn.case,
                view=turn.view,
                runbook=runbook,
                use=step.use,
                target=target if isinstance(target, str) else None,
                key="explain",
                facts=facts,
            )
        )
        steps.append(
            {
                "use": step.use,
                "target": target,
                "stopped_by": stop.reason.value if stop is not None else None,
                "text": f"{stop.reason.sentence} {stop.text}".strip() if stop is not None else "",
            }
        )
    return {"plan": name, "steps": steps}


def _route(alert: Alert, view: View, *, at: float) -> dict[str, Any]:
    """Who would be told where nothing heals it."""
    policy = msgspec.structs.replace(view.policy, page_hold_seconds=0.0, default_diagnostics={})
    bare = msgspec.structs.replace(view, runbooks=MatchIndex(()), policy=policy)
    case: Incident | None = advance(None, event_of(alert, at=at, view=view), bare).incident
    if case is None:
        return {"to": None, "radius": None, "path": []}
    return {
        "to": case.routed_to,
        "radius": case.radius.value if case.radius is not None else None,
        "path": list(case.radius_path),
    }
