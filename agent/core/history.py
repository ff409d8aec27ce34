"""What rules would have decided about an incident of the past, by the stages that decide today.

Nothing is imitated: the incident is put back to the moment it opened, and `match`, `decide`,
`guard` and `route` run over it with another set of runbooks. What the outside answered then is in
the record: a finding is used where the same diagnostic was asked the same question. A fact that was
never gathered stays unknown and is told as lacking, because nobody can know what it would have
been; so is what the inventory knew of an object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agent.core.diagnosis import default_calls
from agent.core.facts import facts_of, resolve_params
from agent.core.lifecycle import Move
from agent.core.matching import NearMiss, match, runbook_of
from agent.core.plans import plan_of
from agent.core.remediation import decide, guard
from agent.core.routing import route
from agent.core.turn import Todo, Turn
from agent.core.view import View
from agent.model.event import TimerFired
from agent.model.incident import Ending, Incident, State
from agent.model.product import EntityKind, InventoryObject
from agent.model.reason import Reason
from agent.model.runbook import Call, Facts, Runbook

INVENTORY = "inventory"
"""Stands among what is lacking for everything that the inventory of that time would have said."""
UNSURE = frozenset(
    {
        Reason.FACTS_UNKNOWN,
        Reason.PARAMETER_UNKNOWN,
        Reason.REQUIREMENT_UNKNOWN,
        Reason.OBJECT_UNKNOWN,
    }
)
"""Stops that a fact nobody recorded may be the cause of."""
Version = Callable[[str], Runbook | None]
"""The runbook of a digest, as it was."""


class Kind(StrEnum):
    """What came, or would come, of an incident: in the words of a line on the screen."""

    ACTS = "acts"
    ASKS = "asks"
    """It prepares everything and waits for a person's word."""
    SETTLES = "settles"
    ROUTES = "routes"
    CLEARED = "cleared"
    """It was over before anything was decided."""
    SILENCED = "silenced"
    UNKNOWN = "unknown"
    """The history does not hold the facts the decision hangs on."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step as it would be asked for; `params` are empty where they could not be worked out."""

    use: str
    target: str | None = None
    params: Mapping[str, Any] = {}


class Would(msgspec.Struct, frozen=True, kw_only=True):
    """What would be decided about one incident. `reason` says what stops it, where it does not
    act."""

    incident: str
    at: float
    kind: Kind
    runbook: str | None = None
    plan: str | None = None
    why: str = ""
    reason: Reason | None = None
    steps: tuple[Step, ...] = ()
    lacks: tuple[str, ...] = ()
    near_miss: NearMiss | None = None
    routed_to: str | None = None


