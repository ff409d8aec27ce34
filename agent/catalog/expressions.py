"""Expressions: CEL, with names and types declared, three values and a bounded cost.

An expression reads facts and never fetches. What it may read is a `Scope`: dotted names with types
(`web.alive` is a bool), so that a misspelt field is an error at load with its column; the labels
and annotations of an alert are maps, because nobody can declare them.

Three values come from CEL itself: a name without a value is an error value, an error inside
`a || b` or `a && b` is absorbed where the other side decides, and what is left of it is *unknown*
here. So a missing label, a diagnostic that failed, a field that is None or NaN, a division by zero
and a runaway all end the same way, and nothing is ever raised into a decision.

Cost is bounded four times: the length of the text, no macro inside a macro, the library's own
nesting limit and iteration budget, and linear-time `matches`. The library (50 MB) is loaded at the
first expression only.

Two things differ from plain CEL. Numbers of different kinds may be ordered (`age > 30` where age is
a double), as in Kubernetes; and `has()` of a declared name is refused, because here it would answer
with the value of the name instead of its presence.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

from agent.catalog.fact_types import fetch, fit, result_types
from agent.model.errors import HomeostatError
from agent.model.runbook import Facts, Truth

MAX_CHARACTERS = 1_000
MAX_PROBLEMS = 5

COMMON: Mapping[str, str] = {
    "alert.name": "string",
    "alert.labels": "map<string, string>",
    "alert.annotations": "map<string, string>",
    "alert.starts_at": "timestamp",
    "entity.name": "string",
    "entity.kind": "string",
    "entity.product": "string",
    "entity.owner": "string",
    "incident.id": "string",
    "incident.severity": "string",
    "incident.product": "string",
}
"""What every phase may read. Starting times are compared with `timestamp("...")`."""

_WORDS = """
    alert entity incident true false null in as break const continue else for function if import
    let loop package namespace return var void while has all exists exists_one map filter size
    int uint double string bool bytes list type dyn duration timestamp matches
"""
RESERVED = frozenset(_WORDS.split())
"""Words that cannot be the id of a diagnostic."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_MACRO = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*$")
_PLACED = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '\(?(.*?)\)?'")
_SYNTAX = re.compile(r"Syntax error: (.*?)(?: expecting \{.*)?$")


@dataclass(frozen=True)
class Problem:
    """One thing wrong in an expression; line and column start at 1, within its own text."""

    line: int
    column: int
    message: str
    remedy: str = ""
    is_later: bool = False
    """The name exists, but only in a later phase."""


