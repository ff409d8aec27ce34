"""What the result model of a diagnostic declares: dotted field names and their CEL types.

Nested models become dotted names (`history.previous.healthy`), because CEL checks declared names at
load and lets misspellings inside a map through until they run. An optional field has the type it
has when it is there; None is a missing value, and so is a number that is none (NaN: no data is
never health).
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from agent.model.runbook import Facts

LONGEST_TEXT = 65_536
"""Characters of one text that an expression may read; a longer one is unknown."""

LARGEST = 20_000
"""Members of one list or map, those of its members included."""

MOST_WORK = 1_000_000
"""Members times members and longest text, of what an expression with a macro reads: about 1,000
members, or 200 where a text of 4,000 characters is among the facts."""

_PLAIN: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "double"),
    (str, "string"),
    (datetime, "timestamp"),
    (timedelta, "duration"),
)


@lru_cache(maxsize=1024)
def result_types(model: type[BaseModel]) -> dict[str, str]:
    """Dotted field name to CEL type, relative to the id of the diagnostic."""
    found: dict[str, str] = {}
    for name, declared in model.model_fields.items():
        annotation = _without_none(declared.annotation)
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            found.update({f"{name}.{n}": t for n, t in result_types(annotation).items()})
        else:
            found[name] = _signature(annotation)
    return found


def _without_none(annotation: Any) -> Any:
    origin = get_origin(annotation)
    if origin is Annotated:
        return _without_none(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        rest = [a for a in get_args(annotation) if a is not type(None)]
        return _without_none(rest[0]) if len(rest) == 1 else Any
    return annotation


def _signature(annotation: Any) -> str:
    annotation = _without_none(annotation)
    origin = get_origin(annotation) or annotation
    if origin is Literal:
        values = get_args(annotation)
        return "string" if all(isinstance(v, str) for v in values) else "dyn"
    if not isinstance(origin, type):
        return "dyn"
    for plain, name in _PLAIN:
        if issubclass(origin, plain):
            return name
    if issubclass(origin, Enum):
        return "dyn"
    if issubclass(origin, Mapping):
        inner = get_args(annotation)[1:]
        return f"map<string, {_signature(inner[0]) if inner else 'dyn'}>"
    if issubclass(origin, (Sequence, Set)):
        inner = get_args(annotation)[:1]
        return f"list<{_signature(inner[0]) if inner else 'dyn'}>"
    return "dyn"


def fetch(facts: Facts, parts: Sequence[str]) -> Any:
    """The value under a dotted name, or None."""
    value: Any = facts
    for part in parts:
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
        if value is None:
            return None
    return value


def _as_double(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return None if math.isnan(value) else float(value)
    return value


def _as_int(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return None if isinstance(value, bool) else value


def _as_timestamp(value: Any) -> Any:
    try:
        if isinstance(value, (int, float)):
            return datetime.fromtimestamp(value, UTC)
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        return None
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    return value


def _as_duration(value: Any) -> Any:
    if isinstance(value, (int, float)):
        try:
            return timedelta(seconds=value)
        except (ValueError, OverflowError):
            return None
    return value


def _as_string(value: Any) -> Any:
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else None
    return _plain(value)


def _as_strings(value: Any) -> Any:
    """A map of texts, which labels are, goes as it is."""
    if type(value) is dict and len(value) <= 256:
        texts = value.values()
        if all(type(v) is str and len(v) <= LONGEST_TEXT for v in texts):
            return value
    return _plain(value)


def _plain(value: Any) -> Any:
    """Read-only mappings, tuples and enums as the engine wants them; None for what is too large."""
    try:
        return _copied(value, [LARGEST])
    except ValueError:
        return None


def _copied(value: Any, room: list[int]) -> Any:
    if isinstance(value, str):
        _take(room, len(value) // 64)
        if len(value) > LONGEST_TEXT:
            raise ValueError(value[:10])
        return str(value)
    if isinstance(value, Mapping):
        _take(room, 1 + len(value))
        return {str(k): _copied(v, room) for k, v in value.items()}
    if isinstance(value, (tuple, list, set, frozenset)):
        _take(room, 1 + len(value))
        return [_copied(v, room) for v in value]
    return value


def _take(room: list[int], size: int) -> None:
    room[0] -= size
    if room[0] < 0:
        raise ValueError(size)


_FIT: Mapping[str, Callable[[Any], Any]] = {
    "double": _as_double,
    "int": _as_int,
    "timestamp": _as_timestamp,
    "duration": _as_duration,
    "string": _as_string,
    "map<string, string>": _as_strings,
}


def fit(value: Any, kind: str) -> Any:
    """The value as its declared type wants it; None (unknown) where it cannot be."""
    return _FIT.get(kind, _plain)(value)


def is_too_much(values: Iterable[Any]) -> bool:
    """Whether a macro over these values could cost too much: it may look at every member for every
    member, and build a text from each."""
    members, longest = 0, 0
    waiting = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, (str, bytes)):
            longest = max(longest, len(value))
        elif isinstance(value, Mapping):
            members += len(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            members += len(value)
            waiting.extend(value)
    return members * (members + longest) > MOST_WORK
