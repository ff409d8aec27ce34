"""Writing a runbook: data to YAML that reads back as the same data.

Sections come in the order of the language, everything else in the order it was given. Text is
quoted unless it is plainly a word, so that nothing in it (a label a stranger chose, a time, a
`no`) can be read as anything but text. Characters the strict reader refuses even when escaped
become U+FFFD; the door lets none of them in with an alert anyway.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from agent.catalog.runbook_document import SECTIONS

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
_NOT_TEXT = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_UNREADABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff"
    "\u202a-\u202e\u2066-\u2069]"
)
_SPECIAL = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_WIDTH = 100


def draft(document: Mapping[str, Any]) -> str:
    """The runbook as YAML text. Raises TypeError for a value YAML has no form for."""
    known = {name: document[name] for name in SECTIONS if name in document}
    rest = {name: value for name, value in document.items() if name not in known}
    lines: list[str] = []
    _mapping(lines, {**known, **rest}, 0)
    return "\n".join(lines) + "\n"


def _mapping(lines: list[str], value: Mapping[str, Any], indent: int) -> None:
    for name, inner in value.items():
        _entry(lines, f"{' ' * indent}{_text(str(name))}:", inner, indent + 2)


def _sequence(lines: list[str], value: Sequence[Any], indent: int) -> None:
    for inner in value:
        head = f"{' ' * indent}-"
        if isinstance(inner, Mapping) and inner and len(head) + len(_flow(inner)) >= _WIDTH:
            own: list[str] = []
            _mapping(own, inner, indent + 2)
            lines.append(f"{head} {own[0].lstrip()}")
            lines.extend(own[1:])
        else:
            _entry(lines, head, inner, indent + 2)


def _entry(lines: list[str], head: str, value: Any, indent: int) -> None:
    """On one line where it fits, otherwise as a block below."""
    flow = _flow(value)
    is_short = len(head) + 1 + len(flow) <= _WIDTH and not _holds_blocks(value)
    if isinstance(value, Mapping) and value and not is_short:
        lines.append(head)
        _mapping(lines, value, indent)
    elif isinstance(value, (list, tuple)) and value and not is_short:
        lines.append(head)
        _sequence(lines, value, indent)
    else:
        lines.append(f"{head} {flow}")


def _holds_blocks(value: Any) -> bool:
    """Collections of collections read better as blocks."""
    inner = list(value.values()) if isinstance(value, Mapping) else value
    if not isinstance(inner, (list, tuple)):
        return False
    return isinstance(value, Mapping) and any(
        isinstance(v, (Mapping, list, tuple)) and v and _holds_collection(v) for v in inner
    )


def _holds_collection(value: Any) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value
    return any(isinstance(v, (Mapping, list, tuple)) for v in inner)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(str(k))}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_flow(v) for v in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    if isinstance(value, str):
        return _text(value)
    raise TypeError(f"cannot be written as YAML: {type(value).__name__}")


def _text(value: str) -> str:
    if _WORD.fullmatch(value) and value.lower() not in _NOT_TEXT:
        return str(value)
    return '"' + "".join(_character(c) for c in _UNREADABLE.sub("\ufffd", value)) + '"'


def _character(char: str) -> str:
    if char in _SPECIAL:
        return _SPECIAL[char]
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"
