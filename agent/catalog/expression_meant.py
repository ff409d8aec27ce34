"""What the writer of an unknown name may have meant: another name, a label, a text, a function."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from agent.catalog.expression_checks import MACROS
from agent.catalog.expression_scope import Scope
from agent.catalog.expression_text import Word

METHODS = {
    **{name: f"x.{name}(v, v > 1)" for name in sorted(MACROS)},
    **{name: f'x.{name}("a")' for name in ("contains", "endsWith", "matches", "startsWith")},
    **{f"get{unit}": f"x.get{unit}()" for unit in ("Hours", "Minutes", "Seconds", "Milliseconds")},
    "size": "x.size()",
}
"""What is called on a value, and how."""
FUNCTIONS = {
    **{name: f"{name}(x)" for name in ("bool", "double", "int", "size", "string")},
    "duration": 'duration("1h30m")',
    "has": "has(x.y)",
    "percent": 'percent("80%")',
    "timestamp": 'timestamp("2026-01-31T08:00:00Z")',
}
"""What is called by itself, and how."""
_ELSEWHERE = {
    "len": "size",
    "length": "size",
    "count": "size",
    "any": "exists",
    "some": "exists",
    "every": "all",
    "includes": "contains",
    "regex": "matches",
    "float": "double",
    "str": "string",
}
"""What other languages call them."""
_VALUES = {"true": "write true", "false": "write false"}
_NOTHING = ("none", "nil", "null", "undefined")
_OPEN = ("map<", "dyn")
_MAPS = ("labels", "annotations")


def function_meant(name: str, *, is_member: bool) -> tuple[str, str]:
    """Message and remedy for a function that is not known, or not known as it is called."""
    known, others = (METHODS, FUNCTIONS) if is_member else (FUNCTIONS, METHODS)
    if name.lower() == "not" and not is_member:
        return f"{name} is no operator", "write !(...)"
    use = known.get(name) or others.get(name)
    if use is not None:
        return f"{name} is not called like this", f"as in {use}"
    near = _ELSEWHERE.get(name.lower()) or _near(name, (*known, *others), cutoff=0.7)
    remedy = f"did you mean {near}?" if near else f"known are {', '.join(known)}"
    return f"unknown function {name}", remedy


def value_meant(name: str) -> tuple[str, str] | None:
    """For a value that is spelt otherwise here."""
    if name.lower() in _VALUES:
        return f"{name} is no value", _VALUES[name.lower()]
    if name.lower() in _NOTHING:
        return f"{name} is no value", "leave it out: a missing fact is unknown by itself"
    return None


def is_like_a_text(words: Sequence[Word], number: int) -> bool:
    """Whether the word stands where a text would: behind == or !=, in a list, as an argument."""
    before = "".join(w.text for w in words[max(0, number - 2) : number])
    after = words[number + 1].text if number + 1 < len(words) else ""
    if after in (".", "("):
        return False
    return before.endswith(("==", "!=")) or (before[-1:] in ("[", ",", "(") and after in "],)")


def wrong_part(name: str, known: Iterable[str]) -> int:
    """Which part of a dotted name is the first that no known name has there, from 0."""
    parts = name.split(".")
    beginnings = {n for k in known for n in _beginnings(k)}
    for number in range(len(parts)):
        if ".".join(parts[: number + 1]) not in beginnings:
            return number
    return len(parts) - 1


def name_meant(name: str, scope: Scope) -> str:
    """The remedy for a name that is not known."""
    parts = name.split(".")
    below = sorted(n for n in scope.types if n.startswith(f"{name}."))
    if below:
        return f"known are {', '.join(below[:8])}"
    number = wrong_part(name, scope.types)
    near = _label(parts) or _corrected(parts, number, scope.types)
    if near:
        return f"did you mean {near}?"
    if parts[0] == "alert" and len(parts) > 1:
        return f"a label is read as alert.labels.{'.'.join(parts[1:])}"
    same = sorted(n for n in scope.types if n.rpartition(".")[2] == name)
    if same:
        return f"did you mean {same[0]}, or alert.labels.{name}?"
    fields = sorted(n for n in scope.types if n.startswith(f"{parts[0]}."))
    if fields:
        return f"known are {', '.join(fields[:8])}"
    return f"known are {', '.join(sorted({n.split('.')[0] for n in scope.types}))}"


def _label(parts: Sequence[str]) -> str:
    """`labels.x` and `alert.label.x` are labels: what follows is nobody's to know."""
    within = parts[1:] if parts[0] == "alert" else parts
    kind = _near(within[0], _MAPS, cutoff=0.7) if within else ""
    return ".".join(("alert", kind, *within[1:])) if kind else ""


def _corrected(parts: Sequence[str], number: int, kinds: Mapping[str, str]) -> str:
    """The name with its first wrong part as it is spelt, and what follows as near as can be."""
    start = "".join(f"{part}." for part in parts[:number])
    there = {n[len(start) :].split(".")[0] for n in kinds if n.startswith(start)}
    near = _near(parts[number], there, cutoff=0.75 if parts[0] == "alert" else 0.6)
    if not near:
        return ""
    full = ".".join((f"{start}{near}", *parts[number + 1 :]))
    if any(b in kinds and (b == full or kinds[b].startswith(_OPEN)) for b in _beginnings(full)):
        return full
    below = [n for n in kinds if n == start + near or n.startswith(f"{start}{near}.")]
    return _near(full, below) or f"{start}{near}"


def _beginnings(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: n + 1]) for n in range(len(parts))]


def _near(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    close = get_close_matches(word, sorted(known), n=1, cutoff=cutoff)
    return close[0] if close else ""
