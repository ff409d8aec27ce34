"""Platform policy as people write it; what they leave out is as in `model.policy`.

platform: platform
cooldown: 15m
attempts_per_day: 5
windows: {business-safe: {days: [mon, tue], from: "09:00", to: "16:00", zone: Europe/Berlin}}
freezes: [{name: sale, from: "2026-11-26T00:00", to: "2026-11-30T00:00", zone: Europe/Berlin}]
maintenance: [{name: backup, from: "02:00", to: "03:00", zone: UTC, matchers: [job="db"]}]
group_by: [cluster]
rails: {dwell: 30s, per_product: 3, share_per_hour: 20%}
learning: {proof: 10m, people: 2, review_days: 180}
default_diagnostics: {service: [process.status]}
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import msgspec
from pydantic import Field, model_validator

from agent.catalog.calendar_document import (
    FreezeKeys,
    InhibitKeys,
    Label,
    MaintenanceKeys,
    WrittenAt,
    compile_inhibition,
    compile_times,
)
from agent.catalog.change_windows import WindowKeys, calendars_of
from agent.catalog.faults import shown, wrong
from agent.catalog.files import read_bytes
from agent.catalog.learning_document import LearningDocument, compile_learning
from agent.catalog.quantities import Duration, Percentage, PositiveDuration
from agent.catalog.rails_document import RailsDocument, compile_rails
from agent.catalog.runbook_words import WindowName
from agent.catalog.strict_yaml import parse, validate
from agent.catalog.validation import Written
from agent.model.policy import Policy
from agent.model.product import EntityKind

POLICY = "HS420"

PRODUCT = "product"
"""Where an alert names a product and none of its entities: the product is the target."""

ALERT = "alert"
"""Whatever the alert is about: the alert itself is the parameter."""

DEFAULT_DIAGNOSTICS = MappingProxyType(
    {
        EntityKind.SERVICE.value: (
            "process.status",
            "config.state",
            "changes.recent",
            "process.recent_log",
            "dependencies.health",
        ),
        EntityKind.AGENT.value: ("process.status", "changes.recent"),
        EntityKind.SUBSTRATE.value: ("process.status", "changes.recent"),
        EntityKind.RESOURCE.value: ("process.status", "changes.recent"),
        PRODUCT: ("changes.recent", "dependencies.health"),
        ALERT: ("alert.query",),
    }
)

Count = Annotated[int, Field(ge=1, le=1000)]
Retries = Annotated[int, Field(ge=0, le=1000)]


class DefaultDiagnostics(Written):
    """Per kind of entity. A kind that is left out keeps its own default; `[]` is none."""

    service: tuple[str, ...] | None = None
    agent: tuple[str, ...] | None = None
    substrate: tuple[str, ...] | None = None
    resource: tuple[str, ...] | None = None
    product: tuple[str, ...] | None = None
    alert: tuple[str, ...] | None = None


class PolicyDocument(Written):
    """Keys of a policy; each says in `model.policy` what it is for."""

    platform: Annotated[str, Field(min_length=1)] | None = None
    cooldown: Duration | None = None
    attempts_per_incident: Count | None = None
    attempts_per_day: Count | None = None
    page_hold: Duration | None = None
    release: Duration | None = None
    step_timeout: PositiveDuration | None = None
    diagnose_timeout: PositiveDuration | None = None
    verify_within: PositiveDuration | None = None
    plan_age: PositiveDuration | None = None
    missed_heartbeats: Count | None = None
    drift_window: PositiveDuration | None = None
    resolutions_needed: Annotated[int, Field(ge=2, le=1000)] | None = None
    temporary_retries: Retries | None = None
    page_retries: Retries | None = None
    ack: PositiveDuration | None = None
    probe_tries: Count | None = None
    evaluation_interval: PositiveDuration | None = None
    group_interval: Duration | None = None
    longest_decay: PositiveDuration | None = None
    edge_stale: PositiveDuration | None = None
    edge_confidence: Percentage | None = None
    windows: dict[WindowName, WindowKeys] = {}
    freezes: tuple[FreezeKeys, ...] = ()
    maintenance: tuple[MaintenanceKeys, ...] = ()
    inhibit_rules: tuple[InhibitKeys, ...] = ()
    group_by: tuple[Label, ...] = ()
    rails: RailsDocument = RailsDocument()
    learning: LearningDocument = LearningDocument()
    default_diagnostics: DefaultDiagnostics = DefaultDiagnostics()

    @model_validator(mode="after")
    def _normal_window_is_declared(self) -> PolicyDocument:
        name = self.rails.normal_window
        if name and name not in self.windows:
            known = ", ".join(sorted(self.windows)) or "none"
            raise wrong(
                f"rails.normal_window: there is no window {shown(name)}",
                f"declare it under windows, or name one of these: {known}",
            )
        return self


_DURATIONS = frozenset(
    {
        "cooldown", "page_hold", "release", "step_timeout", "diagnose_timeout", "verify_within",
        "plan_age", "ack", "evaluation_interval", "group_interval", "longest_decay", "edge_stale",
        "drift_window",
    }
)  # fmt: skip


_COMPILED = {
    "default_diagnostics", "windows", "freezes", "maintenance", "inhibit_rules", "rails",
    "learning",
}  # fmt: skip
"""Keys that are more than the value they are written as."""


def compile_policy(document: PolicyDocument, place: WrittenAt | None = None) -> Policy:
    """`place`: where it is written, which its calendars are relative to. Raises FaultsError where
    a calendar cannot be used."""
    written = {
        f"{key}_seconds" if key in _DURATIONS else key: value
        for key, value in document.model_dump(exclude=_COMPILED).items()
        if value is not None
    }
    chosen = document.default_diagnostics.model_dump(exclude_none=True)
    windows, freezes, maintenance = compile_times(
        document.windows, document.freezes, document.maintenance, place or WrittenAt()
    )
    diagnostics = {**DEFAULT_DIAGNOSTICS, **chosen}
    periods = [*windows.values(), *(f.period for f in freezes), *(m.period for m in maintenance)]
    return Policy(
        **written,
        windows=windows,
        freezes=freezes,
        maintenance=maintenance,
        inhibit_rules=compile_inhibition(document.inhibit_rules),
        files=calendars_of(periods),
        rails=compile_rails(document.rails),
        learning=compile_learning(document.learning),
        default_diagnostics=diagnostics,
    )


def load_policy(path: Path) -> Policy:
    """The policy of this file. Raises FaultsError."""
    document = parse(read_bytes(path), file=str(path))
    written = validate(document, PolicyDocument, code=POLICY)
    policy = compile_policy(written, WrittenAt(document, folder=path.parent))
    return msgspec.structs.replace(policy, files=(str(path), *policy.files))
