"""The engine of expressions: cel-expr-python, the CEL library of its own authors, in C++.

It brings the type checker with places, the iteration budget (10,000 turns), the limit of nesting
and `matches` in linear time. 50 MB are loaded at the first expression only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from agent.catalog.expression_engine import Fault, Program, Refused, Wrong

_PLACED = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '\(?(.*?)\)?'")
_FIELD = re.compile(r"of type '([^']+)' cannot be the operand of a select operation")
_ENDS = re.compile(r"Syntax error: (?:missing '(.*?)' at|mismatched input) '<EOF>'")
_NOISE = re.compile(r"Syntax error: |reserved identifier: |<<nil>> parsetree")
_NO_TYPE = "*error*"
"""The type of what another fault is about already."""
_OPERATORS = {"_[_]": "[]", "_?_:_": "? :", "@in": "in", "!_": "!", "-_": "-"}


class CelEngine:
    """`agent.catalog.expression_engine.Engine`."""

    def compile(self, text: str, names: Mapping[str, str]) -> Program:
        environment = _environment(tuple(sorted(names.items())))
        try:
            compiled = environment.compile(text)
            return _Program(compiled, compiled.return_type().name())
        except (RuntimeError, ValueError) as error:
            raise Refused(_faults(str(error))) from error


class _Program:
    def __init__(self, compiled: Any, kind: str) -> None:
        self._compiled = compiled
        self.kind = kind

    def run(self, data: Mapping[str, Any]) -> Any:
        try:
            value = self._compiled.eval(data=data)
            if value.type().name() in ("ERROR", "UNKNOWN"):
                raise LookupError(str(value.plain_value()))
            return value.plain_value()
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            raise LookupError(str(error)) from error


def _faults(error: str) -> list[Fault]:
    found = [
        _fault(placed[3].strip(), max(1, int(placed[1])), max(1, int(placed[2])))
        for placed in _PLACED.finditer(error)
    ]
    # what cannot be read makes the parser stumble over what follows as well
    unread = [f for f in found if f.wrong in (Wrong.DEPTH, Wrong.SYNTAX, Wrong.END)]
    deep = [f for f in unread if f.wrong is Wrong.DEPTH]
    real = [f for f in found if _NO_TYPE not in (f.text, *f.types)]
    return deep[:1] or unread[:1] or real or found or [_fault(error[:200], 1, 1)]


def _fault(message: str, line: int, column: int) -> Fault:
    for name in ("Duration", "Timestamp"):
        message = message.replace(f"google.protobuf.{name}", name.lower())
    if undeclared := _UNDECLARED.search(message):
        return Fault(line, column, Wrong.UNDECLARED, undeclared[1])
    if field := _FIELD.search(message):
        return Fault(line, column, Wrong.FIELD, field[1])
    if overload := _OVERLOAD.search(message):
        types = tuple(re.split(r",\s*(?![^<]*>)", overload[2]))
        name = _OPERATORS.get(overload[1], overload[1].strip("_").replace("_", " "))
        plain = name if "_" in overload[1] or overload[1] in _OPERATORS else overload[1]
        return Fault(line, column, Wrong.OVERLOAD, plain, types)
    if "ecursion" in message:
        return Fault(line, column, Wrong.DEPTH)
    if ends := _ENDS.search(message):
        return Fault(line, column, Wrong.END, ends[1] or "")
    if _NOISE.search(message):
        return Fault(line, column, Wrong.SYNTAX)
    return Fault(line, column, Wrong.OTHER, message.removesuffix(" [INVALID_ARGUMENT]"))


@cache
def _library() -> Any:
    from cel_expr_python import cel

    return cel


_ORDER = {"_>_": "greater", "_<_": "less", "_>=_": "greater_equals", "_<=_": "less_equals"}
_ALIKE = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_NUMBERS = ("int", "uint", "double")


@cache
def _order() -> tuple[Any, list[Any]]:
    """The order operators declared anew with mixed numbers: the library can compute them, its type
    checker only leaves them out."""
    cel = _library()
    signs = "".join(f'   - name: "{sign}"\n' for sign in _ORDER)
    config = cel.NewEnvConfigFromYaml(f"stdlib:\n  exclude_functions:\n{signs}")
    pairs = [(k, k) for k in _ALIKE] + [(a, b) for a in _NUMBERS for b in _NUMBERS if a != b]
    functions = [
        cel.FunctionDecl(
            sign,
            [
                cel.Overload(f"{word}_{a}_{b}", cel.Type.BOOL, [cel.Type(a), cel.Type(b)])
                for a, b in pairs
            ],
        )
        for sign, word in _ORDER.items()
    ]
    return config, functions


@lru_cache(maxsize=512)
def _environment(names: tuple[tuple[str, str], ...]) -> Any:
    """One environment per set of names. Few expressions mention more than three."""
    cel = _library()
    config, functions = _order()
    variables = {name: cel.Type(kind) for name, kind in names}
    return cel.NewEnv(config=config, variables=variables, functions=functions)
