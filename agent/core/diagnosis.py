"""Diagnosis comes first and only reads.

It runs where a runbook matches, where none does (the platform's default diagnostics per kind of
entity), and where a guard is going to say no, so that a page always carries findings. The one
exception is speed: a runbook that asks for no facts, on an entity that depends on nothing shared,
goes straight to its plan; should that end in a page, the default diagnostics run before the page.
"""

from __future__ import annotations

import msgspec

from agent.core.facts import FAILED, facts_of, resolve_params
from agent.core.lifecycle import Move
from agent.core.matching import runbook_of
from agent.core.turn import Todo, Turn
from agent.model.command import Command, CommandKind
from agent.model.effect import OutcomeStatus
from agent.model.event import CommandFinished
from agent.model.reason import Reason
from agent.model.runbook import Call

PRODUCT = "product"
"""Key in the default diagnostics for an alert that names a product and none of its entities."""


def default_calls(turn: Turn) -> tuple[Call, ...]:
    """The platform's diagnostics for this kind of entity; the entity, or product, is the target."""
    entity = turn.view.registry.entities.get(turn.case.entity or "")
    target = entity.name if entity is not None else turn.case.product
    if target is None:
        return ()
    kind = entity.kind.value if entity is not None else PRODUCT
    uses = dict.fromkeys(turn.view.policy.default_diagnostics.get(kind, ()))
    return tuple(
        Call(id=use.replace(".", "_"), use=use, params={"target": target})
        for use in uses
        if use in turn.view.plugins
    )


def _wanted(turn: Turn) -> tuple[Call, ...]:
    runbook = runbook_of(turn)
    own = runbook.diagnose if runbook else ()
    used, ids = {call.use for call in own}, {call.id for call in own}
    defaults = tuple(c for c in default_calls(turn) if c.use not in used and c.id not in ids)
    if turn.case.after_diagnosis == "decide" and not own and not _depends(turn):
        return ()
    return (*own, *defaults)


def _depends(turn: Turn) -> bool:
    entity = turn.view.registry.entities.get(turn.case.entity or "")
    return entity is not None and bool(entity.depends_on)


def diagnose(turn: Turn) -> Turn:
    """The stage: asks for the facts, or goes on where none are needed."""
    if turn.todo is not Todo.DIAGNOSE:
        return turn
    calls = tuple(c for c in _wanted(turn) if c.id not in turn.case.findings)
    turn, commands = _commands(turn, calls)
    if not commands:
        return turn.then(_afterwards(turn))
    turn = turn.move(Move.DIAGNOSE, waiting=tuple(c.id for c in commands), updated_at=turn.at)
    return turn.command(*commands).then(Todo.REST)


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
    turn: Turn, call: Call, params: dict[str, object], kind: CommandKind, *, look: int
) -> Command:
    """The command of one diagnostic; `look` numbers the looks of a verification."""
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
    if outcome.status is OutcomeStatus.UNKNOWN and command.attempt < 2:
        again = msgspec.structs.replace(
            command, id=f"{command.id}+{command.attempt + 1}", attempt=command.attempt + 1
        )
        waiting = (*(w for w in turn.case.waiting if w != command.id), again.id)
        return turn.change(waiting=waiting).command(again).then(Todo.REST)
    if outcome.status is OutcomeStatus.DONE:
        finding = dict(outcome.value)
    else:
        finding = {FAILED: outcome.detail or outcome.reason.sentence}
        turn = turn.note(
            "finding_failed", Reason.DIAGNOSTIC_FAILED, f"{command.use}: {outcome.detail}"
        )
    waiting = tuple(w for w in turn.case.waiting if w != command.id)
    findings = {**turn.case.findings, command.step: finding}
    turn = turn.change(findings=findings, waiting=waiting, updated_at=turn.at)
    if waiting:
        return turn.then(Todo.REST)
    turn = turn.note("diagnosed", Reason.FACTS_GATHERED, ", ".join(sorted(findings)))
    return turn.then(_afterwards(turn))