class Was(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided then, and how it ended. `by` has everybody besides the agent who acted."""

    kind: Kind
    runbook: str | None = None
    plan: str | None = None
    uses: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    routed_to: str | None = None
    outcome: Ending | None = None
    seconds: float | None = None


def was(past: Incident) -> Was:
    """Of a ladder the first plan counts: it is what was decided first."""
    mine = [s for s in past.steps if s.by == "agent" and not s.is_rollback]
    plan = past.plans[0].plan if past.plans else past.plan
    uses = tuple(s.use for s in mine if s.plan == plan)
    return Was(
        kind=_kind_of(past, acted=bool(mine)),
        runbook=past.runbook,
        plan=plan,
        uses=uses,
        by=tuple(sorted({s.by for s in past.steps if s.by != "agent"})),
        routed_to=past.routed_to,
        outcome=past.outcome,
        seconds=None if past.resolved_at is None else past.resolved_at - past.opened_at,
    )


def _kind_of(past: Incident, *, acted: bool) -> Kind:
    if acted:
        return Kind.ACTS
    if past.outcome is Ending.SETTLED or past.reason is Reason.DECIDED_TO_SETTLE:
        return Kind.SETTLES
    if past.state is State.AWAITING_APPROVAL or past.reason is Reason.REJECTED:
        return Kind.ASKS
    if past.silenced_by is not None:
        return Kind.SILENCED
    if past.routed_to is not None:
        return Kind.ROUTES
    return Kind.CLEARED if past.state is State.RESOLVED else Kind.UNKNOWN


def would(opened: Incident, past: Incident, view: View, version: Version) -> Would:
    """What the runbooks of the view would decide. `opened` is the incident at the moment it opened
    (core/hindsight.py makes it), `past` what became of it; `version` finds the runbook that handled
    it then."""
    if past.silenced_by is not None:
        return Would(
            incident=past.id, at=opened.opened_at, kind=Kind.SILENCED, reason=Reason.SILENCED
        )
    at = opened.opened_at
    event = TimerFired(at=at, subject=past.id, name="history")
    turn = Turn(at=at, event=event, view=_known_then(view, past), incident=opened, todo=Todo.MATCH)
    turn = match(turn)
    runbook = runbook_of(turn)
    lacks: tuple[str, ...] = ()
    if runbook is None:
        turn = turn.change(findings=past.findings).then(Todo.ROUTE)
    else:
        turn, lacks = _diagnosed(turn, past, runbook, version)
        turn = guard(decide(turn.then(Todo.DECIDE)))
    return _told(turn, runbook, lacks)


def _told(turn: Turn, runbook: Runbook | None, lacks: tuple[str, ...]) -> Would:
    case = turn.case
    reason, why = case.reason, case.reason_text
    if turn.todo is Todo.ROUTE:
        kind = Kind.ASKS if case.state is State.AWAITING_APPROVAL else Kind.ROUTES
        if reason in UNSURE and lacks:
            kind = Kind.UNKNOWN
    elif turn.todo is Todo.PROVE:
        kind = Kind.SETTLES
    else:
        kind, reason, why = Kind.ACTS, None, _why(turn)
    missing = lacks if kind is Kind.UNKNOWN else ()
    return Would(
        incident=case.id,
        at=turn.at,
        kind=kind,
        runbook=runbook.name if runbook is not None else None,
        plan=case.plan,
        why=why,
        reason=reason,
        steps=_steps(turn) if case.plan else (),
        lacks=missing,
        routed_to=_routed_to(turn) if kind is Kind.ROUTES else None,
    )


def _why(turn: Turn) -> str:
    """The reason the decide table gave for its plan."""
    chosen = [e.text for e in turn.decision.journal if e.reason is Reason.PLAN_CHOSEN]
    return chosen[-1].partition(": ")[2] if chosen else ""


def _routed_to(turn: Turn) -> str | None:
    """Whom the router would tell. What the page would look at first is in the record already."""
    if not turn.can(Move.ESCALATE):
        return None
    return route(turn.change(after_diagnosis="route")).case.routed_to


def _steps(turn: Turn) -> tuple[Step, ...]:
    found = plan_of(turn)
    if found is None:
        return ()
    facts, steps = facts_of(turn), []
    for call in found[1].steps:
        try:
            params = resolve_params(call.params, facts)
        except LookupError:
            steps.append(Step(use=call.use))
            continue
        target = params.get("target")
        steps.append(
            Step(use=call.use, target=target if isinstance(target, str) else None, params=params)
        )
    return tuple(steps)


def _diagnosed(
    turn: Turn, past: Incident, runbook: Runbook, version: Version
) -> tuple[Turn, tuple[str, ...]]:
    """The incident with what is known of the runbook's own questions, and what is not."""
    findings, lacks = dict(past.findings), []
    if runbook.diagnose:
        for call in runbook.diagnose:
            findings.pop(call.id, None)
        facts, answers = facts_of(turn), _answers(turn, past, version)
        for call in runbook.diagnose:
            finding = _answer_to(call, facts, answers, past)
            if finding is None:
                lacks.append(call.id)
            else:
                findings[call.id] = finding
    query = runbook.match.entity
    if query is not None and query.kind not in EntityKind.__members__.values():
        lacks.append(INVENTORY)
    return turn.change(findings=findings), tuple(lacks)


Answers = list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] | None
"""Plugin, parameters and finding of each diagnostic that was asked; None: by whom is not known."""


def _answers(turn: Turn, past: Incident, version: Version) -> Answers:
    calls: tuple[Call, ...] = ()
    if past.digest:
        handled = version(past.digest)
        if handled is None:
            return None
        calls = handled.diagnose
    own = {call.id for call in calls}
    defaults = tuple(c for c in default_calls(turn) if c.id not in own)
    facts = facts_of(turn)
    answers: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = []
    for call in (*calls, *defaults):
        finding = past.findings.get(call.id)
        params = _resolved(call, facts)
        if finding is not None and params is not None:
            answers.append((call.use, params, finding))
    return answers


def _answer_to(
    call: Call, facts: Facts, answers: Answers, past: Incident
) -> Mapping[str, Any] | None:
    if answers is None:
        return past.findings.get(call.id)
    params = _resolved(call, facts)
    for use, others, finding in answers:
        if use == call.use and others == params:
            return finding
    return None


def _resolved(call: Call, facts: Facts) -> dict[str, Any] | None:
    try:
        return resolve_params(call.params, facts)
    except LookupError:
        return None


def _known_then(view: View, past: Incident) -> View:
    """The view with the one object the record names: its name is known, and none of its facts."""
    thing = _object(past)
    return view if thing is None else msgspec.structs.replace(view, inventory={thing.name: thing})


def _object(past: Incident) -> InventoryObject | None:
    parts = (past.target or "").split("/")
    if len(parts) < 2 or past.target is None:
        return None  # a registered entity, or nothing
    kind, name = parts[-2], parts[-1]
    keys = {
        label: (value,) for state in past.alerts.values() for label, value in state.labels.items()
    }
    keys |= {"name": (name,), kind: (name,)}
    if len(parts) > 2:
        keys["namespace"] = (parts[0],)
    return InventoryObject(name=past.target, kind=kind, entity=past.entity, keys=keys)
