"""A length of time in the parameters and results of plugins: `90s`, `15m`, `1h30m`, `2d`.

In a result it becomes a duration that expressions compare (`history.changed_ago <
duration("30m")`); written down it is seconds. A bare number counts as seconds, because that is how
it is written down; people give a unit.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = (86_400.0, 3_600.0, 60.0, 1.0)
_FORM = re.compile(r"(?:([0-9]{1,5})d)?(?:([0-9]{1,5})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})s)?")


def _read(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = _FORM.fullmatch(value)
    if not value or found is None:
        raise ValueError(f"{value[:40]!r} is not a length of time, write it like 90s, 15m or 1h30m")
    parts = zip(found.groups(), _UNITS, strict=True)
    return timedelta(seconds=sum(int(count) * unit for count, unit in parts if count))


def _seconds(value: timedelta) -> float:
    return value.total_seconds()


Span = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(_seconds, return_type=float),
    WithJsonSchema({"type": "string", "examples": ["90s", "15m", "1h30m"]}),
]
"""Negative where it lies the other way: a certificate that expires in -1h has expired."""
