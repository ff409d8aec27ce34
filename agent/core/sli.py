"""What an objective counts, as PromQL: checked, and made fit to be put into rules.

Expressions are written by people with `$window` where the range goes. Each is read before anything
is made of it, so that none can break out of the brackets it is put into; and each is summed, so
that whatever labels it has, one objective is one series.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache

from agent.core.burn import duration
from agent.core.promql import read
from agent.core.promql_rules import Kind, matches_nothing
from agent.core.promql_tokens import PromqlError
from agent.core.promql_tree import (
    Aggregation,
    Call,
    Matcher,
    Selector,
    Subquery,
    Tree,
    parts_of,
    walk,
)
from agent.model.product import Sli

WINDOW, STEP = "$window", "$step"
"""Range, and how often a subquery looks within it."""
_ANY_WINDOW, _ANY_STEP = "000300s", "0030s"
"""As long as the words, so that a fault has its right column."""
_LONG_WINDOW, _LONG_STEP = "30d", "1m"
"""What goes with one window has to go with all: `5m$window` would be a range with some only."""
LONGEST_STEP_SECONDS = 60
LOOKS = 10
_SLOTH = re.compile(r"\{\{\s*\.window\s*\}\}")
_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SUMMED = re.compile(r"\s*sum\s*\((?P<inner>.*)\)\s*", re.DOTALL)
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})

_RATES = frozenset({"rate"})
_COUNTS = frozenset({"increase", "count_over_time", "sum_over_time", "changes"})


class Unit(StrEnum):
    """What a number of an expression means."""

    PER_SECOND = "events a second"
    COUNT = "events in the window"
    UNKNOWN = "not known"


def as_written_here(text: str) -> str:
    """With `$window` where another tool writes `{{.window}}`."""
    return _SLOTH.sub(WINDOW, text).strip()


def _sample(text: str) -> str:
    """With some window, to be read."""
    return text.replace(WINDOW, _ANY_WINDOW).replace(STEP, _ANY_STEP)


def problem_of(text: str, *, is_windowed: bool = True) -> str:
    """Why the expression cannot be used; empty where it can."""
    try:
        tree = read(_sample(text))
        read(text.replace(WINDOW, _LONG_WINDOW).replace(STEP, _LONG_STEP))
    except PromqlError as error:
        return str(error)
    if tree.kind is Kind.SCALAR:
        return "it is a number and looks at no series"
    if tree.kind is not Kind.VECTOR:
        return f"it gives {tree.kind}: put a function such as rate() around it"
    if not any(isinstance(node, Selector) for node in walk(tree)):
        return "it looks at no series"
    if is_windowed and WINDOW not in text:
        return f"it does not look at {WINDOW}, so it would be the same for every window"
    return ""


def filled(text: str, seconds: int) -> str:
    """The expression over this window, fit to be put into brackets."""
    step = max(1, min(LONGEST_STEP_SECONDS, seconds // LOOKS))
    whole = text.replace(WINDOW, duration(seconds)).replace(STEP, duration(step)).strip()
    return f"{whole}\n" if "#" in whole else whole


def bracketed(text: str) -> str:
    """In brackets, which a comment at its end does not swallow."""
    return f"({text}\n)" if "#" in text else f"({text})"


@lru_cache(maxsize=4096)
def unit_of(sli: Sli) -> Unit:
    """Whether its events are told a second or by number: it decides how many there were."""
    found: set[Unit] = set()
    for text in (sli.bad or sli.good, sli.total):
        if not text:
            return Unit.UNKNOWN
        found |= set(_units(read(_sample(text))))
    return found.pop() if len(found) == 1 else Unit.UNKNOWN


def _units(tree: Tree) -> list[Unit]:
    """Of every range in it, by the function that takes it."""
    found = []
    for node in walk(tree):
        for part in parts_of(node):
            is_range = isinstance(part, Subquery) or (
                isinstance(part, Selector) and part.range_seconds is not None
            )
            if is_range:
                name = node.name if isinstance(node, Call) else ""
                is_rate, is_count = name in _RATES, name in _COUNTS
                found.append(
                    Unit.PER_SECOND if is_rate else Unit.COUNT if is_count else Unit.UNKNOWN
                )
    return found or [Unit.UNKNOWN]


def presence_of(part: str, total: str) -> tuple[str, ...]:
    """What has to be found so that nothing bad (or good) means none: the metric exists, and has the
    labels that are asked for. A metric that is not there, or a label it does not have, is a mistake
    and not a good month. Labels that `total` fixes have to have the very same value."""
    fixed = {
        m.label
        for node in walk(read(_sample(total)))
        if isinstance(node, Selector)
        for m in node.matchers
        if m.op == "="
    }
    found = [
        _presence(node, fixed) for node in walk(read(_sample(part))) if isinstance(node, Selector)
    ]
    return tuple(dict.fromkeys(found))


def _presence(selector: Selector, fixed: set[str]) -> str:
    name, matchers = selector.name, []
    if name and not _NAME.fullmatch(name):
        name, matchers = "", [matcher("__name__", "=", selector.name)]
    for m in selector.matchers:
        if m.label == "__name__" or (m.op == "=" and m.label in fixed):
            matchers.append(_written(m))
        elif _LABEL.fullmatch(m.label) and not matches_nothing(m.op, m.value):
            matchers.append(matcher(m.label, "!=", ""))
    return f"count({name}{{{','.join(dict.fromkeys(matchers))}}})"


def _written(m: Matcher) -> str:
    return matcher(m.label, m.op, m.value)


def matcher(label: str, op: str, value: str) -> str:
    """`label="value"`, the value quoted."""
    return f'{label}{op}"{value.translate(_ESCAPES)}"'


def share_beyond(query: str, op: str, value: float) -> str:
    """Share of the time in which the query is beyond a value: `op` is `>`, `>=`, `<` or `<=`, and
    holds where it is bad. What is no number counts as nothing; of several series the worst."""
    beyond = f"({bracketed(query)} >= -Inf) {op} bool {value:.15g}"
    return f"avg_over_time(max({beyond})[{WINDOW}:{STEP}])"


def over_time(text: str, *, counter: bool) -> str:
    """A plain selector, or a sum of one, made into what happened in `$window`: of a counter by how
    much it grew, of a gauge the sum of what it showed. Empty where it is anything else."""
    try:
        tree = read(text)
    except PromqlError:
        return ""
    function = "increase" if counter else "sum_over_time"
    if isinstance(tree, Selector) and _is_plain(tree):
        return f"{function}({text.strip()}[{WINDOW}])"
    summed = _SUMMED.fullmatch(text)
    is_sum = isinstance(tree, Aggregation) and tree.name == "sum" and not tree.labels
    if summed is None or not is_sum or "#" in text:
        return ""
    [inner] = parts_of(tree)
    if not (isinstance(inner, Selector) and _is_plain(inner)):
        return ""
    return f"sum({function}({summed['inner'].strip()}[{WINDOW}]))"


def _is_plain(selector: Selector) -> bool:
    is_moved = selector.offset_seconds is not None or selector.is_pinned
    return selector.range_seconds is None and not is_moved
