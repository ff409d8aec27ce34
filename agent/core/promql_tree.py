"""What a PromQL expression is made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from agent.core.promql_rules import Kind


class Number(msgspec.Struct, frozen=True):
    at: int
    value: float
    kind: Kind = Kind.SCALAR


class Text(msgspec.Struct, frozen=True):
    at: int
    value: str
    kind: Kind = Kind.STRING


class Matcher(msgspec.Struct, frozen=True):
    label: str
    op: str
    """One of `=`, `!=`, `=~`, `!~`."""
    value: str


class Selector(msgspec.Struct, frozen=True):
    """Series by name and labels. With a range it looks at all samples of that time, without at the
    newest one."""

    at: int
    name: str
    """Empty where only labels select."""
    matchers: tuple[Matcher, ...] = ()
    range_seconds: float | None = None
    offset_seconds: float | None = None
    """Negative where it looks ahead."""
    is_pinned: bool = False
    """`@`: it looks at one moment, or at one end of the query."""

    @property
    def kind(self) -> Kind:
        return Kind.VECTOR if self.range_seconds is None else Kind.RANGE


class Subquery(msgspec.Struct, frozen=True):
    """Another expression, looked at every `step_seconds` (None: the default) over a range."""

    at: int
    inner: Tree
    range_seconds: float
    step_seconds: float | None = None
    offset_seconds: float | None = None
    is_pinned: bool = False
    kind: Kind = Kind.RANGE


class Call(msgspec.Struct, frozen=True):
    at: int
    name: str
    arguments: tuple[Tree, ...]
    kind: Kind


class Aggregation(msgspec.Struct, frozen=True):
    at: int
    name: str
    arguments: tuple[Tree, ...]
    """The vector comes last."""
    labels: tuple[str, ...] = ()
    is_without: bool = False
    kind: Kind = Kind.VECTOR


class Matching(msgspec.Struct, frozen=True):
    """Which series of two vectors belong together."""

    is_bool: bool = False
    is_on: bool = False
    labels: tuple[str, ...] = ()
    group: str = ""
    """`group_left`, `group_right` or nothing."""
    include: tuple[str, ...] = ()


class Binary(msgspec.Struct, frozen=True):
    at: int
    """Of the operator."""
    op: str
    left: Tree
    right: Tree
    kind: Kind
    matching: Matching = Matching()


class Unary(msgspec.Struct, frozen=True):
    at: int
    op: str
    inner: Tree
    kind: Kind


class Bracketed(msgspec.Struct, frozen=True):
    at: int
    inner: Tree
    kind: Kind


Tree: TypeAlias = (
    Number | Text | Selector | Subquery | Call | Aggregation | Binary | Unary | Bracketed
)


def parts_of(node: Tree) -> tuple[Tree, ...]:
    """What the node is made of, one level down, as it was written."""
    match node:
        case Binary(left=left, right=right):
            return left, right
        case Subquery(inner=inner) | Unary(inner=inner) | Bracketed(inner=inner):
            return (inner,)
        case Call(arguments=arguments) | Aggregation(arguments=arguments):
            return arguments
        case _:
            return ()


def walk(tree: Tree) -> Iterator[Tree]:
    """Every node, in the order of writing. A sum of a thousand terms is a thousand levels deep, so
    this does not call itself."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(parts_of(node)))
