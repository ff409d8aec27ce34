"""The runbook, compiled: what core decides with. `catalog` makes it from YAML.

Expressions are already compiled to callables here; core only calls them with facts. Facts are a
mapping with the names `alert`, `entity`, `incident` and one per diagnostic id.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

import msgspec

from agent.model.alert import Layer

Facts = Mapping[str, Any]


class Truth(StrEnum):
    """Three values: a missing label or fact is unknown, never false."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


@runtime_checkable
class Predicate(Protocol):
    """A compiled condition. `text` is the source, shown to people."""

    text: str

    def __call__(self, facts: Facts) -> Truth: ...


@runtime_checkable
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


class EntityQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What the incident is about, where that is not the alert's own entity: one object of `kind`
    in the inventory (`core/inventory.py`) whose keys have all these values."""

    kind: str
    of: Mapping[str, Any]
    """Key to text or `Expression`, as in `{namespace: =alert.labels.namespace}`."""


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """The indexable part narrows; `when` runs on the rest. Each label allows a set of values.

    A name in `alert` may be a glob (`*` any characters, `?` one): a family of alerts.
    """

    alert: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]] = {}
    layer: Layer | None = None
    product: str | None = None
    when: Predicate | None = None
    entity: EntityQuery | None = None

    @property
    def specificity(self) -> int:
        """More matchers win. Of two with as many, an exact name beats a glob, and of two globs the
        one with more letters of its own for the alert at hand (`core.matching.specificity`). A tie
        between active runbooks is refused. `entity` is none of them: it decides nothing here."""
        return (
            (1 if self.alert else 0)
            + len(self.labels)
            + (1 if self.layer is not None else 0)
            + (1 if self.when is not None else 0)
            + (1 if self.product is not None else 0)
        )


class Cooldown(msgspec.Struct, frozen=True, kw_only=True):
    """At least `every_seconds` between runs on one target, at most `most` in `within_seconds`."""

    every_seconds: float | None = None
    most: int | None = None
    within_seconds: float | None = None


class BudgetScope(StrEnum):
    PRODUCT = "product"
    FLEET = "fleet"


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the scope may be touched at a time. `min_healthy` is a share from 0 to 1 of its
    entities without an open incident that fires or whose source fell silent; `concurrent` counts
    targets under way, or whose proof is still out."""

    scope: BudgetScope = BudgetScope.PRODUCT
    min_healthy: float | None = None
    concurrent: int | None = None


class Guard(msgspec.Struct, frozen=True, kw_only=True):
    cooldown: Cooldown | None = None
    budget: Budget | None = None
    window: str | None = None
    """Name of a change window of the platform policy; outside of it nothing is done."""
    dwell_seconds: float | None = None
    """An alert has to have fired for so long; None: the policy's time."""
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
    settle_within_seconds: float | None = None
    """For a row that settles: how long the alert has to clear; None: the policy's time."""


class Decay(msgspec.Struct, frozen=True, kw_only=True):
    """How long an alert may go on firing after a good fix, all in seconds (core/decay.py).

    `seconds` says it outright. Otherwise it is computed from `expression`, or where that is None
    from the expression the alert itself came with.
    """

    seconds: float | None = None
    expression: str | None = None
    for_seconds: float = 0.0
    keep_firing_for_seconds: float = 0.0
    group_interval_seconds: float | None = None
    """None: the policy's."""


class Verify(msgspec.Struct, frozen=True, kw_only=True):
    """Proof of success of one plan.

    `alert_cleared`: every alert of the incident has to be resolved. Otherwise `observe` is gathered
    anew at each look, and `success` must be true `consecutive` times in a row, `every_seconds`
    apart, within `within_seconds` after `settle_seconds`; any true `fail` ends it at once, and so
    does a `must_not_worsen` that is false. Those compare what is observed with `before`, what the
    same observations showed before the first step.
    """

    alert_cleared: bool = False
    settle_seconds: float = 0.0
    within_seconds: float = 300.0
    decay: Decay = Decay()
    """How long the alert's expression keeps looking back; until then still firing is no verdict."""
    every_seconds: float = 10.0
    consecutive: int = 1
    observe: tuple[Call, ...] = ()
    success: tuple[Predicate, ...] = ()
    success_any: bool = False
    fail: tuple[Predicate, ...] = ()
    must_not_worsen: tuple[Predicate, ...] = ()


class OnInconclusive(StrEnum):
    HOLD_AND_ESCALATE = "hold_and_escalate"
    """What was done stays, and a person decides."""
    ROLL_BACK_AND_ESCALATE = "roll_back_and_escalate"


class OnHeld(StrEnum):
    RESOLVE = "resolve"
    HOLD_AND_ESCALATE = "hold_and_escalate"
    """It only contains the harm: while the alert fires, people are told and the incident stays
    open."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One remedy with its proof and its way back. A plan that `settles` has no steps: it explains,
    waits for its proof and closes."""

    name: str
    steps: tuple[Call, ...]
    verify: Verify
    settles: bool = False
    rollback: tuple[Call, ...] = ()
    rollback_snapshot: bool = False
    """Undo the steps from what each recorded before it acted."""
    rollback_verify: Verify | None = None
    """Proof that the way back led back. None: that it did is not known, and the page says so."""
    on_inconclusive: OnInconclusive = OnInconclusive.HOLD_AND_ESCALATE
    on_held: OnHeld = OnHeld.RESOLVE


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
    not_for: str = ""
    review_by: str | None = None
    """ISO date after which somebody should have read it again."""
    author: str | None = None
    promoted_from: tuple[str, ...] = ()
    """Ids of the incidents it was learned from."""
    plans_by_effect: bool = False
    """Its plans may be tried in the order of how often each held, instead of as written."""

    def plan(self, name: str) -> Plan:
        for plan in self.plans:
            if plan.name == name:
                return plan
        raise LookupError(name)
