"""Small durable aggregates that are neither incidents nor ledger rows."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from agent.model.effect import OutcomeStatus, Verdict


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """One automatic act on one target: what cooldowns, attempts and budgets count.

    Written with the intent (so a crash cannot lose it) and completed with the outcome.
    Key: the command's idempotency key.
    """

    key: str
    target: str
    product: str | None
    incident_id: str
    runbook: str
    plan: str
    step: str
    use: str
    by: str
    at: float
    status: OutcomeStatus | None = None
    verdict: Verdict | None = None


class AgentSigns(msgspec.Struct, frozen=True, kw_only=True):
    """Last sign of life of one sub-agent or proxy. Key: its name."""

    agent: str
    last_at: float
    alive: bool
    firing_since: float | None = None
    """Start of the alert that says it is silent, while that alert is firing."""
    beats: int = 0
    detail: Mapping[str, str | int | float | bool | None] = {}


class MeasureSigns(msgspec.Struct, frozen=True, kw_only=True):
    """Last readings of a product's leadership metric. Key: product."""

    product: str
    metric: str
    value: float
    moved_at: float
    """When the value last differed from the one before."""
    last_at: float
    firing_since: float | None = None
    """Start of the alert that says it stands still, while that alert is firing."""


class ChangeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Something changed on purpose. Key: entity/at."""

    product: str
    entity: str
    what: str
    by: str
    at: float


class Resolution(msgspec.Struct, frozen=True, kw_only=True):
    """How people resolved one incident, as actions that can run. Key: incident id."""

    incident_id: str
    signature: str
    """What makes incidents alike (core/promotion.py)."""
    recipe: str
    """What makes resolutions alike: the actions with their targets generalised."""
    at: float
    who: str
    alertname: str
    layer: str
    product: str | None
    entity: str | None
    labels: Mapping[str, str]
    actions: tuple[Mapping[str, Any], ...]
    """Each {"use": ..., "with": {...}}, generalised: the incident's entity is `=entity.name`."""
    by: tuple[str, ...] = ()
    """Everybody who ran an action or resolved: none of them may approve the promotion."""
    cause: str = ""


class PromotionState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A runbook proposed by the rule of three. Key: its name."""

    name: str
    state: PromotionState
    lifecycle: str
    """Lifecycle state of the runbook it became: shadow, then assisted or active."""
    signature: str
    recipe: str
    product: str | None
    alertname: str
    incidents: tuple[str, ...]
    resolvers: tuple[str, ...]
    document: Mapping[str, Any]
    """The runbook as data; `catalog.draft` writes it as YAML with its tests."""
    proposed_at: float
    decided_at: float | None = None
    decided_by: str | None = None
    why: str = ""


class SilenceMatcher(msgspec.Struct, frozen=True, kw_only=True):
    """One matcher, with Alertmanager's four operators folded into two flags."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word that matching alerts need nobody. Key: id."""

    id: str
    matchers: tuple[SilenceMatcher, ...]
    starts_at: float
    ends_at: float
    created_by: str
    comment: str
    updated_at: float


class RunbookText(msgspec.Struct, frozen=True, kw_only=True):
    """The text a digest stands for, kept while an incident is pinned to it. Key: digest."""

    digest: str
    name: str
    path: str
    text: str


class Halt(msgspec.Struct, frozen=True, kw_only=True):
    """The kill switch is on. Key: `halt`."""

    at: float
    who: str
    why: str
