"""Where a value comes from: the expressions that have it in an incident.

Only three kinds of expression are ever made here: the name of the entity, a label of the alert, and
a field of what a diagnostic found. Each is put together from names that are plain words of the
expression language, so that no text of an incident can become a part of one. A value that is taken
over is compared, never read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agent.core.cleaning import UNSAFE
from agent.core.facts import FAILED
from agent.model.learning import Resolution
from agent.model.runbook import Facts

NAME = "entity.name"
TARGET = "target"

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_ID = re.compile(r"[a-z][a-z0-9_]{0,62}")
_NO_FIELD = frozenset({"true", "false", "null", "in"})
_WORDS = """
    alert entity incident before true false null in as break const continue else for function if
    import let loop package namespace return var void while has all exists exists_one map filter
    size int uint double string bool bytes list type dyn duration timestamp matches percent
"""
_RESERVED = frozenset(_WORDS.split())
"""Words that cannot be the id of a diagnostic (catalog/expression_scope.py has the same)."""
NO_CHARACTER = re.compile("[\ufffe\uffff]")
LONGEST_TEXT = 500
MOST_FIELDS = 500
MOST_LEAVES = 100
DEEPEST = 4

Scalar = str | bool | int | float | None


def origins_of(params: Mapping[str, Any], facts: Facts) -> dict[str, tuple[str, ...]]:
    """By name of the parameter, every expression of the runbook language that has just its value,
    the preferred one first; a parameter nothing explains is left out. Values inside of a list or a
    mapping stand under their place in it, as `names[0]` or `labels.app`.

    The entity comes first, because the registry says what it is; then a field or a label of the
    parameter's own name; then what was found, and at last the other labels, which whoever sends
    the alert chooses.
    """
    by_value: dict[tuple[type, Any], list[str]] = {}
    for expression, value in expressions_of(facts):
        by_value.setdefault((type(value), value), []).append(expression)
    found: dict[str, tuple[str, ...]] = {}
    for place, value in leaves_of(params).items():
        known = by_value.get((type(value), value)) if _is_comparable(value) else None
        if known:
            found[place] = tuple(sorted(known, key=lambda e: _rank(e, place)))
    return found


def expressions_of(facts: Facts) -> Iterator[tuple[str, Scalar]]:
    """Each expression that may be used, with its value here."""
    entity, alert = facts.get("entity"), facts.get("alert")
    if isinstance(entity, Mapping) and _is_comparable(entity.get("name")):
        yield NAME, entity["name"]
    if isinstance(alert, Mapping):
        if _is_comparable(alert.get("name")):
            yield "alert.name", alert["name"]
        labels = alert.get("labels")
        for name, value in (labels if isinstance(labels, Mapping) else {}).items():
            is_word = isinstance(name, str) and _is_field(name) and name != "alertname"
            if is_word and isinstance(value, str) and _is_comparable(value):
                yield f"alert.labels.{name}", value
    for name, finding in facts.items():
        if is_readable_id(name) and isinstance(finding, Mapping):
            yield from fields_of(name, finding)


def fields_of(name: str, finding: Mapping[str, Any]) -> Iterator[tuple[str, Scalar]]:
    """Fields of a finding that can be read in an expression, as `status.previous.version`. Texts,
    numbers and truths only; a field that is missing is not there, nor is anything of a diagnostic
    that failed."""
    if FAILED in finding:
        return
    waiting: list[tuple[str, Mapping[str, Any], int]] = [(name, finding, 1)]
    count = 0
    while waiting:
        path, value, depth = waiting.pop(0)
        for key, inner in value.items():
            if not isinstance(key, str) or not _is_field(key):
                continue
            if isinstance(inner, Mapping) and depth < DEEPEST:
                waiting.append((f"{path}.{key}", inner, depth + 1))
            elif _is_comparable(inner):
                count += 1
                if count > MOST_FIELDS:
                    return
                yield f"{path}.{key}", inner


def is_readable_id(name: object) -> bool:
    """Whether what a diagnostic of this id finds can be read in an expression."""
    return isinstance(name, str) and bool(_ID.fullmatch(name)) and name not in _RESERVED


def facts_of(resolution: Resolution) -> dict[str, Any]:
    """What an expression could read in this incident, as far as its resolution keeps it."""
    facts: dict[str, Any] = {
        name: finding for name, finding in resolution.findings.items() if is_readable_id(name)
    }
    facts["alert"] = {"name": resolution.alertname, "labels": resolution.labels}
    if resolution.entity is not None and resolution.kind:
        facts["entity"] = {"name": resolution.entity}
    return facts


def leaves_of(params: Mapping[str, Any]) -> dict[str, Any]:
    """Single values of the parameters by their place: `to`, `names[0]`, `labels.app`. An empty list
    or mapping is one. At most 101 of them, one more than may be learned from."""
    found: dict[str, Any] = {}
    waiting: list[tuple[str, Any, int]] = [(place_in("", k), v, 1) for k, v in params.items()]
    while waiting and len(found) <= MOST_LEAVES:
        place, value, depth = waiting.pop(0)
        inner = list(_inside(value))
        if not inner or depth > DEEPEST:
            found[place] = value
        else:
            waiting[:0] = [(place_in(place, key), v, depth + 1) for key, v in inner]
    return found


def is_too_large(params: Mapping[str, Any]) -> bool:
    """Whether there is more in these parameters than anybody could review."""
    leaves = leaves_of(params)
    if len(leaves) > MOST_LEAVES:
        return True
    return any(
        any(True for _ in _inside(value))
        or len(place) > LONGEST_TEXT
        or (isinstance(value, str) and len(value) > LONGEST_TEXT)
        for place, value in leaves.items()
    )


def keys_of(value: Any) -> Iterator[str]:
    """The names of all members, at any depth that is looked at."""
    waiting: list[tuple[Any, int]] = [(value, 0)]
    while waiting:
        inner, depth = waiting.pop()
        for key, member in _inside(inner) if depth <= DEEPEST else ():
            waiting.append((member, depth + 1))
            if isinstance(key, str):
                yield key


def place_in(place: str, key: object) -> str:
    """The place of a member. No two members have the same one, whatever their names hold."""
    if isinstance(key, int) and not isinstance(key, bool):
        return f"{place}[{key}]"
    name = str(key)
    if _WORD.fullmatch(name):
        return f"{place}.{name}" if place else name
    return f"{place}[{json.dumps(name)}]"


def _inside(value: Any) -> Iterator[tuple[object, Any]]:
    if isinstance(value, Mapping):
        yield from ((str(key), inner) for key, inner in value.items())
    elif isinstance(value, list | tuple):
        yield from enumerate(value)


def is_readable(text: str) -> bool:
    """Whether it can be written into a file and read again as it was, and shown to people."""
    return not UNSAFE.search(text) and not NO_CHARACTER.search(text)


def _is_field(name: str) -> bool:
    return bool(_WORD.fullmatch(name)) and name not in _NO_FIELD


def _is_comparable(value: Any) -> bool:
    if isinstance(value, str):
        return 0 < len(value) <= LONGEST_TEXT and "\ufffd" not in value and is_readable(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, bool | int)


def _rank(expression: str, place: str) -> tuple[int, int, str]:
    own = re.split(r"[.\[]", place)[-1] == expression.rpartition(".")[2]
    is_alert = expression.startswith("alert.")
    if expression == NAME:
        kind = 0
    elif own:
        kind = 2 if is_alert else 1
    else:
        kind = 4 if is_alert else 3
    return kind, expression.count("."), expression
