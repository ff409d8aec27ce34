"""What tells incidents apart that look alike: one condition over what was found in them.

Only findings are asked. Labels are written by whoever sends the alert, and products and times are
no causes. A condition counts that was true in each incident of the one kind and false in each of
the other; what is unknown in one of them separates nothing. Truths and short words come first. A
number separates only where a clear gap lies between both kinds, there are enough of the others to
see one, and it did not simply grow with time.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from agent.core.generalising import Calls, diagnostics_of
from agent.core.origins import fields_of
from agent.model.learning import Resolution

MOST_WORDS = 3
"""So many different words of one field are one kind at most."""
LEAST_OTHERS = 2
"""So many others at least, before anything may separate: one differs in something by chance."""
LEAST_CONTRAST = 3
"""The same, before a number may."""
CLEAR_GAP = 0.5
"""Share of the whole span that has to be empty between both kinds."""
LIKE_A_TIME = 1e8
"""Larger numbers are times, sizes or counters: they grow, and mean nothing by being larger."""

_WORDS = re.compile(r"[A-Za-z][A-Za-z _./:-]{0,63}")
"""No digits: a text that counts something, or is a time or a version, is no kind."""


class Separated(msgspec.Struct, frozen=True, kw_only=True):
    condition: str
    """An expression of the runbook language."""
    field: str
    """The field it reads, as `status.hung`."""


def separate(likes: Sequence[Resolution], contrast: Sequence[Resolution]) -> Separated | None:
    """The condition, or None where nothing separates them."""
    everything = (*likes, *contrast)
    if not likes or len(contrast) < LEAST_OTHERS:
        return None
    calls = diagnostics_of(everything)
    table = [_values(r, calls) for r in everything]
    shared = [f for f in table[0] if all(f in row for row in table)]
    columns = [(f, [row[f] for row in table]) for f in sorted(shared, key=_order)]
    for rule in (_by_truth, _by_word):
        for field, values in columns:
            condition = rule(field, values[: len(likes)], values[len(likes) :])
            if condition is not None:
                return Separated(condition=condition, field=field)
    if len(contrast) < LEAST_CONTRAST or not _are_mixed(likes, contrast):
        return None
    gaps = [g for f, values in columns for g in _by_number(f, values, len(likes))]
    _, condition, field = max(gaps, default=(0.0, "", ""))
    return Separated(condition=condition, field=field) if condition else None


def _values(resolution: Resolution, calls: Calls) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for name in calls:
        found |= dict(fields_of(name, resolution.findings.get(name, {})))
    return found


def _order(field: str) -> tuple[int, str]:
    return field.count("."), field


def _by_truth(field: str, likes: Sequence[Any], contrast: Sequence[Any]) -> str | None:
    if not all(isinstance(v, bool) for v in (*likes, *contrast)):
        return None
    if all(likes) and not any(contrast):
        return field
    return f"!{field}" if not any(likes) and all(contrast) else None


def _by_word(field: str, likes: Sequence[Any], contrast: Sequence[Any]) -> str | None:
    if not all(isinstance(v, str) for v in (*likes, *contrast)):
        return None
    words = sorted(set(likes))
    if len(words) > MOST_WORDS or not set(words).isdisjoint(contrast):
        return None
    if not all(_WORDS.fullmatch(w) for w in words):
        return None
    if len(words) == 1:
        return f'{field} == "{words[0]}"'
    # Each word was seen more than once, or a name that is another each time would pass for a kind.
    if any(list(likes).count(w) < 2 for w in words):
        return None
    return f"{field} in [{', '.join(_quoted(words))}]"


def _quoted(words: Sequence[str]) -> Iterator[str]:
    return (f'"{word}"' for word in words)


def _by_number(field: str, values: Sequence[Any], count: int) -> Iterator[tuple[float, str, str]]:
    """Width of the gap as a share of the span, the condition and the field."""
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in values):
        return
    if any(abs(v) > LIKE_A_TIME for v in values):
        return
    likes, contrast = values[:count], values[count:]
    span = max(values) - min(values)
    for low, high, sign in ((contrast, likes, ">"), (likes, contrast, "<")):
        gap = min(high) - max(low)
        limit = _round_within(max(low), min(high))
        if span > 0 and gap / span >= CLEAR_GAP and limit:
            yield gap / span, f"{field} {sign} {limit}", field


def _round_within(low: float, high: float) -> str:
    """The roundest number about the middle of the gap, without an exponent; empty where the gap is
    too narrow to write one."""
    middle = low + (high - low) / 2
    for digits in range(-int(math.log10(LIKE_A_TIME)), 10):
        text = f"{round(middle, digits):.{max(digits, 0)}f}"
        if low < float(text) < high:
            return text
    return ""


def _are_mixed(likes: Sequence[Resolution], contrast: Sequence[Resolution]) -> bool:
    """Whether neither kind came only after the other: what only grows would separate those."""
    ours, theirs = [r.opened_at for r in likes], [r.opened_at for r in contrast]
    return min(ours) < max(theirs) and min(theirs) < max(ours)
