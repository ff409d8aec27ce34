"""Structs to rows and back.

Everything is checked here, before a commit is queued: a value that cannot be stored raises
ValueError with the path of the field in the caller's own hands, and cannot take the commits of
others down with it. What is refused: lone surrogates, which no UTF-8 store can hold, and typed
times and measures that are not finite, which JSON can only write as null and which nothing could
read back at the next start. NUL and every other character is kept as it is. Numbers without a type
(findings, parameters) may be NaN or infinite and read back as None.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from math import isfinite
from operator import attrgetter
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from agent.model.command import Command
from agent.model.decision import JournalEntry, LedgerEntry, LedgerState, Record
from agent.model.incident import Incident
from agent.model.learning import (
    FollowUp,
    NearMissRecord,
    Promotion,
    Resolution,
    Standing,
)
from agent.model.own import OwnState
from agent.model.past import LedgerCount
from agent.model.reason import Reason
from agent.model.records import (
    Act,
    AgentSigns,
    AnnouncedOnce,
    Breaker,
    ChangeRecord,
    Flap,
    Halt,
    MeasureSigns,
    RunbookText,
    Signed,
    Silence,
    SourceSigns,
    Storm,
)
from agent.model.series import DriftState, MotionSeries
from agent.model.signals import (
    BlindSpot,
    ProbeSigns,
    SloSigns,
    SurveySigns,
    TelemetrySigns,
)
from agent.ports.store import PastPage, Quarantined

S = TypeVar("S", bound=msgspec.Struct)

Row = tuple[Any, ...]

RECORD_TYPES: Mapping[str, type[msgspec.Struct]] = {
    "act": Act,
    "agent": AgentSigns,
    "measure": MeasureSigns,
    "change": ChangeRecord,
    "resolution": Resolution,
    "promotion": Promotion,
    "silence": Silence,
    "runbook_text": RunbookText,
    "halt": Halt,
    "storm": Storm,
    "breaker": Breaker,
    "flap": Flap,
    "source": SourceSigns,
    "signed": Signed,
    "standing": Standing,
    "follow_up": FollowUp,
    "near_miss": NearMissRecord,
    "announced": AnnouncedOnce,
    "telemetry": TelemetrySigns,
    "drift": DriftState,
    "probe": ProbeSigns,
    "motion": MotionSeries,
    "slo": SloSigns,
    "blind_spot": BlindSpot,
    "survey": SurveySigns,
    "own": OwnState,
}

ACT_MEMORY_SECONDS = 86_400.0
"""Acts older than this are not read at start: no cooldown or budget looks back further."""

QUARANTINE_BYTES = 64 * 1024

LARGEST_INTEGER = 2**63 - 1

_encode = msgspec.json.Encoder().encode


@cache
def _decoder(kind: type[msgspec.Struct]) -> Callable[[str], Any]:
    return msgspec.json.Decoder(kind).decode


@cache
def _floats(kind: type[msgspec.Struct]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    """Fields that hold a number of seconds or a reading, given or not, and what reads them."""
    names = tuple(
        field.name for field in msgspec.structs.fields(kind) if field.type in (float, float | None)
    )
    if len(names) < 2:
        return names, lambda struct: tuple(getattr(struct, name) for name in names)
    return names, attrgetter(*names)


def _not_storable(value: Any, path: str) -> Iterator[str]:
    """Paths of the parts of a value that JSON or UTF-8 cannot hold."""
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _not_storable(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _not_storable(key, f"{path} key {key!a}")
            yield from _not_storable(item, f"{path}[{key!a}]")
    elif isinstance(value, list | tuple | set | frozenset):
        for index, item in enumerate(value):
            yield from _not_storable(item, f"{path}[{index}]")
    else:
        try:
            _encode(value)
        except (ValueError, TypeError, OverflowError) as error:
            yield f"{path}: {error}"


@cache
def _nested(kind: type[msgspec.Struct]) -> tuple[str, ...]:
    """Fields that hold another struct, given or not."""
    return tuple(
        field.name
        for field in msgspec.structs.fields(kind)
        if any(
            isinstance(part, type) and issubclass(part, msgspec.Struct)
            for part in (get_args(field.type) or (field.type,))
        )
        and get_origin(field.type) in (None, Union, UnionType)
    )


def check_finite(struct: msgspec.Struct) -> None:
    kind = type(struct)
    names, read = _floats(kind)
    for value in read(struct):
        if value is not None and not isfinite(value):
            name = names[read(struct).index(value)]
            raise ValueError(f"{kind.__name__}.{name} cannot be stored: {value}")
    for name in _nested(kind):
        inner = getattr(struct, name)
        if inner is not None:
            check_finite(inner)


def to_json(struct: msgspec.Struct) -> str:
    """Raises ValueError with the path of the field that cannot be stored."""
    check_finite(struct)
    try:
        return _encode(struct).decode()
    except RecursionError as error:
        raise ValueError(f"cannot be stored: {type(struct).__name__} nests too deeply") from error
    except (ValueError, TypeError, OverflowError) as error:
        path = next(_not_storable(struct, type(struct).__name__), type(struct).__name__)
        raise ValueError(f"cannot be stored: {path}") from error


def from_json(text: str, kind: type[S]) -> S:
    found: S = _decoder(kind)(text)
    return found


def is_storable(text: str | None) -> bool:
    """False for text with lone surrogates: nothing in a store can be called that."""
    if text is None or text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def bounded(number: int) -> int:
    """A limit or sequence number from outside, as SQLite can take it."""
    return max(0, min(number, LARGEST_INTEGER))


# incident


def incident_text(incident: Incident) -> str:
    for nested in (*incident.alerts.values(), *incident.steps, *incident.pages):
        check_finite(nested)
    return to_json(incident)


def incident_row(incident: Incident) -> Row:
    return (
        incident.id,
        incident.state.value,
        incident.product,
        incident.layer.value,
        incident.opened_at,
        incident_text(incident),
    )


def past_page(found: Sequence[Row], limit: int) -> PastPage:
    """Rows of `opened_at`, `seq` and `body`, at most so many of them."""
    return PastPage(
        incidents=tuple(from_json(body, Incident) for _, _, body in found),
        next=(found[-1][0], found[-1][1]) if len(found) == limit else None,
    )


# journal and outbox


def journal_row(entry: JournalEntry) -> Row:
    return (entry.at, entry.subject, entry.kind, to_json(entry))


def command_row(command: Command) -> Row:
    return (command.id, to_json(command))


# ledger


def ledger_row(entry: LedgerEntry) -> Row:
    to_json(entry)  # the check; the row itself is columns
    return (
        entry.key,
        entry.identity,
        entry.status,
        entry.starts_at,
        entry.ends_at,
        entry.incident_id,
        entry.state.value,
        entry.reason.value,
        entry.at,
        entry.name,
        entry.product,
        entry.seen,
    )


def ledger_entry(row: Row) -> LedgerEntry:
    return LedgerEntry(
        key=row[0],
        identity=row[1],
        status=row[2],
        starts_at=row[3],
        ends_at=row[4],
        incident_id=row[5],
        state=LedgerState(row[6]),
        reason=Reason(row[7]),
        at=row[8],
        name=row[9],
        product=row[10],
        seen=row[11],
    )


def ledger_count(row: Row) -> LedgerCount:
    return LedgerCount(
        week=row[0],
        incident_id=row[1],
        product=row[2],
        state=LedgerState(row[3]),
        reason=Reason(row[4]),
        messages=row[5],
        first_at=row[6],
    )


# records


def record_type(kind: str) -> type[msgspec.Struct]:
    found = RECORD_TYPES.get(kind)
    if found is None:
        raise ValueError(f"no record is of the kind {kind!r}")
    return found


def check_record(record: Record) -> str:
    """JSON of the body, or an empty string where the record is deleted."""
    kind = record_type(record.kind)
    if not is_storable(record.key):
        raise ValueError(f"cannot be stored: key of a record of kind {record.kind!r}")
    if record.body is None:
        return ""
    if type(record.body) is not kind:
        wrong = type(record.body).__name__
        raise ValueError(f"a record of kind {record.kind!r} is a {kind.__name__}, not a {wrong}")
    return to_json(record.body)


def record_row(record: Record) -> Row:
    text = check_record(record)
    at = record.body.at if isinstance(record.body, Act) else None
    return (record.kind, record.key, at, text)


def record_body(kind: str, text: str) -> msgspec.Struct:
    return from_json(text, record_type(kind))


def empty_records() -> dict[str, dict[str, msgspec.Struct]]:
    """Every kind is there, whether or not it has rows."""
    return {kind: {} for kind in RECORD_TYPES}


# quarantine


def cut_body(row: Quarantined) -> Quarantined:
    """As it is kept: at most 64 KiB of the body. Who said it and why must be storable."""
    check_finite(row)
    for name in ("source", "why"):
        if not is_storable(getattr(row, name)):
            raise ValueError(f"cannot be stored: Quarantined.{name}")
    return msgspec.structs.replace(row, body=row.body[:QUARANTINE_BYTES])


def quarantine_row(row: Quarantined) -> Row:
    kept = cut_body(row)
    return (kept.at, kept.source, kept.why, kept.size, kept.body)


def quarantined(row: Row) -> Quarantined:
    return Quarantined(at=row[0], source=row[1], why=row[2], size=row[3], body=row[4])


def all_storable(texts: Sequence[str]) -> list[str]:
    """Those that can be asked for, each once."""
    return [text for text in dict.fromkeys(texts) if is_storable(text)]
