"""The runbook, compiled: what core decides with. `catalog` makes it from YAML.

Expressions are already compiled to callables here; core only calls them with facts. Facts are a
mapping with the names `alert`, `entity`, `incident` and one per diagnostic id.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from agent.model.alert import Layer

Facts = Mapping[str, Any]


class Truth(StrEnum):
    """Three values: a missing label or fact is unknown, never false."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


class Predicate(Protocol):
    """A compiled condition. `text` is the source, shown to people."""

    text: str

    def __call__(self, facts: Facts) -> Truth: ...


class Expression(Protocol):
    """A compiled value (`=entity.name`). Raises LookupError where a fact is missing."""

    text: str

    def evaluate(self, facts: Facts) -> Any: ...


class Lifecycle(StrEnum):
    DRAFT = "draft"
    SHADOW = "shadow"
    ASSISTED = "assisted"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    RETIRED = "retired"


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """The indexable part narrows; `when` runs on the rest. Each label allows a set of values."""

    alert: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]] = {}
    layer: Layer | None = None
    product: str | None = None
    when: Predicate | None = None

    @property
    def specificity(self) -> int:
        """More matchers win; a tie between active runbooks is refused."""
        return (
            (1 if self.alert else 0)
            + len(self.labels)
            + (1 if self.when is not None else 0)
            + (1 if self.product is not None else 0)
        )


class Cooldown(msgspec.Struct, frozen=True, kw_only=True):
    """At least `every_seconds` between runs on one target, at most `most` in `within_seconds`."""

    every_seconds: float | None = None
    most: int | None = None
    within_seconds: float | None = None


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    cooldown: Cooldown | None = None
    require: tuple[Predicate, ...] = ()


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One use of a plugin. Values of `params` may be `Expression`s at any depth."""

    id: str
    use: str
    params: Mapping[str, Any] = {}
    timeout_seconds: float | None = None


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the decide table: first true wins. `when` None is the default row."""

    when: Predicate | None
    plan: str | None
    """Name of a plan, or None to escalate (or settle, if `settle`)."""
    why: str = ""
    settle: bool = False


class Verify(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of success of one plan.

    `alert_cleared`: every alert of the incident has to be resolved. Otherwise `observe` is gathered
    anew at each look, and `success` must be true `consecutive` times in a row, `every_seconds`
    apart, within `within_seconds` after `settle_seconds`; any true `fail` ends it at once.
    """

    alert_cleared: bool = False
    settle_seconds: float = 0.0
    within_seconds: float = 300.0
    decay_seconds: float = 0.0
    """How long the alert's expression keeps looking back; until then still firing is no verdict."""
    every_seconds: float = 10.0
    consecutive: int = 1
    observe: tuple[Call, ...] = ()
    success: tuple[Predicate, ...] = ()
    success_any: bool = False
    fail: tuple[Predicate, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    steps: tuple[Call, ...]
    verify: Verify
    rollback: tuple[Call, ...] = ()
    rollback_snapshot: bool = False
    """Undo the steps from what each recorded before it acted."""


class Runbook(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    digest: str
    """Content hash; an execution keeps the version it began with."""
    path: str
    text: str
    owner: str
    layer: Layer | None
    tier: str
    lifecycle: Lifecycle
    match: Match
    guard: Guard = Guard()
    diagnose: tuple[Call, ...] = ()
    decide: tuple[Branch, ...] = ()
    plans: tuple[Plan, ...] = ()
    """In ladder order: where a verdict is failed, the next one is tried."""
    evidence: tuple[str, ...] = ()
    meaning: str = ""
    impact: str = ""
    author: str | None = None

    def plan(self, name: str) -> Plan:
        for plan in self.plans:
            if plan.name == name:
                return plan
        raise LookupError(name)