class ExpressionError(HomeostatError):
    """The expression cannot be compiled."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(p.message for p in self.problems))


@dataclass(frozen=True)
class Scope:
    """Names an expression may read in its phase, and those that come only later (id to phase)."""

    types: Mapping[str, str] = field(default_factory=lambda: dict(COMMON))
    later: Mapping[str, str] = field(default_factory=dict)

    def with_result(self, name: str, model: Any) -> Scope:
        """The scope after a diagnostic of this id and result model has run."""
        prefix = f"{name}."
        kept = {n: t for n, t in self.types.items() if not n.startswith(prefix)}
        kept.update({prefix + n: t for n, t in result_types(model).items()})
        return Scope(types=kept, later={n: p for n, p in self.later.items() if n != name})

    def with_unchecked(self, name: str) -> Scope:
        """The scope with a diagnostic whose result is not known: any field of it passes."""
        kept = {n: t for n, t in self.types.items() if not n.startswith(f"{name}.")}
        return Scope(types={**kept, name: "dyn"}, later=self.later)

    def with_later(self, names: Iterable[str], phase: str) -> Scope:
        later = {n: phase for n in names if not any(t.startswith(f"{n}.") for t in self.types)}
        return Scope(types=self.types, later={**self.later, **later})


@dataclass(frozen=True)
class _Program:
    compiled: Any
    kind: str
    reads: tuple[tuple[str, tuple[str, ...], str], ...]
    """Name, its parts and its type, of each name the text mentions."""

    def run(self, facts: Facts) -> Any:
        """The value. Raises LookupError where it is unknown."""
        try:
            value = self.compiled.eval(data=self._data(facts))
            if value.type().name() in ("ERROR", "UNKNOWN"):
                raise LookupError(str(value.plain_value()))
            return value.plain_value()
        except (RuntimeError, ValueError, TypeError, OverflowError) as error:
            raise LookupError(str(error)) from error

    def _data(self, facts: Facts) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for name, parts, kind in self.reads:
            value = fetch(facts, parts)
            if value is not None:
                value = fit(value, kind)
            if value is not None:
                data[name] = value
        return data


@dataclass
class CompiledPredicate:
    """A condition over facts (`agent.model.runbook.Predicate`)."""

    text: str
    _program: _Program = field(repr=False, compare=False)

    def __call__(self, facts: Facts) -> Truth:
        try:
            value = self._program.run(facts)
        except LookupError:
            return Truth.UNKNOWN
        if value is True:
            return Truth.TRUE
        return Truth.FALSE if value is False else Truth.UNKNOWN


@dataclass
class CompiledExpression:
    """A value over facts (`agent.model.runbook.Expression`). `kind` is its CEL type."""

    text: str
    kind: str
    _program: _Program = field(repr=False, compare=False)

    def evaluate(self, facts: Facts) -> Any:
        value = self._program.run(facts)
        if value is None:
            raise LookupError(f"{self.text} has no value")
        return value


def compile_predicate(text: str, scope: Scope) -> CompiledPredicate:
    """Compiles a condition. Raises ExpressionError."""
    program = _compile(text, scope)
    if program.kind not in ("BOOL", "DYN"):
        message = f"a condition must be true or false, this is {program.kind.lower()}"
        raise ExpressionError([Problem(1, 1, message, "compare it with something")])
    return CompiledPredicate(text, program)


def compile_expression(text: str, scope: Scope) -> CompiledExpression:
    """Compiles a value (the text after the leading `=`). Raises ExpressionError."""
    program = _compile(text, scope)
    return CompiledExpression(text, program.kind, program)


def _compile(text: str, scope: Scope) -> _Program:
    problem = _refused(text, scope)
    if problem is not None:
        raise ExpressionError([problem])
    env = _environment(tuple(sorted(scope.types.items())))
    try:
        compiled = env.compile(text)
        kind = compiled.return_type().name()
    except (RuntimeError, ValueError) as error:
        raise ExpressionError(_problems(str(error), text, scope)) from error
    # comments are dropped in one of the two readings only: `//` may also stand in a string
    dense = " ".join(re.sub(r"\s*\.\s*", ".", t) for t in (text, re.sub(r"//[^\n]*", "", text)))
    reads = tuple((n, tuple(n.split(".")), t) for n, t in scope.types.items() if n in dense)
    return _Program(compiled=compiled, kind=kind, reads=reads)


def _refused(text: str, scope: Scope) -> Problem | None:
    """What the library would let through and this language does not."""
    if not text.strip():
        return Problem(1, 1, "the expression is empty")
    if len(text) > MAX_CHARACTERS:
        message = f"the expression has {len(text)} characters, at most {MAX_CHARACTERS} are allowed"
        return Problem(1, 1, message, "move the work into a diagnostic")
    control = _CONTROL.search(text)
    if control:
        place = _place(text, control.start())
        return Problem(*place, "the expression holds a control character")
    stack: list[bool] = []
    for at, bracket, before in _brackets(text):
        if bracket == ")":
            if stack:
                stack.pop()
            continue
        is_macro = bool(_MACRO.search(before))
        if is_macro and any(stack):
            message = "a macro inside a macro is not allowed"
            return Problem(*_place(text, at), message, "move the work into a diagnostic")
        stack.append(is_macro)
        asked = re.match(r"\s*([\w.]+)\s*\)", text[at + 1 :])
        if re.search(r"(^|[^\w.])has\s*$", before) and asked and asked[1] in scope.types:
            message = f"has({asked[1]}) cannot be asked of a declared name"
            remedy = "leave it out: a missing fact is unknown by itself"
            return Problem(*_place(text, at), message, remedy)
    return None


def _brackets(text: str) -> Iterable[tuple[int, str, str]]:
    """Round brackets outside of strings: offset, which one, and the text before it."""
    quote = ""
    at = 0
    while at < len(text):
        char = text[at]
        if quote:
            if char == "\\":
                at += 1
            elif text.startswith(quote, at):
                at += len(quote) - 1
                quote = ""
        elif char in "'\"":
            quote = char * 3 if text.startswith(char * 3, at) else char
            at += len(quote) - 1
        elif char in "()":
            yield at, char, text[max(0, at - 40) : at]
        at += 1


def _place(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


def _problems(error: str, text: str, scope: Scope) -> list[Problem]:
    found = []
    for placed in _PLACED.finditer(error):
        line, column = max(1, int(placed[1])), max(1, int(placed[2]))
        found.append(_explained(placed[3].strip(), line, column, text, scope))
    if not found:
        found.append(_explained(error[:200], 1, 1, text, scope))
    unique = list(dict.fromkeys(found))
    return unique[:MAX_PROBLEMS]


def _explained(message: str, line: int, column: int, text: str, scope: Scope) -> Problem:
    """CEL's words as ours, and the column moved from the dot to the misspelt field."""
    undeclared = _UNDECLARED.search(message)
    if undeclared:
        name = undeclared[1]
        lines = text.split("\n")
        if line <= len(lines) and lines[line - 1][column - 1 : column] == ".":
            column += 1
        elif line <= len(lines) and lines[line - 1][column - 1 : column] == "(":
            column = max(1, column - len(name))
        message, remedy = _unknown_name(name, scope)
        is_later = name.partition(".")[0] in scope.later
        return Problem(line, column, message, remedy, is_later)
    overload = _OVERLOAD.search(message)
    if overload:
        sign = overload[1].strip("_").replace("_", " ") if "_" in overload[1] else overload[1]
        remedy = ""
        if {"int", "double"} <= set(re.split(r",\s*", overload[2])):
            remedy = "write 1.0 for 1, or double(x)"
        return Problem(line, column, f"`{sign}` does not work on ({overload[2]})", remedy)
    if "ecursion" in message:
        return Problem(line, column, "it is nested too deeply")
    syntax = _SYNTAX.search(message)
    plain = syntax[1] if syntax else message.removesuffix(" [INVALID_ARGUMENT]")
    return Problem(line, column, plain.replace("mismatched input '<EOF>'", "it ends too early"))


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


@cache
def _library() -> Any:
    from cel_expr_python import cel

    return cel


_ORDER = {"_>_": "greater", "_<_": "less", "_>=_": "greater_equals", "_<=_": "less_equals"}
_ALIKE = ("bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration")
_NUMBERS = ("int", "uint", "double")


@lru_cache(maxsize=512)
def _environment(types: tuple[tuple[str, str], ...]) -> Any:
    """One environment per set of names; the order operators are declared anew with mixed numbers
    (the library can compute them, its type checker only leaves them out)."""
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
    variables = {name: cel.Type(kind) for name, kind in types}
    return cel.NewEnv(config=config, variables=variables, functions=functions)
