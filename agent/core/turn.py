"""One turn: an event on its way through the stages.

A stage takes a turn and returns a turn. What is still to be done stands in `todo`; a stage whose
word is not called returns the turn as it is. That is the whole control flow: one pass, forwards.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agent.core.lifecycle import Move, after
from agent.core.view import View
from agent.model.command import Command
from agent.model.decision import (
    Decision,
    JournalEntry,
    LedgerEntry,
    LedgerMove,
    LedgerState,
    Record,
    Timer,
)
from agent.model.event import Event
from agent.model.incident import Incident
from agent.model.reason import Reason


class Todo(StrEnum):
    """What the turn must still do, in flow order."""

    RECEIVE = "receive"
    VERIFY = "verify"
    ROLL_BACK = "roll_back"
    PROVE_BACK = "prove_back"
    NEXT_PLAN = "next_plan"
    MATCH = "match"
    DIAGNOSE = "diagnose"
    DECIDE = "decide"
    GUARD = "guard"
    BASELINE = "baseline"
    ACT = "act"
    PROVE = "prove"
    ROUTE = "route"
    LEARN = "learn"
    REST = "rest"


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    at: float
    event: Event
    view: View
    incident: Incident | None
    todo: Todo = Todo.RECEIVE
    decision: Decision = Decision()

    @property
    def case(self) -> Incident:
        """The incident, where the stage knows that there is one."""
        if self.incident is None:
            raise LookupError("this turn has no incident")
        return self.incident

    def then(self, todo: Todo) -> Turn:
        return msgspec.structs.replace(self, todo=todo)

    def change(self, **fields: Any) -> Turn:
        """The turn with a changed incident."""
        incident = msgspec.structs.replace(self.case, **fields)
        return msgspec.structs.replace(self, incident=incident)

    def move(self, move: Move, **fields: Any) -> Turn:
        """Moves the incident by the table. Callers check `can` first where a person asked. Where a
        person is asked, whatever was approved before is not what they are asked about."""
        state = after(self.case.state, move)
        if state is None:
            raise ValueError(f"{move} is not possible in {self.case.state}")
        if move is Move.ASK:
            fields |= {"approved_by": None, "approval": None, "second_approval": None}
        return self.change(state=state, **fields)

    def start_over(self, **fields: Any) -> Turn:
        """Back to the start: what was found and chosen before is old now. The new number of the
        attempt keeps the ids of its commands apart from those before."""
        return self.move(
            Move.RELEASE,
            attempt=self.case.attempt + 1,
            runbook=None,
            digest=None,
            matched=None,
            approved_by=None,
            approval=None,
            second_approval=None,
            risk=None,
            plan=None,
            target=None,
            findings={},
            before={},
            is_taken_back=False,
            settle_seconds=None,
            waiting=(),
            reason=None,
            reason_text="",
            page_held_until=None,
            waits_since=None,
            waits_for=(),
            updated_at=self.at,
            **fields,
        )

    def can(self, move: Move) -> bool:
        return after(self.case.state, move) is not None

    def note(
        self,
        kind: str,
        reason: Reason,
        text: str = "",
        *,
        who: str = "agent",
        data: Mapping[str, Any] | None = None,
    ) -> Turn:
        """Adds one line to the journal."""
        entry = JournalEntry(
            at=self.at,
            subject=self.case.id,
            kind=kind,
            reason=reason,
            text=text,
            who=who,
            data=data or {},
        )
        return self.decide(journal=(*self.decision.journal, entry))

    def decide(self, **fields: Any) -> Turn:
        decision = msgspec.structs.replace(self.decision, **fields)
        return msgspec.structs.replace(self, decision=decision)

    def command(self, *commands: Command) -> Turn:
        return self.decide(commands=(*self.decision.commands, *commands))

    def timer(self, name: str, due: float | None) -> Turn:
        timer = Timer(subject=self.case.id, name=name, due=due)
        key = (timer.subject, name)
        kept = tuple(t for t in self.decision.timers if (t.subject, t.name) != key)
        return self.decide(timers=(*kept, timer))

    def record(self, kind: str, key: str, body: msgspec.Struct | None) -> Turn:
        return self.decide(records=(*self.decision.records, Record(kind=kind, key=key, body=body)))

    def entry(self, entry: LedgerEntry) -> Turn:
        return self.decide(entries=(*self.decision.entries, entry))

    def ledger(self, move: LedgerMove) -> Turn:
        return self.decide(moves=(*self.decision.moves, move))

    def unsuppressed(self, reason: Reason) -> Turn:
        """What was suppressed of the incident's alerts is open in the ledger again."""
        return self.ledger(
            LedgerMove(
                incident_id=self.case.id,
                state=LedgerState.OPEN,
                reason=reason,
                at=self.at,
                from_states=(LedgerState.SUPPRESSED,),
            )
        )

    def emit(self, *events: Event) -> Turn:
        return self.decide(emits=(*self.decision.emits, *events))

    def refuse(self, reason: Reason, text: str) -> Turn:
        """A person asked for what is not possible: nothing else changes."""
        return msgspec.structs.replace(
            self, todo=Todo.REST, decision=Decision(refused=reason, refused_text=text)
        )
