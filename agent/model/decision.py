"""What one decision changes. All of it is written in one commit, or none of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agent.model.command import Command
from agent.model.event import Event
from agent.model.incident import Incident
from agent.model.reason import Reason


class LedgerState(StrEnum):
    """CONTRACT.md, `GET /api/v1/ledger`: where every received alert message ends."""

    OPEN = "open"
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"
    ABSORBED = "absorbed"
    ROUTED = "routed"
    CLEARED = "cleared"
    QUARANTINED = "quarantined"


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One received alert message. `seen` counts exact repeats; each repeat is one `duplicate`."""

    key: str
    identity: str
    status: str
    starts_at: float
    ends_at: float | None = None
    incident_id: str | None
    state: LedgerState
    reason: Reason
    at: float
    name: str = ""
    product: str | None = None
    seen: int = 1


class LedgerMove(msgspec.Struct, frozen=True, kw_only=True):
    """All entries of an incident that are `open` (or suppressed, when released) end so."""

    incident_id: str
    state: LedgerState
    reason: Reason
    at: float
    from_states: tuple[LedgerState, ...] = (LedgerState.OPEN,)


class JournalEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the product's memory: timeline, audit, learning and replay read it."""

    at: float
    subject: str
    kind: str
    reason: Reason
    text: str = ""
    who: str = "agent"
    data: Mapping[str, Any] = {}


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """A durable timer, named within its subject; set again it moves. `due` None takes it away."""

    subject: str
    name: str
    due: float | None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a small aggregate, by kind and key; `body` None deletes it.

    Kinds: `act` `agent` `measure` `change` `resolution` `promotion` `silence` `runbook_text`
    `halt` `storm` `breaker` `flap` `source` `signed` `standing` `follow_up` `near_miss`
    `announced` `telemetry` `drift` `probe` `motion` `slo` `blind_spot` `survey` `own`. The shape of
    each is a struct in model/records.py, model/learning.py, model/signals.py or model/series.py.
    """

    kind: str
    key: str
    body: msgspec.Struct | None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    incident: Incident | None = None
    journal: tuple[JournalEntry, ...] = ()
    commands: tuple[Command, ...] = ()
    finished: tuple[str, ...] = ()
    """Ids of outbox commands this event ended."""
    entries: tuple[LedgerEntry, ...] = ()
    moves: tuple[LedgerMove, ...] = ()
    timers: tuple[Timer, ...] = ()
    records: tuple[Record, ...] = ()
    emits: tuple[Event, ...] = ()
    """Events for other subjects; decided next, within the same commit."""
    refused: Reason | None = None
    """Set where a person asked for something that is not possible now; nothing else changes."""
    refused_text: str = ""

    def also(self, other: Decision) -> Decision:
        """Both, as one; what the other refuses stays refused."""
        return msgspec.structs.replace(
            self,
            incident=other.incident or self.incident,
            journal=(*self.journal, *other.journal),
            commands=(*self.commands, *other.commands),
            finished=(*self.finished, *other.finished),
            entries=(*self.entries, *other.entries),
            moves=(*self.moves, *other.moves),
            timers=(*self.timers, *other.timers),
            records=(*self.records, *other.records),
            emits=(*self.emits, *other.emits),
            refused=other.refused or self.refused,
            refused_text=other.refused_text or self.refused_text,
        )
