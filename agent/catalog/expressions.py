"""Expressions: CEL, with names and types declared, three values and a bounded cost.

An expression reads facts and never fetches. What it may read is a `Scope`: dotted names with types
(`web.alive` is a bool), so that a misspelt field is an error at load with its column; the labels
and annotations of an alert are maps, because nobody can declare them.

Three values come from CEL itself: a name without a value is an error value, an error inside
`a || b` or `a && b` is absorbed where the other side decides, and what is left of it is *unknown*
here. So a missing label, a diagnostic that failed, a field that is None or NaN, a division by zero
and a runaway all end the same way, and nothing is ever raised into a decision.

Cost is bounded five times: the length of the text, no macro inside a macro, the size of each fact,
the engine's own nesting limit and iteration budget, and linear-time `matches`. What computes it
stands behind a port (`expression_engine`) and is loaded at the first expression only.

What differs from plain CEL: numbers of different kinds may be ordered (`age > 30` where age is a
double), as in Kubernetes; `percent("80%")` is a value, 0.8; `entity` alone is `entity.name`; and
`has()` of a declared name is refused, because here it would answer with the value of the name
instead of its presence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from agent.catalog.expression_cel import CelEngine
from agent.catalog.expression_checks import (
    MACROS,
    MAX_CHARACTERS,
    checked_words,
    with_values,
)
from agent.catalog.expression_engine import Engine, Program, Refused
from agent.catalog.expression_faults import MAX_PROBLEMS, problems_of
from agent.catalog.expression_names import declared_in, names_of
from agent.catalog.expression_scope import (
    COMMON,
    RESERVED,
    ExpressionError,
    Problem,
    Scope,
)
from agent.catalog.expression_text import calls_in
from agent.catalog.fact_types import fetch, fit, is_too_much
from agent.model.runbook import Facts, Truth

__all__ = [
    "COMMON",
    "MAX_CHARACTERS",
    "MAX_PROBLEMS",
    "RESERVED",
    "CompiledExpression",
    "CompiledPredicate",
    "ExpressionError",
    "Problem",
    "Scope",
    "TrustedExpression",
    "TrustedPredicate",
    "compile_expression",
    "compile_predicate",
    "mentioned",
    "trusted_expression",
    "trusted_predicate",
]


@cache
def _engine() -> Engine:
    return CelEngine()


@dataclass(frozen=True)
class _Compiled:
    program: Program
    names: Mapping[str, str]
    """Of the scope, those the text mentions, with their types."""
    reads: tuple[tuple[str, tuple[str, ...], str], ...]
    """Name as the engine has it, where the facts have it, and its type."""
    has_macro: bool = False

    def run(self, facts: Facts) -> Any:
        """The value. Raises LookupError where it is unknown."""
        data: dict[str, Any] = {}
        for name, parts, kind in self.reads:
            value = fetch(facts, parts)
            if value is not None:
                value = fit(value, kind)
            if value is not None:
                data[name] = value
        if self.has_macro and is_too_much(data.values()):
            raise LookupError("it would have to look at too much")
        try:
            return self.program.run(data)
        except LookupError as error:
            missing = [".".join(parts) for name, parts, _ in self.reads if name not in data]
            if not missing:
                raise
            raise LookupError(f"{', '.join(missing)} has no value") from error


class _Written:
    """What people wrote, and what was made of it. Two of the same text are equal."""

    __slots__ = ("text",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and isinstance(other, _Written) and other.text == self.text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.text!r})"


class CompiledPredicate(_Written):
    """A condition over facts (`agent.model.runbook.Predicate`)."""

    __slots__ = ("_compiled",)

    def __init__(self, text: str, compiled: _Compiled) -> None:
        super().__init__(text)
        self._compiled = compiled

    def __call__(self, facts: Facts) -> Truth:
        try:
            value = self._compiled.run(facts)
        except LookupError:
            return Truth.UNKNOWN
        if value is True:
            return Truth.TRUE
        return Truth.FALSE if value is False else Truth.UNKNOWN


class CompiledExpression(_Written):
    """A value over facts (`agent.model.runbook.Expression`). `kind` is its CEL type."""

    __slots__ = ("_compiled", "kind")

    def __init__(self, text: str, kind: str, compiled: _Compiled) -> None:
        super().__init__(text)
        self.kind = kind
        self._compiled = compiled

    def evaluate(self, facts: Facts) -> Any:
        value = self._compiled.run(facts)
        if value is None:
            raise LookupError(f"{self.text} has no value")
        return value


class TrustedPredicate(_Written):
    """A condition whose text was checked before: compiled when it is first asked."""

    __slots__ = ("_compiled", "_scope")

    def __init__(self, text: str, scope: Scope) -> None:
        super().__init__(text)
        self._scope = scope
        self._compiled: CompiledPredicate | None = None

    def __call__(self, facts: Facts) -> Truth:
        if self._compiled is None:
            try:
                self._compiled = compile_predicate(self.text, self._scope)
            except ExpressionError:
                return Truth.UNKNOWN  # a text nobody can read any more says nothing
        return self._compiled(facts)


class TrustedExpression(_Written):
    """A value whose text was checked before: compiled when it is first asked."""

    __slots__ = ("_compiled", "_scope")

    def __init__(self, text: str, scope: Scope) -> None:
        super().__init__(text)
        self._scope = scope
        self._compiled: CompiledExpression | None = None

    def evaluate(self, facts: Facts) -> Any:
        if self._compiled is None:
            try:
                self._compiled = compile_expression(self.text, self._scope)
            except ExpressionError as error:
                raise LookupError(f"{self.text} cannot be read any more") from error
        return self._compiled.evaluate(facts)


def trusted_predicate(text: str, scope: Scope) -> TrustedPredicate:
    """The condition without a look at it: for a text that `compile_predicate` took before with the
    same scope, or one with what `mentioned` said of it. Costs nothing until it is asked; `scope`
    may be shared by many."""
    return TrustedPredicate(text, scope)


def trusted_expression(text: str, scope: Scope) -> TrustedExpression:
    """As `trusted_predicate`, for a value that `compile_expression` took before."""
    return TrustedExpression(text, scope)


def mentioned(
    value: CompiledPredicate | CompiledExpression | TrustedPredicate | TrustedExpression,
) -> dict[str, str]:
    """Names of its scope that it mentions, with their types: all of the scope that it needs."""
    if isinstance(value, TrustedPredicate | TrustedExpression):
        return declared_in(value.text, value._scope)
    return dict(value._compiled.names)


def compile_predicate(text: str, scope: Scope) -> CompiledPredicate:
    """Compiles a condition. Raises ExpressionError."""
    compiled = _compile(text, scope)
    kind = compiled.program.kind
    if kind not in ("BOOL", "DYN"):
        message = f"a condition must be true or false, this is {kind.lower()}"
        raise ExpressionError([Problem(1, 1, message, "compare it with something")])
    return CompiledPredicate(text, compiled)


def compile_expression(text: str, scope: Scope) -> CompiledExpression:
    """Compiles a value (the text after the leading `=`). Raises ExpressionError."""
    compiled = _compile(text, scope)
    return CompiledExpression(text, compiled.program.kind, compiled)


def _compile(text: str, scope: Scope) -> _Compiled:
    words = checked_words(text, scope)
    engine = _engine()
    valued = with_values(text, words, engine)
    names = names_of(valued, words, scope)
    try:
        program = engine.compile(names.text, names.types)
    except Refused as refused:
        raise ExpressionError(problems_of(refused.faults, text, scope)) from refused
    has_macro = any(use.is_member and use.name in MACROS for use in calls_in(words))
    return _Compiled(program, names.declared, names.reads, has_macro)
