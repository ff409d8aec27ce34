"""An engine's faults in the words of the language: the place of the misspelt name, a way out."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from agent.catalog.expression_engine import Fault, Wrong
from agent.catalog.expression_scope import SHORT, Problem, Scope

MAX_PROBLEMS = 5


def problems_of(faults: Iterable[Fault], text: str, scope: Scope) -> list[Problem]:
    """Each thing wrong once, not more than people can read."""
    found = [_explained(fault, text, scope) for fault in faults]
    return list(dict.fromkeys(found))[:MAX_PROBLEMS]


def _explained(fault: Fault, text: str, scope: Scope) -> Problem:
    lines = text.split("\n")
    written = lines[fault.line - 1] if fault.line <= len(lines) else ""
    if fault.wrong is Wrong.UNDECLARED:
        return _undeclared(fault, written, scope)
    if fault.wrong is Wrong.FIELD:
        return _no_field(fault, written, scope)
    if fault.wrong is Wrong.OVERLOAD:
        message = f"`{fault.text}` does not work on ({', '.join(fault.types)})"
        return Problem(fault.line, fault.column, message, _other_types(set(fault.types)))
    if fault.wrong is Wrong.DEPTH:
        return Problem(fault.line, fault.column, "it is nested too deeply")
    return Problem(fault.line, fault.column, fault.text)


def _undeclared(fault: Fault, written: str, scope: Scope) -> Problem:
    """The engine points at the dot before a field, and at the bracket after a function."""
    name, column = fault.text, fault.column
    pointed = written[column - 1 : column]
    if pointed == ".":
        column += 1
    elif pointed == "(":
        column = max(1, column - len(name))
    message, remedy = _unknown_name(name, scope)
    is_later = name.partition(".")[0] in scope.later
    return Problem(fault.line, column, message, remedy, is_later)


def _no_field(fault: Fault, written: str, scope: Scope) -> Problem:
    """A field asked of something that has none: mostly a misspelt field of `entity`, which stands
    for its name where it stands alone."""
    before = re.search(r"([\w.]+)\s*$", written[: fault.column - 1])
    after = re.match(r"\.\s*(\w+)", written[fault.column - 1 :])
    if before and after and before[1] in SHORT:
        message, remedy = _unknown_name(f"{before[1]}.{after[1]}", scope)
        return Problem(fault.line, fault.column + after.start(1), message, remedy)
    what = before[1] if before else "it"
    return Problem(fault.line, fault.column, f"{what} is a {fault.text} and has no fields")


def _other_types(types: set[str]) -> str:
    if {"int", "double"} <= types:
        return "write 1.0 for 1, or double(x)"
    if any("duration" in t for t in types) and types & {"int", "double", "uint"}:
        return 'write the number of seconds, or duration("30m").getSeconds()'
    return ""


def _unknown_name(name: str, scope: Scope) -> tuple[str, str]:
    root, _, rest = name.partition(".")
    if root in scope.later:
        return f"{name} is known only later: {scope.later[root]}", "use it from there on"
    cutoff = 0.85 if root == "alert" else 0.6
    near = difflib.get_close_matches(name, scope.types, n=1, cutoff=cutoff)
    fields = sorted(n for n in scope.types if n.startswith(f"{root}."))
    if near:
        remedy = f"did you mean {near[0]}?"
    elif root == "alert" and rest:
        remedy = f"a label is read as alert.labels.{rest}"
    elif fields:
        remedy = f"known are {', '.join(fields[:8])}"
    else:
        remedy = f"known are {', '.join(sorted({n.split('.')[0] for n in scope.types}))}"
    return f"unknown name {name}", remedy
