"""A reader of PromQL: what it selects and how far back, not what it computes.

Two strengths. `read` takes just what Prometheus takes, the kinds of values included, and is for
texts that people write. `skim` looks at the grammar only, and takes functions it does not know: an
alert's expression was read by a Prometheus already, maybe by a newer one.

Left out: regular expressions are not judged (Prometheus refuses an invalid one), and what stands
behind a flag in Prometheus (arithmetic in durations, `fill`, `smoothed`, `anchored`) is an error.

The text may come from outside. Reading takes time in proportion to its length, and it ends at
`DEEPEST` levels of nesting.
"""

from __future__ import annotations

import msgspec

from agent.core.promql_check import Check
from agent.core.promql_rules import AGGREGATIONS, LEVELS, STRONGEST
from agent.core.promql_tokens import PromqlError, Sort, Token, tokens_of
from agent.core.promql_tree import (
    Aggregation,
    Bracketed,
    Matcher,
    Matching,
    Number,
    Selector,
    Subquery,
    Text,
    Tree,
)

DEEPEST = 64

_NEVER_A_METRIC = ("bool", "on", "ignoring", "group_left", "group_right", "atan2")
_NEVER_A_FUNCTION = ("and", "or", "unless", "offset", "by", "without", "start", "end")


def read(text: str) -> Tree:
    """The expression as Prometheus reads it. Raises PromqlError."""
    return _Reader(text, Check(text)).whole()


def skim(text: str) -> Tree:
    """The expression by its grammar only. Raises PromqlError."""
    return _Reader(text, Check(text, is_strict=False)).whole()


