"""Builds the nodes of a PromQL expression and says what does not go together.

Not strict, it takes what is only wrong in kind: then nodes are built, and nothing is judged.
"""

from __future__ import annotations

import difflib

import msgspec

from agent.core.promql_rules import (
    AGGREGATIONS,
    COMPARISONS,
    FUNCTIONS,
    SETS,
    Kind,
    Signature,
    matches_nothing,
)
from agent.core.promql_tokens import LARGEST_SECONDS, PromqlError, Sort, Token
from agent.core.promql_tree import (
    Aggregation,
    Binary,
    Call,
    Matching,
    Selector,
    Tree,
    Unary,
)

_PLAIN = (Kind.SCALAR, Kind.VECTOR, Kind.ANY)


class Check:
    """Rules of one text. Each method raises PromqlError, most of them only where it is strict."""

    def __init__(self, text: str, *, is_strict: bool = True) -> None:
        self._text = text
        self._is_strict = is_strict

    def _demand(self, holds: bool, at: int, message: str) -> None:
        if self._is_strict and not holds:
            raise PromqlError(self._text, at, message)

    def duration(self, token: Token, *, is_offset: bool) -> None:
        if not (token.seconds > 0 or (is_offset and token.seconds == 0)):
            raise PromqlError(self._text, token.at, "it must be longer than 0")
        if token.seconds > LARGEST_SECONDS:
            raise PromqlError(self._text, token.at, "a duration of more than 292 years")

    def moment(self, token: Token) -> None:
        self._demand(token.seconds < 2**63, token.at, "@ needs a time that exists")

    def selector(self, found: Selector) -> Selector:
        names = [m.value for m in found.matchers if m.label == "__name__"]
        if found.name:
            message = f"the metric is named twice: {found.name} and {names[0] if names else ''}"
            self._demand(not names, found.at, message)
        else:
            selects = not all(matches_nothing(m.op, m.value) for m in found.matchers)
            message = "this selects every series: it needs a name or a label that must be there"
            self._demand(selects, found.at, message)
        return found

    def ranged(self, tree: Tree, at: int, seconds: float) -> Selector:
        if not isinstance(tree, Selector):
            message = "a range goes with a selector only; a subquery is written [5m:]"
            raise PromqlError(self._text, at, message)
        is_last = tree.range_seconds is None and tree.offset_seconds is None
        if not is_last or tree.is_pinned:
            message = "the range comes once, before offset and @"
            raise PromqlError(self._text, at, message)
        return msgspec.structs.replace(tree, range_seconds=seconds)

    def subquery(self, inner: Tree) -> None:
        is_vector = inner.kind in (Kind.VECTOR, Kind.ANY)
        message = f"a subquery needs an instant vector, this is {inner.kind}"
        self._demand(is_vector, inner.at, message)

    def unary(self, sign: Token, inner: Tree) -> Unary:
        message = f"`{sign.text}` needs a number or an instant vector, this is {inner.kind}"
        self._demand(inner.kind in _PLAIN, inner.at, message)
        return Unary(sign.at, sign.text, inner, inner.kind)

    def call(self, name: Token, arguments: tuple[Tree, ...]) -> Call:
        signature = FUNCTIONS.get(name.text)
        if signature is None:
            near = difflib.get_close_matches(name.text, (*FUNCTIONS, *AGGREGATIONS), n=1)
            remedy = f", did you mean {near[0]}?" if near else ""
            self._demand(False, name.at, f"there is no function {name.text}{remedy}")
            return Call(name.at, name.text, arguments, Kind.ANY)
        least = len(signature.takes) - signature.optional
        count = len(arguments)
        message = f"{name.text} takes {_count(signature)}, got {count}"
        self._demand(least <= count <= signature.most, name.at, message)
        for number, argument in enumerate(arguments):
            if number >= len(signature.takes) and signature.most <= len(signature.takes):
                break
            wanted = signature.takes[min(number, len(signature.takes) - 1)]
            self._wanted(argument, wanted, name.text)
        return Call(name.at, name.text, arguments, signature.gives)

    def _wanted(self, argument: Tree, wanted: Kind, by: str) -> None:
        holds = argument.kind in (wanted, Kind.ANY)
        remedy = ", as in x[5m]" if wanted is Kind.RANGE else ""
        message = f"{by} wants {wanted}{remedy}, this is {argument.kind}"
        self._demand(holds, argument.at, message)

    def aggregation(
        self, name: Token, arguments: tuple[Tree, ...], labels: tuple[str, ...], is_without: bool
    ) -> Aggregation:
        word = name.text.lower()
        parameter = AGGREGATIONS[word]
        wanted = (Kind.VECTOR,) if parameter is None else (parameter, Kind.VECTOR)
        if len(arguments) != len(wanted):
            message = f"{word} takes {len(wanted)} argument(s), got {len(arguments)}"
            raise PromqlError(self._text, name.at, message)
        for argument, kind in zip(arguments, wanted, strict=True):
            self._wanted(argument, kind, word)
        return Aggregation(name.at, word, arguments, labels, is_without)

    def binary(self, sign: Token, left: Tree, right: Tree, matching: Matching) -> Binary:
        op = sign.text.lower() if sign.sort is Sort.WORD else sign.text
        self._operands(sign, op, left, right, matching)
        kinds = {left.kind, right.kind}
        kind = Kind.SCALAR if kinds == {Kind.SCALAR} else Kind.VECTOR
        return Binary(sign.at, op, left, right, kind, matching)

    def _operands(self, sign: Token, op: str, left: Tree, right: Tree, matching: Matching) -> None:
        at, is_comparison = sign.at, op in COMPARISONS
        are_scalars = left.kind is right.kind is Kind.SCALAR
        self._demand(is_comparison or not matching.is_bool, at, "bool goes with a comparison only")
        self._demand(
            not (is_comparison and are_scalars) or matching.is_bool,
            at,
            f"numbers are compared with bool: `{op} bool`",
        )
        for side in (left, right):
            message = f"`{op}` needs numbers or instant vectors, this is {side.kind}"
            self._demand(side.kind in _PLAIN, side.at, message)
        self._together(at, op, {left.kind, right.kind}, matching)

    def _together(self, at: int, op: str, kinds: set[Kind], matching: Matching) -> None:
        both = set(matching.labels) & set(matching.include)
        message = f"label {min(both, default='')} stands in both on and {matching.group}"
        self._demand(not (both and matching.is_on), at, message)
        has_scalar = Kind.SCALAR in kinds
        message = "on and ignoring go with two instant vectors only"
        self._demand(not (has_scalar and matching.labels), at, message)
        if op in SETS:
            self._demand(not has_scalar, at, f"`{op}` needs two instant vectors")
            self._demand(not matching.group, at, f"{matching.group} does not go with `{op}`")


def _count(signature: Signature) -> str:
    most = len(signature.takes)
    least = most - signature.optional
    if signature.most > most:
        return f"at least {least} arguments"
    return f"{least} argument(s)" if least == most else f"{least} to {most} arguments"
