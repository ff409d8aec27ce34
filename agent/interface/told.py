"""What people type about an action: its parameters, and what they did outside of the agent."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from agent.interface.times import from_rfc3339
from agent.model.learning import ToldCall

CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
TOLD_FORM = "ACTION name=value ... @HH:MM"


def parameters(given: Sequence[str]) -> dict[str, Any]:
    """`name=text`, or `name:=json` where it is not text. Raises ValueError naming the word."""
    found: dict[str, Any] = {}
    for word in given:
        name, equals, value = word.partition("=")
        is_json = name.endswith(":")
        name = name.removesuffix(":").strip()
        if not equals or not name:
            raise ValueError(f"{word!r} is not name=value")
        try:
            found[name] = data_of(value) if is_json else value
        except (ValueError, RecursionError):
            raise ValueError(f"{value!r} is no JSON (write name=value for text)") from None
    return found


def data_of(text: str) -> Any:
    """JSON that can be kept and shown: no NaN, and no halves of characters. Raises ValueError or
    RecursionError."""
    found = json.loads(text)
    json.dumps(found, allow_nan=False, ensure_ascii=False).encode()
    return found


def told_call(text: str, now: float) -> ToldCall:
    """`process.restart target=web @09:41`: an action, its parameters, and when it was done: a time
    of day in UTC (the latest that is not to come) or RFC 3339. Raises ValueError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None
    if not words or "=" in words[0] or words[0].startswith("@"):
        raise ValueError(f"{text!r} is not {TOLD_FORM}")
    at = None
    if words[-1].startswith("@"):
        at = moment(words.pop()[1:], now)
    return ToldCall(use=words[0], params=parameters(words[1:]), at=at)


def moment(text: str, now: float) -> float:
    """Seconds since the epoch of `HH:MM` or `HH:MM:SS` (UTC, the latest that is not to come) or of
    RFC 3339. Raises ValueError."""
    clock = CLOCK.fullmatch(text)
    if clock is not None:
        today = datetime.fromtimestamp(now, UTC)
        found = today.replace(
            hour=int(clock[1]), minute=int(clock[2]), second=int(clock[3] or 0), microsecond=0
        )
        if found > today:
            found -= timedelta(days=1)
        return found.timestamp()
    try:
        return from_rfc3339(text)
    except ValueError:
        raise ValueError(
            f"{text!r} is no time: HH:MM in UTC, or like 2026-01-31T09:41:00Z"
        ) from None
