"""A batch of decisions as statements, few of them and each with many rows.

What is replaced whole (incident, timer, record) is written once, as it is at the end of the batch:
a storm of a thousand alerts into one incident is one row, not a thousand. What is appended keeps
its order. Entries and moves are the one pair that do not commute: a move touches the entries that
came before it and not those that come after. So they go in phases, and a new phase begins only
where an entry follows a move of its own incident.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agent.model.decision import Decision, LedgerEntry, LedgerMove, Record, Timer
from agent.model.incident import Incident
from agent.ports.store import Quarantined, Repeat
from agent.store import rows
from agent.store.rows import Row

Statement = tuple[str, list[Row]]
"""Name of a query and the rows it runs over."""


@dataclass
class _Phase:
    entries: list[Row] = field(default_factory=list)
    moves: list[Row] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)


class _Ledger:
    def __init__(self) -> None:
        self.received = 0
        self._phases = [_Phase()]

    def add(self, entry: LedgerEntry) -> None:
        if entry.incident_id in self._phases[-1].moved:
            self._phases.append(_Phase())
        self._phases[-1].entries.append(rows.ledger_row(entry))
        self.received += entry.seen

    def move(self, move: LedgerMove) -> None:
        rows.check_finite(move)
        if not rows.is_storable(move.incident_id):
            raise ValueError("cannot be stored: LedgerMove.incident_id")
        phase = self._phases[-1]
        phase.moved.add(move.incident_id)
        end = (move.state.value, move.reason.value, move.at, move.incident_id)
        phase.moves.extend((*end, state.value) for state in move.from_states)

    def statements(self) -> list[Statement]:
        found: list[Statement] = []
        for phase in self._phases:
            found.append(("insert_entry", phase.entries))
            found.append(("move_entries", phase.moves))
        return found


def encode(decisions: Sequence[Decision], repeats: Sequence[Repeat]) -> list[Statement]:
    """Raises ValueError with the field that cannot be stored; then nothing was begun."""
    incidents: dict[str, Incident] = {}
    timers: dict[tuple[str, str], Timer] = {}
    records: dict[tuple[str, str], Record] = {}
    journal: list[Row] = []
    commands: list[Row] = []
    finished: list[Row] = []
    ledger = _Ledger()
    for decision in decisions:
        if decision.incident is not None:
            incidents[decision.incident.id] = decision.incident
        journal.extend(map(rows.journal_row, decision.journal))
        commands.extend(map(rows.command_row, decision.commands))
        finished.extend(map(_finished_row, decision.finished))
        for entry in decision.entries:
            ledger.add(entry)
        for move in decision.moves:
            ledger.move(move)
        timers.update(((timer.subject, timer.name), timer) for timer in decision.timers)
        records.update(((record.kind, record.key), record) for record in decision.records)
    repeated = [_repeat_row(repeat) for repeat in repeats]
    received = ledger.received + sum(repeat.times for repeat in repeats)
    statements: list[Statement] = [
        ("upsert_incident", [rows.incident_row(incident) for incident in incidents.values()]),
        ("insert_journal", journal),
        *ledger.statements(),
        ("repeat_entry", repeated),
        ("count_received", [(received,)] if received else []),
        ("insert_command", commands),
        ("finish_command", finished),
        *_timers(timers.values()),
        *_records(records.values()),
    ]
    return [statement for statement in statements if statement[1]]


def encode_quarantined(row: Quarantined) -> list[Statement]:
    return [("insert_quarantined", [rows.quarantine_row(row)]), ("count_received", [(1,)])]


def _finished_row(command_id: str) -> Row:
    if not rows.is_storable(command_id):
        raise ValueError("cannot be stored: id of a finished command")
    return (command_id,)


def _repeat_row(repeat: Repeat) -> Row:
    rows.to_json(repeat)
    return (repeat.times, repeat.at, repeat.key)


def _timers(timers: Iterable[Timer]) -> list[Statement]:
    due: list[Row] = []
    gone: list[Row] = []
    for timer in timers:
        rows.to_json(timer)
        if timer.due is None:
            gone.append((timer.subject, timer.name))
        else:
            due.append((timer.subject, timer.name, timer.due))
    return [("set_timer", due), ("delete_timer", gone)]


def _records(records: Iterable[Record]) -> list[Statement]:
    kept: list[Row] = []
    gone: list[Row] = []
    for record in records:
        row = rows.record_row(record)
        if record.body is None:
            gone.append((record.kind, record.key))
        else:
            kept.append(row)
    return [("upsert_record", kept), ("delete_record", gone)]