class _Reader:
    """Recursive descent over the tokens of one text."""

    def __init__(self, text: str, check: Check) -> None:
        self._text = text
        self._check = check
        self._tokens = tokens_of(text)
        self._next = 0
        self._depth = 0

    def whole(self) -> Tree:
        if self._peek().sort is Sort.END:
            raise self._wrong("an expression")
        tree = self._expression(1)
        if self._peek().sort is not Sort.END:
            raise self._wrong("an operator or the end of the expression")
        return tree

    # --- tokens

    def _peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._peek()
        self._next += 1
        return token

    def _is(self, *signs: str, ahead: int = 0) -> bool:
        token = self._peek(ahead)
        return token.sort is Sort.SIGN and token.text in signs

    def _is_word(self, *words: str, ahead: int = 0) -> bool:
        token = self._peek(ahead)
        return token.sort is Sort.WORD and token.text.lower() in words

    def _wrong(self, expected: str) -> PromqlError:
        token = self._peek()
        return PromqlError(self._text, token.at, f"expected {expected}, found {token}")

    def _must(self, sign: str, *, after: str = "") -> Token:
        if not self._is(sign):
            raise self._wrong(f"`{sign}`{after}")
        return self._take()

    # --- operators

    def _expression(self, least: int) -> Tree:
        """Operands joined by operators that bind at least so strongly."""
        self._depth += 1
        if self._depth > DEEPEST:
            message = f"nested more than {DEEPEST} levels deep"
            raise PromqlError(self._text, self._peek().at, message)
        tree = self._operand()
        while (level := self._level()) >= least:
            operator = self._take()
            matching = self._matching()
            right = self._expression(level if level == STRONGEST else level + 1)
            tree = self._check.binary(operator, tree, right, matching)
        self._depth -= 1
        return tree

    def _level(self) -> int:
        token = self._peek()
        if token.sort is Sort.SIGN:
            return LEVELS.get(token.text, 0)
        return LEVELS.get(token.text.lower(), 0) if token.sort is Sort.WORD else 0

    def _matching(self) -> Matching:
        is_bool = self._is_word("bool")
        if is_bool:
            self._take()
        if not self._is_word("on", "ignoring"):
            return Matching(is_bool=is_bool)
        is_on = self._take().text.lower() == "on"
        labels = self._labels()
        group = ""
        include: tuple[str, ...] = ()
        if self._is_word("group_left", "group_right"):
            group = self._take().text.lower()
            include = self._labels() if self._is("(") else ()
        return Matching(is_bool=is_bool, is_on=is_on, labels=labels, group=group, include=include)

    def _labels(self) -> tuple[str, ...]:
        self._must("(", after=" and labels")
        found: list[str] = []
        while not self._is(")"):
            token = self._peek()
            is_plain = token.sort is Sort.WORD and ":" not in token.text
            if token.sort is not Sort.TEXT and (not is_plain or self._is_word("without")):
                raise self._wrong("a label or `)`")
            found.append(self._take().text)
            if not self._is(","):
                break
            self._take()
        self._must(")", after=" after the labels")
        return tuple(found)

    # --- operands

    def _operand(self) -> Tree:
        if self._is("+", "-"):
            sign = self._take()
            inner = self._expression(STRONGEST)
            if isinstance(inner, Number):
                return Number(sign.at, -inner.value if sign.text == "-" else inner.value)
            return self._check.unary(sign, inner)
        tree = self._plain()
        while True:
            if self._is("["):
                tree = self._ranged(tree)
            elif self._is_word("offset"):
                tree = self._moved(tree)
            elif self._is("@"):
                tree = self._pinned(tree)
            else:
                return tree

    def _plain(self) -> Tree:
        token = self._peek()
        if token.sort in (Sort.NUMBER, Sort.DURATION):
            return Number(self._take().at, token.seconds)
        if token.sort is Sort.TEXT:
            return Text(self._take().at, token.text)
        if self._is("{"):
            return self._selector("", token.at)
        if self._is("("):
            self._take()
            inner = self._expression(1)
            self._must(")")
            return Bracketed(token.at, inner, inner.kind)
        if token.sort is Sort.WORD:
            return self._named()
        raise self._wrong("an expression")

    def _named(self) -> Tree:
        token = self._peek()
        word = token.text.lower()
        has_bracket = self._is("(", ahead=1)
        if word in AGGREGATIONS and (has_bracket or self._is_word("by", "without", ahead=1)):
            return self._aggregation()
        if word in _NEVER_A_METRIC:
            raise self._wrong("an expression")
        self._take()
        if not has_bracket:
            return self._selector(token.text, token.at)
        if word in _NEVER_A_FUNCTION or ":" in word:
            raise self._wrong(f"an operator after the metric `{token.text}`")
        return self._check.call(token, self._arguments())

    def _aggregation(self) -> Aggregation:
        name = self._take()
        modifier = self._modifier()
        arguments = self._arguments()
        is_without, labels = modifier or self._modifier() or (False, ())
        return self._check.aggregation(name, arguments, labels, is_without)

    def _modifier(self) -> tuple[bool, tuple[str, ...]] | None:
        if not self._is_word("by", "without"):
            return None
        is_without = self._take().text.lower() == "without"
        return is_without, self._labels()

    def _arguments(self) -> tuple[Tree, ...]:
        self._must("(")
        found: list[Tree] = []
        while not (self._is(")") and not found):
            found.append(self._expression(1))
            if not self._is(","):
                break
            self._take()
        self._must(")", after=" or `,` after the argument" if found else "")
        return tuple(found)

    # --- selectors

    def _selector(self, name: str, at: int) -> Selector:
        matchers: list[Matcher] = []
        if self._is("{"):
            self._take()
            while not self._is("}"):
                matchers.append(self._matcher())
                if not self._is(","):
                    break
                self._take()
            self._must("}", after=" or `,` after the label matcher" if matchers else "")
        return self._check.selector(Selector(at, name, tuple(matchers)))

    def _matcher(self) -> Matcher:
        label = self._peek()
        if label.sort not in (Sort.WORD, Sort.TEXT):
            raise self._wrong("a label or `}`")
        self._take()
        if label.sort is Sort.TEXT and self._is(",", "}"):
            return Matcher("__name__", "=", label.text)
        if not self._is("=", "!=", "=~", "!~"):
            raise self._wrong("one of = != =~ !~ after the label")
        op = self._take().text
        if self._peek().sort is not Sort.TEXT:
            raise self._wrong("a text in quotes")
        return Matcher(label.text, op, self._take().text)

    def _seconds(self, *, is_offset: bool = False) -> float:
        """A duration, or since Prometheus 2.54 a number of seconds."""
        token = self._peek()
        if token.sort not in (Sort.DURATION, Sort.NUMBER):
            raise self._wrong("a duration like 5m")
        self._check.duration(token, is_offset=is_offset)
        self._take()
        return token.seconds

    def _ranged(self, tree: Tree) -> Tree:
        at = self._take().at
        seconds = self._seconds()
        if self._is("]"):
            self._take()
            return self._check.ranged(tree, at, seconds)
        if not self._is(":"):
            raise self._wrong("`]` or `:` after the range")
        self._take()
        step = None if self._is("]") else self._seconds()
        self._must("]")
        self._check.subquery(tree)
        return Subquery(tree.at, tree, seconds, step)

    def _moved(self, tree: Tree) -> Tree:
        at = self._take().at
        sign = self._take().text if self._is("+", "-") else ""
        seconds = self._seconds(is_offset=True)
        if not isinstance(tree, Selector | Subquery):
            message = "offset goes with a selector or a subquery only"
            raise PromqlError(self._text, at, message)
        if tree.offset_seconds is not None:
            raise PromqlError(self._text, at, "offset is given twice")
        return msgspec.structs.replace(tree, offset_seconds=-seconds if sign == "-" else seconds)

    def _pinned(self, tree: Tree) -> Tree:
        at = self._take().at
        if self._is_word("start", "end"):
            self._take()
            self._must("(")
            self._must(")")
        else:
            if self._is("+", "-"):
                self._take()
            if self._peek().sort is not Sort.NUMBER:
                raise self._wrong("a time in seconds, start() or end() after @")
            self._check.moment(self._take())
        if not isinstance(tree, Selector | Subquery):
            raise PromqlError(self._text, at, "@ goes with a selector or a subquery only")
        if tree.is_pinned:
            raise PromqlError(self._text, at, "@ is given twice")
        return msgspec.structs.replace(tree, is_pinned=True)
