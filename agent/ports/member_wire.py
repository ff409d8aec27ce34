"""What members of the machinery write: heartbeats and telemetry, over MQTT and in CloudEvents.

A flat JSON object. Names that are known are taken out of it with their types checked; the others
are kept as details. A field that cannot be used is a fault, in words, and the message is taken
without it: that a member writes its sequence as text does not make it a dead one. What is refused
is what is no object at all, and what names another sender than the way it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from agent.model.alert import Heartbeat, Scalar, Telemetry
from agent.model.errors import Unparseable
from agent.model.signals import Counters, Mode
from agent.ports.wire import Moment, moment, read

MOST_DETAILS = 64
MOST_FAULTS = 8
LONGEST_NAME = 64
LARGEST_INTEGER = 2**64 - 1
LARGEST_COUNT = 2.0**53
"""Above it one more is not seen: a counter would stand still."""
LAST_SECOND = 1e11
"""Times beyond are no seconds since the epoch, but milliseconds."""

OBJECT = msgspec.json.Decoder(dict[str, Any])


class Forged(Unparseable):
    """It names another sender than the way it came."""


class _Fields:
    """Takes what is known out of an object, and says what of it cannot be used."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values
        self.faults: list[str] = []

    def wrong(self, name: str, expected: str, found: Any) -> None:
        self.faults.append(f"{name[:LONGEST_NAME]}: expected {expected}, found {_kind(found)}")

    def flag(self, name: str, *, default: bool) -> bool:
        value = self.values.pop(name, None)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        self.wrong(name, "true or false", value)
        return default

    def word(self, name: str, *, or_number: bool = False) -> str:
        value = self.values.pop(name, None)
        if value is None or isinstance(value, str):
            return value or ""
        if or_number and _is_number(value) and abs(value) <= LARGEST_INTEGER:
            return str(value)
        self.wrong(name, "text", value)
        return ""

    def count(self, name: str, *, whole: bool = False) -> float | None:
        """A number from 0 on; None: it is not said, or not to be used."""
        value = self.values.pop(name, None)
        if value is None:
            return None
        what = "a whole number from 0 on" if whole else "a number from 0 on"
        if not _is_number(value) or value < 0 or (whole and value != int(value)):
            self.wrong(name, what, value)
        elif value > LARGEST_COUNT:
            self.faults.append(f"{name}: larger than 2^53, where one more is not seen")
        else:
            return float(value)
        return None

    def time(self, name: str) -> float | None:
        value = self.values.pop(name, None)
        if value is None:
            return None
        if _is_number(value) and 0 <= value < LAST_SECOND:
            return float(value)
        if _is_number(value) and value >= LAST_SECOND:
            self.faults.append(f"{name}: expected seconds since the epoch, found more")
            return None
        if isinstance(value, str):
            try:
                return moment(msgspec.convert(value, Moment))
            except msgspec.ValidationError:
                pass
        self.wrong(name, "seconds since the epoch or RFC 3339 with a zone", value)
        return None

    def mode(self) -> Mode | None:
        value = self.values.pop("mode", None)
        if value is None:
            return None
        if isinstance(value, str) and value in tuple(Mode):
            return Mode(value)
        self.wrong("mode", " or ".join(Mode), value)
        return None

    def rest(self) -> Mapping[str, Scalar]:
        """Everything else, as far as it is plain and not too much."""
        kept: dict[str, Scalar] = {}
        for name, value in self.values.items():
            if isinstance(value, dict | list):
                self.wrong(name, "a plain value", value)
            elif isinstance(value, int) and abs(value) > LARGEST_INTEGER:
                self.faults.append(f"{name[:LONGEST_NAME]}: does not fit into 64 bits")
            elif len(kept) < MOST_DETAILS:
                kept[name] = value
            else:
                self.faults.append(f"more than {MOST_DETAILS} further values")
                break
        return kept

    def told_faults(self) -> tuple[str, ...]:
        if len(self.faults) <= MOST_FAULTS:
            return tuple(self.faults)
        return (*self.faults[:MOST_FAULTS], f"and {len(self.faults) - MOST_FAULTS} more")


def _is_number(value: Any) -> bool:
    """JSON has no others: what is not finite does not decode."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return "a number below 0" if value < 0 else "a number"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"


def heartbeat(body: bytes | msgspec.Raw, *, agent: str, at: str = "$") -> Heartbeat:
    """`agent` is who sent it, where the way it came says so (else empty, and the body has to); the
    body may repeat it, not contradict it (raises Forged)."""
    fields, who = _fields(body, agent=agent, at=at)
    alive = fields.flag("alive", default=True)
    seq = fields.count("seq", whole=True)
    beat = Heartbeat(
        agent=who,
        alive=alive,
        boot=fields.word("boot", or_number=True),
        seq=int(seq) if seq is not None else None,
        work=fields.count("work"),
        last_success=fields.time("last_success"),
        sent_at=fields.time("sent_at"),
        version=fields.word("version"),
        config_hash=fields.word("config_hash"),
        mode=fields.mode(),
        detail=fields.rest(),
    )
    faults = fields.told_faults()
    return msgspec.structs.replace(beat, faults=faults) if faults else beat


def telemetry(body: bytes | msgspec.Raw, *, agent: str, at: str = "$") -> Telemetry:
    """Running totals: `tasks`, `errors`, `seconds` (or `duration_seconds`), `tokens` (or
    `input_tokens` and `output_tokens`). `agent` as for a heartbeat."""
    fields, who = _fields(body, agent=agent, at=at)
    seconds, duration = fields.count("seconds"), fields.count("duration_seconds")
    tokens = fields.count("tokens")
    parts = [fields.count("input_tokens"), fields.count("output_tokens")]
    spoken = [part for part in parts if part is not None]
    told = Telemetry(
        agent=who,
        counters=Counters(
            tasks=fields.count("tasks"),
            errors=fields.count("errors"),
            seconds=duration if seconds is None else seconds,
            tokens=sum(spoken) if tokens is None and spoken else tokens,
        ),
        boot=fields.word("boot", or_number=True),
        sent_at=fields.time("sent_at"),
        detail=fields.rest(),
    )
    faults = fields.told_faults()
    return msgspec.structs.replace(told, faults=faults) if faults else told


def bare_beat(agent: str, why: str) -> Heartbeat:
    """The body cannot be read; that it came shows that its sender lives."""
    return Heartbeat(agent=agent, faults=(f"the body is no flat JSON object: {why}"[:200],))


def _fields(body: bytes | msgspec.Raw, *, agent: str, at: str) -> tuple[_Fields, str]:
    values = read(OBJECT, body, at=at)
    named = values.pop("agent", None)
    if named is not None and not (isinstance(named, str) and agent in ("", named)):
        raise Forged(
            f"names another agent than the {agent[:64]!r} it came from", where=f"{at}.agent"
        )
    who = agent or named
    if not isinstance(who, str) or not who:
        raise Unparseable("missing: name the agent", where=f"{at}.agent")
    return _Fields(values), who
