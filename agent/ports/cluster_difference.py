"""What differs between two templates of pods, in lines for people, without secrets.

A value counts as a secret by the name it goes by, or by what it looks like: anybody may have
written a password into an environment variable, and a page is read by many.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent.ports.safe_text import one_line

MOST_LINES = 20
LONGEST_VALUE = 80
LONGEST_LINE = 240
DEEPEST = 24
MOST_FIELDS = 5000
MASK = "***"
_SECRET_NAME = re.compile(
    r"(?i)pass|pwd|secret|token|credential|private|api_?-?key|access_?-?key|auth|cookie|session"
    r"|signature|salt|dsn|connection_?string|_key\b|\bkey\b"
)
_PASSWORD_IN_ADDRESS = re.compile(
    r"([a-z][a-z0-9+.-]{0,30}://[^/@\s:]{0,200}):[^@\s]{1,500}@", re.I
)
_PASSWORD_IN_OPTION = re.compile(
    r"(?i)((?:^|[-_?&;,\s])[\w.-]{0,60}(?:password|passwd|pwd|secret|token|api_?-?key|credential)s?"
    r"[\w.-]{0,20}\s*[=:]\s*)[^\s&;,]+"
)
_PASSWORD_AFTER_OPTION = re.compile(
    r"(?i)((?:^|\s)--?[\w-]{0,60}(?:password|passwd|pwd|secret|token|api-?key|credential)s?"
    r"[\w-]{0,20}\s+)[^-\s]\S*"
)
_RANDOM = re.compile(r"(?=[^\s]*[0-9])(?=[^\s]*[a-zA-Z])[A-Za-z0-9+_=]{24,}")
"""Long, of letters and digits, without what paths, addresses and sentences are made of."""
_HARMLESS = re.compile(
    r"(?:\.|^)(?:image|name|claimName|serviceAccountName|secretName|topologyKey"
    r"|(?:secret|configMap)KeyRef\.key)$"
)
_DIGEST = re.compile(r"[0-9a-f]{40,64}")

NAMED = ("name", "containerPort", "mountPath", "key", "topologyKey", "ip", "devicePath", "uid")
"""What tells the elements of a list apart, as the API server does."""


def difference(before: Any, after: Any) -> tuple[str, ...]:
    """Lines such as `spec.containers[app].image: shop:1 -> shop:2`, at most 20; the last says how
    many are missing."""
    old, new = dict(_bounded(before)), dict(_bounded(after))
    lines = [
        _line(path, old.get(path), new.get(path))
        for path in sorted({*old, *new}, key=_order)
        if old.get(path) != new.get(path)
    ]
    if len(lines) > MOST_LINES:
        missing = len(lines) - MOST_LINES + 1
        lines = [*lines[: MOST_LINES - 1], f"... and {missing} more"]
    return tuple(lines)


def changed_paths(before: Any, after: Any) -> frozenset[str]:
    """Of fields that are new or have another value."""
    old = dict(_bounded(before))
    return frozenset(path for path, value in _bounded(after) if old.get(path) != value)


def _order(path: str) -> tuple[bool, str]:
    """Images first: they are what most releases are about."""
    return not path.endswith(".image"), path


def _bounded(thing: Any) -> Iterator[tuple[str, str]]:
    for count, field in enumerate(_leaves(thing, "", 0)):
        if count >= MOST_FIELDS:
            return
        yield field


def _leaves(thing: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth >= DEEPEST:
        yield path, "..."
    elif isinstance(thing, Mapping):
        for name in thing:
            step = one_line(str(name)[:200])
            yield from _leaves(thing[name], f"{path}.{step}" if path else step, depth + 1)
    elif isinstance(thing, Sequence) and not isinstance(thing, str | bytes):
        for index, each in enumerate(thing):
            key = _key(each, index, thing[index - 1] if index else None)
            yield from _leaves(each, f"{path}[{key}]", depth + 1)
    elif thing is not None:
        yield path, _text(thing)


def _key(element: Any, index: int, before: Any) -> str:
    """Of an argument that follows the option of a secret (`--password`, `x`) it is that option."""
    if isinstance(before, str) and before.startswith("-") and _SECRET_NAME.search(before[:200]):
        return f"{index} {one_line(before[:80])}"
    if isinstance(element, Mapping):
        for name in NAMED:
            if isinstance(element.get(name), str | int):
                return one_line(str(element[name])[:80])
    return str(index)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)[:2000]


def _line(path: str, old: str | None, new: str | None) -> str:
    shown = [_shown(path, value) for value in (old, new)]
    if shown[0] == shown[1]:
        return f"{path}: changed ({shown[0]})"[:LONGEST_LINE]
    if old is None:
        return f"{path}: added {shown[1]}"[:LONGEST_LINE]
    if new is None:
        return f"{path}: removed {shown[0]}"[:LONGEST_LINE]
    return f"{path}: {shown[0]} -> {shown[1]}"[:LONGEST_LINE]


def _shown(path: str, value: str | None) -> str:
    return "" if value is None else masked(path, value)


def masked(path: str, value: str) -> str:
    """The value in one line, cut, and without what looks like a secret."""
    text = one_line(value)
    if _HARMLESS.search(path):
        return _cut(text)
    if _SECRET_NAME.search(_last_name(path)) and text not in ("true", "false"):
        return MASK
    text = _PASSWORD_IN_ADDRESS.sub(rf"\1:{MASK}@", text)
    text = _PASSWORD_IN_OPTION.sub(rf"\1{MASK}", text)
    text = _PASSWORD_AFTER_OPTION.sub(rf"\1{MASK}", text)
    return _cut(_RANDOM.sub(lambda found: found[0] if _DIGEST.fullmatch(found[0]) else MASK, text))


def _last_name(path: str) -> str:
    """`DB_PASSWORD` of `spec.containers[app].env[DB_PASSWORD].value`."""
    if path.endswith(".value") and "[" in path:
        return path.removesuffix(".value").rpartition("[")[2].rstrip("]")
    return path.rpartition(".")[2]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
