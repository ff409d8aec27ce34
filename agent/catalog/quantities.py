"""Amounts as people write them: `30s`, `1h30m`, `80%`.

A bare number is refused: whether 30 means seconds, minutes or milliseconds is what gets read wrong
at night.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

from agent.catalog.faults import shown, wrong

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_DURATION = re.compile(
    r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?"
)
_PERCENTAGE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?)%")
_FORMS = "write it like 500ms, 30s, 15m, 6h, 7d or 1h30m"
_LONGEST_SECONDS = 3650 * 86400.0


def parse_duration(text: object) -> float:
    """Seconds. Raises PydanticCustomError, a ValueError, with a remedy."""
    if isinstance(text, bool) or not isinstance(text, int | float | str):
        raise wrong("a duration is expected here", _FORMS)
    if isinstance(text, int | float) or re.fullmatch(r"[0-9]{1,9}", text):
        raise wrong("a duration needs a unit", f"write {text}s for seconds, {text}m for minutes")
    found = _DURATION.fullmatch(text)
    if not text or found is None:
        raise wrong(f"{shown(text)} is not a duration", _FORMS)
    parts = zip(found.groups(), _UNITS.values(), strict=True)
    seconds = sum(int(count) * unit for count, unit in parts if count)
    if seconds > _LONGEST_SECONDS:
        raise wrong(f"{shown(text)} is longer than ten years", "write a shorter duration")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest exact form to a millisecond; `parse_duration` reads it back."""
    left = round(seconds * 1000)
    text = ""
    for unit, length in _UNITS.items():
        count, left = divmod(left, round(length * 1000))
        if count:
            text += f"{count}{unit}"
    return text or "0s"


def _longer_than_nothing(text: object) -> float:
    seconds = parse_duration(text)
    if seconds == 0:
        raise wrong("the duration must be longer than nothing", _FORMS)
    return seconds


def parse_percentage(text: object) -> float:
    """A share from 0 to 1. Raises PydanticCustomError, a ValueError, with a remedy."""
    found = _PERCENTAGE.fullmatch(text) if isinstance(text, str) else None
    if found is None or float(found[1]) > 100:
        raise wrong("a percentage from 0% to 100% is expected here", "write it like 80%")
    return float(Decimal(found[1]) / 100)  # 99.9% is 0.999 and not its neighbour


_SCHEMA = {"type": "string", "pattern": r"^(?=.)(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$"}

Duration = Annotated[float, BeforeValidator(parse_duration), WithJsonSchema(_SCHEMA)]
"""Seconds, zero or more, written with a unit."""
PositiveDuration = Annotated[float, BeforeValidator(_longer_than_nothing), WithJsonSchema(_SCHEMA)]
"""Seconds, more than zero, written with a unit."""
Percentage = Annotated[
    float,
    BeforeValidator(parse_percentage),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,3}(\.\d+)?%$"}),
]
"""A share from 0 to 1, written as a percentage."""
