"""Diagnosis comes first and only reads.

It runs where a runbook matches, where none does (the platform's default diagnostics per kind of
entity), and where a guard is going to say no, so that a page always carries findings. The one
exception is speed: a runbook that asks for no facts, on an entity that depends on nothing shared,
goes straight to its plan, unless a person has to approve it; should that end in a page, the default
diagnostics run before the page.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agent.core import guard as guards
from agent.core.facts import FAILED, facts_of, resolve_params
from agent.core.lifecycle import Move
from agent.core.matching import runbook_of
from agent.core.rails.question import Question, Stop
from agent.core.turn import Todo, Turn
from agent.model.command import Command, CommandKind
from agent.model.effect import Outcome, OutcomeStatus
from agent.model.event import CommandFinished
from agent.model.reason import Reason
from agent.model.runbook import Call, Lifecycle

PRODUCT = "product"
"""Key in the default diagnostics for an alert that names a product and none of its entities."""


STORM_RAILS = ("storm_fleet", "storm_product")
ALERT = "alert"
"""Key in the default diagnostics for what can be asked about any alert, whosever it is."""


def default_calls(turn: Turn) -> tuple[Call, ...]:
    """The platform's diagnostics for this kind of entity, with the entity or product as the target,
    and those for any alert, which get the alert itself. The latter are for people to read: a remedy
    does not wait for them."""
    by_kind = turn.view.policy.default_diagnostics
    entity = turn.view.registry.entities.get(turn.case.entity or "")
    target = entity.name if entity is not None else turn.case.product
    kind = entity.kind.value if entity is not None else PRODUCT
    asked = [(use, {"target": target}) for use in by_kind.get(kind, ()) if target is not None]
    if ALERT in by_kind and turn.case.after_diagnosis != "decide":
        asked += [(use, _about_alert(turn)) for use in by_kind[ALERT]]
    return tuple(
        Call(id=use.replace(".", "_"), use=use, params=params)
        for use, params in dict(asked).items()
        if use in turn.view.plugins and turn.view.plugins[use].is_connected
    )


def _about_alert(turn: Turn) -> dict[str, Any]:
    alert = facts_of(turn)["alert"]
    metrics = list(alert.get("metrics", ()))
    return {"alert": alert["name"], "labels": alert["labels"], "metrics": metrics}


def _wanted(turn: Turn) -> tuple[Call, ...]:
    runbook = runbook_of(turn)
    own = runbook.diagnose if runbook else ()
    used, ids = {call.use for call in own}, {call.id for call in own}
    defaults = tuple(c for c in default_calls(turn) if c.use not in used and c.id not in ids)
    if turn.case.after_diagnosis == "decide" and not own and not _depends(turn):
        # Whoever is asked to approve decides by what was found; what runs alone need not wait.
        is_asked = runbook is not None and runbook.lifecycle is Lifecycle.ASSISTED
        return defaults if is_asked else ()
    return (*own, *defaults)


def _depends(turn: Turn) -> bool:
    entity = turn.view.registry.entities.get(turn.case.entity or "")
    return entity is not None and bool(entity.depends_on)


def diagnose(turn: Turn) -> Turn:
    """The stage: asks for the facts, or goes on where none are needed."""
    if turn.todo is not Todo.DIAGNOSE:
        return turn
    calls = tuple(c for c in _wanted(turn) if c.id not in turn.case.findings)
    stop = _storm(turn) if calls else None
    if stop is not None:
        return _in_storm(turn, stop)
    turn, commands = _commands(turn, calls)
    if not commands:
        return turn.then(_afterwards(turn))
    turn = turn.move(Move.DIAGNOSE, waiting=tuple(c.id for c in commands), updated_at=turn.at)
    return turn.command(*commands).then(Todo.REST)


def _storm(turn: Turn) -> Stop | None:
    """What the rails of storms would say to whatever came of it."""
    q = Question(
        at=turn.at,
        incident=turn.case,
        view=turn.view,
        runbook=None,
        use="",
        target=None,
        key="",
        facts={},
    )
    said = (guards.answer(one, q) for one in guards.RAILS if one.id in STORM_RAILS)
    return next((stop for stop in said if stop is not None), None)


def _in_storm(turn: Turn, stop: Stop) -> Turn:
    """Nothing is looked at one by one: nothing would be done about it, and what a quiet product
    asks would stand behind thousands of questions."""
    if turn.case.after_diagnosis == "decide":
        turn = turn.change(reason=stop.reason, reason_text=stop.text, after_diagnosis="route")
        turn = turn.note("stopped", stop.reason, stop.text)
    return turn.then(Todo.ROUTE)


def _afterwards(turn: Turn) -> Todo:
    return Todo.DECIDE if turn.case.after_diagnosis == "decide" else Todo.ROUTE


def _commands(turn: Turn, calls: tuple[Call, ...]) -> tuple[Turn, tuple[Command, ...]]:
    facts = facts_of(turn)
    commands: list[Command] = []
    for call in calls:
        try:
            params = resolve_params(call.params, facts)
        except LookupError as missing:
            finding = {FAILED: f"a parameter is unknown: {missing}"}
            turn = turn.change(findings={**turn.case.findings, call.id: finding})
            continue
        commands.append(read_command(turn, call, params, CommandKind.DIAGNOSE, look=0))
    return turn, tuple(commands)


def read_command(
    turn: Turn, call: Call, params: dict[str, object], kind: CommandKind, *, look: int | str
) -> Command:
    """The command of one diagnostic; `look` tells the looks of a verification apart."""
    case = turn.case
    name = f"{case.id}/{kind.value}/{case.attempt}/{call.id}/{look}"
    return Command(
        id=name,
        key=name,
        kind=kind,
        subject=case.id,
        use=call.use,
        params=params,
        product=case.product,
        plan=case.plan or "",
        step=call.id,
        timeout_seconds=call.timeout_seconds or turn.view.policy.diagnose_timeout_seconds,
        created_at=turn.at,
    )


def take_finding(turn: Turn) -> Turn:
    """The stage: a diagnostic came back (or did not). When all are in, the flow goes on."""
    event = turn.event
    if (
        turn.todo is not Todo.RECEIVE
        or not isinstance(event, CommandFinished)
        or event.command.kind is not CommandKind.DIAGNOSE
    ):
        return turn
    command, outcome = event.command, event.outcome
    if command.id not in turn.case.waiting:
        return turn.then(Todo.REST)  # the incident went on without it
    if was_interrupted(event):
        return ask_again(turn, command)
    if outcome.status is not OutcomeStatus.DONE:
        turn = turn.note(
            "finding_failed", Reason.DIAGNOSTIC_FAILED, f"{command.use}: {outcome.detail}"
        )
    waiting = tuple(w for w in turn.case.waiting if w != command.id)
    findings = {**turn.case.findings, command.step: finding_of(outcome)}
    turn = turn.change(findings=findings, waiting=waiting, updated_at=turn.at)
    if waiting:
        return turn.then(Todo.REST)
    turn = turn.note("diagnosed", Reason.FACTS_GATHERED, ", ".join(sorted(findings)))
    return turn.then(_afterwards(turn))


def was_interrupted(event: CommandFinished) -> bool:
    """Whether nobody knows what a reading would have shown, and it was asked for only once."""
    return event.outcome.status is OutcomeStatus.UNKNOWN and event.command.attempt < 2


def ask_again(turn: Turn, command: Command) -> Turn:
    """The same reading once more; what waited for the first waits for the second."""
    again = msgspec.structs.replace(
        command, id=f"{command.id}+{command.attempt + 1}", attempt=command.attempt + 1
    )
    waiting = (*(w for w in turn.case.waiting if w != command.id), again.id)
    return turn.change(waiting=waiting).command(again).then(Todo.REST)


def finding_of(outcome: Outcome) -> dict[str, Any]:
    """What a reading brought, or under `FAILED` why it brought nothing."""
    if outcome.status is OutcomeStatus.DONE:
        return dict(outcome.value)
    return {FAILED: outcome.detail or outcome.reason.sentence}
