"""What an expression may read, and what is said of one that is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.catalog.fact_types import result_types
from agent.model.errors import HomeostatError

COMMON: Mapping[str, str] = {
    "alert.name": "string",
    "alert.labels": "map<string, string>",
    "alert.annotations": "map<string, string>",
    "alert.starts_at": "timestamp",
    "alert.expression": "string",
    "alert.metrics": "list<string>",
    "entity.name": "string",
    "entity.kind": "string",
    "entity.product": "string",
    "entity.owner": "string",
    "incident.id": "string",
    "incident.severity": "string",
    "incident.product": "string",
}
"""What every phase may read. Starting times are compared with `timestamp("...")`;
`alert.expression` is the PromQL the alert came with, `alert.metrics` the metric names in it."""

SHORT: Mapping[str, str] = {"entity": "entity.name"}
"""Names that stand for another where no field follows: `=entity` is `=entity.name`."""

_WORDS = """
    alert entity incident before true false null in as break const continue else for function if
    import let loop package namespace return var void while has all exists exists_one map filter
    size int uint double string bool bytes list type dyn duration timestamp matches percent
"""
RESERVED = frozenset(_WORDS.split())
"""Words that cannot be the id of a diagnostic."""


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

    def with_names(self, types: Mapping[str, str]) -> Scope:
        """The scope with more dotted names and their CEL types, as in {"entity.replicas": "int"}.
        A name that is known already gets the type given here."""
        return Scope(types={**self.types, **types}, later=self.later)

    def with_unchecked(self, name: str) -> Scope:
        """The scope with a diagnostic whose result is not known: any field of it passes."""
        kept = {n: t for n, t in self.types.items() if not n.startswith(f"{name}.")}
        return Scope(types={**kept, name: "dyn"}, later=self.later)

    def with_later(self, names: Iterable[str], phase: str) -> Scope:
        later = {n: phase for n in names if not any(t.startswith(f"{n}.") for t in self.types)}
        return Scope(types=self.types, later={**self.later, **later})
