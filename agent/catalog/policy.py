"""Platform policy as people write it; what they leave out is as in `model.policy`.

platform: platform
cooldown: 15m
attempts_per_day: 5
windows: {business-safe: {days: [mon, tue], from: "09:00", to: "16:00", zone: Europe/Berlin}}
default_diagnostics: {service: [process.status]}
"""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from agent.catalog.change_windows import WindowKeys, compile_window
from agent.catalog.files import read_bytes
from agent.catalog.quantities import Duration, PositiveDuration
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
            "process.recent_log",
            "dependencies.health",
        ),
        EntityKind.AGENT.value: ("process.status",),
        EntityKind.SUBSTRATE.value: ("process.status",),
        EntityKind.RESOURCE.value: ("process.status",),
        PRODUCT: ("dependencies.health",),
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
    resolutions_needed: Annotated[int, Field(ge=2, le=1000)] | None = None
    temporary_retries: Retries | None = None
    page_retries: Retries | None = None
    probe_tries: Count | None = None
    evaluation_interval: PositiveDuration | None = None
    group_interval: Duration | None = None
    longest_decay: PositiveDuration | None = None
    windows: dict[WindowName, WindowKeys] = {}
    default_diagnostics: DefaultDiagnostics = DefaultDiagnostics()


_DURATIONS = frozenset(
    {
        "cooldown", "page_hold", "release", "step_timeout", "diagnose_timeout", "verify_within",
        "plan_age", "evaluation_interval", "group_interval", "longest_decay",
    }
)  # fmt: skip


def compile_policy(document: PolicyDocument) -> Policy:
    written = {
        f"{key}_seconds" if key in _DURATIONS else key: value
        for key, value in document.model_dump(exclude={"default_diagnostics", "windows"}).items()
        if value is not None
    }
    chosen = document.default_diagnostics.model_dump(exclude_none=True)
    windows = {name: compile_window(keys) for name, keys in document.windows.items()}
    diagnostics = {**DEFAULT_DIAGNOSTICS, **chosen}
    return Policy(**written, windows=windows, default_diagnostics=diagnostics)


def load_policy(path: Path) -> Policy:
    """The policy of this file. Raises FaultsError."""
    document = parse(read_bytes(path), file=str(path))
    return compile_policy(validate(document, PolicyDocument, code=POLICY))
